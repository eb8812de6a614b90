//! The sidecar: it turns the pod's projected token into an AWS session, signs with it, and keeps the subject token
//! that the app's Google library reads fresh.
//!
//! What decides is pure and takes the clock as an argument ([`sign`], [`schedule`], [`state`], [`fault`]); what does
//! IO stands around it. Data flows one way: [`web_identity`] -> [`credentials`] -> [`proof`] -> [`sign`] -> [`publish`] and
//! [`loopback`], driven by [`refresh`]; for the metadata source on to [`google`] -> [`tokens`] -> [`metadata`] and
//! [`outputs`]; put together by [`run`].

pub mod board;
mod call;
pub mod classify;
pub mod clock;
pub mod command;
pub mod credentials;
pub mod doctor;
pub mod fault;
pub mod google;
mod hex;
pub mod http_client;
pub mod json_web_token;
pub mod local;
pub mod log;
pub mod loopback;
pub mod metadata;
pub mod metrics;
pub mod outputs;
pub mod proof;
pub mod publish;
pub mod ready;
pub mod refresh;
pub mod run;
pub mod schedule;
pub mod scopes;
pub mod secret;
pub mod serve;
pub mod session_token;
pub mod settings;
pub mod sign;
pub mod state;
pub mod subject_token;
pub mod tokens;
pub mod web_identity;
