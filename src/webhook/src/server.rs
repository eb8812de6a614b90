//! Connections: accepted within a limit, and waited for at the end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tracing::warn;

use crate::connections::Connections;

/// The pause after a connection could not be accepted, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until the end, and until the last connection has finished. At most so many at a time are let in; further
/// ones wait.
pub async fn serve(listener: TcpListener, max_connections: u32, connections: Connections) {
    let slots = Arc::new(Semaphore::new(max_connections as usize));
    let connections = Arc::new(connections);
    let mut closing = pin!(connections.drain.closing());
    loop {
        let accepting = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let accepted = tokio::select! {
            biased;
            () = &mut closing => break,
            accepted = accepting => accepted,
        };
        match accepted {
            (Ok(slot), Ok((stream, _))) => {
                let connections = Arc::clone(&connections);
                tokio::spawn(async move {
                    // It fails on a connection that is gone already.
                    let _ = stream.set_nodelay(true);
                    connections.serve(stream).await;
                    drop(slot);
                });
            }
            (_, Err(error)) => {
                warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
            // The slots are never closed.
            (Err(_), Ok(_)) => break,
        }
    }
    drop(listener);
    let _ = slots.acquire_many(max_connections).await;
}
