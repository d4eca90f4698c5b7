//! Checks of the machine: memory, ports, disk space, open files and clock.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use remora_control::{Clock, Config};
use remora_protocol::link::PORTS;
use rustix::process::{Resource, getrlimit};

use super::{Finding, capacity, warm};

/// Memory that one host needs at least: twice the memory of a host with a software adapter and no model, see
/// docs/benchmarks.md.
pub(crate) const HOST_MEBIBYTES: u64 = 256;
/// Space for the database, the logs of hosts and cached models.
const DISK_MEBIBYTES_MIN: u64 = 1024;
/// Files of the control plane without those of hosts.
const FILES_MIN: u64 = 256;
/// A handle and a log of a host, and connections of its client.
const FILES_PER_HOST: u64 = 8;
/// 2026-01-01; a clock that shows an earlier time is wrong.
const EARLIEST_SECONDS: u64 = 1_767_225_600;

/// Checks the main memory.
pub(crate) fn memory(config: &Config) -> Finding {
    const TOPIC: &str = "memory";
    let Some(available) = available_mebibytes() else {
        return Finding::hint(TOPIC, "/proc/meminfo cannot be read", "Mount /proc; Remora runs on Linux.");
    };
    let idle = warm(config);
    let found = format!("{available} MiB are available; a render host without a model takes about {HOST_MEBIBYTES}");
    if idle * HOST_MEBIBYTES > available {
        let advice = format!("{idle} idle hosts are configured (sizes.*.warm); reduce the number, or add memory.");
        return Finding::missing(TOPIC, found, advice);
    }
    match capacity(config) {
        Some(hosts) if hosts * HOST_MEBIBYTES > available => {
            let advice = format!("The capacity is {hosts} hosts (sizes.*.capacity), which do not all fit.");
            Finding::hint(TOPIC, found, advice)
        }
        _ => Finding::fine(TOPIC, found),
    }
}

fn available_mebibytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024)
}

/// Checks the ports of hosts. Every host uses two.
pub(crate) fn host_ports(config: &Config) -> Finding {
    const TOPIC: &str = "host ports";
    let free = PORTS.filter(|&port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()).count() as u64;
    let (first, last) = (PORTS.start(), PORTS.end());
    let found = format!("{free} TCP ports between {first} and {last} are free, two for each host");
    let needed = capacity(config).unwrap_or(1).max(warm(config)).max(1) * 2;
    if free < needed {
        let advice = format!("{needed} are needed; end the programs that use them, or reduce sizes.*.capacity.");
        return Finding::missing(TOPIC, found, advice);
    }
    Finding::fine(TOPIC, found)
}

/// Checks the free space for the data directory.
pub(crate) fn disk_space(data_directory: &Path) -> Finding {
    const TOPIC: &str = "disk space";
    let nearest = data_directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(nearest) {
        Ok(file_system) => {
            let free = file_system.f_bavail.saturating_mul(file_system.f_frsize) >> 20;
            let found = format!("{free} MiB are free at {}", nearest.display());
            if free < DISK_MEBIBYTES_MIN {
                let advice = format!(
                    "Free some space, or choose another --data-dir; at least {DISK_MEBIBYTES_MIN} MiB are needed."
                );
                Finding::missing(TOPIC, found, advice)
            } else {
                Finding::fine(TOPIC, found)
            }
        }
        Err(error) => {
            let found = format!("the file system of {} cannot be queried: {error}", nearest.display());
            Finding::hint(TOPIC, found, "Choose another directory with --data-dir.")
        }
    }
}

/// Checks the limit of open files.
pub(crate) fn open_files(config: &Config) -> Finding {
    const TOPIC: &str = "open files";
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return Finding::fine(TOPIC, "there is no limit");
    };
    let needed = FILES_MIN + FILES_PER_HOST * capacity(config).unwrap_or(1).max(warm(config));
    let found = format!("a process may open {limit}");
    if limit < needed {
        let advice =
            format!("{needed} are needed for this capacity; set ulimit -n {needed}, or LimitNOFILE= of the unit.");
        return Finding::missing(TOPIC, found, advice);
    }
    Finding::fine(TOPIC, found)
}

/// Checks the clock. Tokens and certificates are valid only for a period of time.
pub(crate) fn clock() -> Finding {
    const TOPIC: &str = "clock";
    let seconds = Clock::system().now().as_seconds();
    if seconds < EARLIEST_SECONDS {
        let found = format!("it shows {seconds} s since 1970, which is in the past");
        return Finding::missing(TOPIC, found, "Set the clock, for instance with: timedatectl set-ntp true");
    }
    Finding::fine(TOPIC, "it shows a plausible time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn config(text: &str) -> Config {
        Config::parse(text).expect("a good configuration")
    }

    #[test]
    fn too_many_hosts_are_a_hint_and_too_many_idle_ones_are_missing_memory() {
        let many = 1_000_000;
        let warm = memory(&config(&format!("[sizes.standard]\nwarm = {many}")));
        assert_eq!(warm.verdict, Verdict::Missing);
        assert!(warm.advice.expect("advice").contains("sizes.*.warm"));
        let room = format!("[sizes.standard]\ncapacity = {many}\n[sizes.premium]\ncapacity = 0");
        assert_eq!(memory(&config(&room)).verdict, Verdict::Hint);
        assert_eq!(host_ports(&config(&room)).verdict, Verdict::Missing);
        assert_eq!(open_files(&config(&room)).verdict, Verdict::Missing);
    }

    #[test]
    fn a_directory_that_does_not_exist_has_the_space_of_its_parent() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let found = disk_space(&directory.path().join("not/yet")).found;
        assert!(found.contains(&directory.path().display().to_string()), "{found}");
    }
}
