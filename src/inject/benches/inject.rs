//! Benchmarks of the webhook's work on a review, from its bytes to the patch's text, for three pods from an API server.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot start has no result")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rolebridge_inject::{Context, Decision, Defaults, ObjectMetadata, Pod, admit};
use serde::Deserialize;

const REVIEWS: &[(&str, &str)] = &[
    ("tiny", include_str!("../../../tests/fixtures/reviews/tiny.json")),
    ("typical", include_str!("../../../tests/fixtures/reviews/typical.json")),
    ("large", include_str!("../../../tests/fixtures/reviews/large.json")),
];

const DEFAULTS: &str = "settings:
  provider: projects/123456/locations/global/workloadIdentityPools/pool/providers/prod
  service-account: batch@project.iam.gserviceaccount.com
  aws-region: eu-west-1
";

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
struct Request<'a> {
    namespace: &'a str,
    #[serde(borrow)]
    object: Pod<'a>,
}

/// The minimum that any webhook must read.
#[derive(Deserialize)]
struct Minimum<'a> {
    #[serde(borrow)]
    request: Uid<'a>,
}

#[derive(Deserialize)]
struct Uid<'a> {
    uid: &'a str,
}

fn decode(review: &str) -> Request<'_> {
    serde_json::from_str::<Review<'_>>(review).expect("a review").request
}

fn inject(c: &mut Criterion) {
    let defaults = Defaults::from_yaml(DEFAULTS).expect("defaults");
    let role = ("eks.amazonaws.com/role-arn", "arn:aws:iam::123456789012:role/batch");
    let service_account = ObjectMetadata::new([role], []);
    let namespace = ObjectMetadata::new([], [("rolebridge.io/inject", "enabled")]);
    let decide = |request: &Request<'_>| {
        let context = Context {
            namespace: request.namespace,
            service_account: Some(&service_account),
            namespace_metadata: Some(&namespace),
            defaults: &defaults,
        };
        let Decision::Patch(patch) = admit(&request.object, &context).decision else {
            panic!("the pod is not injected")
        };
        patch
    };
    let mut group = c.benchmark_group("inject");
    for (name, review) in REVIEWS {
        group.throughput(Throughput::Bytes(review.len() as u64));
        group.bench_with_input(BenchmarkId::new("floor", name), review, |b, review| {
            b.iter(|| black_box(serde_json::from_str::<Minimum<'_>>(review).expect("a review").request.uid));
        });
        group.bench_with_input(BenchmarkId::new("decode", name), review, |b, review| {
            b.iter(|| black_box(decode(review)));
        });
        let request = decode(review);
        group.bench_with_input(BenchmarkId::new("decide", name), &request, |b, request| {
            b.iter(|| black_box(decide(request)));
        });
        group.bench_with_input(BenchmarkId::new("whole", name), review, |b, review| {
            b.iter(|| black_box(decide(&decode(review))));
        });
    }
    group.finish();
}

criterion_group!(benches, inject);
criterion_main!(benches);
