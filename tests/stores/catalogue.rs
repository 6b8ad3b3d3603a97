//! Brands and products.

use std::collections::HashSet;

use handlers::store::{NewProduct, StoreError, Stores};

use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases![brands_are_seeded, products_are_found, products_are_added];

async fn brands_are_seeded(stores: Stores) {
    let brands = stores.catalogue.brands().await.expect("there are some");
    let ids: Vec<i64> = brands.iter().map(|brand| brand.id).collect();
    assert_eq!(ids, (1..=100).collect::<Vec<i64>>());
    let names: HashSet<&str> = brands.iter().map(|brand| brand.name.as_str()).collect();
    assert_eq!(names.len(), 100, "each has a name of its own");
    assert_eq!(brands[0].name, "Coppervale");
}

async fn products_are_found(stores: Stores) {
    let product = async |id| stores.catalogue.product(id).await.expect("it answers");
    let first = product(1).await.expect("it is seeded");
    assert_eq!(
        (first.id, first.name.as_str(), first.brand),
        (1, "Coppervale Kettle", 1)
    );
    let last = product(300).await.expect("it is seeded");
    assert_eq!(last.brand, 100);
    for unknown in [301, 0, -1, i64::MAX, i64::MIN] {
        assert_eq!(product(unknown).await, None);
    }
}

async fn products_are_added(stores: Stores) {
    let new = |name: &str, brand| NewProduct {
        name: name.to_owned(),
        brand,
    };
    let catalogue = &stores.catalogue;
    for name in ["Lamp", "Lamp", "", "ä 'quoted' \"name\"; --"] {
        let added = catalogue.add_product(new(name, 7)).await.expect("it is");
        assert_eq!((added.name.as_str(), added.brand), (name, 7));
        let found = catalogue.product(added.id).await.expect("it answers");
        assert_eq!(found, Some(added));
    }
    for unknown in [0, 101, i64::MIN] {
        let refused = catalogue.add_product(new("Lamp", unknown)).await;
        assert_eq!(refused, Err(StoreError::NoSuchBrand));
    }
}
