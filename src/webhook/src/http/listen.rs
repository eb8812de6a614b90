//! Listening sockets, on nodes with and without IPv6.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Listens on an address. On a node without IPv6, all IPv4 addresses replace `[::]`.
///
/// # Errors
/// Returns an error if no socket can be bound, for example because the port is in use.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind_first(&candidates(address)).await
}

/// Binds the first of the addresses that can be bound.
async fn bind_first(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    TcpListener::bind(addresses).await // Tokio tries one after the other.
}

/// Returns the addresses to try, in this order.
fn candidates(address: SocketAddr) -> Vec<SocketAddr> {
    let fallback = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    let is_any_ipv6 = address.ip() == Ipv6Addr::UNSPECIFIED;
    [address].into_iter().chain(is_any_ipv6.then_some(fallback)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::all_addresses("[::]:9443", &["[::]:9443", "0.0.0.0:9443"])]
    #[case::one_ipv6_address("[::1]:9443", &["[::1]:9443"])]
    #[case::ipv4("0.0.0.0:9443", &["0.0.0.0:9443"])]
    fn only_all_ipv6_addresses_have_a_replacement(#[case] address: &str, #[case] expected: &[&str]) {
        let found: Vec<_> = candidates(address.parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    /// Without IPv6 in the kernel, no IPv6 socket can be bound, like this one of an address that no machine has.
    #[tokio::test]
    async fn second_address_is_used_if_the_first_cannot_be_bound() {
        let addresses: [SocketAddr; 2] = ["[2001:db8::1]:0", "127.0.0.1:0"].map(|text| text.parse().unwrap());
        assert!(bind_first(&addresses[..1]).await.is_err());
        let listener = bind_first(&addresses).await.unwrap();
        assert!(listener.local_addr().unwrap().is_ipv4());
    }

    #[tokio::test]
    async fn used_port_is_an_error() {
        let first = listen("[::]:0".parse().unwrap()).await.unwrap();
        assert!(listen(first.local_addr().unwrap()).await.is_err());
    }
}
