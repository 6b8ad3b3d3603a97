//! `Path`: what the route's pattern captured, as values of the handler's types.

use serde::de::DeserializeOwned;

use super::parameters::{Fault, Parameters};
use super::rejection::Rejection;
use crate::handler::{Context, FromHead};
use crate::message::Request;

/// What the route's pattern captured: one value, a tuple in the pattern's order, or a struct (or
/// map) by the parameters' names. Values are percent-decoded.
///
/// ```
/// use container::extract::Path;
/// use container::router::Router;
///
/// #[derive(serde::Deserialize)]
/// struct Place { user: u64, post: String }
///
/// async fn user(Path(id): Path<u64>) -> String { format!("user {id}") }
/// async fn pair(Path((user, post)): Path<(u64, String)>) -> String { format!("{user}: {post}") }
/// async fn named(Path(place): Path<Place>) -> String { format!("{}: {}", place.user, place.post) }
///
/// let router = Router::new()
///     .get("/users/{id}", user)
///     .get("/users/{user}/posts/{post}", pair)
///     .put("/users/{user}/posts/{post}", named);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromHead for Path<T> {
    type Rejection = Rejection;

    fn from_head(request: &Request, _context: &Context) -> Result<Self, Rejection> {
        let parameters = Parameters(request.parameters());
        T::deserialize(parameters)
            .map(Path)
            .map_err(|fault| match fault {
                Fault::Value { .. } => Rejection::Path(fault.to_string()),
                Fault::Shape(_) => Rejection::PathShape(fault.to_string()),
            })
    }
}
