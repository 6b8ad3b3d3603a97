//! `/api/reset`: another password for those who have forgotten theirs, by mail.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use container::extract::{Json, Path, PeerAddress, State};
use container::{Handler, Problem, Router, StatusCode, draining};

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

/// From the start to the first look for what was asked for before it.
const FIRST: Duration = Duration::from_secs(60);

/// From one look to the next: whoever asks rings, but for those whose process has died.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// The same after a look that failed: the database is away.
const RETRY: Duration = Duration::from_secs(5);

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

/// The answer is the same for all addresses, and comes when the wish is kept and before anything is
/// looked for: neither what it says nor how long it takes tells who has an account.
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
    let asked = backend.stores.accounts.ask_reset(email, UnixTime::now());
    asked.await.map_err(refused)?;
    backend.resets.ring();
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
    /// Mails the links that were asked for, until the drain.
    pub(super) async fn mail_resets(self: Arc<Self>) {
        let mut end = pin!(draining());
        let mut pause = FIRST;
        while !self.resets.rest(pause, end.as_mut()).await {
            pause = match self.mail_asked_resets().await {
                Ok(()) => LOOK_AGAIN,
                Err(error) => {
                    log::warn!("resets wait to be mailed: {error}");
                    RETRY
                }
            };
        }
    }

    /// Deals with all wishes that there are.
    async fn mail_asked_resets(&self) -> Result<(), StoreError> {
        let accounts = &self.stores.accounts;
        while let Some(email) = accounts.asked_reset().await? {
            match accounts.find_by_email(email.clone()).await? {
                Some(account) => self.mail_reset(account).await?,
                None => accounts.forget_reset(email).await?,
            }
        }
        Ok(())
    }

    /// Mails a link to the owner of an account.
    async fn mail_reset(&self, account: Account) -> Result<(), StoreError> {
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
        // It is not when another process was faster, or the account has gone meanwhile.
        if self.stores.accounts.begin_reset(id, kept, mail).await? {
            self.bell.ring();
        }
        Ok(())
    }
}
