//! `JsonBody`: a request's body, for an application whose clients are told 400 for whatever is wrong
//! with it.

use container::extract::{Json, Rejection};
use container::handler::{Context, FromRequest, Needs};
use container::{IntoResponse, Problem, Request, Response};
use serde::de::DeserializeOwned;

use crate::object::Object;

/// An object in JSON. It is a 400 also when it is JSON of another shape than `T`, or says that it is
/// something else.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest for JsonBody<T> {
    type Rejection = Response;

    fn from_request(request: Request, context: &Context) -> Result<Self, Response> {
        match Json::from_request(request, context) {
            Ok(Json(Object(value))) => Ok(JsonBody(value)),
            Err(rejection @ (Rejection::JsonData(_) | Rejection::MediaType { .. })) => {
                Err(Problem::bad_request(rejection.to_string()).into_response())
            }
            Err(rejection) => Err(rejection.into_response()),
        }
    }

    fn describe(needs: &mut Needs) {
        Json::<T>::describe(needs);
    }
}
