//! `Destination`: where mail goes, as it is written in settings. Must not open it.

use std::path::PathBuf;
use std::str::FromStr;

/// Where mail goes: `outbox:FOLDER`, `smtp://[USER@]HOST[:PORT]` and the like.
///
/// | written | is |
/// |---|---|
/// | `outbox:mail` | one file for each mail, in this folder |
/// | `smtp://host` | a mail server, port 587; TLS is begun with STARTTLS, or nothing is sent |
/// | `smtps://host` | the same with TLS from the first byte, port 465 |
/// | `smtp+plain://host` | the same without TLS, port 25: for a server on this machine |
///
/// A user is written before an `@`, and may have one in his name. Passwords do not belong in
/// settings: they are [`Secrets`](super::Secrets).
///
/// ```
/// use handlers::mail::{Destination, Security};
///
/// let Destination::Smtp(server) = "smtp://ada@mail.example.org".parse()? else { panic!() };
/// assert_eq!((&*server.host, server.port), ("mail.example.org", 587));
/// assert_eq!(server.user.as_deref(), Some("ada"));
/// assert_eq!(server.security, Security::StartTls);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder of files.
    Outbox(PathBuf),
    /// A mail server.
    Smtp(Server),
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// How the connection is kept from others.
    pub security: Security,
    /// Its name or IP address, without brackets; the name its certificate must be for.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Who logs in; `None`: nobody needs to.
    pub user: Option<String>,
}

/// How a connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS after STARTTLS (RFC 3207), which is insisted on.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Not at all.
    Plain,
}

/// Schemes with what they mean and their ports (RFC 6409, RFC 8314, RFC 5321).
const SCHEMES: [(&str, Security, u16); 3] = [
    ("smtp://", Security::StartTls, 587),
    ("smtps://", Security::Tls, 465),
    ("smtp+plain://", Security::Plain, 25),
];

/// What begins the name of a folder.
const OUTBOX: &str = "outbox:";

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Destination, String> {
        if let Some(folder) = text.strip_prefix(OUTBOX) {
            return match folder {
                "" => Err(format!("`{OUTBOX}` without a folder")),
                folder => Ok(Destination::Outbox(folder.into())),
            };
        }
        let of_scheme = |(scheme, security, port)| {
            let rest = text.strip_prefix(scheme)?;
            Some(server(rest, security, port))
        };
        let found = SCHEMES.into_iter().find_map(of_scheme);
        found
            .ok_or_else(|| {
                "not outbox:FOLDER, smtp://HOST, smtps://HOST or smtp+plain://HOST".to_owned()
            })?
            .map(Destination::Smtp)
    }
}

/// `[USER@]HOST[:PORT][/]`.
fn server(text: &str, security: Security, default_port: u16) -> Result<Server, String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, text),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err("a password does not belong here: put it into a file of its own".to_owned());
    }
    if user == Some("") {
        return Err("`@` without a user".to_owned());
    }
    if user.is_some() && security == Security::Plain {
        return Err("nobody logs in without TLS, which would show the password to all".to_owned());
    }
    let (host, port) = split_port(place);
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0),
        None => Some(default_port),
    };
    let is_host = |host: &&str| !host.is_empty() && !host.contains(['/', '?', '#', ' ']);
    Ok(Server {
        security,
        host: Some(host).filter(is_host).ok_or("not a host")?.to_owned(),
        port: port.ok_or("not a port")?,
        user: user.map(str::to_owned),
    })
}

/// The host without its brackets, and what is behind its colon.
fn split_port(place: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = place
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => ("", None),
        };
    }
    match place.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_understood() {
        let check = |text: &str, security, host: &str, port, user: Option<&str>| {
            let server = Server {
                security,
                host: host.to_owned(),
                port,
                user: user.map(str::to_owned),
            };
            assert_eq!(text.parse(), Ok(Destination::Smtp(server)), "{text}");
        };
        check("smtp://host", Security::StartTls, "host", 587, None);
        check("smtp://host:25/", Security::StartTls, "host", 25, None);
        check("smtps://ada@host", Security::Tls, "host", 465, Some("ada"));
        let user = Some("ada@example.org");
        check(
            "smtps://ada@example.org@host:1",
            Security::Tls,
            "host",
            1,
            user,
        );
        check("smtp+plain://[::1]", Security::Plain, "::1", 25, None);
        check("smtp+plain://[::1]:26", Security::Plain, "::1", 26, None);
        assert_eq!(
            "outbox:/var/a b".parse(),
            Ok(Destination::Outbox("/var/a b".into()))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_the_password() {
        for text in [
            "",
            "outbox:",
            "mail",
            "http://host",
            "smtp://",
            "smtp://:25",
            "smtp://host:0",
            "smtp://host:65536",
            "smtp://host:",
            "smtp://@host",
            "smtp://host/path",
            "smtp://host?tls=no",
            "smtp://[::1",
            "smtp://[::1]x",
            "smtp://ada:secret@host",
            "smtp+plain://ada@host",
        ] {
            let refused = text.parse::<Destination>().unwrap_err();
            assert!(!refused.contains("secret"), "{text}: {refused}");
        }
    }
}
