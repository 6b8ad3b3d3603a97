//! `Query` and `Form`: values in the URL encoding of HTML forms.

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;

use super::body::{media_type, whole};
use super::encoded::decode;
use super::rejection::Rejection;
use crate::handler::{BodyMode, Context, FromHead, FromRequest, Needs};
use crate::message::Request;

const FORM: &str = "application/x-www-form-urlencoded";

/// The query. A key that is there more than once fills a `Vec`; one that may be missing is an
/// `Option`, or has `#[serde(default)]`. What is not UTF-8 is refused.
///
/// ```
/// use container::extract::Query;
/// use container::handler::{Context, FromHead};
/// use container::message::{Method, Request};
///
/// #[derive(serde::Deserialize)]
/// struct Search { text: String, page: Option<u32>, tag: Vec<String> }
///
/// let request = Request::new(Method::GET, "/?text=a+b&tag=x&tag=y").unwrap();
/// let Query(search) = Query::<Search>::from_head(&request, &Context::new()).unwrap();
/// assert_eq!((search.text.as_str(), search.page, search.tag.len()), ("a b", None, 2));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

/// A form: the body of a POST, the query of a GET or HEAD. The body's content type must be
/// `application/x-www-form-urlencoded`, and all of it UTF-8.
///
/// ```
/// use container::extract::Form;
/// use container::router::Router;
///
/// #[derive(serde::Deserialize)]
/// struct Login { name: String, password: String }
///
/// async fn login(Form(login): Form<Login>) -> String { format!("welcome, {}", login.name) }
/// let router = Router::new().get("/login", login).post("/login", login);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromHead for Query<T> {
    type Rejection = Rejection;

    fn from_head(request: &Request, _context: &Context) -> Result<Self, Rejection> {
        let query = request.query().unwrap_or_default();
        decode(query.as_bytes())
            .map(Query)
            .map_err(Rejection::Query)
    }
}

impl<T: DeserializeOwned> FromRequest for Form<T> {
    type Rejection = Rejection;

    fn from_request(request: Request, _context: &Context) -> Result<Self, Rejection> {
        decode(&encoded(request)?)
            .map(Form)
            .map_err(Rejection::Form)
    }

    fn describe(needs: &mut Needs) {
        needs.body(BodyMode::Buffered);
    }
}

/// The form as it was encoded.
fn encoded(request: Request) -> Result<Bytes, Rejection> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let query = request.query().unwrap_or_default();
        return Ok(Bytes::copy_from_slice(query.as_bytes()));
    }
    if !media_type(&request).eq_ignore_ascii_case(FORM) {
        return Err(Rejection::MediaType { expected: FORM });
    }
    whole(request.into_body())
}
