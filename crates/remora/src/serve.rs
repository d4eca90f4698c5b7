//! `remora serve`: a control plane without the page and account of `remora up`.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::Args;
use remora_control::{HostCommand, ServeOptions, Serving};

use crate::{
    configuration::{ConfigurationArguments, HTTPS},
    output, pages, process, shaders, telemetry,
};

/// True if this executable contains the render host.
const IS_HOST: bool = cfg!(feature = "host");

#[derive(Debug, Args)]
#[command(
    after_help = "On SIGTERM the control plane ends and leaves its render hosts running; the next start adopts them."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArguments,
    /// Address of the REST API and the token service, with TLS [default: listen.https, or 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR:PORT")]
    https: Option<SocketAddr>,
    /// Program whose `host` subcommand runs a render host [default: this one]
    #[arg(long, value_name = "FILE", env = "REMORA_HOST_PROGRAM", required = !IS_HOST)]
    host_program: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    let (data_directory, config) = arguments.configuration.load()?;
    let _telemetry = telemetry::start("info", &config.telemetry)?;
    #[cfg(feature = "host")]
    crate::host::warn_of_fence(&config.hosts);
    let program = arguments.host_program.map_or_else(process::own_program, Ok)?;
    let shader_cache = shaders::directory(&data_directory);
    if let Some(directory) = &shader_cache {
        shaders::compile_ahead(&program, &config, directory);
    }
    let options = ServeOptions {
        data_directory,
        https: arguments.https.or(config.listen.https).unwrap_or(HTTPS),
        host_command: HostCommand { program, arguments: vec![OsString::from("host")], shaders: shader_cache },
        assets: Some(pages::assets()),
        config,
    };
    process::run(remora_control::serve(options, introduce, process::asked_to_end()))?.map_err(|error| error.to_string())
}

fn introduce(Serving { endpoint, https, metrics, ca_file }: &Serving) {
    let mut text = format!("Remora serves {endpoint} on {https}; the CA file is {}", ca_file.display());
    if let Some(metrics) = metrics {
        text += &format!("\nMetrics are at http://{metrics}/metrics");
    }
    // A closed standard output must not keep the service from starting.
    let _ = output::line(text);
}
