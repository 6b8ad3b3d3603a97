//! `JsonBody`: a request's body, for an application whose clients are told 400 for whatever is wrong
//! with it.

use container::extract::{Json, Rejection};
use container::handler::{Context, FromRequest, Needs};
use container::{IntoResponse, Problem, Request, Response};
use serde::de::DeserializeOwned;

/// A body in JSON. It is a 400 also when it is JSON of another shape than `T`; another content type
/// is a 415.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest for JsonBody<T> {
    type Rejection = Response;

    fn from_request(request: Request, context: &Context) -> Result<Self, Response> {
        let made = Json::from_request(request, context);
        made.map(|Json(value)| JsonBody(value))
            .map_err(|rejection| match rejection {
                Rejection::JsonData(_) => {
                    Problem::bad_request(rejection.to_string()).into_response()
                }
                other => other.into_response(),
            })
    }

    fn describe(needs: &mut Needs) {
        Json::<T>::describe(needs);
    }
}
