//! Free ports for programs that take their listen address as an argument.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::error::{Error, Result};

/// First port. The range stays below Linux's ephemeral ports (from 32768), which outgoing connections use.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Returns an unused port of 127.0.0.1 and never returns it again in this process. A port chosen by the kernel could be
/// reassigned before the program listens on it.
///
/// # Errors
/// Returns an error if every port of the range is in use.
pub fn free_address() -> Result<SocketAddr> {
    // Processes that run at the same time start at different offsets.
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let nth = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from(start.wrapping_add(nth) % u32::from(COUNT)).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(Error::new("every port from 10000 to 29999 of 127.0.0.1 is in use"))
}

/// Returns the first of `count` consecutive ports as [`free_address`] returns them.
///
/// # Errors
/// Returns an error if every port of the range is in use.
pub fn free_ports(count: u16) -> Result<u16> {
    let (mut first, mut length) = (free_address()?.port(), 1);
    while length < count {
        let next = free_address()?.port();
        (first, length) = if next == first + length { (first, length + 1) } else { (next, 1) };
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn free_address_returns_each_port_once() {
        let used = free_address().unwrap();
        let _listener = TcpListener::bind(used).unwrap();
        let returned: HashSet<_> = (0..1_000).map(|_| free_address().unwrap()).collect();
        assert_eq!(returned.len(), 1_000);
        assert!(!returned.contains(&used));
        assert!(returned.iter().all(|address| (FIRST..FIRST + COUNT).contains(&address.port())));
    }
}
