//! `/api/register`: accounts that become active once their owners have shown that the address is
//! theirs.

use std::sync::Arc;

use container::extract::{Json, Path, PeerAddress, State};
use container::{Handler, Problem, Router, StatusCode};

use super::answers::{DoneWith, done_with};
use super::body::JsonBody;
use super::errors::refused;
use super::forms::NewUser;
use super::token::Token;
use super::{Backend, operations};
use crate::mail::{Letter, Letters};
use crate::store::{Account, NewMail, NewToken, StoreError, UnixTime};

/// All routes below `/register`.
pub(super) fn router() -> Router {
    let (confirm, look) = (confirm.secret_path(), look.secret_path());
    Router::new()
        .post("/register", register.annotate(operations::register()))
        .get(
            "/register/confirm/{token}",
            confirm.annotate(operations::confirm()),
        )
        .head(
            "/register/confirm/{token}",
            look.annotate(operations::look_at_link()),
        )
}

async fn register(
    State(backend): State<Arc<Backend>>,
    PeerAddress(peer): PeerAddress,
    JsonBody(user): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<DoneWith>), Problem> {
    let account = backend.new_account(peer, user, false).await?;
    let (token, mail) = backend.activation(&account.name, &account.email, Letters::activation);
    let account = backend.stores.accounts.register(account, token, mail).await;
    let account = account.map_err(refused)?;
    backend.bell.ring();
    let answer = done_with(account, "a mail with an activation link is on its way");
    Ok((StatusCode::CREATED, answer))
}

async fn confirm(
    State(backend): State<Arc<Backend>>,
    Path(token): Path<String>,
) -> Result<Json<DoneWith>, Problem> {
    let token = Token::read(&token).ok_or_else(unknown)?.hash();
    let accounts = &backend.stores.accounts;
    confirmed(accounts.activate(token, UnixTime::now()).await)
}

/// What [`confirm`] would answer. HEAD is safe (RFC 9110, section 9.2.1): those who look at what is in
/// mail, before its reader does, must not use the link up.
async fn look(
    State(backend): State<Arc<Backend>>,
    Path(token): Path<String>,
) -> Result<Json<DoneWith>, Problem> {
    let token = Token::read(&token).ok_or_else(unknown)?.hash();
    let accounts = &backend.stores.accounts;
    confirmed(accounts.activatable(token, UnixTime::now()).await)
}

impl Backend {
    /// A token that confirms an address, and the letter that brings it there.
    pub(super) fn activation(
        &self,
        name: &str,
        email: &str,
        write: impl FnOnce(&Letters, &Letter<'_>) -> NewMail,
    ) -> (NewToken, NewMail) {
        let lifetime = self.options.activation_lifetime;
        let token = Token::random();
        let letter = Letter {
            name,
            email,
            link: &self.link("register/confirm", &token),
            lifetime,
        };
        (token.keep(lifetime), write(&self.letters, &letter))
    }
}

fn confirmed(account: Result<Option<Account>, StoreError>) -> Result<Json<DoneWith>, Problem> {
    let account = account.map_err(refused)?.ok_or_else(unknown)?;
    Ok(done_with(account, "the account is active"))
}

fn unknown() -> Problem {
    Problem::bad_request("this link is unknown, used already, or expired")
}
