//! `Json`: bodies of requests and answers in JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::body::{media_type, whole};
use super::rejection::Rejection;
use crate::handler::{BodyMode, Context, FromRequest, IntoResponse, Needs, Problem};
use crate::message::{Request, Response, StatusCode};

const JSON: &str = "application/json";

/// What most answers fit in, so that they are written without growing the buffer.
const ANSWER_CAPACITY: usize = 128;

/// A value that is JSON on the wire: as an argument the body, as an answer a 200.
///
/// A request's content type must be `application/json` or end in `+json` (415). What is not JSON
/// at all is a 400; JSON of another shape than `T` is a 422.
///
/// ```
/// use container::extract::Json;
/// use container::handler::IntoResponse;
///
/// let response = Json([1, 2, 3]).into_response();
/// assert_eq!(response.headers()["content-type"], "application/json");
/// assert_eq!(response.into_body().into_full().unwrap(), "[1,2,3]");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Rejection = Rejection;

    fn from_request(request: Request, _context: &Context) -> Result<Self, Rejection> {
        if !is_json(media_type(&request)) {
            return Err(Rejection::MediaType { expected: JSON });
        }
        let bytes = whole(request.into_body())?;
        serde_json::from_slice(&bytes)
            .map(Json)
            .map_err(|error| match error.classify() {
                Category::Data => Rejection::JsonData(error.to_string()),
                Category::Syntax | Category::Eof | Category::Io => {
                    Rejection::JsonSyntax(error.to_string())
                }
            })
    }

    fn describe(needs: &mut Needs) {
        needs.body(BodyMode::Buffered);
    }
}

/// A value that cannot be serialized is logged and answered with a 500.
impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut bytes = Vec::with_capacity(ANSWER_CAPACITY);
        match serde_json::to_writer(&mut bytes, &self.0) {
            Ok(()) => Response::ok(JSON, bytes),
            Err(error) => {
                let name = std::any::type_name::<T>();
                log::error!("an answer of type `{name}` cannot be JSON: {error}");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
        }
    }
}

fn is_json(media_type: &str) -> bool {
    let suffix = media_type.rsplit_once('+').map(|(_, suffix)| suffix);
    media_type.eq_ignore_ascii_case(JSON)
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("json"))
}
