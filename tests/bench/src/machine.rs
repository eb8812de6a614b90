//! Resource usage of processes, CPU pinning, and file sizes.

use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::error::Error;

/// Pins this thread, and the threads and processes that it starts later, to one CPU.
///
/// # Errors
/// Returns an error if the machine has no such CPU.
pub(crate) fn pin_to_cpu(cpu: usize) -> Result<(), Error> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).map_err(|error| format!("failed to pin to CPU {cpu}: {error}").into())
}

/// Returns the resident memory of a process, in MiB.
///
/// # Errors
/// Returns an error if the process has exited.
pub(crate) fn resident_mib(pid: u32) -> Result<f64, Error> {
    status_mib(pid, "VmRSS:")
}

/// Returns the resident memory of a process that is no page of a file, in MiB.
///
/// # Errors
/// Returns an error if the process has exited.
pub(crate) fn anonymous_mib(pid: u32) -> Result<f64, Error> {
    status_mib(pid, "RssAnon:")
}

/// Returns the peak of the resident memory of a process, in MiB.
///
/// # Errors
/// Returns an error if the process has exited.
pub(crate) fn peak_resident_mib(pid: u32) -> Result<f64, Error> {
    status_mib(pid, "VmHWM:")
}

/// Begins a new peak of the resident memory of a process.
///
/// # Errors
/// Returns an error if the process has exited.
pub(crate) fn reset_peak_resident(pid: u32) -> Result<(), Error> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

fn status_mib(pid: u32, field: &str) -> Result<f64, Error> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .ok_or_else(|| format!("missing {field} in /proc/PID/status"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// Returns the CPU time of a process so far, to the nanosecond.
///
/// # Errors
/// Returns an error if the process has exited, or if the kernel does not count CPU time.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, Error> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let schedstat = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let on_cpu: u64 = schedstat.split_whitespace().next().ok_or("empty schedstat")?.parse()?;
        nanoseconds += on_cpu;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Returns the size of a file, in MB.
///
/// # Errors
/// Returns an error if the file does not exist.
pub(crate) fn megabytes(file: &std::path::Path) -> Result<f64, Error> {
    let bytes = u32::try_from(std::fs::metadata(file)?.len())?;
    Ok(f64::from(bytes) / 1e6)
}
