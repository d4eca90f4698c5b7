//! Hosts as processes of this machine.
//!
//! ```text
//!   ensure ─▶ spawn ─▶ pid file on disk ─▶ HostSpec on standard input ─▶ the host begins
//!   destroy ─▶ SIGTERM ─▶ (grace) ─▶ SIGKILL ─▶ pid file removed
//! ```
//!
//! A host begins only when it has its spec, and it gets that only when its pid file is on disk: after a crash at any
//! instant there is no host that [`ProcessFleet::open`] does not find. Hosts are process groups of their own and are
//! not bound to this process: they survive its crash and are adopted. The pid file is the record that a host has
//! existed; it stays until the host is destroyed, so that no host is ever started twice. Signals go through a process
//! handle, so that they never reach a stranger that got a used number.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use remora_protocol::link::HostSpec;
use remora_session::{HostId, Timestamp};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::process::{Child, Command};

use super::pid_file::PidFile;
use super::{Condition, Doing, FleetHost, ProvisionError, Provisioner, Remains, host_log};
use crate::bell::Bell;
use crate::clock::Clock;
use crate::private_file;

/// What a host has between being asked to end and being ended.
const GRACE: Duration = Duration::from_secs(3);
const LOG_CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// The spec fits into the pipe; a program that has not taken it by then is no render host.
const TELL_MAX: Duration = Duration::from_secs(5);

/// How to start a host; it reads its [`HostSpec`] as one line of JSON from standard input.
#[derive(Clone, Debug)]
pub struct HostCommand {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

pub struct ProcessFleet {
    directory: PathBuf,
    command: HostCommand,
    clock: Clock,
    bell: Bell,
    hosts: Arc<Mutex<BTreeMap<HostId, Process>>>,
}

/// What is known of a host's process.
enum Process {
    Running { handle: Arc<OwnedFd>, asked_to_end_at: Option<Timestamp> },
    Exited { how: String },
}

impl ProcessFleet {
    /// Takes over the hosts that another process has left in the directory. Needs a tokio runtime.
    pub fn open(directory: &Path, command: HostCommand, clock: Clock, bell: Bell) -> Result<Self, ProvisionError> {
        let fleet = Self { directory: directory.to_owned(), command, clock, bell, hosts: Arc::default() };
        std::fs::create_dir_all(directory).map_err(|source| file_error(directory, source))?;
        for entry in std::fs::read_dir(directory).map_err(|source| file_error(directory, source))? {
            let path = entry.map_err(|source| file_error(directory, source))?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => fleet.adopt(&path)?,
                // A crash came before the file was whole, and so before the host was told anything: it has ended.
                Some("new") => private_file::remove(&path).map_err(|source| file_error(&path, source))?,
                _ => {}
            }
        }
        Ok(fleet)
    }

    fn adopt(&self, path: &Path) -> Result<(), ProvisionError> {
        let host: Option<HostId> = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
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
                tokio::spawn(self.watcher(host).watch_adopted(handle));
            }
            None => {
                let how = "The render host ended while the control plane was down.".to_owned();
                self.lock().insert(host, Process::Exited { how });
            }
        }
        Ok(())
    }

    async fn start(&self, host: &HostId, spec: &HostSpec) -> Result<(), ProvisionError> {
        let log_path = self.log_path(host);
        let log = host_log::open(&log_path).map_err(|source| file_error(&log_path, source))?;
        let second = log.try_clone().map_err(|source| file_error(&log_path, source))?;
        let mut child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(second)
            .process_group(0)
            .spawn()
            .map_err(|source| ProvisionError::Start { program: self.command.program.display().to_string(), source })?;
        let handle = match self.record(host, &child) {
            Ok(handle) => Arc::new(handle),
            Err(error) => {
                abandon(child).await;
                return Err(error);
            }
        };
        let told = tokio::time::timeout(TELL_MAX, tell(&mut child, spec)).await;
        if let Err(source) = told.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            abandon(child).await;
            private_file::remove(&self.pid_path(host)).map_err(|source| file_error(&self.pid_path(host), source))?;
            return Err(ProvisionError::Tell(source));
        }
        self.lock().insert(host.clone(), Process::Running { handle, asked_to_end_at: None });
        tokio::spawn(self.watcher(host.clone()).watch_child(child));
        Ok(())
    }

    /// Puts the pid file on disk, before the host is told what to do.
    fn record(&self, host: &HostId, child: &Child) -> Result<OwnedFd, ProvisionError> {
        let path = self.pid_path(host);
        let record = || {
            let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
            let file = PidFile::of_child(pid)?;
            let handle = file.open_process()?.ok_or(io::ErrorKind::NotFound)?;
            file.write(&path)?;
            Ok(handle)
        };
        record().map_err(|source| file_error(&path, source))
    }

    /// Asks a process to end, then makes it. False while it has not ended.
    fn end(&self, host: &HostId) -> Result<bool, ProvisionError> {
        let mut hosts = self.lock();
        let Some(Process::Running { handle, asked_to_end_at }) = hosts.get_mut(host) else {
            return Ok(true);
        };
        let now = self.clock.now();
        let signal = match asked_to_end_at {
            None => {
                *asked_to_end_at = Some(now);
                Signal::TERM
            }
            Some(asked) if now.since(*asked) < GRACE => return Ok(false),
            Some(_) => Signal::KILL,
        };
        match pidfd_send_signal(handle, signal) {
            // Ended, but its watcher has not come round to it yet.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(ProvisionError::Signal { host: host.clone(), source: error.into() }),
        }
    }

    fn watcher(&self, host: HostId) -> Watcher {
        let log = self.log_path(&host);
        Watcher { host, log, clock: self.clock.clone(), bell: self.bell.clone(), hosts: self.hosts.clone() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<HostId, Process>> {
        self.hosts.lock().expect("nothing panics under this lock")
    }

    fn pid_path(&self, host: &HostId) -> PathBuf {
        self.directory.join(format!("{host}.json"))
    }

    fn log_path(&self, host: &HostId) -> PathBuf {
        self.directory.join(format!("{host}.log"))
    }
}

impl Provisioner for ProcessFleet {
    fn ensure<'a>(&'a self, spec: &'a HostSpec) -> Doing<'a, ()> {
        Box::pin(async move {
            let host: HostId = spec.host_id.parse().expect("a spec is made from a host id");
            if self.lock().contains_key(&host) {
                return Ok(());
            }
            self.start(&host, spec).await
        })
    }

    fn destroy<'a>(&'a self, host: &'a HostId) -> Doing<'a, Remains> {
        Box::pin(async move {
            if !self.end(host)? {
                return Ok(Remains::Going);
            }
            let path = self.pid_path(host);
            private_file::remove(&path).map_err(|source| file_error(&path, source))?;
            self.lock().remove(host);
            let living = self.lock().len();
            host_log::forget(&self.directory, host_log::KEPT_MAX + living)
                .map_err(|source| file_error(&self.directory, source))?;
            Ok(Remains::Gone)
        })
    }

    fn list(&self) -> Doing<'_, Vec<FleetHost>> {
        Box::pin(async move {
            let hosts = self.lock();
            let condition = |process: &Process| match process {
                Process::Running { .. } => Condition::Running,
                Process::Exited { how } => Condition::Exited { how: how.clone() },
            };
            Ok(hosts.iter().map(|(id, process)| FleetHost { id: id.clone(), condition: condition(process) }).collect())
        })
    }
}

/// Follows one process to its end.
struct Watcher {
    host: HostId,
    log: PathBuf,
    clock: Clock,
    bell: Bell,
    hosts: Arc<Mutex<BTreeMap<HostId, Process>>>,
}

impl Watcher {
    async fn watch_child(self, mut child: Child) {
        let status = tokio::select! {
            status = child.wait() => status,
            never = self.keep_log_short() => match never {},
        };
        self.exited(match status {
            Ok(status) => describe(status),
            Err(error) => format!("The render host ended; how is not known: {error}."),
        });
    }

    /// The exit status goes to the parent only, which is gone.
    async fn watch_adopted(self, handle: Arc<OwnedFd>) {
        let ended = async {
            // SAFETY: the descriptor stays open and the same: the Arc is immutable and lives in the AsyncFd.
            let readable = unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) }?;
            readable.readable().await.map(|_| ())
        };
        let result = tokio::select! {
            result = ended => result,
            never = self.keep_log_short() => match never {},
        };
        match result {
            Ok(()) => self.exited("The render host ended unexpectedly.".to_owned()),
            Err(error) => tracing::error!(host = %self.host, %error, "the render host cannot be watched"),
        }
    }

    fn exited(&self, how: String) {
        tracing::info!(host = %self.host, how, "render host process ended");
        let mut hosts = self.hosts.lock().expect("nothing panics under this lock");
        if let Some(process) = hosts.get_mut(&self.host) {
            *process = Process::Exited { how };
        }
        drop(hosts);
        self.bell.ring();
    }

    async fn keep_log_short(&self) -> std::convert::Infallible {
        loop {
            self.clock.sleep(LOG_CHECK_INTERVAL).await;
            if let Err(error) = host_log::bound(&self.log) {
                tracing::warn!(log = %self.log.display(), %error, "the host's log cannot be kept short");
            }
        }
    }
}

async fn tell(child: &mut Child, spec: &HostSpec) -> io::Result<()> {
    let mut line = serde_json::to_vec(spec).expect("a spec is strings and numbers");
    line.push(b'\n');
    let mut input = child.stdin.take().expect("standard input was piped");
    input.write_all(&line).await?;
    input.shutdown().await
}

/// Ends a child that has not been told anything, and waits for it.
async fn abandon(mut child: Child) {
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "a render host that could not be used cannot be ended");
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "The render host ended.".to_owned(),
        (Some(code), _) => format!("The render host ended unexpectedly with exit status {code}."),
        (None, Some(signal)) => format!("The render host was ended by signal {signal}."),
        (None, None) => "The render host ended unexpectedly.".to_owned(),
    }
}

fn file_error(path: &Path, source: io::Error) -> ProvisionError {
    ProvisionError::File { path: path.display().to_string(), source }
}
