use object_store::{ClientOptions, ObjectStoreExt, gcp::GoogleCloudStorageBuilder, path::Path};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(std::env::var("BUCKET")?)
        .with_base_url(&std::env::var("STORAGE_URL")?)
        .with_client_options(ClientOptions::new())
        .build()?;
    let object = store.get(&Path::from(std::env::var("OBJECT")?)).await?.bytes().await?;
    println!("{}", String::from_utf8_lossy(&object));
    Ok(())
}
