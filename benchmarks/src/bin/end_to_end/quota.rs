//! A limit on processor time like that of a small Lambda function, by a control group of the system.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use callgate_tests::Result;

/// What a function of 256 MB gets of a processor: 256 of the 1769 MB that come with a whole one.
pub(crate) const SHARE_PERCENT: u32 = 14;
const PERIOD_US: u32 = 20_000;

/// A group for one process, which gets [`SHARE_PERCENT`] of one processor; dropping it removes it. Each process has a group
/// of its own, since what one uses too much is taken off the next period of its group.
#[derive(Debug)]
pub(crate) struct Quota {
    group: PathBuf,
}

impl Quota {
    /// Makes the group. `None`: this machine, or this user, has none to make.
    pub(crate) fn new() -> Option<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("callgate-benchmarks-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let limit_us = PERIOD_US * SHARE_PERCENT / 100;
        let first = Path::new("/sys/fs/cgroup/cpu");
        let group = if first.join("cpu.cfs_quota_us").exists() { first } else { Path::new("/sys/fs/cgroup") };
        let quota = Self { group: group.join(name) };
        fs::create_dir(&quota.group).ok()?;
        let limited = if group == first {
            fs::write(quota.group.join("cpu.cfs_period_us"), PERIOD_US.to_string())
                .and_then(|()| fs::write(quota.group.join("cpu.cfs_quota_us"), limit_us.to_string()))
        } else {
            fs::write(quota.group.join("cpu.max"), format!("{limit_us} {PERIOD_US}"))
        };
        limited.ok().map(|()| quota)
    }

    /// Puts the process under the limit, from now on.
    pub(crate) fn limit(&self, process_id: u32) -> Result<()> {
        Ok(fs::write(self.group.join("cgroup.procs"), process_id.to_string())?)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // A group goes once its process is gone, and that has been waited for.
        drop(fs::remove_dir(&self.group));
    }
}
