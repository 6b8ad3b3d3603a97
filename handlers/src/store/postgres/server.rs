//! `Server`: how a server is reached, with the protection that is wanted. Must not log in.

use std::io;

use container::client::Trust;
use tokio_postgres::config::Host;

use super::address::{Place, PostgresAddress};
use super::connect::connect;
use super::protection::{self, Offer, Protection, Wanted};
use super::wire::{AnyStream, Wire};

/// A server, as each connection to it is made.
#[derive(Clone)]
pub(super) struct Server {
    address: PostgresAddress,
    wanted: Wanted,
}

impl Server {
    /// The one at this address. `trust` is who may vouch for it, where it has to prove who it is.
    pub(super) fn new(address: PostgresAddress, trust: Trust) -> Server {
        let wanted = Wanted::new(address.ssl_mode(), trust);
        Server { address, wanted }
    }

    pub(super) fn address(&self) -> &PostgresAddress {
        &self.address
    }

    /// Connects to the first place that answers as is wanted.
    ///
    /// # Errors
    /// Why the last one did not.
    pub(super) async fn connect(&self) -> io::Result<(Wire, Protection)> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for place in self.address.places() {
            match self.connect_to(&place).await {
                Ok((stream, protection)) => return Ok((Wire::new(stream), protection)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, place: &Place) -> io::Result<(AnyStream, Protection)> {
        let mut stream = connect(place).await?;
        let Host::Tcp(host) = &place.host else {
            return Ok((AnyStream::Plain(stream), Protection::UnixSocket));
        };
        let (config, protection) = match &self.wanted {
            Wanted::Nothing => return Ok((AnyStream::Plain(stream), Protection::Unwanted)),
            Wanted::Encryption(config) => (config, Protection::Encrypted),
            Wanted::Proof(config) => (config, Protection::Proven),
        };
        let failed = match protection::ask(&mut stream).await? {
            Offer::Tls => match protection::begin(stream, config, host).await {
                Ok(tls) => return Ok((AnyStream::Encrypted(Box::new(tls)), protection)),
                Err(error) => error,
            },
            Offer::Nothing => match protection {
                Protection::Proven => return Err(protection::not_offered()),
                _ => return Ok((AnyStream::Plain(stream), Protection::NotOffered)),
            },
        };
        match protection {
            Protection::Proven => Err(protection::explained(&failed)),
            _ => Ok((
                AnyStream::Plain(connect(place).await?),
                Protection::Failed(failed),
            )),
        }
    }
}
