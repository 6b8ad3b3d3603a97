//! Mail to the owners of accounts: what it says, how it leaves, and that none of it is lost.
//!
//! | file | is |
//! |---|---|
//! | `letters` | [`Letters`]: what is written, from templates, as [`NewMail`](crate::store::NewMail) |
//! | `templates/` | the templates, a text and an HTML one of each letter |
//!
//! It must not know what an account is.

mod letters;

pub use letters::{Letter, Letters};
