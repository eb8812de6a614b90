//! Accepts connections up to a limit, and waits for open ones at shutdown.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tracing::warn;

use crate::http::connection::Connections;

/// Pause after a failed accept, for example when no file descriptors are left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Serves until the drain closes the listener and the last connection has finished. At most `max_connections` are
/// accepted at a time; additional ones wait.
pub async fn serve(listener: TcpListener, max_connections: u32, connections: Connections) {
    let slots = Arc::new(Semaphore::new(max_connections as usize));
    let connections = Arc::new(connections);
    let mut closing = pin!(connections.drain.closing());
    loop {
        let accept = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let accepted = tokio::select! {
            biased;
            () = &mut closing => break,
            accepted = accept => accepted,
        };
        match accepted {
            (Ok(slot), Ok((stream, _))) => {
                let connections = Arc::clone(&connections);
                tokio::spawn(async move {
                    // Fails if the connection is already closed.
                    let _ = stream.set_nodelay(true);
                    connections.serve(stream).await;
                    drop(slot);
                });
            }
            (_, Err(error)) => {
                warn!(%error, "failed to accept a connection");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
            // The semaphore is never closed.
            (Err(_), Ok(_)) => break,
        }
    }
    drop(listener);
    let _ = slots.acquire_many(max_connections).await;
}
