//! Serves a router on a socket, at a bounded cost: few connections at once, small buffers, and none stays idle.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

/// Connections at once; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 64;
/// Connections that wait for that at once. With fewer, those of an app that starts many requests together would be lost
/// and tried again by TCP a second later.
const MOST_WAITING: u32 = 1024;
/// For a request's head to come.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// For a request's head to lie in.
const MOST_BUFFER: usize = 16 * 1024;
/// When the process is out of files, accepting again at once would spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens on the first of `addresses` that this machine has.
///
/// # Errors
/// If none can be listened on, such as for a port in use.
pub fn listen(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match listen_on(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MOST_WAITING)
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, router: Router) {
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    connection(stream, router).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        // A client with many connections would keep the others out while its own idle.
        .keep_alive(false)
        .max_buf_size(MOST_BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
