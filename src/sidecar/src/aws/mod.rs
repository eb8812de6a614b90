//! AWS STS: its client and the kinds of its errors.

mod error;
pub mod sts;
