//! The cost of a signature, which each pod makes every two minutes.

use std::hint::black_box;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use criterion::{Criterion, criterion_group, criterion_main};
use rolebridge_sidecar::sign::sign;

const AUDIENCE: &str = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/POOL_ID/providers/PROVIDER_ID";

fn bench(c: &mut Criterion) {
    // AWS's session tokens have about a thousand characters.
    let session_token = "IQoJb3JpZ2luX2VjEJr//////////".repeat(34);
    let credentials = Credentials::new(
        "ASIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        Some(session_token),
        None,
        "bench",
    );
    let now = SystemTime::now();
    c.bench_function("sign", |b| b.iter(|| sign(black_box(&credentials), AUDIENCE, "eu-west-1", now)));
}

criterion_group!(benches, bench);
criterion_main!(benches);
