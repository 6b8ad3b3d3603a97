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
use crate::mail::Letter;
use crate::store::UnixTime;

/// All routes below `/register`.
pub(super) fn router() -> Router {
    let confirm = confirm.secret_path();
    Router::new()
        .post("/register", register.annotate(operations::register()))
        .get(
            "/register/confirm/{token}",
            confirm.annotate(operations::confirm()),
        )
}

async fn register(
    State(backend): State<Arc<Backend>>,
    PeerAddress(peer): PeerAddress,
    JsonBody(user): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<DoneWith>), Problem> {
    let account = backend.new_account(peer, user, false).await?;
    let lifetime = backend.options.activation_lifetime;
    let token = Token::random();
    let mail = backend.letters.activation(&Letter {
        name: &account.name,
        email: &account.email,
        link: &backend.link("register/confirm", &token),
        lifetime,
    });
    let kept = token.keep(lifetime);
    let account = backend.stores.accounts.register(account, kept, mail).await;
    let account = account.map_err(refused)?;
    backend.bell.ring();
    let answer = done_with(account, "a mail with an activation link is on its way");
    Ok((StatusCode::CREATED, answer))
}

async fn confirm(
    State(backend): State<Arc<Backend>>,
    Path(token): Path<String>,
) -> Result<Json<DoneWith>, Problem> {
    let unknown = || Problem::bad_request("this link is unknown, used already, or expired");
    let token = Token::read(&token).ok_or_else(unknown)?;
    let accounts = &backend.stores.accounts;
    let account = accounts.activate(token.hash(), UnixTime::now()).await;
    let account = account.map_err(refused)?.ok_or_else(unknown)?;
    Ok(done_with(account, "the account is active"))
}
