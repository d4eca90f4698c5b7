//! The machine itself: memory, ports, disk, open files, clock.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use remora_control::{Clock, Config};
use remora_protocol::link::PORTS;
use rustix::process::{Resource, getrlimit};

use super::{Finding, capacity, warm};

/// What a host needs at the least: twice what one takes that has a software graphics device and no model, see
/// docs/benchmarks.md.
pub const HOST_MEBIBYTES: u64 = 256;
/// For the database, the logs of hosts, and models that are kept.
const DISK_MEBIBYTES_MIN: u64 = 1024;
/// Of the control plane, besides those of connections.
const FILES_MIN: u64 = 256;
/// A handle and a log of each host, and connections of its client.
const FILES_PER_HOST: u64 = 8;
/// 2026-01-01: nothing that Remora does has happened before.
const EARLIEST_SECONDS: u64 = 1_767_225_600;

pub fn memory(config: &Config) -> Finding {
    const TOPIC: &str = "memory";
    let Some(available) = available_mebibytes() else {
        return Finding::hint(TOPIC, "/proc/meminfo cannot be read", "Remora runs on Linux with /proc mounted.");
    };
    let idle = warm(config);
    let found = format!("{available} MiB are available; a render host without a model takes about {HOST_MEBIBYTES}");
    if idle * HOST_MEBIBYTES > available {
        let advice = format!("{idle} idle hosts are configured (sizes.*.warm); lower that, or add memory.");
        return Finding::missing(TOPIC, found, advice);
    }
    match capacity(config) {
        Some(hosts) if hosts * HOST_MEBIBYTES > available => {
            let advice = format!("The capacity is {hosts} hosts (sizes.*.capacity): not all of them fit.");
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

/// Every host has two.
pub fn host_ports(config: &Config) -> Finding {
    const TOPIC: &str = "host ports";
    let free = PORTS.filter(|&port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()).count() as u64;
    let (first, last) = (PORTS.start(), PORTS.end());
    let found = format!("{free} TCP ports between {first} and {last} are free, two for each host");
    let needed = capacity(config).unwrap_or(1).max(warm(config)).max(1) * 2;
    if free < needed {
        let advice = format!("{needed} are needed; end what uses them, or lower sizes.*.capacity.");
        return Finding::missing(TOPIC, found, advice);
    }
    Finding::fine(TOPIC, found)
}

pub fn disk_space(data_directory: &Path) -> Finding {
    const TOPIC: &str = "disk space";
    let nearest = data_directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(nearest) {
        Ok(file_system) => {
            let free = file_system.f_bavail.saturating_mul(file_system.f_frsize) >> 20;
            let found = format!("{free} MiB are free at {}", nearest.display());
            if free < DISK_MEBIBYTES_MIN {
                let advice =
                    format!("Free some, or choose another --data-dir: {DISK_MEBIBYTES_MIN} MiB are little enough.");
                Finding::missing(TOPIC, found, advice)
            } else {
                Finding::fine(TOPIC, found)
            }
        }
        Err(error) => {
            let found = format!("{} cannot be asked: {error}", nearest.display());
            Finding::hint(TOPIC, found, "Choose another directory with --data-dir.")
        }
    }
}

pub fn open_files(config: &Config) -> Finding {
    const TOPIC: &str = "open files";
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return Finding::fine(TOPIC, "any number");
    };
    let needed = FILES_MIN + FILES_PER_HOST * capacity(config).unwrap_or(1).max(warm(config));
    let found = format!("a process may have {limit}");
    if limit < needed {
        let advice = format!("{needed} are needed for this capacity: ulimit -n {needed}, or LimitNOFILE= of the unit.");
        return Finding::missing(TOPIC, found, advice);
    }
    Finding::fine(TOPIC, found)
}

/// Tokens and certificates are good from one time to another.
pub fn clock() -> Finding {
    const TOPIC: &str = "clock";
    let seconds = Clock::system().now().as_seconds();
    if seconds < EARLIEST_SECONDS {
        let found = format!("it says {seconds} s since 1970, which is in the past");
        return Finding::missing(TOPIC, found, "Set the clock, for instance with: timedatectl set-ntp true");
    }
    Finding::fine(TOPIC, "it says a time that can be")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn config(text: &str) -> Config {
        Config::parse(text).expect("a good configuration")
    }

    #[test]
    fn more_hosts_than_fit_are_told_and_more_idle_ones_are_missing_memory() {
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
    fn a_directory_that_is_not_there_yet_has_the_space_of_its_parent() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let found = disk_space(&directory.path().join("not/yet")).found;
        assert!(found.contains(&directory.path().display().to_string()), "{found}");
    }
}
