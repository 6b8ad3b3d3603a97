//! Brands and products in SQLite.

use rusqlite::{OptionalExtension, Row};

use super::Sqlite;
use super::failure::is_foreign_key;
use super::text::Text;
use crate::store::{Brand, Catalogue, NewProduct, Pending, Product, StoreError};

impl Catalogue for Sqlite {
    fn brands(&self) -> Pending<Vec<Brand>> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT id, name FROM brands ORDER BY id")?;
            let brands = query.query_map([], brand)?;
            Ok(brands.collect::<Result<_, _>>()?)
        })
    }

    fn product(&self, id: i64) -> Pending<Option<Product>> {
        self.read(move |connection| {
            let mut query =
                connection.prepare_cached("SELECT id, name, brand FROM products WHERE id = ?1")?;
            Ok(query.query_row([id], product).optional()?)
        })
    }

    fn add_product(&self, new: NewProduct) -> Pending<Product> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "INSERT INTO products (name, brand) VALUES (?1, ?2) RETURNING id, name, brand",
            )?;
            let added = query.query_row((Text(new.name), new.brand), product);
            added.map_err(|error| match is_foreign_key(&error) {
                true => StoreError::NoSuchBrand,
                false => error.into(),
            })
        })
    }
}

fn brand(row: &Row<'_>) -> rusqlite::Result<Brand> {
    Ok(Brand {
        id: row.get(0)?,
        name: row.get(1)?,
    })
}

fn product(row: &Row<'_>) -> rusqlite::Result<Product> {
    Ok(Product {
        id: row.get(0)?,
        name: row.get(1)?,
        brand: row.get(2)?,
    })
}
