//! `remora host`: one render host, which reads its specification as one line from standard input.

use std::{
    io::BufRead,
    path::Path,
    process::{Command, Stdio},
};

use clap::Args;
use remora_control::{HostsConfig, Telemetry};
use remora_host::{GraphicsOptions, HostOptions};
use remora_protocol::link::{Fence, HostStart};
use serde::{Deserialize, Serialize};

use crate::{output, telemetry};

/// Generous: a specification with two certificates and a key has about 10 kB.
const SPEC_BYTES_MAX: u64 = 1 << 20;
const LOG_LEVEL: &str = "info";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    graphics: GraphicsArguments,
    /// Print the graphics adapter that a host would use, as JSON, and exit
    #[arg(long)]
    probe: bool,
    /// Compile the renderer's shaders, which the graphics driver keeps on disk, and exit
    #[arg(long, conflicts_with = "probe")]
    compile_shaders: bool,
    /// Look for the adapter without the fence
    #[arg(long, requires = "probe")]
    no_fence: bool,
}

/// The output of `--probe`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) adapter: String,
    /// Names of all adapters of the machine.
    pub(crate) adapters: Vec<String>,
    /// The adapter runs on processor cores.
    pub(crate) software: bool,
    /// Memory of the graphics card in bytes; absent on a software adapter and where the driver does not tell.
    #[serde(default)]
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) cores: usize,
}

/// The choice of a graphics adapter.
#[derive(Debug, Args)]
pub(crate) struct GraphicsArguments {
    /// Use only an adapter whose name contains this text
    #[arg(long, env = "REMORA_ADAPTER", value_name = "TEXT")]
    adapter: Option<String>,
}

impl GraphicsArguments {
    pub(crate) fn options(&self) -> GraphicsOptions {
        GraphicsOptions { adapter: self.adapter.clone(), ..GraphicsOptions::default() }
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    let options = HostOptions { graphics: arguments.graphics.options() };
    if arguments.probe || arguments.compile_shaders {
        let _telemetry = telemetry::start(LOG_LEVEL, &Telemetry::default())?;
        return check(&arguments, &options);
    }
    let mut line = String::new();
    std::io::Read::take(std::io::stdin().lock(), SPEC_BYTES_MAX)
        .read_line(&mut line)
        .map_err(|error| format!("standard input cannot be read: {error}"))?;
    let start: HostStart = serde_json::from_str(&line).map_err(|error| {
        format!("a host is started by `remora up`, with its specification on standard input ({error})")
    })?;
    let _telemetry =
        telemetry::start(LOG_LEVEL, &Telemetry { json_logs: start.spec.json_logs, ..Telemetry::default() })?;
    remora_host::run(start, options).map_err(|error| error.to_string())
}

/// Carries out `--probe` and `--compile-shaders`.
fn check(arguments: &Arguments, options: &HostOptions) -> Result<(), String> {
    if arguments.probe {
        if !arguments.no_fence {
            // `doctor` and the log of a host report the state of the fence. This only shows that the driver works in
            // it.
            let _ = remora_host::raise_for_probe();
        }
        return probe(options);
    }
    remora_host::compile_shaders(options).map_err(|error| error.to_string())
}

/// Starts a process that reports which adapter it would use, so that a crash of the graphics driver becomes an error
/// message.
pub(crate) fn ask(program: &Path, adapter: Option<&str>, fence: Fence) -> Result<Probe, String> {
    let output = Command::new(program)
        .args(["host", "--probe"])
        .args((fence == Fence::Off).then_some("--no-fence"))
        .args(adapter.map(|name| format!("--adapter={name}")))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("the graphics adapter could not be asked: {error}"));
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    if fence != Fence::Off && ask(program, adapter, Fence::Off).is_ok() {
        return Err(
            "the graphics driver does not work within the fence around render hosts; hosts.fence = \"off\" in the \
                    configuration removes the fence, and with it the protection from files of unknown origin"
                .to_owned(),
        );
    }
    let complaint = complaint.lines().rev().find_map(|line| line.strip_prefix("remora: "));
    Err(complaint.map_or_else(|| format!("the graphics driver crashed ({})", output.status), str::to_owned))
}

/// Logs a warning if the hosts of this machine cannot be fenced off completely.
pub(crate) fn warn_of_fence(config: &HostsConfig) {
    if config.fence == Fence::Off {
        tracing::warn!("render hosts are not fenced off: hosts.fence is \"off\"");
        return;
    }
    let report = remora_host::try_fence();
    if !report.is_whole() {
        tracing::warn!(%report, "render hosts cannot be fenced off completely on this machine");
    }
}

fn probe(options: &HostOptions) -> Result<(), String> {
    let adapter = remora_host::probe(options).map_err(|error| error.to_string())?;
    let probe = Probe {
        adapter: adapter.to_string(),
        adapters: remora_host::adapter_names(),
        software: adapter.software,
        memory_bytes: adapter.memory_bytes,
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    let text = serde_json::to_string(&probe).map_err(|error| error.to_string())?;
    output::line(text).map_err(|failure| failure.message)
}
