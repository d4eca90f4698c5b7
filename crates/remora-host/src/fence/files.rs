//! The files that a render host may use. It cannot open any other, and it may execute none.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, make_bitflags,
};
use remora_convert::{Cache, files_beside};
use remora_protocol::link::Placement;

use super::error::FenceError;

/// The version of Landlock whose rights are requested. An older kernel enforces the rights that it knows.
const ABI_WANTED: ABI = ABI::V6;
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const DEVICE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | IoctlDev});
const OWN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir
});
/// Rights that make sense for something that is not a directory.
const OF_A_FILE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | IoctlDev});

/// Libraries, drivers and the files that they read at their start; name resolution; certificates of authorities.
/// Secrets of the machine, such as `/etc/ssl/private`, are not among them.
const SYSTEM: &[&str] = &[
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/run/opengl-driver",
    "/opt/amdgpu",
    "/opt/amdgpu-pro",
    "/opt/rocm",
    "/sys",
    // The kernel protects other processes' secrets in it: a process behind Landlock cannot trace processes outside.
    "/proc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/vulkan",
    "/etc/glvnd",
    "/etc/egl",
    "/etc/drirc",
    "/etc/nvidia",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/var/lib/ca-certificates",
];
/// Paths below the home directory that the Vulkan loader reads too.
const SYSTEM_AT_HOME: [&str; 2] = [".local/share/vulkan", ".config/vulkan"];
/// Environment variables with paths that the operator adds for the driver, the dynamic linker and TLS.
const VARIABLES: [&str; 8] = [
    "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "VK_ADD_DRIVER_FILES",
    "VK_LAYER_PATH",
    "VK_ADD_LAYER_PATH",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
const DEVICES: [&str; 9] = [
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/dev/dri",
    "/dev/kfd",
    "/dev/dxg",
    "/dev/udmabuf",
    "/dev/dma_heap",
];
/// Prefixes of names in `/dev`: NVIDIA's cards and systems on a chip, and Arm's graphics.
const DEVICE_FAMILIES: [&str; 4] = ["nvidia", "nvhost", "nvmap", "mali"];
const SHARED_MEMORY: &str = "/dev/shm";
/// Upper bound on the manifest of a Vulkan driver, which has about 200 bytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// The paths that a host may use. Paths that do not exist are left out.
#[derive(Debug, Default)]
pub(super) struct Access {
    read: Vec<PathBuf>,
    devices: Vec<PathBuf>,
    own: Vec<PathBuf>,
}

impl Access {
    /// Returns the files that a graphics driver and the network need without a session.
    pub(super) fn of_the_system() -> Self {
        let mut read: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        if let Some(home) = std::env::var_os("HOME") {
            read.extend(SYSTEM_AT_HOME.map(|path| Path::new(&home).join(path)));
        }
        read.extend(std::env::current_exe());
        for variable in VARIABLES.iter().filter_map(std::env::var_os) {
            read.extend(named(&variable));
        }
        let mut devices: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
        for entry in std::fs::read_dir("/dev").into_iter().flatten().flatten() {
            let name = entry.file_name();
            if DEVICE_FAMILIES.iter().any(|family| name.to_string_lossy().starts_with(family)) {
                devices.push(entry.path());
            }
        }
        Self { read, devices, own: vec![SHARED_MEMORY.into()] }
    }

    /// Returns the files of the system, and those that the placement names: the operator's models with the files beside
    /// them, the cache, and the host's own directory.
    pub(super) fn of(placement: &Placement) -> Self {
        let mut access = Self::of_the_system();
        for model in placement.model_files.iter().map(Path::new) {
            // A model that cannot be read is reported to the client that asks for it.
            access.read.extend(files_beside(model).unwrap_or_default());
            access.read.push(model.to_owned());
        }
        if let Some(cache) = &placement.cache_directory {
            // Landlock refers to directories that exist, and this one may have been deleted since the service created
            // it. An error is reported when the host opens the cache.
            let _ = Cache::create_directory(Path::new(cache));
        }
        for directory in placement.cache_directory.iter().chain(&placement.scratch_directory) {
            access.allow_own(Path::new(directory));
        }
        access
    }

    /// Allows full use of a directory.
    pub(super) fn allow_own(&mut self, directory: &Path) {
        self.own.push(directory.to_owned());
    }
}

/// Returns the paths in a list, and the directories of the drivers whose manifests are among them.
fn named(list: &OsStr) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::env::split_paths(list).filter(|path| path.is_absolute()).collect();
    let libraries: Vec<PathBuf> = paths.iter().filter_map(|path| library_directory(path)).collect();
    paths.extend(libraries);
    paths
}

fn library_directory(manifest: &Path) -> Option<PathBuf> {
    let small = manifest.metadata().ok().filter(|file| file.is_file() && file.len() <= MANIFEST_BYTES_MAX);
    small?;
    let manifest_json: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).ok()?).ok()?;
    let library = Path::new(manifest_json["ICD"]["library_path"].as_str()?);
    // A bare name is searched where all libraries are.
    let directory = library.parent().filter(|directory| !directory.as_os_str().is_empty())?;
    Some(manifest.parent()?.join(directory))
}

/// Restricts this thread and the threads that it starts.
pub(super) fn restrict(access: &Access) -> Result<(), FenceError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI_WANTED))?
        .scope(Scope::from_all(ABI_WANTED))?
        .create()?;
    for (paths, rights) in [(&access.read, READ), (&access.devices, DEVICE), (&access.own, OWN)] {
        for path in paths {
            let Ok(opened) = PathFd::new(path) else { continue };
            let rights = if path.is_dir() { rights } else { rights & OF_A_FILE };
            ruleset = ruleset.add_rule(PathBeneath::new(opened, rights))?;
        }
    }
    match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err(FenceError::NoLandlock),
    }
}
