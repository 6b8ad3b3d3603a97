//! `/api/register`: accounts that become active once their owners have shown that the address is
//! theirs.

use std::sync::Arc;

use container::extract::{Json, Path, State};
use container::{Problem, Router, StatusCode};
use serde_json::{Value, json};

use super::Backend;
use super::body::JsonBody;
use super::errors::refused;
use super::token::Token;
use super::users::{NewUser, User};
use crate::mail::Letter;
use crate::store::UnixTime;

/// All routes below `/register`.
pub(super) fn router() -> Router {
    Router::new()
        .post("/register", register)
        .get("/register/confirm/{token}", confirm)
}

async fn register(
    State(backend): State<Arc<Backend>>,
    JsonBody(user): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let account = backend.new_account(user, false).await?;
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
    let user = User::from(account.map_err(refused)?);
    let message = "a mail with an activation link is on its way";
    let answer = json!({ "user": user, "message": message });
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn confirm(
    State(backend): State<Arc<Backend>>,
    Path(token): Path<String>,
) -> Result<Json<Value>, Problem> {
    let unknown = || Problem::bad_request("this link is unknown, used already, or expired");
    let token = Token::read(&token).ok_or_else(unknown)?;
    let accounts = &backend.stores.accounts;
    let account = accounts.activate(token.hash(), UnixTime::now()).await;
    let user = User::from(account.map_err(refused)?.ok_or_else(unknown)?);
    Ok(Json(
        json!({ "user": user, "message": "the account is active" }),
    ))
}
