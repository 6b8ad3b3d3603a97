//! `/api/user`: all accounts, one account, and changing them.

use std::net::SocketAddr;
use std::sync::Arc;

use container::extract::{Json, Path, PeerAddress, Query, State};
use container::message::{HeaderMap, HeaderValue, header};
use container::{Handler, Problem, Router, StatusCode, sleep};

use super::access::{Access, Bearer};
use super::answers::{Done, User, done};
use super::attempts::Attempt;
use super::body::JsonBody;
use super::errors::{no_user, refused};
use super::faults::Faults;
use super::forms::{NewUser, PAGE_MAX, Page, UserChange};
use super::operations::Users;
use super::{Backend, Options, rules};
use crate::mail::Letters;
use crate::store::{AccountChange, NewAccount, NewEmail, UnixTime};

/// How many accounts a page has unless its client says so.
const PAGE: u32 = 100;

/// All routes below `/user`.
pub(super) fn router(options: &Options) -> Router {
    let operations = match options.protect_users {
        true => Users::Protected,
        false => Users::Open,
    };
    Router::new()
        .get("/user", list.annotate(operations.list()))
        .post("/user", add.annotate(operations.add()))
        .delete("/user", remove_all.annotate(operations.remove_all()))
        .get("/user/{id}", find.annotate(operations.find()))
        .patch("/user/{id}", change.annotate(operations.change()))
        .delete("/user/{id}", remove.annotate(operations.remove()))
}

async fn list(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
    Query(page): Query<Page>,
) -> Result<(HeaderMap, Json<Vec<User>>), Problem> {
    backend.allow(bearer, Access::Read).await?;
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        let detail = format!("`limit` must be from 1 to {PAGE_MAX}");
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
    PeerAddress(peer): PeerAddress,
    JsonBody(user): JsonBody<NewUser>,
) -> Result<(StatusCode, HeaderMap, Json<User>), Problem> {
    backend.allow(bearer, Access::ChangeAll).await?;
    let account = backend.new_account(peer, user, true).await?;
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
    PeerAddress(peer): PeerAddress,
    Path(id): Path<i64>,
    JsonBody(user): JsonBody<UserChange>,
) -> Result<(StatusCode, Json<User>), Problem> {
    backend.allow(bearer, Access::Change(id)).await?;
    let mut faults = Faults::default();
    let name = faults.optional("name", user.name, rules::name);
    let email = faults.optional("email", user.email, rules::email);
    let password = faults.optional("password", user.password, rules::password);
    if (&name, &email, &password) == (&None, &None, &None) {
        faults.add("the object", "must have one of name, email and password");
    }
    faults.check_none()?;
    let email = match email {
        None => None,
        Some(email) => Some(backend.new_email(peer, id, email).await?),
    };
    let password_hash = match password {
        None => None,
        Some(password) => Some(backend.hash(peer, password).await?),
    };
    // Not all of it is done before the address is confirmed.
    let status = match email {
        Some(NewEmail::Confirmed(..)) => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let change = AccountChange {
        name,
        email,
        password_hash,
    };
    let account = backend.stores.accounts.change(id, change).await;
    let account = account.map_err(refused)?.ok_or_else(|| no_user(id))?;
    if status == StatusCode::ACCEPTED {
        backend.bell.ring();
    }
    Ok((status, Json(account.into())))
}

async fn remove(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
    Path(id): Path<i64>,
) -> Result<Json<Done>, Problem> {
    backend.allow(bearer, Access::Change(id)).await?;
    if backend.stores.accounts.remove(id).await.map_err(refused)? {
        Ok(done(format!("user {id} is removed")))
    } else {
        Err(no_user(id))
    }
}

async fn remove_all(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
) -> Result<Json<Done>, Problem> {
    backend.allow(bearer, Access::ChangeAll).await?;
    let count = backend
        .stores
        .accounts
        .remove_all()
        .await
        .map_err(refused)?;
    Ok(done(format!("all users are removed: {count}")))
}

impl Backend {
    /// The account that a client describes, with its password hashed.
    ///
    /// # Errors
    /// With all that is wrong with it, or as [`hash`](Self::hash) has them.
    pub(super) async fn new_account(
        &self,
        peer: Option<SocketAddr>,
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
            password_hash: self.hash(peer, password).await?,
            active,
            created: UnixTime::now(),
        })
    }

    /// How an account comes to this address: at once where nobody asks whose it is, as in the original;
    /// but where users are protected, or the account was never active, when its owner has shown to get
    /// mail there.
    ///
    /// # Errors
    /// With a 404 when there is no such account, with a 429 when its client has had too much mailed.
    async fn new_email(
        &self,
        peer: Option<SocketAddr>,
        id: i64,
        email: String,
    ) -> Result<NewEmail, Problem> {
        let account = self.stores.accounts.find(id).await.map_err(refused)?;
        let account = account.ok_or_else(|| no_user(id))?;
        let is_same = account.email.to_lowercase() == email.to_lowercase();
        if is_same || account.active && !self.options.protect_users {
            return Ok(NewEmail::AtOnce(email));
        }
        self.attempts
            .note(peer, Attempt::Mail(&email.to_lowercase()))?;
        let (token, mail) = self.activation(&account.name, &email, Letters::address);
        Ok(NewEmail::Confirmed(token, mail))
    }

    /// The hash of a new password, which costs so much that each client has only so many.
    ///
    /// # Errors
    /// With a 429 when it had too many, with a 503 when too many wait for theirs.
    pub(super) async fn hash(
        &self,
        peer: Option<SocketAddr>,
        password: String,
    ) -> Result<String, Problem> {
        self.attempts.note(peer, Attempt::Password)?;
        self.passwords.hash(password).await
    }
}

/// Where the next page is (RFC 8288).
fn next_page(after: i64, limit: u32) -> HeaderValue {
    let link = format!("</api/user?after={after}&limit={limit}>; rel=\"next\"");
    HeaderValue::try_from(link).expect("digits are visible ASCII")
}
