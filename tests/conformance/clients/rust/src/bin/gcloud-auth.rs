use std::time::{Duration, Instant};

use gcloud_auth::{project::Config, token::DefaultTokenSourceProvider};
use token_source::TokenSourceProvider;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let scopes = ["https://www.googleapis.com/auth/cloud-platform"];
    let provider = DefaultTokenSourceProvider::new(Config::default().with_scopes(&scopes)).await?;
    let seconds = std::env::var("REPEAT_SECONDS").map_or(Ok(0), |seconds| seconds.parse())?;
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let token = provider.token_source().token().await.map_err(|error| error.to_string())?;
        let request = reqwest::Client::new().get(std::env::var("URL")?).header("authorization", token);
        println!("{}", request.send().await?.error_for_status()?.text().await?);
        if Instant::now() >= end {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
