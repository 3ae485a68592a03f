//! What a process has used so far, and stopping and continuing it as a frozen sandbox is.

use std::fs;
use std::time::Duration;

use callgate_tests::{HarnessError, Result};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// The processor time of all its threads, to the nanosecond.
pub(crate) fn cpu(process_id: u32) -> Result<Duration> {
    Ok(Duration::from(clock_gettime(clock_getcpuclockid(pid(process_id)?)?)?))
}

/// The most memory it ever had, in bytes.
pub(crate) fn peak_memory(process_id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process_id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| HarnessError::new("the system does not say how much memory it has"))
}

/// Stops it, and waits until it stands still. It must be a child of this process.
pub(crate) fn freeze(process_id: u32) -> Result<()> {
    let pid = pid(process_id)?;
    kill(pid, Signal::SIGSTOP)?;
    match waitpid(pid, Some(WaitPidFlag::WUNTRACED))? {
        WaitStatus::Stopped(..) => Ok(()),
        other => Err(HarnessError::new(format!("it did not stop: {other:?}"))),
    }
}

/// Lets it go on.
pub(crate) fn thaw(process_id: u32) -> Result<()> {
    Ok(kill(pid(process_id)?, Signal::SIGCONT)?)
}

fn pid(process_id: u32) -> Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(process_id)?))
}
