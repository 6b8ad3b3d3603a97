//! `/api/login` and `/api/logout`.

use std::sync::Arc;

use container::extract::{Json, PeerAddress, State};
use container::handler::OnDisconnect;
use container::{Handler, Problem, Router};

use super::access::Bearer;
use super::answers::{Done, LoggedIn, User, done};
use super::attempts::Attempt;
use super::body::JsonBody;
use super::errors::refused;
use super::faults::Faults;
use super::forms::LoginForm;
use super::passwords::Verdict;
use super::{Backend, operations, rules};
use crate::store::{Account, Credentials};

/// Both routes.
pub(super) fn router() -> Router {
    // Nobody's password is compared whose client has gone.
    let log_in = log_in.on_disconnect(OnDisconnect::Cancel);
    Router::new()
        .post("/login", log_in.annotate(operations::log_in()))
        .put("/logout", log_out.annotate(operations::log_out()))
}

async fn log_in(
    State(backend): State<Arc<Backend>>,
    PeerAddress(peer): PeerAddress,
    JsonBody(body): JsonBody<LoginForm>,
) -> Result<Json<LoggedIn>, Problem> {
    let mut faults = Faults::default();
    let name = faults.required("name", body.name, rules::guess);
    let password = faults.required("password", body.password, rules::guess);
    faults.check_none()?;
    backend.attempts.note(peer, Attempt::Login(&name))?;
    let account = backend.check_password(name, password).await?;
    let account = account.ok_or_else(|| Problem::bad_request("wrong name or password"))?;
    if !account.active {
        // Whoever knows the password may know this.
        let detail = "the account is not active yet: follow the link in your mail";
        return Err(Problem::bad_request(detail));
    }
    Ok(Json(LoggedIn {
        token: backend.logins.issue(&account),
        message: format!("welcome, {}", account.name),
        user: User::from(account),
    }))
}

async fn log_out(
    State(backend): State<Arc<Backend>>,
    bearer: Bearer,
) -> Result<Json<Done>, Problem> {
    let (_, login) = backend.login_of(bearer).await?;
    let revoked = backend.stores.sessions.revoke(login.id, login.expires);
    revoked.await.map_err(refused)?;
    Ok(done("the login is revoked"))
}

impl Backend {
    /// The account of this name, if the password is its. Takes as long for a name that nobody has.
    async fn check_password(
        &self,
        name: String,
        password: String,
    ) -> Result<Option<Account>, Problem> {
        let found = self.stores.accounts.credentials(name).await;
        let found = found.map_err(refused)?;
        let known = found.as_ref().map(|found| found.password_hash.clone());
        let verdict = self.passwords.verify(password, known).await?;
        match (found, verdict) {
            (None, _) | (_, Verdict::Wrong) => Ok(None),
            (Some(found), Verdict::Right) => Ok(Some(found.account)),
            (Some(found), Verdict::Outdated(hash)) => {
                self.renew_hash(&found, hash).await;
                Ok(Some(found.account))
            }
        }
    }

    /// Puts a hash at today's cost in the place of an old one. What fails is done at the next login.
    async fn renew_hash(&self, found: &Credentials, hash: String) {
        let (id, old) = (found.account.id, found.password_hash.clone());
        if let Err(error) = self.stores.accounts.rehash(id, old, hash).await {
            log::warn!("a password's hash was not renewed: {error}");
        }
    }
}
