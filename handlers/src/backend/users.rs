//! `/api/user`: all accounts, one account, and changing them.

use std::sync::Arc;

use container::extract::{Json, Path, Query, State};
use container::message::{HeaderMap, HeaderValue, header};
use container::{Problem, Router, StatusCode, sleep};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Backend;
use super::access::{Access, Bearer};
use super::body::JsonBody;
use super::errors::{no_user, refused};
use super::faults::Faults;
use super::field::Field;
use super::rules;
use crate::store::{Account, AccountChange, NewAccount, UnixTime};

/// How many accounts a page has unless its client says so.
const PAGE: u32 = 100;

/// How many it may have.
const PAGE_MAX: u32 = 1000;

/// An account as clients see it: without its password.
#[derive(Debug, Serialize)]
pub(super) struct User {
    /// From 1.
    id: i64,
    /// What its owner is called.
    name: String,
    /// Where its owner gets mail.
    email: String,
    /// Whether the address was confirmed.
    active: bool,
    /// When it was added, in RFC 3339.
    created: String,
}

/// A new account.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NewUser {
    name: Field,
    email: Field,
    password: Field,
}

/// Which accounts are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Page {
    /// Those with greater ids.
    after: i64,
    /// At most so many.
    limit: Option<u32>,
}

/// All routes below `/user`.
pub(super) fn router() -> Router {
    Router::new()
        .get("/user", list)
        .post("/user", add)
        .delete("/user", remove_all)
        .get("/user/{id}", find)
        .patch("/user/{id}", change)
        .delete("/user/{id}", remove)
}

async fn list(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
    Query(page): Query<Page>,
) -> Result<(HeaderMap, Json<Vec<User>>), Problem> {
    backend.allow(bearer, Access::Read).await?;
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        let detail = format!("limit must be from 1 to {PAGE_MAX}");
        return Err(Problem::bad_request(detail));
    }
    let accounts = backend.stores.accounts.list(page.after, limit).await;
    let users: Vec<User> = accounts
        .map_err(refused)?
        .into_iter()
        .map(User::from)
        .collect();
    let mut fields = HeaderMap::new();
    if let Some(last) = users.last().filter(|_| users.len() == limit as usize) {
        fields.insert(header::LINK, next_page(last.id, limit));
    }
    Ok((fields, Json(users)))
}

async fn find(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
    Path(id): Path<i64>,
) -> Result<Json<User>, Problem> {
    backend.allow(bearer, Access::Read).await?;
    sleep(backend.options.user_delay).await;
    let account = backend.stores.accounts.find(id).await.map_err(refused)?;
    account.map(User::from).map(Json).ok_or_else(|| no_user(id))
}

async fn add(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
    JsonBody(user): JsonBody<NewUser>,
) -> Result<(StatusCode, HeaderMap, Json<User>), Problem> {
    backend.allow(bearer, Access::ChangeAll).await?;
    let account = backend.new_account(user, true).await?;
    let account = backend
        .stores
        .accounts
        .add(account)
        .await
        .map_err(refused)?;
    let mut fields = HeaderMap::new();
    if let Ok(place) = HeaderValue::try_from(format!("/api/user/{}", account.id)) {
        fields.insert(header::LOCATION, place);
    }
    Ok((StatusCode::CREATED, fields, Json(account.into())))
}

async fn change(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
    Path(id): Path<i64>,
    JsonBody(user): JsonBody<NewUser>,
) -> Result<Json<User>, Problem> {
    backend.allow(bearer, Access::Change(id)).await?;
    let mut faults = Faults::default();
    let name = faults.optional("name", user.name, rules::name);
    let email = faults.optional("email", user.email, rules::email);
    let password = faults.optional("password", user.password, rules::password);
    if (&name, &email, &password) == (&None, &None, &None) {
        faults.add("the object", "must have one of name, email and password");
    }
    faults.check_none()?;
    let password_hash = match password {
        None => None,
        Some(password) => Some((backend.passwords.hash(password).await?, UnixTime::now())),
    };
    let change = AccountChange {
        name,
        email,
        password_hash,
    };
    let account = backend.stores.accounts.change(id, change).await;
    let account = account.map_err(refused)?.ok_or_else(|| no_user(id))?;
    Ok(Json(account.into()))
}

async fn remove(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    backend.allow(bearer, Access::Change(id)).await?;
    if backend.stores.accounts.remove(id).await.map_err(refused)? {
        Ok(Json(json!({ "message": format!("user {id} is removed") })))
    } else {
        Err(no_user(id))
    }
}

async fn remove_all(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
) -> Result<Json<Value>, Problem> {
    backend.allow(bearer, Access::ChangeAll).await?;
    let count = backend
        .stores
        .accounts
        .remove_all()
        .await
        .map_err(refused)?;
    let message = format!("all users are removed: {count}");
    Ok(Json(json!({ "message": message })))
}

impl Backend {
    /// The account that a client describes, with its password hashed.
    pub(super) async fn new_account(
        &self,
        user: NewUser,
        active: bool,
    ) -> Result<NewAccount, Problem> {
        let mut faults = Faults::default();
        let name = faults.required("name", user.name, rules::name);
        let email = faults.required("email", user.email, rules::email);
        let password = faults.required("password", user.password, rules::password);
        faults.check_none()?;
        Ok(NewAccount {
            name,
            email,
            password_hash: self.passwords.hash(password).await?,
            active,
            created: UnixTime::now(),
        })
    }
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        let created = jiff::Timestamp::from_second(account.created.0);
        User {
            id: account.id,
            name: account.name,
            email: account.email,
            active: account.active,
            created: created.map_or_else(|_| String::new(), |time| time.to_string()),
        }
    }
}

/// Where the next page is (RFC 8288).
fn next_page(after: i64, limit: u32) -> HeaderValue {
    let link = format!("</api/user?after={after}&limit={limit}>; rel=\"next\"");
    HeaderValue::try_from(link).expect("digits are visible ASCII")
}
