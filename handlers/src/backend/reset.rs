//! `/api/reset`: another password for those who have forgotten theirs, by mail.

use std::sync::Arc;

use container::extract::{Json, Path, PeerAddress, State};
use container::{Handler, Problem, Router, StatusCode, detach};

use super::answers::{Done, DoneWith, done, done_with};
use super::attempts::Attempt;
use super::body::JsonBody;
use super::errors::refused;
use super::faults::Faults;
use super::forms::{PasswordForm, ResetForm};
use super::token::Token;
use super::{Backend, operations, rules};
use crate::mail::Letter;
use crate::store::{Account, StoreError, UnixTime};

/// When to try again where as much goes on after answers as the server takes, in seconds.
const RETRY_AFTER: u32 = 1;

/// Both routes.
pub(super) fn router() -> Router {
    let finish = finish.secret_path();
    Router::new()
        .post("/reset", begin.annotate(operations::begin_reset()))
        .post(
            "/reset/{token}",
            finish.annotate(operations::finish_reset()),
        )
}

/// The answer is the same for all addresses, and comes before anything is looked for: neither what
/// it says nor how long it takes tells who has an account.
async fn begin(
    State(backend): State<Arc<Backend>>,
    PeerAddress(peer): PeerAddress,
    JsonBody(body): JsonBody<ResetForm>,
) -> Result<(StatusCode, Json<Done>), Problem> {
    let mut faults = Faults::default();
    let email = faults.required("email", body.email, rules::email);
    faults.check_none()?;
    let same = email.to_lowercase();
    backend.attempts.note(peer, Attempt::Mail(&same))?;
    let work = async move {
        if let Err(error) = backend.mail_reset(email).await {
            log::error!("a reset was not mailed: {error}");
        }
    };
    if detach(work).is_err() {
        return Err(Problem::unavailable(
            "too much goes on already",
            RETRY_AFTER,
        ));
    }
    let message = "if there is an account with this address, a mail with a link is on its way";
    Ok((StatusCode::ACCEPTED, done(message)))
}

async fn finish(
    State(backend): State<Arc<Backend>>,
    PeerAddress(peer): PeerAddress,
    Path(token): Path<String>,
    JsonBody(body): JsonBody<PasswordForm>,
) -> Result<Json<DoneWith>, Problem> {
    let unknown = || Problem::bad_request("this link is unknown, used already, or expired");
    let token = Token::read(&token).ok_or_else(unknown)?;
    let mut faults = Faults::default();
    let password = faults.required("new_password", body.new_password, rules::password);
    faults.check_none()?;
    let hash = backend.hash(peer, password).await?;
    let accounts = &backend.stores.accounts;
    let account = accounts.finish_reset(token.hash(), hash, UnixTime::now());
    let account = account.await.map_err(refused)?.ok_or_else(unknown)?;
    Ok(done_with(
        account,
        "the password is changed: log in with it",
    ))
}

impl Backend {
    /// Mails a link to the owner of the account with this address, if there is one.
    async fn mail_reset(&self, email: String) -> Result<(), StoreError> {
        let Some(account) = self.stores.accounts.find_by_email(email).await? else {
            return Ok(());
        };
        let Account {
            id, name, email, ..
        } = account;
        let lifetime = self.options.reset_lifetime;
        let token = Token::random();
        let mail = self.letters.reset(&Letter {
            name: &name,
            email: &email,
            link: &self.link("reset", &token),
            lifetime,
        });
        let kept = token.keep(lifetime);
        // It is not when the account has gone meanwhile, which is just as well.
        if self.stores.accounts.begin_reset(id, kept, mail).await? {
            self.bell.ring();
        }
        Ok(())
    }
}
