//! The upper limit for a webhook: TLS, read the body, find `request.uid`, allow without a patch.
//!
//! `echo ADDRESS CERTIFICATE KEY`

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::routing::post;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsConfig;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
struct Request<'a> {
    /// The raw JSON, quotes included.
    #[serde(borrow)]
    uid: &'a RawValue,
}

type EchoResponse = ([(header::HeaderName, &'static str); 1], String);

async fn mutate(body: Bytes) -> Result<EchoResponse, StatusCode> {
    let review: Review<'_> = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let uid = review.request.uid.get();
    let response = format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{{"uid":{uid},"allowed":true}}}}"#
    );
    Ok(([(header::CONTENT_TYPE, "application/json")], response))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, certificate, key] = &args[..] else {
        return Err("usage: echo ADDRESS CERTIFICATE KEY".into());
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "a crypto provider is already installed")?;
    let tls = RustlsConfig::from_pem_file(certificate, key).await?;
    let app = Router::new().route("/mutate", post(mutate)).layer(DefaultBodyLimit::max(8 << 20));
    let address: SocketAddr = address.parse()?;
    axum_server::bind_rustls(address, tls)
        .map(|acceptor| acceptor.acceptor(NoDelayAcceptor::new()))
        .serve(app.into_make_service())
        .await?;
    Ok(())
}
