//! `PostgresAddress`: where a PostgreSQL server is and who asks, as users write it. Never shows a
//! password.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, Host, SslMode, SslNegotiation};
use tokio_postgres::{Config, Error};

use super::failure;

/// The port where the address has none.
const PORT: u16 = 5432;

/// How long making a connection may take, name resolution and login included, unless the address
/// says `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How the server's own tables of sessions call us, unless the address says `application_name`.
const APPLICATION: &str = env!("CARGO_PKG_NAME");

/// Where a PostgreSQL server is and who asks: `postgres://user:password@host:port/database`, or
/// `postgres:///database?host=/path` for a Unix socket. `Debug` and `Display` leave the password
/// out.
///
/// | `sslmode` | connections over TCP are |
/// |---|---|
/// | `disable` | not encrypted |
/// | `prefer` (the default) | encrypted where the server offers it; who it is, it need not prove |
/// | `require`, `verify-full` | encrypted, and the server has proven that it is `host` |
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresAddress {
    /// Shared, since each connection of each worker needs it. TLS is none of its business.
    config: Arc<Config>,
    /// What the address says of TLS.
    ssl_mode: SslMode,
}

/// One place at which a server may listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) port: u16,
}

impl PostgresAddress {
    /// What a login needs.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the server has to prove who it is.
    pub fn wants_proof(&self) -> bool {
        self.ssl_mode == SslMode::Require
    }

    /// What the address says of TLS.
    pub(super) fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    /// Where to look for the server, in order.
    pub(super) fn places(&self) -> Vec<Place> {
        let hosts = self.config.get_hosts().iter().enumerate();
        let ports = self.config.get_ports();
        let places = hosts.map(|(number, host)| Place {
            host: host.clone(),
            port: match ports {
                [] => PORT,
                [one] => *one,
                each => each[number],
            },
        });
        places.collect()
    }

    /// How long making a connection may take.
    pub(super) fn connect_timeout(&self) -> Duration {
        let own = self.config.get_connect_timeout().copied();
        own.filter(|time| !time.is_zero())
            .unwrap_or(CONNECT_TIMEOUT)
    }
}

impl FromStr for PostgresAddress {
    type Err = String;

    /// Says what is wrong, without the password.
    fn from_str(text: &str) -> Result<Self, String> {
        let config = Config::from_str(&in_words_of_driver(text));
        let mut config = config.map_err(|error| explained(&error))?;
        let (hosts, ports) = (config.get_hosts().len(), config.get_ports().len());
        if hosts == 0 {
            return Err("it names no host; a Unix socket is named by ?host=/its/folder".to_owned());
        }
        let has_at = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if config.get_hosts().iter().any(has_at) {
            // Most likely the rest of a password, so that it is not shown.
            return Err("a host has no @; in a password it is written %40".to_owned());
        }
        if ports > 1 && ports != hosts {
            return Err(format!("it names {hosts} hosts and {ports} ports"));
        }
        if config.get_ssl_negotiation() == SslNegotiation::Direct {
            return Err("sslnegotiation=direct is not supported; leave it out".to_owned());
        }
        if config.get_channel_binding() == ChannelBinding::Require {
            return Err("channel_binding is not supported; leave it out and write \
                        sslmode=require, by which the server proves who it is"
                .to_owned());
        }
        let ssl_mode = config.get_ssl_mode();
        // What is below the driver sees to it.
        config.ssl_mode(SslMode::Disable);
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION);
        }
        Ok(PostgresAddress {
            config: Arc::new(config),
            ssl_mode,
        })
    }
}

/// A URL whose parameters the driver knows: what libpq calls `verify-full` is what `require` means
/// here.
fn in_words_of_driver(url: &str) -> String {
    match url.split_once('?') {
        Some((place, parameters)) => {
            let parameters = parameters.replace("sslmode=verify-full", "sslmode=require");
            format!("{place}?{parameters}")
        }
        None => url.to_owned(),
    }
}

/// What is wrong, and for what libpq knows and the driver does not, what to write instead.
fn explained(error: &Error) -> String {
    let text = failure::text(error);
    let advice = match &text {
        text if text.contains("`sslmode`") => "; write disable, prefer or require",
        text if text.contains("`sslrootcert`") => {
            "; leave it out, and name the file by --database-ca"
        }
        _ => "",
    };
    text + advice
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(formatter, "{user}@")?;
        }
        let mut folder = None;
        let mut separator = "";
        for Place { host, port } in self.places() {
            match host {
                Host::Tcp(name) if name.contains(':') => {
                    write!(formatter, "{separator}[{name}]:{port}")?;
                }
                Host::Tcp(name) => write!(formatter, "{separator}{name}:{port}")?,
                Host::Unix(path) => {
                    write!(formatter, "{separator}:{port}")?;
                    folder = Some(path);
                }
            }
            separator = ",";
        }
        write!(formatter, "/{}", self.config.get_dbname().unwrap_or(""))?;
        match folder {
            Some(folder) => write!(formatter, "?host={}", folder.display()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_password() {
        let check = |text: &str, shown: &str| {
            let address: PostgresAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        };
        check(
            "postgres://a:secret@localhost/shop",
            "postgres://a@localhost:5432/shop",
        );
        check(
            "postgresql://a:secret@[::1]:5433/shop?password=secret",
            "postgres://a@[::1]:5433/shop",
        );
        check(
            "postgres://a@one,two:99/shop",
            "postgres://a@one:5432,two:99/shop",
        );
        check(
            "postgres://a:secret@%2Frun%2Fpg:99/shop",
            "postgres://a@:99/shop?host=/run/pg",
        );
        check(
            "postgres:///shop?host=/run/pg&user=a&password=secret",
            "postgres://a@:5432/shop?host=/run/pg",
        );
    }

    #[test]
    fn the_words_of_libpq_for_tls_are_understood() {
        let check = |parameters: &str, mode: SslMode| {
            let text = format!("postgres://a:sslmode=verify-full@b/shop{parameters}");
            let address: PostgresAddress = text.parse().unwrap();
            assert_eq!(address.ssl_mode(), mode, "{text}");
            assert_eq!(address.config().get_ssl_mode(), SslMode::Disable, "{text}");
            let password = address.config().get_password();
            assert_eq!(password, Some(&b"sslmode=verify-full"[..]), "{text}");
        };
        check("", SslMode::Prefer);
        check("?sslmode=disable", SslMode::Disable);
        check("?sslmode=prefer", SslMode::Prefer);
        check("?sslmode=require", SslMode::Require);
        check("?connect_timeout=1&sslmode=verify-full", SslMode::Require);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let check = |text: &str, reason: &str| {
            let error = text.parse::<PostgresAddress>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        };
        check("postgres://", "names no host");
        check("postgres:///shop", "names no host");
        check("postgres://a:secret@b:99999/shop", "port");
        check(
            "postgres://a:secret@b/shop?sslmode=verify-ca",
            "`sslmode`; write disable",
        );
        check(
            "postgres://a:secret@b/shop?sslmode=require&sslrootcert=/a.pem",
            "--database-ca",
        );
        check(
            "postgres://a:secret@b/shop?sslmode=require&sslnegotiation=direct",
            "leave it out",
        );
        check(
            "postgres://a:secret@b/shop?channel_binding=require",
            "leave it out",
        );
        check("postgres://a:secret@b/shop?nonsense=1", "nonsense");
        check("postgres://a:secret@b,c,d/shop?port=1,2", "5 ports");
    }
}
