//! Brands and products in PostgreSQL.

use tokio_postgres::Row;

use super::Postgres;
use crate::store::{Brand, Catalogue, NewProduct, Pending, Product, StoreError};

/// All brands in one row: what a row costs the server and the driver is more than what is in one of
/// these.
const BRANDS: &str = "\
    SELECT coalesce(array_agg(id), '{}'), coalesce(array_agg(name), '{}') \
    FROM (SELECT id, name FROM brands ORDER BY id) AS ordered";

impl Catalogue for Postgres {
    fn brands(&self) -> Pending<Vec<Brand>> {
        let database = self.clone();
        Box::pin(async move {
            let row = database.query_one(BRANDS, &[]).await?;
            row.as_ref().map_or(Ok(vec![]), brands)
        })
    }

    fn product(&self, id: i64) -> Pending<Option<Product>> {
        let database = self.clone();
        Box::pin(async move {
            let text = "SELECT id, name, brand FROM products WHERE id = $1";
            let row = database.query_one(text, &[&id]).await?;
            row.as_ref().map(product).transpose()
        })
    }

    fn add_product(&self, new: NewProduct) -> Pending<Product> {
        let database = self.clone();
        Box::pin(async move {
            // Brands are never taken out: what is there stays there until the end.
            let text = "INSERT INTO products (name, brand) \
                        SELECT $1, id FROM brands WHERE id = $2 RETURNING id, name, brand";
            match database.query_one(text, &[&new.name, &new.brand]).await? {
                Some(row) => product(&row),
                None => Err(StoreError::NoSuchBrand),
            }
        })
    }
}

fn brands(row: &Row) -> Result<Vec<Brand>, StoreError> {
    let ids: Vec<i64> = row.try_get(0)?;
    let names: Vec<String> = row.try_get(1)?;
    let brands = ids.into_iter().zip(names);
    Ok(brands.map(|(id, name)| Brand { id, name }).collect())
}

fn product(row: &Row) -> Result<Product, StoreError> {
    Ok(Product {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        brand: row.try_get(2)?,
    })
}
