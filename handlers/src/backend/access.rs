//! Who may do what: the login that a request brings, and what `/api/user` asks of it.

use std::convert::Infallible;

use container::handler::{Context, FromHead};
use container::message::header;
use container::{Problem, Request};

use super::Backend;
use super::errors::{forbidden, no_login, refused};
use super::logins::Login;
use crate::store::Account;

/// The token of a request's `Authorization: Bearer ..` (RFC 6750, section 2.1), if it has one.
pub(super) struct Bearer(Option<String>);

/// What is to be done with accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// To look at any of them.
    Read,
    /// To change the one with this id.
    Change(i64),
    /// To add one, or to remove all.
    ChangeAll,
}

impl FromHead for Bearer {
    type Rejection = Infallible;

    fn from_head(request: &Request, _context: &Context) -> Result<Self, Infallible> {
        let field = request.header_str(header::AUTHORIZATION.as_str());
        let credentials = field.and_then(|field| field.split_once(' '));
        let token = credentials
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned());
        Ok(Bearer(token))
    }
}

impl Backend {
    /// Who has logged in with this token: it is signed by this server, has not expired, was not
    /// revoked, and its account is there, active, and has the password it had then.
    ///
    /// # Errors
    /// With a 401, or when the store cannot be asked.
    pub(super) async fn login_of(&self, bearer: Bearer) -> Result<(Account, Login), Problem> {
        const VOID: &str = "this login is not valid, or no more: log in again";
        let token = bearer.0.ok_or_else(|| no_login("log in first"))?;
        let login = self.logins.read(&token).ok_or_else(|| no_login(VOID))?;
        let account = self.stores.accounts.find(login.account).await;
        let account = account.map_err(refused)?;
        let revoked = self.stores.sessions.is_revoked(login.id.clone()).await;
        match account {
            Some(account) if login.is_good_for(&account) && !revoked.map_err(refused)? => {
                Ok((account, login))
            }
            _ => Err(no_login(VOID)),
        }
    }

    /// Whether a client may do this with accounts: anybody anything, unless
    /// [`Options::protect_users`](super::Options::protect_users) says otherwise.
    ///
    /// # Errors
    /// With a 401 or a 403, or when the store cannot be asked.
    pub(super) async fn allow(&self, bearer: Bearer, access: Access) -> Result<(), Problem> {
        if !self.options.protect_users {
            return Ok(());
        }
        let (account, _) = self.login_of(bearer).await?;
        match access {
            Access::Read => Ok(()),
            Access::Change(id) if id == account.id => Ok(()),
            Access::Change(_) | Access::ChangeAll => Err(forbidden()),
        }
    }
}
