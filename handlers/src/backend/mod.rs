//! The stateful backend: a key-value resource, and accounts that are confirmed and reset by mail.
//!
//! | route below `/api` | answer |
//! |---|---|
//! | `GET /simple_data?key=K` | the value of a key, as text |
//! | `PUT /simple_data?key=K&key=L` | adds keys with empty values, all or none: 201 |
//! | `POST /simple_data` `{K: V, ..}` | adds keys with values, all or none: 201 |
//! | `PATCH /simple_data?key=K` `{value}` | gives a key another value |
//! | `DELETE /simple_data?key=K` | takes a key out |
//! | `GET /user{?after,limit}` | accounts by id, 100 a page; `Link` says where the next page is |
//! | `GET /user/{id}` | one account, after 5 s on purpose ([`Options::user_delay`]) |
//! | `POST /user` `{name, email, password}` | adds an active account: 201 |
//! | `PATCH /user/{id}` `{name, email, password}` | changes an account; each member may be left out; 202 while an address is to be confirmed |
//! | `DELETE /user/{id}`, `DELETE /user` | removes an account, or all of them |
//! | `POST /register` `{name, email, password}` | adds an inactive account and mails a link: 201 |
//! | `GET /register/confirm/{token}` | makes the account active, once; HEAD only says whether it would |
//! | `POST /login` `{name, password}` | `{user, message, token}`; the token is a JWT |
//! | `PUT /logout` | revokes the token of `Authorization: Bearer ..` |
//! | `POST /reset` `{email}` | mails a link, if there is such an account: 202 |
//! | `POST /reset/{token}` `{new_password}` | changes the password, once, and makes the account active |
//!
//! Errors are `{"code": 400, "name": "Bad Request", "description": ".."}`: 400 for what is missing,
//! unknown, taken or malformed, 401 and 403 for who may not, 404 for accounts and paths that are not
//! there, 429 for too many attempts, 503 when there is no room. Handlers raise problems; `errors`
//! alone makes their shape.
//!
//! **`/api/user` is open to everybody**, as it is in the original, unless
//! [`Options::protect_users`] is set: then it wants a login, and an account is changed and removed by
//! its owner only.
//!
//! | file | is |
//! |---|---|
//! | `options` | [`Options`]: what can be chosen |
//! | `simple_data`, `users`, `registration`, `login`, `reset` | the routes |
//! | `access` | the login that a request brings, and what it allows |
//! | `errors` | the shape of errors, and problems |
//! | `body`, `forms`, `field`, `faults`, `rules`, `unseen` | what clients send, and all that is wrong with it |
//! | `answers`, `operations` | what they get; what the routes say about themselves |
//! | `passwords`, `hashers` | argon2id within a budget, on threads that give way to all others |
//! | `logins`, `key` | tokens of those who have logged in, and what signs them |
//! | `token`, `random` | tokens that are mailed, and where randomness comes from |
//! | `tidying` | forgetting what has expired, and accounts that nobody has confirmed |
//! | `attempts` | how often logins, resets and new passwords may be tried |

mod access;
mod answers;
mod attempts;
mod body;
mod errors;
mod faults;
mod field;
mod forms;
mod hashers;
mod key;
mod login;
mod logins;
mod operations;
mod options;
mod passwords;
mod random;
mod registration;
mod reset;
mod rules;
mod simple_data;
mod tidying;
mod token;
mod unseen;
mod users;

use std::sync::Arc;

use attempts::Attempts;
use container::Router;
pub use key::{Algorithm, KeyError, SigningKey};
use logins::Logins;
pub use options::{AttemptOptions, Options, PasswordCost, PasswordOptions};
use passwords::Passwords;
use token::Token;

use crate::mail::{Bell, Letters};
use crate::store::Stores;

/// What the handlers share.
struct Backend {
    stores: Stores,
    options: Options,
    passwords: Passwords,
    logins: Logins,
    letters: Letters,
    /// Rung when there is mail.
    bell: Bell,
    /// Rung when somebody has asked for a reset.
    resets: Bell,
    attempts: Attempts,
}

/// The routes, below `/api`, on these stores. The bell is rung when mail was put into the queue.
pub fn router(stores: Stores, bell: Bell, options: Options) -> Router {
    let users = users::router(&options);
    let backend = Arc::new(Backend {
        passwords: Passwords::new(&options.passwords),
        logins: Logins::new(&options),
        letters: Letters::new(&options.service),
        attempts: Attempts::new(&options.attempts),
        stores,
        bell,
        resets: Bell::new(),
        options,
    });
    let api = Router::new()
        .merge(simple_data::router())
        .merge(users)
        .merge(registration::router())
        .merge(login::router())
        .merge(reset::router())
        .on_error(errors::shape);
    let (tidier, mailer) = (backend.clone(), backend.clone());
    Router::new()
        .nest("/api", api)
        .state(backend)
        .background(move |_context| tidier.clone().tidy())
        .background(move |_context| mailer.clone().mail_resets())
}

impl Backend {
    /// Where a token is brought back to.
    fn link(&self, path: &str, token: &Token) -> String {
        format!("{}/api/{path}/{}", self.options.base_url, token.write())
    }
}
