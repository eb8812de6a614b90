use std::time::{Duration, Instant};

use object_store::{ClientOptions, ObjectStoreExt, gcp::GoogleCloudStorageBuilder, path::Path};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(std::env::var("BUCKET")?)
        .with_base_url(&std::env::var("STORAGE_URL")?)
        .with_client_options(ClientOptions::new())
        .build()?;
    let seconds = std::env::var("REPEAT_SECONDS").map_or(Ok(0), |seconds| seconds.parse())?;
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let object = store.get(&Path::from(std::env::var("OBJECT")?)).await?.bytes().await?;
        println!("{}", String::from_utf8_lossy(&object));
        if Instant::now() >= end {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
