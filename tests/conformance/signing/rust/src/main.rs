use google_cloud_auth::credentials::{Builder, impersonated};
use google_cloud_storage::builder::storage::SignedUrlBuilder;
use std::{env::var, error::Error, time::Duration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let signer = impersonated::Builder::from_source_credentials(Builder::default().build()?)
        .with_target_principal(var("ACCOUNT")?)
        .build_signer()?;
    let bucket = format!("projects/_/buckets/{}", var("BUCKET")?);
    let url = SignedUrlBuilder::for_object(bucket, var("OBJECT")?)
        .with_expiration(Duration::from_secs(15 * 60))
        .sign_with(&signer)
        .await?;
    println!("{url}");
    Ok(())
}
