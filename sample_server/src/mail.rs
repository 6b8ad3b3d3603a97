//! The flags for mail, and where it goes when nobody says so.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use clap::Args;
use container::Error;
use handlers::mail::{Destination, Origin, Secrets, Sender, Transport};

use crate::data_folder;
use crate::units::Time;

/// The default outbox's name.
const OUTBOX: &str = "outbox";

/// The least time that a mail may be given.
const TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// How mail leaves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mail")]
pub(crate) struct MailArgs {
    /// How mail leaves: outbox:FOLDER, smtp://USER@HOST:PORT (STARTTLS), smtps://.. (TLS) or
    /// smtp+plain://.. [default: outbox:sample_server/outbox in $XDG_DATA_HOME or ~/.local/share]
    // Not `--mail`: the variable MAIL is the system's, for the user's mailbox.
    #[arg(long, env, value_name = "WHERE")]
    mail_via: Option<Destination>,

    /// In whose name mail is sent
    #[arg(
        long,
        env,
        value_name = "ADDRESS",
        default_value = "Sample server <noreply@localhost>"
    )]
    mail_from: Origin,

    /// File with the password of the mail server's USER
    #[arg(long, env, value_name = "PATH")]
    mail_password_file: Option<PathBuf>,

    /// Certificates (PEM) that vouch for the mail server, in place of those of the web
    #[arg(long, env, value_name = "PATH")]
    mail_ca: Option<PathBuf>,

    /// How long one mail may take
    #[arg(long, env, value_name = "TIME", default_value = "20s")]
    mail_timeout: Time,
}

impl MailArgs {
    /// Whether they make sense together.
    ///
    /// # Errors
    /// Says what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        let user = match &self.mail_via {
            Some(Destination::Smtp(server)) => server.user.as_deref(),
            _ => None,
        };
        match (user, &self.mail_password_file) {
            (Some(user), None) => Err(format!(
                "--mail-via: {user} needs a password; put it into a file for --mail-password-file"
            )),
            (None, Some(_)) => Err(
                "--mail-password-file: whose password? Write --mail-via smtp://USER@HOST"
                    .to_owned(),
            ),
            _ if self.mail_timeout.0 < TIMEOUT_MIN => Err(
                "--mail-timeout: no mail server is so quick; give it a second or more".to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// Who sends mail.
    pub(crate) fn sender(&self) -> Result<Sender, Error> {
        let secrets = Secrets {
            password: self.password()?,
            authorities: self.authorities()?,
        };
        let destination = match &self.mail_via {
            Some(destination) => destination.clone(),
            None => Destination::Outbox(
                data_folder::place(OUTBOX, "--mail-via")
                    .map_err(|error| refused("no place for the outbox", &error))?,
            ),
        };
        let transport = Transport::new(&destination, secrets, self.mail_timeout.0)
            .map_err(|error| refused("--mail-via", &error))?;
        // What nobody asked for is not made before it is needed.
        if self.mail_via.is_some() {
            let prepared = transport.prepare();
            prepared.map_err(|error| refused("--mail-via", &error))?;
        }
        Ok(Sender::new(transport, self.mail_from.clone()))
    }

    /// The password, without the end of its line.
    fn password(&self) -> Result<Option<String>, Error> {
        let Some(path) = &self.mail_password_file else {
            return Ok(None);
        };
        let bytes = read(path, "--mail-password-file")?;
        let text = String::from_utf8(bytes);
        // The error has the bytes, which nobody should see.
        let text = text.map_err(|_| refused("--mail-password-file", &"not text in UTF-8"))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn authorities(&self) -> Result<Option<Vec<u8>>, Error> {
        let path = self.mail_ca.as_ref();
        path.map(|path| read(path, "--mail-ca")).transpose()
    }
}

fn read(path: &Path, flag: &str) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| refused(&format!("{flag}: {}", path.display()), &error))
}

fn refused(what: &str, why: &impl ToString) -> Error {
    Error::from(io::Error::other(format!("{what}: {}", why.to_string())))
}
