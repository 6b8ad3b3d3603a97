//! What the routes say about themselves.

use super::products::{Brand, Offer, Product};
use super::time::Time;
use crate::openapi::{Application, Operation, html, json, problem};

const SHOP: Application = Application {
    name: "Shop",
    about: "Brands and their products from a database, the time, and one greeting in two calling \
            conventions.",
};

pub(super) fn brands() -> Operation {
    Operation::new(SHOP, "List brands")
        .answer(200, "all brands, by their numbers", json::<Vec<Brand>>())
        .stores()
}

pub(super) fn product() -> Operation {
    Operation::new(SHOP, "Look up a product")
        .path::<i64>("id", "number of the product", 1)
        .answer(200, "the product", json::<Product>())
        .answer(404, "there is no such product", problem())
        .stores()
}

pub(super) fn add() -> Operation {
    Operation::new(SHOP, "Add a product")
        .body(json::<Offer>())
        .answer(201, "the product, with its number", json::<Product>())
        .field("Location", "the product's path")
        .answer(
            400,
            "a field is missing or wrong, or there is no such brand",
            problem(),
        )
        .stores()
}

pub(super) fn time() -> Operation {
    Operation::new(SHOP, "Tell the time").answer(200, "the time, in UTC", json::<Time>())
}

pub(super) fn hello_sync() -> Operation {
    Operation::new(SHOP, "Greet, by a function that is called")
        .about("It has a thread of the pool to itself, and may wait for whatever it likes.")
        .answer(200, "the greeting", html().example("WSGI hello!"))
}

pub(super) fn hello_async() -> Operation {
    Operation::new(SHOP, "Greet, by a function that is awaited")
        .about("It shares its thread with thousands of others, and awaits where it waits.")
        .answer(200, "the greeting", html().example("ASGI hello!"))
}
