//! What the system says of a process, and which CPU one runs on.

use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::load::Error;

/// Keeps this thread, and what it starts from now on, on one CPU.
///
/// # Errors
/// The machine has no such CPU.
pub(crate) fn pin_to_cpu(cpu: usize) -> Result<(), Error> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).map_err(|error| format!("run on CPU {cpu}: {error}").into())
}

/// Resident memory of a process, in MiB.
///
/// # Errors
/// It has ended.
pub(crate) fn resident_mib(pid: u32) -> Result<f64, Error> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// What a process has used of the CPU so far, to the nanosecond.
///
/// # Errors
/// It has ended, or the kernel keeps no such count.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, Error> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let schedstat = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let on_cpu: u64 = schedstat.split_whitespace().next().ok_or("no schedstat")?.parse()?;
        nanoseconds += on_cpu;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The size of a file, in MB.
///
/// # Errors
/// There is none.
pub(crate) fn megabytes(file: &std::path::Path) -> Result<f64, Error> {
    let bytes = u32::try_from(std::fs::metadata(file)?.len())?;
    Ok(f64::from(bytes) / 1e6)
}
