//! Writes an object, reads it and lists its folder, with the credentials that `OpenDAL` finds.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use opendal::Operator;
use opendal::services::Gcs;

#[tokio::main]
async fn main() {
    if let Err(error) = run().await {
        eprintln!("Error: {error}");
        std::process::exit(1);
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let bucket = Gcs::default().bucket(&env::var("BUCKET")?).root(&env::var("RUN")?);
    let operator = Operator::new(bucket)?;
    operator.write("sales.csv", "id,price\n1,10\n").await?;
    let seconds = env::var("REPEAT_SECONDS").map_or(Ok(0), |seconds| seconds.parse())?;
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let content = operator.read("sales.csv").await?.to_vec();
        for entry in operator.list("").await? {
            println!("listed {}", entry.path());
        }
        println!("{} bytes", content.len());
        if Instant::now() >= end {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
