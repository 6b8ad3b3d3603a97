//! `Catalogue`: brands and their products.

use super::Pending;

/// Brands and their products.
pub trait Catalogue: Send + Sync {
    /// All brands, by id.
    fn brands(&self) -> Pending<Vec<Brand>>;

    /// The product with this id.
    fn product(&self, id: i64) -> Pending<Option<Product>>;

    /// Adds a product and gives it its id. Without its brand it is
    /// [`StoreError::NoSuchBrand`](super::StoreError::NoSuchBrand).
    fn add_product(&self, product: NewProduct) -> Pending<Product>;
}

/// Who makes products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// From 1.
    pub id: i64,
    /// What it is called.
    pub name: String,
}

/// What a brand makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// From 1.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// Who makes it.
    pub brand: i64,
}

/// A product that has no id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// What it is called.
    pub name: String,
    /// Who makes it.
    pub brand: i64,
}
