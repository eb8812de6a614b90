//! Accepts connections up to a limit, and waits for open ones at shutdown.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::warn;

use crate::http::connection::Connections;
use crate::http::slot_pool::SlotPool;

/// Pause after a failed accept, for example when no file descriptors are left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Serves until the drain closes the listener and the last connection has finished. At most `max_connections` are open
/// at a time; a new one takes the slot of an idle one, and waits if there is none.
pub async fn serve(listener: TcpListener, max_connections: u32, connections: Connections) {
    let slots = SlotPool::new(max_connections);
    let connections = Arc::new(connections);
    // Each connection holds a sender, so that the channel closes with the last one.
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    let mut closing = pin!(connections.drain.closing());
    loop {
        let accept = async {
            let (stream, peer) = listener.accept().await?;
            let (slot, evicts) = slots.open(peer.ip().to_canonical()).await;
            Ok::<_, std::io::Error>((stream, slot, evicts))
        };
        let accepted = tokio::select! {
            biased;
            () = &mut closing => break,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((stream, slot, evicts)) => {
                if evicts {
                    connections.record_eviction();
                }
                let (connections, open) = (Arc::clone(&connections), open.clone());
                tokio::spawn(async move {
                    // Fails if the connection is already closed.
                    let _ = stream.set_nodelay(true);
                    connections.serve(stream, slot).await;
                    drop(open);
                });
            }
            Err(error) => {
                warn!(%error, "failed to accept a connection");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
    drop(listener);
    drop(open);
    all_closed.recv().await;
}
