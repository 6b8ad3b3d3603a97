//! The flags for `/requests/`: whom the server asks in its clients' name.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use container::Error;
use container::client::Trust;
use handlers::fan_out::{AllowList, Options};

use crate::units::Time;

/// Whom it may ask.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests to others")]
pub(crate) struct FanOutArgs {
    /// Hosts that /requests/ may ask besides this server: `HOST:PORT,..`. Names must stand for
    /// addresses of the Internet, or for others in the list; none unless it is set
    #[arg(long, env, value_name = "HOSTS")]
    fetch_allow: Option<AllowList>,

    /// File of PEM certificates whose owners are believed, besides those that browsers trust, when
    /// they say who an https server is
    #[arg(long, env, value_name = "PATH")]
    fetch_authority: Option<PathBuf>,

    /// How long all requests, or sleeps, of one page may take
    #[arg(long, env, value_name = "TIME", default_value_t = Time(Options::default().time))]
    fetch_timeout: Time,
}

impl FanOutArgs {
    /// What comes of them, on a pool of so many threads.
    pub(crate) fn options(&self, blocking_threads: usize) -> Result<Options, Error> {
        let mut trust = Trust::web();
        if let Some(path) = &self.fetch_authority {
            let refused = |why: &dyn ToString| {
                let file = path.display();
                let text = format!("--fetch-authority {file}: {}", why.to_string());
                Error::from(std::io::Error::other(text))
            };
            let pem = fs::read(path).map_err(|error| refused(&error))?;
            trust = trust.with_pem(&pem).map_err(|error| refused(&error))?;
        }
        Ok(Options {
            allow: self.fetch_allow.clone().unwrap_or_default(),
            trust,
            time: self.fetch_timeout.0,
            // The other half is for everybody else.
            threads: blocking_threads / 2,
        })
    }
}
