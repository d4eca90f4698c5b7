//! The share of the machine's memory that importing a model may use.
//!
//! ```text
//!   MemAvailable ─────────────────────────────┐
//!   limit − use of each control group above ──┴─ the least ─▶ free
//!   free × 3/5                                      if no other host is importing
//!   free × 3/5 × (2/5) for each host that is        so that all of them together never get more than there is
//! ```
//!
//! Hosts find each other by locks on files in a directory that they share. The kernel releases the locks of a dead
//! host. The kernel's files are opened once and read repeatedly, because a host that is fenced off later may keep open
//! files.

use std::{
    fs::{File, TryLockError},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use remora_scene::ENTITIES_MAX;

/// The free memory that is assumed if it is unknown.
const UNKNOWN_BYTES: u64 = 4 << 30;
/// Upper bound on importing hosts that are counted. The share of one more is negligible.
const SLOTS: usize = 8;
/// Upper bound on the bytes of the kernel's files, which are shorter.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Upper bound on the memory of an entity: a name of 1,024 bytes, and half as much for everything else, of which an
/// entity without a name takes about 360 bytes.
const ENTITY_BYTES_MAX: u64 = 1536;
/// The least limit of entities, so that a host which starts while memory is short still takes most models.
const ENTITIES_MIN: usize = 1 << 18;

/// Divides the memory among imports.
#[derive(Debug)]
pub(crate) struct ImportMemory {
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Fixed {
        bytes_max: u64,
        /// The limit that the operator has set.
        configured_bytes_max: Option<u64>,
    },
    /// A share of the free memory, divided by the other hosts that hold a lock in the directory.
    Free { machine: Machine, directory: Option<PathBuf> },
}

/// The memory that one import may use while it runs.
#[derive(Debug)]
pub(crate) struct MemoryShare {
    /// Upper bound on the memory of the import.
    pub(crate) bytes_max: u64,
    /// The lock by which other hosts count this import.
    _slot: Option<File>,
}

impl ImportMemory {
    /// Returns a fixed limit, which the operator has set.
    pub(crate) fn fixed(bytes_max: u64) -> Self {
        Self { rule: Rule::Fixed { bytes_max, configured_bytes_max: Some(bytes_max) } }
    }

    /// Divides the free memory. All hosts of the machine can write to `directory`; without it this host counts as the
    /// only one.
    pub(crate) fn free(directory: Option<&str>) -> Self {
        let directory = directory.map(PathBuf::from);
        Self { rule: Rule::Free { machine: Machine::open(Path::new("/")), directory } }
    }

    /// Returns a limit that differs from the one that clients are told.
    #[cfg(test)]
    pub(crate) fn telling(bytes_max: u64, configured_bytes_max: Option<u64>) -> Self {
        Self { rule: Rule::Fixed { bytes_max, configured_bytes_max } }
    }

    /// Returns the limit, if the operator has set one.
    pub(crate) fn configured_bytes_max(&self) -> Option<u64> {
        match self.rule {
            Rule::Fixed { configured_bytes_max, .. } => configured_bytes_max,
            Rule::Free { .. } => None,
        }
    }

    /// Returns the number of entities that a scene may have: as many as fit into a quarter of the memory of an import
    /// that is the only one, each as large as a client can make it.
    pub(crate) fn entities_max(&self) -> usize {
        let bytes = match &self.rule {
            Rule::Fixed { bytes_max, .. } => *bytes_max,
            Rule::Free { machine, .. } => share(machine.free_bytes(), 0),
        };
        let fitting = usize::try_from(bytes / 4 / ENTITY_BYTES_MAX).unwrap_or(ENTITIES_MAX);
        fitting.clamp(ENTITIES_MIN, ENTITIES_MAX)
    }

    /// Takes the share of an import that begins now.
    pub(crate) fn take(&self) -> MemoryShare {
        match &self.rule {
            Rule::Fixed { bytes_max, .. } => MemoryShare { bytes_max: *bytes_max, _slot: None },
            Rule::Free { machine, directory } => {
                let (slot, others) = directory.as_deref().map_or((None, 0), take_slot);
                let share = MemoryShare { bytes_max: share(machine.free_bytes(), others), _slot: slot };
                tracing::info!(bytes_max = share.bytes_max, others, "memory for an import");
                share
            }
        }
    }
}

impl MemoryShare {
    /// Returns the bytes that are left when `bytes` of the share are in use already.
    pub(crate) fn less(self, bytes: u64) -> Self {
        Self { bytes_max: self.bytes_max.saturating_sub(bytes), ..self }
    }
}

/// Returns the memory that a process by itself may use, such as `remora convert`.
pub fn memory_bytes_max() -> u64 {
    share(Machine::open(Path::new("/")).free_bytes(), 0)
}

fn share(free_bytes: Option<u64>, others: u32) -> u64 {
    (0..others).fold(free_bytes.map_or(UNKNOWN_BYTES, |bytes| bytes / 5 * 3), |bytes, _| bytes / 5 * 2)
}

/// Locks a slot for this import. Returns the lock and the number of other imports. A host that is counting at the same
/// time may count as importing, which only makes the share smaller.
fn take_slot(directory: &Path) -> (Option<File>, u32) {
    let (mut own, mut others) = (None, 0);
    for number in 0..SLOTS {
        let path = directory.join(format!("importing-{number}.lock"));
        let file = match File::options().create(true).truncate(false).write(true).open(&path) {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "imports of other hosts cannot be counted");
                break;
            }
        };
        match file.try_lock() {
            // Surplus locks are released at once.
            Ok(()) => own = own.or(Some(file)),
            Err(TryLockError::WouldBlock) => others += 1,
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, path = %path.display(), "imports of other hosts cannot be counted");
                break;
            }
        }
    }
    (own, others)
}

/// The kernel's files about the memory that is free for this process.
#[derive(Debug)]
struct Machine {
    meminfo: Option<File>,
    groups: Vec<Group>,
}

/// The files of a control group that the process is in.
#[derive(Debug)]
struct Group {
    limits: Vec<File>,
    usage: File,
    statistics: Option<File>,
    /// The line of the statistics with the memory that is reclaimed when memory is short.
    reclaimable: &'static str,
}

/// The names of a group's files in one version of control groups.
struct Names {
    limits: &'static [&'static str],
    usage: &'static str,
    reclaimable: &'static str,
}

const VERSION_1: Names =
    Names { limits: &["memory.limit_in_bytes"], usage: "memory.usage_in_bytes", reclaimable: "total_inactive_file" };
const VERSION_2: Names =
    Names { limits: &["memory.max", "memory.high"], usage: "memory.current", reclaimable: "inactive_file" };

impl Machine {
    /// Opens the files below `root`, which is `/` except in tests.
    fn open(root: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        let (groups, mounts) = (read("proc/self/cgroup"), read("proc/self/mountinfo"));
        let mut all = Vec::new();
        for line in groups.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            let names = match controllers {
                "" => &VERSION_2,
                some if some.split(',').any(|controller| controller == "memory") => &VERSION_1,
                _ => continue,
            };
            let mount = mounts.lines().find_map(|mount| mounted(mount, controllers.is_empty()));
            let Some((mount_root, mount_point)) = mount else { continue };
            // In a container the path may be relative to the whole tree, while only a part of it is mounted.
            let below = Path::new(path).strip_prefix(mount_root).unwrap_or(Path::new(""));
            let mount_point = root.join(mount_point.trim_start_matches('/'));
            all.extend(below.ancestors().filter_map(|group| Group::open(&mount_point.join(group), names)));
        }
        Self { meminfo: File::open(root.join("proc/meminfo")).ok(), groups: all }
    }

    /// Returns the free memory; `None` if it is unknown.
    fn free_bytes(&self) -> Option<u64> {
        let available = self.meminfo.as_ref().and_then(|file| {
            let text = text(file)?;
            let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
            let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kibibytes * 1024)
        });
        self.groups.iter().filter_map(Group::free_bytes).chain(available).min()
    }
}

/// Returns root and mount point of a mount, if it is the one of memory's control groups.
fn mounted(line: &str, version_2: bool) -> Option<(&str, &str)> {
    let (place, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let is_wanted = match (version_2, kind.next()?) {
        (true, "cgroup2") => true,
        (false, "cgroup") => kind.nth(1)?.split(',').any(|option| option == "memory"),
        _ => false,
    };
    let mut place = place.split(' ').skip(3);
    is_wanted.then_some((place.next()?, place.next()?))
}

impl Group {
    /// Opens the files of a group. Returns `None` if the group does not count memory, such as the root group of version
    /// 2.
    fn open(directory: &Path, names: &Names) -> Option<Self> {
        let open = |name: &str| File::open(directory.join(name)).ok();
        Some(Self {
            limits: names.limits.iter().filter_map(|name| open(name)).collect(),
            usage: open(names.usage)?,
            statistics: open("memory.stat"),
            reclaimable: names.reclaimable,
        })
    }

    /// Returns the memory that is free in the group; `None` if it has no limit.
    fn free_bytes(&self) -> Option<u64> {
        // A group without a limit contains "max".
        let number = |file: &File| text(file)?.trim().parse::<u64>().ok();
        let limit = self.limits.iter().filter_map(number).min()?;
        let reclaimable = self.statistics.as_ref().and_then(|file| {
            let text = text(file)?;
            let line = text.lines().find_map(|line| line.strip_prefix(self.reclaimable)?.strip_prefix(' '))?;
            line.trim().parse::<u64>().ok()
        });
        let used = number(&self.usage)?.saturating_sub(reclaimable.unwrap_or(0));
        Some(limit.saturating_sub(used))
    }
}

/// Returns the current content of a file.
fn text(file: &File) -> Option<String> {
    let mut bytes = vec![0; TEXT_BYTES_MAX];
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(length);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const GIBIBYTE: u64 = 1 << 30;

    /// Creates files like the kernel's, with 20 GiB of available memory.
    fn machine(groups: &str, mounts: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().expect("a temporary directory");
        let meminfo = "MemTotal:       33554432 kB\nMemAvailable:   20971520 kB\n";
        let all = [("proc/meminfo", meminfo), ("proc/self/cgroup", groups), ("proc/self/mountinfo", mounts)];
        for (path, content) in all.iter().chain(files) {
            write(root.path(), path, content);
        }
        let machine = Machine::open(root.path());
        (root, machine)
    }

    fn write(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("it is writable");
        fs::write(path, content).expect("it is writable");
    }

    #[test]
    fn without_control_groups_the_available_memory_of_the_machine_is_free() {
        let (_root, machine) = machine("", "", &[]);
        assert_eq!(machine.free_bytes(), Some(20 * GIBIBYTE));
        let nowhere = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(Machine::open(nowhere.path()).free_bytes(), None);
        assert_eq!(share(None, 0), UNKNOWN_BYTES);
    }

    #[test]
    fn the_tightest_group_of_version_2_decides_and_reclaimable_memory_counts_as_free() {
        let mounts = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let (root, machine) = machine(
            "0::/system.slice/remora.service\n",
            mounts,
            &[
                ("sys/fs/cgroup/system.slice/memory.max", "max\n"),
                ("sys/fs/cgroup/system.slice/memory.high", "8589934592\n"),
                ("sys/fs/cgroup/system.slice/memory.current", "1073741824\n"),
                ("sys/fs/cgroup/system.slice/remora.service/memory.max", "4294967296\n"),
                ("sys/fs/cgroup/system.slice/remora.service/memory.high", "max\n"),
                ("sys/fs/cgroup/system.slice/remora.service/memory.current", "3221225472\n"),
                ("sys/fs/cgroup/system.slice/remora.service/memory.stat", "inactive_file 2147483648\nanon 1\n"),
            ],
        );
        // 4 - (3 - 2) GiB, and 8 - 1 above.
        assert_eq!(machine.free_bytes(), Some(3 * GIBIBYTE));
        // The files are held open, and each read sees their present content.
        write(root.path(), "sys/fs/cgroup/system.slice/memory.current", "8053063680\n");
        assert_eq!(machine.free_bytes(), Some(GIBIBYTE / 2));
        write(root.path(), "sys/fs/cgroup/system.slice/memory.high", "max\n");
        write(root.path(), "sys/fs/cgroup/system.slice/remora.service/memory.max", "max\n");
        assert_eq!(machine.free_bytes(), Some(20 * GIBIBYTE), "without limits, the memory of the machine");
    }

    #[test]
    fn a_container_of_version_1_finds_its_limit_by_its_path_on_the_host() {
        let mounts = "34 30 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n\
                      35 30 0:30 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n";
        let files = [
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "6442450944\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "2147483648\n"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 1073741824\n"),
        ];
        let groups = "5:cpu:/docker/abc\n4:memory:/docker/abc\n0::/\n";
        let (root, machine) = machine(groups, mounts, &files);
        assert_eq!(machine.free_bytes(), Some(5 * GIBIBYTE));
        // In version 1 a missing limit is a number too.
        write(root.path(), "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(machine.free_bytes(), Some(20 * GIBIBYTE));
    }

    #[test]
    fn the_free_memory_of_this_machine_is_known() {
        let free = Machine::open(Path::new("/")).free_bytes().expect("Linux reports it");
        assert!(free > 0 && memory_bytes_max() > 0);
    }

    #[test]
    fn hosts_that_import_at_the_same_time_share_the_free_memory() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (_root, machine) = machine("", "", &[]);
        let rule = Rule::Free { machine, directory: Some(directory.path().to_owned()) };
        let memory = ImportMemory { rule };
        let first = memory.take();
        assert_eq!(first.bytes_max, 12 * GIBIBYTE, "three fifths for the only one");
        let more: Vec<MemoryShare> = (0..20).map(|_| memory.take()).collect();
        assert!(more[0].bytes_max.abs_diff(first.bytes_max / 5 * 2) < 8, "{more:?}");
        let together = more.iter().take(SLOTS).fold(first.bytes_max, |sum, share| sum + share.bytes_max);
        assert!(together <= 20 * GIBIBYTE, "{together}");
        assert!(more[19].bytes_max < GIBIBYTE / 64, "{:?}", more[19]);
        drop((first, more));
        assert_eq!(memory.take().less(GIBIBYTE).bytes_max, 11 * GIBIBYTE, "ended imports do not count");
    }

    #[test]
    fn the_limit_of_entities_follows_the_memory() {
        assert_eq!(ImportMemory::fixed(6 * GIBIBYTE).entities_max(), 1 << 20);
        assert_eq!(ImportMemory::fixed(1).entities_max(), ENTITIES_MIN);
        assert_eq!(ImportMemory::fixed(u64::MAX).entities_max(), ENTITIES_MAX);
        let (_root, machine) = machine("", "", &[]);
        let memory = ImportMemory { rule: Rule::Free { machine, directory: None } };
        assert_eq!(memory.entities_max(), 2 << 20, "12 of 20 GiB may be used");
    }

    #[test]
    fn a_fixed_limit_and_an_unusable_directory_ignore_other_hosts() {
        let fixed = ImportMemory::fixed(5);
        assert_eq!((fixed.take().bytes_max, fixed.take().bytes_max), (5, 5));
        let (_root, machine) = machine("", "", &[]);
        let rule = Rule::Free { machine, directory: Some("/proc/nowhere".into()) };
        assert_eq!(ImportMemory { rule }.take().bytes_max, 12 * GIBIBYTE);
    }
}
