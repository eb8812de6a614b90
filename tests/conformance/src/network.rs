//! The addresses of Google's hosts for one of several environments that run at once. Each has fakes of its own, and its pods
//! resolve the names to them, so that every call belongs to one run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use rolebridge_tests::error::{Context, Result};
use tempfile::TempDir;

/// Mounts a copy of the file over `/etc/hosts` for the program that follows, which keeps the process ID. The aliases of the
/// pod, which the fake kubelet wrote at the end of `/etc/hosts`, follow in the copy. It stays next to the file, because Ruby's
/// program mounts it again, and a deleted file cannot be mounted.
const ENTER: &str = r#"hosts=$1.$$ && { cat "$1"; sed -n '/^# Entries added by HostAliases/,$p' /etc/hosts; } > "$hosts" &&
mount --bind "$hosts" /etc/hosts && shift && exec "$@""#;

/// The name of a file like `/etc/hosts`.
const HOSTS: &str = "hosts";

/// An own mapping of names to addresses.
#[derive(Debug)]
pub(crate) struct Network {
    /// The addresses of Google's hosts.
    pub(crate) addresses: BTreeMap<String, IpAddr>,
    /// The folder of [`HOSTS`] and its copies.
    folder: TempDir,
}

impl Network {
    /// Creates the network of this number. Networks of other numbers, up to 255 more, have other addresses.
    pub(crate) fn new(number: u8) -> Result<Self> {
        let text = std::fs::read_to_string("/etc/hosts").context("failed to read /etc/hosts")?;
        let (text, addresses) = shifted(&text, number);
        let folder = tempfile::tempdir().context("failed to create a folder of hosts")?;
        std::fs::write(folder.path().join(HOSTS), text).context("failed to write a file of hosts")?;
        Ok(Self { addresses, folder })
    }

    /// Returns the arguments that start a program in this network: they precede the program's own.
    pub(crate) fn launcher(&self) -> Vec<OsString> {
        let arguments = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", ENTER, "-"];
        arguments.iter().map(OsString::from).chain([self.folder.path().join(HOSTS).into()]).collect()
    }
}

/// Returns the text of `/etc/hosts` with the third number of each of Google's addresses, `127.X.Y.Z`, increased, and these
/// addresses by name.
fn shifted(hosts: &str, number: u8) -> (String, BTreeMap<String, IpAddr>) {
    let (mut text, mut addresses) = (String::new(), BTreeMap::new());
    for line in hosts.lines() {
        let google = line.split_once(' ').and_then(|(address, name)| Some((google(address)?, name)));
        if let Some(([a, b, c, d], name)) = google {
            let address = Ipv4Addr::new(a, b, c.wrapping_add(number), d);
            let _ = writeln!(text, "{address} {name}");
            addresses.insert(name.to_owned(), address.into());
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    (text, addresses)
}

/// Returns the numbers of an address of Google's, as `run` writes it: a loopback address other than `localhost`'s.
fn google(address: &str) -> Option<[u8; 4]> {
    let address: Ipv4Addr = address.parse().ok()?;
    (address.is_loopback() && address.octets()[1] != 0).then_some(address.octets())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_googles_addresses_change() {
        let hosts = "127.7.255.2 sts.googleapis.com\n127.7.255.3 storage.googleapis.com\n\
                     127.0.0.1 localhost\n::1 localhost\n10.0.0.5 machine\n";
        let (text, addresses) = shifted(hosts, 2);
        assert_eq!(
            text,
            "127.7.1.2 sts.googleapis.com\n127.7.1.3 storage.googleapis.com\n\
             127.0.0.1 localhost\n::1 localhost\n10.0.0.5 machine\n"
        );
        let expected = [("storage.googleapis.com", [127, 7, 1, 3]), ("sts.googleapis.com", [127, 7, 1, 2])];
        assert_eq!(addresses, expected.map(|(name, address)| (name.to_owned(), address.into())).into());
    }
}
