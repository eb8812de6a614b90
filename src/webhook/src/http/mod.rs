//! HTTPS server: accepts connections, terminates TLS, routes requests and drains at shutdown.

pub mod cert_resolver;
pub mod connection;
pub mod drain;
pub mod listen;
pub mod router;
pub mod server;
pub mod slot_pool;
pub mod slots;
pub mod tls;
mod tracked_body;
