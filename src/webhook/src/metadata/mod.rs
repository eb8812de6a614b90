//! Metadata of service accounts and namespaces: cached by a reflector, or read live from the API server.

pub mod cache;
pub mod lookup;
pub mod object_key;
pub mod reader;
pub mod reflector;
pub mod turns;
