//! What routes say about themselves, and the OpenAPI document that is made of it.
//!
//! A route is given its [`Operation`] where it is registered. Its method and path are those of the
//! routing table and its schemas those of the types that its handler takes and gives, so nothing is
//! written down twice; [`check`] finds what is missing. Knows no route itself.
//!
//! ```
//! use container::extract::{Json, Path};
//! use container::{Handler, Router};
//! use handlers::openapi::{Application, Operation, document, json};
//! use schemars::JsonSchema;
//! use serde::Serialize;
//!
//! /// Somebody who was greeted.
//! #[derive(Serialize, JsonSchema)]
//! struct Greeting { name: String }
//!
//! const GREETINGS: Application = Application { name: "Greetings", about: "Says hello." };
//!
//! async fn greet(Path(name): Path<String>) -> Json<Greeting> { Json(Greeting { name }) }
//!
//! let operation = Operation::new(GREETINGS, "Greet somebody")
//!     .path::<String>("name", "who is greeted", "Lee")
//!     .answer(200, "the greeting", json::<Greeting>());
//! let router = Router::new().get("/hello/{name}", greet.annotate(operation));
//! let document = document(&router);
//! let get = &document["paths"]["/hello/{name}"]["get"];
//! assert_eq!(get["summary"], "Greet somebody");
//! let schema = &get["responses"]["200"]["content"]["application/json"]["schema"];
//! assert_eq!(schema["$ref"], "#/components/schemas/Greeting");
//! ```
//!
//! | file | is |
//! |---|---|
//! | `operation` | [`Operation`]: what one route says; the [`Bearer`] of those that want a login |
//! | `content` | [`Content`]: what a body is made of |
//! | `document` | [`document`]: all routes as one OpenAPI document |
//! | `parameters` | parameters, from the fields of a query's type |
//! | `path` | paths, from the routing table's patterns |
//! | `check` | [`check`]: what is missing |

mod check;
mod content;
mod document;
mod operation;
mod parameters;
mod path;

pub use check::check;
pub use content::{Content, ProblemDocument, binary, events, html, json, nothing, problem, text};
pub use document::document;
pub use operation::{Application, Bearer, Operation};
pub use path::template as path;
