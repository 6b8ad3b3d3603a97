//! The pages that say what is served, all made from the routes that are registered: `/` for
//! browsers, `/docs`, and `/openapi.json` for tools.
//!
//! They are made once, when the router is, and load nothing from elsewhere.
//!
//! | file | is |
//! |---|---|
//! | `accept` | who gets a page and who plain text |
//! | `view` | the OpenAPI document as the pages show it |
//! | `kind` | schemas in a few words |
//! | `page` | a page with its style, its script and what it may do |

mod accept;
mod kind;
mod page;
mod view;

use std::sync::Arc;

use accept::Form;
use bytes::Bytes;
use container::extract::State;
use container::message::{HeaderValue, header};
use container::{IntoResponse, Response, Router, inline};
pub(crate) use page::Page;
use schemars::JsonSchema;
use view::View;

use crate::docking;
use crate::openapi::{self, Application, Operation, html, json, text};

const DOCUMENTS: Application = Application {
    name: "Documents",
    about: "What is served, for people and for tools.",
};

/// All that is served, made once.
struct Pages {
    index: Page,
    docs: Page,
    openapi: Bytes,
}

/// An OpenAPI document; what it may be is said by its own schema.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "stands for what is made of the routes")]
struct OpenApi {
    /// The version of OpenAPI.
    openapi: String,
    /// The routes.
    paths: serde_json::Map<String, serde_json::Value>,
}

/// The same router with the pages about its routes, and about themselves. Routes that are added
/// afterwards are not in them.
pub fn add(router: Router) -> Router {
    let router = router
        .get("/", inline(root).annotate(describe_root()))
        .get("/docs", inline(docs).annotate(describe_docs()))
        .get(
            "/openapi.json",
            inline(document).annotate(describe_document()),
        );
    let document = openapi::document(&router);
    let view = View::of(&router, &document);
    let pages = Pages {
        index: page::index(&view),
        docs: page::docs(&view),
        openapi: document.to_string().into(),
    };
    router.state(Arc::new(pages))
}

/// A page for browsers; the name of the service for everybody else.
fn root(form: Form, State(pages): State<Arc<Pages>>) -> Response {
    let response = match form {
        Form::Page => pages.index.answer(),
        Form::Text => docking::NAME.into_response(),
    };
    response.with_header(header::VARY, HeaderValue::from_static("Accept"))
}

fn docs(State(pages): State<Arc<Pages>>) -> Response {
    pages.docs.answer()
}

fn document(State(pages): State<Arc<Pages>>) -> Response {
    Response::ok("application/json", pages.openapi.clone())
}

fn describe_root() -> Operation {
    let either = text().example(docking::NAME).or(html());
    Operation::new(DOCUMENTS, "Say which service this is")
        .about("Without delay: the words `Docking API`, or for browsers a page of what is served.")
        .answer(200, "the words, or the page", either)
        .field(
            "Vary",
            "`Accept`: the page is for those who prefer `text/html`",
        )
}

fn describe_docs() -> Operation {
    Operation::new(DOCUMENTS, "Read about all routes").answer(200, "the page", html())
}

fn describe_document() -> Operation {
    Operation::new(DOCUMENTS, "Describe all routes")
        .about("An OpenAPI 3.1 document.")
        .answer(200, "the document", json::<OpenApi>())
}
