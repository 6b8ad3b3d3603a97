//! `Page`: a page with its style and its script within, and the policy that allows it these and no
//! more.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use container::message::{HeaderValue, header};
use container::{Html, IntoResponse, Response};
use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::view::View;

const INDEX: &str = include_str!("index.html");
const DOCS: &str = include_str!("docs.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("docs.js");

/// A page and what it may do.
pub(crate) struct Page {
    text: bytes::Bytes,
    policy: HeaderValue,
}

/// What the templates are filled with.
#[derive(Serialize)]
struct Filling<'a, V> {
    view: &'a V,
    style: &'static str,
    script: &'static str,
}

/// The list of what is served.
pub(super) fn index(view: &View) -> Page {
    Page::render("index.html", INDEX, "", view)
}

/// All about each route.
pub(super) fn docs(view: &View) -> Page {
    Page::render("docs.html", DOCS, SCRIPT, view)
}

impl Page {
    /// Fills a template with `view`, this style and a script. Its name ends in `.html`: what is
    /// filled in is escaped.
    ///
    /// # Panics
    /// When the template is none, which a test would have found.
    pub(crate) fn render(
        name: &str,
        template: &str,
        script: &'static str,
        view: &impl Serialize,
    ) -> Page {
        let filling = Filling {
            view,
            style: STYLE,
            script,
        };
        let mut environment = Environment::new();
        environment.set_syntax(syntax());
        let text = environment.render_named_str(name, template, Serde(filling));
        let text = text.unwrap_or_else(|error| panic!("{name} is no template: {error:#}"));
        Page {
            text: text.into(),
            policy: policy(script),
        }
    }

    /// The page as an answer.
    pub(crate) fn answer(&self) -> Response {
        let fields = [
            (header::CONTENT_SECURITY_POLICY, self.policy.clone()),
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
            (
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            ),
        ];
        (fields, Html(self.text.clone())).into_response()
    }
}

/// Lines with nothing but a tag of the template leave nothing in the page.
fn syntax() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).build();
    syntax.expect("the tags are the usual ones")
}

/// A page may use its own style and script, known by their SHA-256, and ask this server (Content
/// Security Policy, level 3).
fn policy(script: &str) -> HeaderValue {
    let digest = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digest(STYLE),
        digest(script),
    );
    HeaderValue::from_str(&policy).expect("all of it is visible ASCII")
}
