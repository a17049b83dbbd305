//! How Doorward reaches others: providers, issuers and the services behind.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context as _;

use super::super::mistake::Mistake;
use super::super::values::Values;

/// Connections that Doorward opens.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    /// Where hosts are instead of where the name system says.
    pub(crate) resolve: Vec<Resolve>,
    /// A file of certificates to trust beside the system's.
    pub(crate) extra_ca: Option<PathBuf>,
}

impl Outbound {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self { resolve: values.many("outbound.resolve")?, extra_ca: values.maybe("outbound.extra_ca")? })
    }

    /// The certificates in the file, if there is one.
    pub(crate) fn read_extra_ca(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
        self.extra_ca.as_ref().map(read).transpose().context("outbound.extra_ca")
    }
}

/// Where a host and port are: `host:443=127.0.0.1:4566`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolve {
    /// The host, in lower case.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Where they are.
    pub(crate) address: SocketAddr,
}

/// The text is no such pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAPair;

impl FromStr for Resolve {
    type Err = NotAPair;

    fn from_str(text: &str) -> Result<Self, NotAPair> {
        let (name, address) = text.split_once('=').ok_or(NotAPair)?;
        let (host, port) = name.rsplit_once(':').ok_or(NotAPair)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(NotAPair);
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port: port.parse().map_err(|_| NotAPair)?,
            address: address.parse().map_err(|_| NotAPair)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_its_port_leads_to_an_address() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4566));
        assert_eq!(
            "Idp.Example:443=127.0.0.1:4566".parse(),
            Ok(Resolve { host: "idp.example".to_owned(), port: 443, address })
        );
        for text in [
            "",
            "a=127.0.0.1:1",
            "a:443=127.0.0.1",
            "a:443=b:1",
            ":443=127.0.0.1:1",
            "a b:1=127.0.0.1:1",
            "a:x=127.0.0.1:1",
        ] {
            assert_eq!(text.parse::<Resolve>(), Err(NotAPair), "{text}");
        }
    }
}
