//! `Headers`: a header map whose storage is used again by a later response of the same thread.
//!
//! A `HeaderMap` takes two allocations with its first field; at a million responses a second they
//! are a tenth of all user time. This file must not change what a header map means.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

use http::HeaderMap;

/// How many empty maps a thread keeps: more than one pipelined batch has in flight at a time.
const KEPT_MAPS_MAX: usize = 32;

/// Maps that once grew beyond this are given back to the allocator.
const KEPT_CAPACITY_MAX: usize = 64;

thread_local! {
    /// Empty maps with storage, ready for the next response of this thread.
    static SPARE: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// The fields of a response; used like the `HeaderMap` it holds.
#[derive(Clone)]
pub struct Headers {
    /// The fields.
    map: HeaderMap,
}

impl Headers {
    /// No fields; storage comes from an earlier response where there is one.
    pub fn new() -> Self {
        let map = SPARE
            .try_with(|spare| spare.borrow_mut().pop())
            .ok()
            .flatten();
        Headers {
            map: map.unwrap_or_default(),
        }
    }
}

impl Drop for Headers {
    fn drop(&mut self) {
        let capacity = self.map.capacity();
        if capacity == 0 || capacity > KEPT_CAPACITY_MAX {
            return;
        }
        let mut map = std::mem::take(&mut self.map);
        // During thread exit the spare list may be gone: then the map is simply freed.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT_MAPS_MAX {
                map.clear();
                spare.push(map);
            }
        });
    }
}

impl Default for Headers {
    fn default() -> Self {
        Headers::new()
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        Headers { map }
    }
}

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        &self.map
    }
}

impl DerefMut for Headers {
    fn deref_mut(&mut self) -> &mut HeaderMap {
        &mut self.map
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_recycled_map_is_empty() {
        let mut first = Headers::new();
        first.insert("x-secret", HeaderValue::from_static("1"));
        drop(first);
        let second = Headers::new();
        assert!(second.is_empty() && second.get("x-secret").is_none());
    }
}
