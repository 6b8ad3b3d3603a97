//! The flags for the backend, and where the key is that it signs logins with. The key itself is no
//! flag, for those are shown to whoever asks.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::{env, io};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use container::Error;
use handlers::backend::{
    Algorithm, AttemptOptions, Options, PasswordCost, PasswordOptions, SigningKey,
};

use crate::units::{Time, at_least_one};

/// The variable that may hold the key.
const KEY_VARIABLE: &str = "JWT_KEY";

/// The name of the key's file, unless it is given another.
const KEY_FILE: &str = "jwt.key";

/// Accounts and logins.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
pub(crate) struct BackendArgs {
    /// Want a login for /api/user, and let people change their own account only; without this,
    /// ANYBODY may read, change and remove ALL accounts
    #[arg(long, env)]
    protect_users: bool,

    /// Where clients find this server: what mailed links begin with, and who issues logins
    /// [default: http:// and the address it listens at; this machine's own where that is every
    /// address it has; with --port 0 nobody can follow such a link]
    #[arg(long, env, value_name = "URL", value_parser = base_url)]
    base_url: Option<String>,

    /// How long GET /api/user/{id} takes, on purpose
    #[arg(long, env, value_name = "TIME", default_value_t = Time(Options::default().user_delay))]
    user_delay: Time,

    /// File with the key that logins are signed with, in 64 hexadecimal digits; made when it is not
    /// there. The variable JWT_KEY, with the key itself, wins over it [default: jwt.key beside the
    /// database]
    #[arg(long, env, value_name = "PATH")]
    jwt_key_file: Option<PathBuf>,

    /// How logins are signed: hs256 or eddsa
    #[arg(long, env, value_name = "NAME", default_value = "hs256", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(["hs256", "eddsa"]).map(|name| algorithm(&name)))]
    jwt_algorithm: Algorithm,

    /// How long a login is good
    #[arg(long, env, value_name = "TIME", default_value_t = Time(Options::default().token_lifetime))]
    token_lifetime: Time,

    /// How long an account is kept that nobody confirms
    #[arg(long, env, value_name = "TIME",
          default_value_t = Time(Options::default().unconfirmed_lifetime))]
    unconfirmed_lifetime: Time,

    /// Passwords that are hashed at once
    #[arg(long, env, value_name = "N", default_value_t = PasswordOptions::default().concurrency,
          value_parser = at_least_one)]
    password_concurrency: usize,

    /// Passwords that wait to be hashed; beyond it 503
    #[arg(long, env, value_name = "N", default_value_t = PasswordOptions::default().queue)]
    password_queue: usize,

    /// Attempts a minute to log in, or to reset a password, of one client for one name; 0: no limit
    #[arg(long, env, value_name = "N", default_value_t = AttemptOptions::default().per_name.map_or(0, u32::from))]
    attempts_per_name: u32,

    /// The same for all names together, and for new passwords: to register, to add or change an account,
    /// to reset one
    #[arg(long, env, value_name = "N", default_value_t = AttemptOptions::default().per_peer.map_or(0, u32::from))]
    attempts_per_client: u32,
}

impl BackendArgs {
    /// What was chosen, for a server that listens at `address` and keeps its files in `folder`, if
    /// it keeps any.
    pub(crate) fn options(
        &self,
        address: Option<&str>,
        folder: Option<&Path>,
    ) -> Result<Options, Error> {
        let defaults = Options::default();
        let base_url = self
            .base_url
            .clone()
            .or_else(|| address.map(default_base_url));
        Ok(Options {
            protect_users: self.protect_users,
            base_url: base_url.unwrap_or(defaults.base_url),
            user_delay: self.user_delay.0,
            key: self.key(folder)?,
            algorithm: self.jwt_algorithm,
            token_lifetime: self.token_lifetime.0,
            unconfirmed_lifetime: self.unconfirmed_lifetime.0,
            passwords: PasswordOptions {
                cost: PasswordCost::default(),
                concurrency: self.password_concurrency,
                queue: self.password_queue,
                ..defaults.passwords
            },
            attempts: AttemptOptions {
                per_name: NonZeroU32::new(self.attempts_per_name),
                per_peer: NonZeroU32::new(self.attempts_per_client),
            },
            ..defaults
        })
    }

    /// The key: of the variable, else of the file. Where nothing is kept there is none to keep.
    fn key(&self, folder: Option<&Path>) -> Result<SigningKey, Error> {
        let refused = |what: &str, why: &dyn ToString| {
            Error::from(io::Error::other(format!("{what}: {}", why.to_string())))
        };
        if let Some(text) = env::var_os(KEY_VARIABLE) {
            let key = text.to_string_lossy().trim().parse();
            return key.map_err(|error| refused(KEY_VARIABLE, &error));
        }
        let beside = || folder.map(|folder| folder.join(KEY_FILE));
        match self.jwt_key_file.clone().or_else(beside) {
            None => Ok(SigningKey::random()),
            Some(path) => SigningKey::load_or_create(&path).map_err(|error| {
                let what = "no key to sign logins with";
                refused(what, &format!("{error}; see --jwt-key-file"))
            }),
        }
    }
}

/// What links begin with where nobody says so, for a server that listens at `address`.
fn default_base_url(address: &str) -> String {
    for (every, own) in [("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]")] {
        if let Some(port) = address
            .strip_prefix(every)
            .filter(|port| port.starts_with(':'))
        {
            let url = format!("http://{own}{port}");
            log::warn!(
                "mailed links begin with {url}, which only this machine can open; say where clients \
                 find the server with --base-url"
            );
            return url;
        }
    }
    format!("http://{address}")
}

fn algorithm(name: &str) -> Algorithm {
    match name {
        "eddsa" => Algorithm::EdDsa,
        _ => Algorithm::Hs256,
    }
}

/// Checks the beginning of links.
fn base_url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>".contains(&byte);
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() && rest.bytes().all(is_plain) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("not a URL such as https://www.example.org, without a query".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_can_be_opened_by_default() {
        let check = |address: &str, url: &str| assert_eq!(default_base_url(address), url);
        check("127.0.0.1:8888", "http://127.0.0.1:8888");
        check("0.0.0.0:80", "http://127.0.0.1:80");
        check("[::]:80", "http://[::1]:80");
        check("[::1]:80", "http://[::1]:80");
        check("example.org:80", "http://example.org:80");
    }

    #[test]
    fn base_urls() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(base_url(text).ok().as_deref(), expected, "{text}");
        };
        check("https://www.example.org", Some("https://www.example.org"));
        check("http://localhost:8888/", Some("http://localhost:8888"));
        check("https://example.org/app", Some("https://example.org/app"));
        for wrong in [
            "",
            "example.org",
            "http://",
            "https:///",
            "ftp://a",
            "http://a?b",
            "http://a b",
        ] {
            check(wrong, None);
        }
    }
}
