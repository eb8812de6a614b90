//! Figures of other projects' programs, measured on 2026-11-23 with the same three reviews on an AMD EPYC with two CPUs. The
//! machine differs, so times are relative to the same echo there.

/// A webhook of another project.
struct Peer {
    name: &'static str,
    /// The size of the program, in MB.
    size: f64,
    /// The resident memory at rest, in MiB.
    at_rest: f64,
    /// The median latency at 200 reviews per second, in microseconds.
    p50: f64,
    /// CPU time of a tiny, typical and large review, in microseconds.
    cpu: [Option<f64>; 3],
    /// The most tiny, typical and large reviews per second.
    throughput: [f64; 3],
}

const ECHO: Peer = Peer {
    name: "echo",
    size: 2.29,
    at_rest: 3.81,
    p50: 394.0,
    cpu: [Some(13.7), Some(26.8), Some(86.2)],
    throughput: [67_619.0, 36_663.0, 11_555.0],
};

/// The webhooks of pfnet-research/gcp-workload-identity-federation-webhook, aws/amazon-eks-pod-identity-webhook,
/// Azure/azure-workload-identity and doitintl/gtoken.
const PEERS: [Peer; 4] = [
    Peer {
        name: "pfnet",
        size: 31.3,
        at_rest: 30.0,
        p50: 5260.0,
        cpu: [Some(468.0), Some(1664.0), Some(7482.0)],
        throughput: [2142.0, 601.0, 134.0],
    },
    Peer {
        name: "eks",
        size: 30.1,
        at_rest: 27.3,
        p50: 1044.0,
        cpu: [Some(162.0), Some(534.0), Some(2310.0)],
        throughput: [6139.0, 1878.0, 432.0],
    },
    Peer {
        name: "azure",
        size: 43.0,
        at_rest: 36.2,
        p50: 5176.0,
        cpu: [Some(407.0), Some(1703.0), Some(7126.0)],
        throughput: [2452.0, 588.0, 140.0],
    },
    // It answers no large review within ten seconds.
    Peer {
        name: "gtoken",
        size: 35.1,
        at_rest: 30.1,
        p50: 9_780_781.0,
        cpu: [Some(5155.0), Some(84_474.0), None],
        throughput: [28.9, 11.9, 0.0],
    },
];

/// Returns the sizes of the programs.
pub(crate) fn sizes() -> String {
    describe(|peer| Some(format!("{} MB", peer.size)))
}

/// Returns the resident memory at rest.
pub(crate) fn at_rest() -> String {
    describe(|peer| Some(format!("{} MiB", peer.at_rest)))
}

/// Returns the median latencies.
pub(crate) fn p50() -> String {
    describe(|peer| Some(factor(peer.p50 / ECHO.p50)))
}

/// Returns the CPU time of the fixture with this index.
pub(crate) fn cpu(fixture: usize) -> String {
    describe(|peer| Some(factor(peer.cpu[fixture]? / ECHO.cpu[fixture]?)))
}

/// Returns the throughput of the fixture with this index.
pub(crate) fn throughput(fixture: usize) -> String {
    describe(|peer| Some(format!("{:.4}x", peer.throughput[fixture] / ECHO.throughput[fixture])))
}

/// The sizes of the sidecars.
pub(crate) const SIDECAR_SIZES: &str = "gtoken 13.2 MB, azure 37 MB";

/// The resident memory of the sidecars at rest.
pub(crate) const SIDECAR_AT_REST: &str = "gtoken 16.8 MiB, azure 27.1 MiB";

/// The part of the resident memory of the sidecars that is no page of a file.
pub(crate) const SIDECAR_ANONYMOUS: &str = "gtoken 5.92 MiB, azure 5.37 MiB";

fn describe(figure: impl Fn(&Peer) -> Option<String>) -> String {
    let figures = PEERS.iter().filter_map(|peer| Some(format!("{} {}", peer.name, figure(peer)?)));
    figures.collect::<Vec<_>>().join(", ")
}

fn factor(factor: f64) -> String {
    if factor < 10.0 { format!("{factor:.1}x") } else { format!("{factor:.0}x") }
}
