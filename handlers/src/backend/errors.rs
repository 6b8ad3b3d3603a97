//! Errors: the shape that all of them have here, made in this one place, and the problems that
//! handlers raise. Must not answer anything itself.

use container::extract::Json;
use container::message::{HeaderValue, header};
use container::{Problem, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::{StoreError, Unique};

/// What is asked of a client that has to log in (RFC 6750, section 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

/// An error as clients get it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error", example = ErrorBody::example())]
pub(super) struct ErrorBody {
    /// The status code.
    #[schemars(range(min = 400, max = 599))]
    code: u16,
    /// The status in words.
    name: &'static str,
    /// What happened.
    description: String,
}

impl ErrorBody {
    fn example() -> ErrorBody {
        shape(&Problem::bad_request("key is missing")).0
    }
}

/// The shape of every error below `/api`, be it raised here or by the container.
pub(super) fn shape(problem: &Problem) -> Json<ErrorBody> {
    let name = problem.title();
    let description = match (problem.detail(), problem.request_id()) {
        ("", None) => name.to_owned(),
        (detail, None) => detail.to_owned(),
        // By which it is found in the log.
        (detail, Some(id)) => format!("{detail} (request {id})").trim_start().to_owned(),
    };
    Json(ErrorBody {
        code: problem.status().as_u16(),
        name,
        description,
    })
}

/// What the store refused, as the original tells it: what is taken is a 400.
pub(super) fn refused(error: StoreError) -> Problem {
    let taken = match &error {
        StoreError::Taken(Unique::Key(key)) => format!("the key `{key}` exists already"),
        StoreError::Taken(Unique::AccountName) => "name is taken".to_owned(),
        StoreError::Taken(Unique::AccountEmail) => "email is taken".to_owned(),
        StoreError::Taken(Unique::AccountNameAndEmail) => {
            "name is taken; email is taken".to_owned()
        }
        _ => return error.into(),
    };
    Problem::bad_request(taken)
}

/// There is no such account.
pub(super) fn no_user(id: i64) -> Problem {
    let detail = format!("there is no user {id}");
    Problem::new(StatusCode::NOT_FOUND).with_detail(detail)
}

/// The client has to log in.
pub(super) fn no_login(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED)
        .with_detail(detail)
        .with_field(header::WWW_AUTHENTICATE, CHALLENGE)
}

/// The client has logged in, but may not do this.
pub(super) fn forbidden() -> Problem {
    Problem::new(StatusCode::FORBIDDEN).with_detail("an account is changed by its owner only")
}

#[cfg(test)]
mod tests {
    use container::message::RequestId;

    use super::*;

    #[test]
    fn an_error_has_three_members() {
        let check = |problem: Problem, expected: &str| {
            let shown = serde_json::to_string(&shape(&problem).0).expect("it is JSON");
            assert_eq!(shown, expected);
        };
        check(
            Problem::bad_request("key is missing"),
            r#"{"code":400,"name":"Bad Request","description":"key is missing"}"#,
        );
        let failure = Problem::new(StatusCode::INTERNAL_SERVER_ERROR);
        check(
            failure.clone(),
            r#"{"code":500,"name":"Internal Server Error","description":"Internal Server Error"}"#,
        );
        let id = RequestId::parse(b"abc").expect("it is one");
        check(
            failure.with_request_id(id),
            r#"{"code":500,"name":"Internal Server Error","description":"(request abc)"}"#,
        );
    }

    #[test]
    fn what_is_taken_is_a_bad_request() {
        let check = |error: StoreError, status: u16, detail: &str| {
            let problem = refused(error);
            assert_eq!(
                (problem.status().as_u16(), problem.detail()),
                (status, detail)
            );
        };
        let key = || Unique::Key("editor".to_owned());
        check(
            StoreError::Taken(key()),
            400,
            "the key `editor` exists already",
        );
        check(StoreError::Taken(Unique::AccountName), 400, "name is taken");
        check(
            StoreError::Taken(Unique::AccountEmail),
            400,
            "email is taken",
        );
        let both = StoreError::Taken(Unique::AccountNameAndEmail);
        check(both, 400, "name is taken; email is taken");
        let gone = StoreError::Unavailable("secret".to_owned());
        check(gone, 503, "the database is not available");
    }
}
