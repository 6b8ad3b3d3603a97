//! What a client is told when a store fails, unless its application says otherwise. Must not tell
//! it why: that is for the log.

use container::{IntoResponse, Problem, Response, StatusCode};

use crate::store::StoreError;

/// When to try again, in seconds: a database that has been started again is found by then, as a
/// rule.
const RETRY_AFTER: u32 = 1;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Taken(_) => {
                Problem::new(StatusCode::CONFLICT).with_detail(error.to_string())
            }
            StoreError::NoSuchBrand | StoreError::Nul => Problem::bad_request(error.to_string()),
            StoreError::Unavailable(_) => {
                log::warn!("{error}");
                Problem::unavailable("the database is not available", RETRY_AFTER)
            }
            StoreError::Broken(_) => {
                log::error!("{error}");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Unique;

    #[test]
    fn the_reason_stays_in_the_log() {
        let check = |error: StoreError, status: u16, detail: &str| {
            let problem = Problem::from(error);
            assert_eq!(problem.status().as_u16(), status);
            assert_eq!(problem.detail(), detail);
        };
        let reason = || "secret".to_owned();
        let email = StoreError::Taken(Unique::AccountEmail);
        check(email, 409, "the email is taken");
        check(StoreError::NoSuchBrand, 400, "there is no such brand");
        check(StoreError::Nul, 400, "no text may have the character NUL");
        let unavailable = StoreError::Unavailable(reason());
        check(unavailable, 503, "the database is not available");
        check(StoreError::Broken(reason()), 500, "");
    }

    #[test]
    fn who_finds_no_database_is_told_to_come_again() {
        let response = StoreError::Unavailable(String::new()).into_response();
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }
}
