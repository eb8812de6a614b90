use std::time::{Duration, Instant};

use google_cloud_auth::credentials::{Builder, CacheableResource};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let credentials = Builder::default().build()?;
    let seconds = std::env::var("REPEAT_SECONDS").map_or(Ok(0), |seconds| seconds.parse())?;
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let CacheableResource::New { data, .. } = credentials.headers(http::Extensions::new()).await? else {
            return Err("no headers".into());
        };
        let response = reqwest::Client::new().get(std::env::var("URL")?).headers(data).send().await?;
        println!("{}", response.error_for_status()?.text().await?);
        if Instant::now() >= end {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
