//! Ports for programs that are told where to listen.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::error::{Failure, Result};

/// Below Linux's ports for outgoing connections (32768 and on), which come and go by the thousand.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 that nobody uses now, and that this process gives to nobody else: between here and the program
/// that listens on it, a port that the kernel chose could go to another.
///
/// # Errors
/// There is none.
pub fn free_address() -> Result<SocketAddr> {
    // Processes that run at the same time begin at different places.
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let nth = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from(begin.wrapping_add(nth) % u32::from(COUNT)).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(Failure::new("every port from 10000 to 29999 of 127.0.0.1 is in use"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let taken = free_address().unwrap();
        let _listener = TcpListener::bind(taken).unwrap();
        let given: HashSet<_> = (0..1_000).map(|_| free_address().unwrap()).collect();
        assert_eq!(given.len(), 1_000);
        assert!(!given.contains(&taken));
        assert!(given.iter().all(|address| (FIRST..FIRST + COUNT).contains(&address.port())));
    }
}
