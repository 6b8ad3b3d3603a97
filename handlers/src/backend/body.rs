//! `JsonBody`: a request's body, for an application whose clients are told 400 for whatever is wrong
//! with it.

use container::extract::{Json, Rejection};
use container::handler::{Context, FromRequest, Needs};
use container::{IntoResponse, Problem, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An object in JSON. It is a 400 also when it is JSON of another shape than `T`, or says that it is
/// something else.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest for JsonBody<T> {
    type Rejection = Response;

    fn from_request(request: Request, context: &Context) -> Result<Self, Response> {
        let made = Json::from_request(request, context);
        let Json(members) = made.map_err(|rejection| match rejection {
            Rejection::JsonData(_) | Rejection::MediaType { .. } => bad(&rejection),
            other => other.into_response(),
        })?;
        let made = T::deserialize(Value::Object(members));
        made.map(JsonBody)
            .map_err(|error| bad(&Rejection::JsonData(error.to_string())))
    }

    fn describe(needs: &mut Needs) {
        Json::<T>::describe(needs);
    }
}

fn bad(rejection: &Rejection) -> Response {
    Problem::bad_request(rejection.to_string()).into_response()
}
