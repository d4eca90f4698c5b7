//! A fleet of processes on this machine.
//!
//! ```text
//!   ensure ─▶ spawn ─▶ pid file on disk ─▶ HostStart on standard input ─▶ the host begins
//!   destroy ─▶ SIGTERM ─▶ (grace) ─▶ SIGKILL ─▶ pid file removed
//! ```
//!
//! A host begins only when it has read its start line, and it gets that line only when its pid file is on disk. After a
//! crash at any instant, [`ProcessFleet::open`] therefore finds every host. Hosts are process groups of their own and
//! survive a crash of the control plane. The pid file is the record that a host has existed. It stays until the host is
//! destroyed, so no host is started twice. Signals go through a process handle, so they never reach another process
//! with a reused number.
//!
//! Several control planes may share the directory. If they start the same host at the same time, one of them creates
//! its pid file, and the processes of the others end without a start line. Each control plane watches the directory for
//! hosts of the others, and notices the end of every process by a handle of its own.

mod directory;
mod shaders;
mod watcher;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use remora_protocol::link::{HostSpec, HostStart};
use remora_session::{HostId, Timestamp};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::pid_file::PidFile;
use super::{Condition, FleetHost, LocalPlacement, ProvisionError, Provisioner, Remains, host_log};
use crate::bell::Bell;
use crate::clock::Clock;
use crate::private_file;

use directory::Directory;
use watcher::Watcher;

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// Time in which a host must take its start line, which fits into the pipe.
const TELL_MAX: Duration = Duration::from_secs(5);

/// Variables that are set to a directory of each host's own. Graphics drivers keep compiled shaders in directories that
/// all programs of a user share, but a host that decodes untrusted files must not write code that other hosts run.
const SCRATCH_VARIABLES: [&str; 4] =
    [SHADER_CACHE_VARIABLES[0], SHADER_CACHE_VARIABLES[1], SHADER_CACHE_VARIABLES[2], "TMPDIR"];

/// Environment variables by which graphics drivers find their directory of compiled shaders.
pub const SHADER_CACHE_VARIABLES: [&str; 3] =
    ["MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH", "XDG_CACHE_HOME"];

/// Makes Mesa keep its cache in three files instead of hundreds, which are faster to copy.
pub const SHADER_CACHE_FORM: [(&str, &str); 1] = [("MESA_DISK_CACHE_SINGLE_FILE", "1")];

/// The command that starts a host. It reads a [`HostStart`] as one line of JSON from standard input.
#[derive(Clone, Debug, Default)]
pub struct HostCommand {
    /// Path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// A shader cache that only trusted processes write; each host begins with a copy.
    pub shaders: Option<PathBuf>,
}

/// Hosts as processes on this machine.
pub struct ProcessFleet {
    known: Arc<Known>,
    command: HostCommand,
    placement: Arc<LocalPlacement>,
    /// Task that watches the directory; ends with the fleet.
    _directory: JoinSet<()>,
}

/// The known hosts of the directory.
struct Known {
    directory: PathBuf,
    clock: Clock,
    bell: Bell,
    hosts: Mutex<BTreeMap<HostId, Process>>,
}

/// State of a host's process.
enum Process {
    /// It has no pid file yet.
    Beginning,
    Running {
        handle: Arc<OwnedFd>,
        asked_to_end_at: Option<Timestamp>,
    },
    Exited {
        how: String,
    },
}

impl Known {
    /// Adopts a host of the directory, unless it is known.
    fn adopt(self: &Arc<Self>, path: &Path) -> Result<(), ProvisionError> {
        let host: Option<HostId> = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if host.as_ref().is_some_and(|host| self.lock().contains_key(host)) {
            return Ok(());
        }
        let file = PidFile::read(path).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "unreadable pid file removed");
            None
        });
        let (Some(host), Some(file)) = (host, file) else {
            return private_file::remove(path).map_err(|source| file_error(path, source));
        };
        match file.open_process().map_err(|source| file_error(path, source))? {
            Some(handle) => {
                tracing::info!(%host, "render host adopted");
                let handle = Arc::new(handle);
                let asked_to_end_at = None;
                self.lock().insert(host.clone(), Process::Running { handle: handle.clone(), asked_to_end_at });
                tokio::spawn(Watcher { host, known: self.clone() }.watch_adopted(handle));
            }
            None => {
                let how = "The render host ended while no control plane watched it.".to_owned();
                self.lock().insert(host, Process::Exited { how });
            }
        }
        Ok(())
    }

    /// Forgets a host whose file is gone, because another control plane has destroyed it.
    fn forget(&self, path: &Path) {
        let host: Option<HostId> = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let Some(host) = host else { return };
        let mut hosts = self.lock();
        if !path.exists() && !matches!(hosts.get(&host), Some(Process::Beginning)) {
            hosts.remove(&host);
        }
    }

    fn exited(&self, host: &HostId, how: String) {
        tracing::info!(%host, how, "render host process ended");
        if let Some(process) = self.lock().get_mut(host) {
            *process = Process::Exited { how };
        }
        self.bell.ring();
    }

    /// Removes what there is of a host that has ended, but for its log.
    fn remove_files(&self, host: &HostId) -> Result<(), ProvisionError> {
        let (scratch, pid) = (self.scratch_path(host), self.pid_path(host));
        match std::fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(&scratch, error)),
            _ => private_file::remove(&pid).map_err(|source| file_error(&pid, source)),
        }
    }

    fn pid_path(&self, host: &HostId) -> PathBuf {
        self.directory.join(format!("{host}.json"))
    }

    fn log_path(&self, host: &HostId) -> PathBuf {
        self.directory.join(format!("{host}.log"))
    }

    /// A host's own directory. Its pid file is there first and goes last, so that no directory is left behind.
    fn scratch_path(&self, host: &HostId) -> PathBuf {
        self.directory.join(format!("{host}.scratch"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<HostId, Process>> {
        self.hosts.lock().expect("nothing panics under this lock")
    }
}

impl ProcessFleet {
    /// Takes over the hosts that other processes have left in the directory, or start there from now on. Needs a
    /// tokio runtime.
    pub fn open(
        directory: &Path,
        command: HostCommand,
        placement: Arc<LocalPlacement>,
        clock: Clock,
        bell: Bell,
    ) -> Result<Self, ProvisionError> {
        let known = Arc::new(Known { directory: directory.to_owned(), clock, bell, hosts: Mutex::default() });
        std::fs::create_dir_all(directory).map_err(|source| file_error(directory, source))?;
        // Watched before it is read, so that nothing falls between.
        let watched = Directory::watch(directory).map_err(|source| file_error(directory, source))?;
        known.read_all()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(watched.follow(known.clone()));
        Ok(Self { known, command, placement, _directory: tasks })
    }

    async fn start(&self, host: &HostId, spec: &HostSpec) -> Result<(), ProvisionError> {
        let scratch = self.known.scratch_path(host);
        let placement = self.placement.place(scratch.to_str().map(str::to_owned), self.known.clock.now())?;
        let start = HostStart { spec: spec.clone(), placement };
        let log_path = self.known.log_path(host);
        let log = host_log::open(&log_path).map_err(|source| file_error(&log_path, source))?;
        let second = log.try_clone().map_err(|source| file_error(&log_path, source))?;
        let mut child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .envs(SCRATCH_VARIABLES.map(|variable| (variable, &scratch)))
            .envs(SHADER_CACHE_FORM)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(second)
            .process_group(0)
            .spawn()
            .map_err(|source| ProvisionError::Start { program: self.command.program.display().to_string(), source })?;
        let handle = match self.record(host, &child) {
            Ok(Some(handle)) => Arc::new(handle),
            Ok(None) => {
                abandon(child).await;
                self.known.lock().remove(host);
                return self.known.adopt(&self.known.pid_path(host));
            }
            Err(error) => {
                abandon(child).await;
                return Err(error);
            }
        };
        let told = tokio::time::timeout(TELL_MAX, async {
            private_file::directory(&scratch)?;
            self.copy_shaders(scratch.clone()).await;
            tell(&mut child, &start).await
        });
        let told = told.await;
        if let Err(source) = told.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            abandon(child).await;
            self.known.remove_files(host)?;
            return Err(ProvisionError::Tell(source));
        }
        self.known.lock().insert(host.clone(), Process::Running { handle, asked_to_end_at: None });
        tokio::spawn(Watcher { host: host.clone(), known: self.known.clone() }.watch_child(child));
        Ok(())
    }

    /// Copies the shader cache. Without it the host compiles its shaders, which takes longer.
    async fn copy_shaders(&self, scratch: PathBuf) {
        let Some(shaders) = self.command.shaders.clone() else { return };
        let copied = tokio::task::spawn_blocking(move || shaders::copy(&shaders, &scratch)).await;
        match copied {
            Ok(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a host starts without compiled shaders");
            }
            _ => {}
        }
    }

    /// Writes the pid file. Returns `None` if another control plane has done so.
    fn record(&self, host: &HostId, child: &Child) -> Result<Option<OwnedFd>, ProvisionError> {
        let path = self.known.pid_path(host);
        let record = || {
            let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
            let file = PidFile::of_child(pid)?;
            let handle = file.open_process()?.ok_or(io::ErrorKind::NotFound)?;
            Ok(file.create(&path)?.then_some(handle))
        };
        record().map_err(|source| file_error(&path, source))
    }

    /// Sends SIGTERM and, after [`GRACE`], SIGKILL. Returns false while the process has not ended.
    fn end(&self, host: &HostId) -> Result<bool, ProvisionError> {
        let mut hosts = self.known.lock();
        let (handle, asked_to_end_at) = match hosts.get_mut(host) {
            Some(Process::Running { handle, asked_to_end_at }) => (handle, asked_to_end_at),
            // It has no handle yet.
            Some(Process::Beginning) => return Ok(false),
            Some(Process::Exited { .. }) | None => return Ok(true),
        };
        let now = self.known.clock.now();
        let signal = match asked_to_end_at {
            None => {
                *asked_to_end_at = Some(now);
                Signal::TERM
            }
            Some(asked) if now.since(*asked) < GRACE => return Ok(false),
            Some(_) => Signal::KILL,
        };
        match pidfd_send_signal(handle, signal) {
            // It has ended, and its watcher has not noticed yet.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(ProvisionError::Signal { host: host.clone(), source: error.into() }),
        }
    }
}

/// Marks a host as being started. Dropping it removes the mark, unless the start has succeeded.
struct Beginning<'a> {
    known: &'a Known,
    host: &'a HostId,
}

impl<'a> Beginning<'a> {
    /// Returns `None` if the host is known.
    fn of(known: &'a Known, host: &'a HostId) -> Option<Self> {
        let mut hosts = known.lock();
        if hosts.contains_key(host) {
            return None;
        }
        hosts.insert(host.clone(), Process::Beginning);
        Some(Self { known, host })
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        let mut hosts = self.known.lock();
        if let Some(Process::Beginning) = hosts.get(self.host) {
            hosts.remove(self.host);
        }
    }
}

impl Provisioner for ProcessFleet {
    fn revision(&self) -> String {
        self.placement.revision()
    }

    fn ensure<'a>(&'a self, host: &'a HostId, spec: &'a HostSpec) -> BoxFuture<'a, Result<(), ProvisionError>> {
        Box::pin(async move {
            let Some(_beginning) = Beginning::of(&self.known, host) else {
                return Ok(());
            };
            self.start(host, spec).await
        })
    }

    fn destroy<'a>(&'a self, host: &'a HostId) -> BoxFuture<'a, Result<Remains, ProvisionError>> {
        Box::pin(async move {
            let path = self.known.pid_path(host);
            if path.exists() {
                self.known.adopt(&path)?;
            }
            if !self.end(host)? {
                return Ok(Remains::Going);
            }
            self.known.remove_files(host)?;
            let living = {
                let mut hosts = self.known.lock();
                hosts.remove(host);
                hosts.len()
            };
            host_log::forget(&self.known.directory, host_log::KEPT_MAX + living)
                .map_err(|source| file_error(&self.known.directory, source))?;
            Ok(Remains::Gone)
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<FleetHost>, ProvisionError>> {
        Box::pin(async move {
            let hosts = self.known.lock();
            let condition = |process: &Process| match process {
                Process::Beginning | Process::Running { .. } => Condition::Running,
                Process::Exited { how } => Condition::Exited { how: how.clone() },
            };
            Ok(hosts.iter().map(|(id, process)| FleetHost { id: id.clone(), condition: condition(process) }).collect())
        })
    }
}

async fn tell(child: &mut Child, start: &HostStart) -> io::Result<()> {
    let mut line = serde_json::to_vec(start).expect("a start is strings and numbers");
    line.push(b'\n');
    let mut input = child.stdin.take().expect("standard input was piped");
    input.write_all(&line).await?;
    input.shutdown().await
}

/// Ends a child that has not received its start line, and waits for it.
async fn abandon(mut child: Child) {
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "a render host that could not be used cannot be ended");
    }
}

fn file_error(path: &Path, source: io::Error) -> ProvisionError {
    ProvisionError::File { path: path.display().to_string(), source }
}
