//! `ErrorScopes`: which errors have the shape of which router.

use super::error::Fault;
use super::pattern;
use crate::handler::ErrorShape;

/// Whose shape an error has: a router's, by its number in the table, or the container's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ErrorScope(u32);

/// The shapes of a routing table, and the paths below which they are for errors without a route.
#[derive(Default)]
pub(super) struct ErrorScopes {
    /// The shape of scope `n` at place `n - 1`.
    shapes: Vec<ErrorShape>,
    /// Paths below prefixes that have a shape.
    prefixes: matchit::Router<ErrorScope>,
    /// The scope of all other paths.
    root: ErrorScope,
}

impl ErrorScope {
    /// The container's: the shape that `Builder::on_error` gave it, or the problem document.
    pub const CONTAINER: ErrorScope = ErrorScope(0);
}

impl ErrorScopes {
    /// The scope of this shape; a new one for a new shape.
    pub(super) fn of(&mut self, shape: Option<&ErrorShape>) -> ErrorScope {
        let Some(shape) = shape else {
            return ErrorScope::CONTAINER;
        };
        let known = self.shapes.iter().position(|known| known.is_same(shape));
        let place = known.unwrap_or_else(|| {
            self.shapes.push(shape.clone());
            self.shapes.len() - 1
        });
        // Their number is bounded by what people write.
        ErrorScope(place as u32 + 1)
    }

    /// Gives a shape to the errors without a route below `prefix`.
    pub(super) fn add(&mut self, prefix: &str, shape: &ErrorShape) -> Result<(), Fault> {
        let scope = self.of(Some(shape));
        if prefix.is_empty() {
            self.root = scope;
            return Ok(());
        }
        let prefix_of = || prefix.to_owned();
        for pattern in pattern::below(prefix) {
            let inserted = self.prefixes.insert(pattern, scope);
            inserted.map_err(|_| Fault::DuplicateShape {
                prefix: prefix_of(),
            })?;
        }
        Ok(())
    }

    /// The scope of an error on this path, when no route says more.
    pub(super) fn at(&self, path: &str) -> ErrorScope {
        self.prefixes
            .at(path)
            .map_or(self.root, |found| *found.value)
    }

    /// The shape of this scope; `None` for the container's.
    pub(super) fn shape(&self, scope: ErrorScope) -> Option<&ErrorShape> {
        self.shapes.get(scope.0.checked_sub(1)? as usize)
    }
}
