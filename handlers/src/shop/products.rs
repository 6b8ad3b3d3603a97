//! What the catalogue is asked for, and the answers in the names that the shop's clients know.

use std::sync::Arc;

use container::extract::{Json, Path, Rejection, State};
use container::message::{HeaderValue, header};
use container::{IntoResponse, Problem, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::whole_number::whole_number;
use crate::object::Object;
use crate::store::{self, Catalogue, NewProduct, StoreError};

/// Longest name of a product, in characters: what fits into a line of a list.
const NAME_CHARACTERS_MAX: usize = 128;

/// Who makes products.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = Brand { brand_id: 1, brand_name: "Acme".to_owned() })]
pub(super) struct Brand {
    /// From 1.
    brand_id: i64,
    /// What it is called.
    brand_name: String,
}

/// What a brand makes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = Product { product_id: 1, product_name: "Jacket".to_owned(), brand_id: 1 })]
pub(super) struct Product {
    /// From 1.
    product_id: i64,
    /// What it is called.
    product_name: String,
    /// Who makes it.
    brand_id: i64,
}

/// A product to be added.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = Offer { product_name: "Jacket".to_owned(), brand_id: 1 })]
pub(super) struct Offer {
    /// What it is called: 128 characters at most, and no control characters.
    #[schemars(length(min = 1, max = NAME_CHARACTERS_MAX))]
    #[schemars(regex(pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"))]
    product_name: String,
    /// Who makes it.
    #[serde(deserialize_with = "whole_number")]
    #[schemars(range(min = i64::MIN, max = i64::MAX))]
    brand_id: i64,
}

/// All brands.
pub(super) async fn brands(
    State(catalogue): State<Arc<dyn Catalogue>>,
) -> Result<Json<Vec<Brand>>, StoreError> {
    let brands = catalogue.brands().await?;
    // The names move from row to row, and the rows stay where they are.
    Ok(Json(brands.into_iter().map(Brand::from).collect()))
}

/// One product.
pub(super) async fn find(
    State(catalogue): State<Arc<dyn Catalogue>>,
    Path(id): Path<i64>,
) -> Result<Json<Product>, Problem> {
    match catalogue.product(id).await? {
        Some(product) => Ok(Json(product.into())),
        None => {
            let detail = format!("there is no product {id}");
            Err(Problem::new(StatusCode::NOT_FOUND).with_detail(detail))
        }
    }
}

/// A new product.
pub(super) async fn add(
    State(catalogue): State<Arc<dyn Catalogue>>,
    offer: Result<Json<Object<Offer>>, Rejection>,
) -> Result<Response, Problem> {
    let offer = accept(offer)?;
    let product = Product::from(catalogue.add_product(offer).await?);
    let location = HeaderValue::from_str(&format!("/products/{}", product.product_id));
    let location = location.expect("digits are visible ASCII");
    let answer = (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(product),
    );
    Ok(answer.into_response())
}

/// The product that was offered, if it can be one.
fn accept(offer: Result<Json<Object<Offer>>, Rejection>) -> Result<NewProduct, Problem> {
    let Json(Object(offer)) = offer.map_err(|rejection| {
        let status = match rejection.status() {
            // A field that is missing or of another type: the shop does not tell it from bad JSON.
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            other => other,
        };
        Problem::new(status).with_detail(rejection.to_string())
    })?;
    let name = &offer.product_name;
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARACTERS_MAX || name.contains(char::is_control) {
        let detail = format!(
            "`product_name` has 1 to {NAME_CHARACTERS_MAX} characters, and no control characters"
        );
        return Err(Problem::bad_request(detail));
    }
    Ok(NewProduct {
        name: offer.product_name,
        brand: offer.brand_id,
    })
}

impl From<store::Brand> for Brand {
    fn from(brand: store::Brand) -> Self {
        Brand {
            brand_id: brand.id,
            brand_name: brand.name,
        }
    }
}

impl From<store::Product> for Product {
    fn from(product: store::Product) -> Self {
        Product {
            product_id: product.id,
            product_name: product.name,
            brand_id: product.brand,
        }
    }
}
