//! `remora up`: starts everything on this machine.

use std::{ffi::OsString, io::IsTerminal as _, net::SocketAddr};

use clap::Args;
use remora_control::{Connection, HostCommand, UpOptions};
use remora_host::EngineDetail;
use remora_import::file_kinds;

use crate::{
    configuration::{ConfigurationArguments, HTTP, HTTPS},
    host::{self, Probe},
    output, pages, process, shaders, telemetry,
};

mod share;

/// Triangles of the engine per core on a machine without a graphics card, chosen for fluent motion.
const TRIANGLES_PER_CORE: u64 = 100_000;
/// Triangles of the engine on a graphics card, limited by the time until the model is shown.
const TRIANGLES_ON_A_GRAPHICS_CARD: u64 = 2_000_000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArguments,
    /// Serve other machines too, on all addresses, under NAME [default: listen.name, or this machine's own name and
    /// addresses]
    #[arg(long, value_name = "NAME")]
    #[expect(clippy::option_option, reason = "the flag may be absent, alone, or followed by a name")]
    share: Option<Option<String>>,
    /// Address of the web page, REST API and token service, with TLS
    /// [default: listen.https, or 127.0.0.1:8443; with --share [::]:8443]
    #[allow(rustdoc::broken_intra_doc_links, reason = "this is a help text, which names an address")]
    #[arg(long, value_name = "ADDR:PORT")]
    https: Option<SocketAddr>,
    /// Loopback address of the web page and the API without TLS, for browsers on this machine
    /// [default: listen.http, or 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    #[arg(long = "model", value_name = "FILE.glb", help = format!(
        "Model (.arrAsset, {}) as a file or an address, for the list of the page; may be given several times, and the \
         first is shown at the start",
        file_kinds("or")
    ))]
    models: Vec<String>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), String> {
    let (data_directory, mut config) = arguments.configuration.load()?;
    let mut https = arguments.https.or(config.listen.https).unwrap_or(HTTPS);
    if let Some(name) = arguments.share {
        https = share::everywhere(https);
        config.listen.name = share::name(name)?.or(config.listen.name);
    }
    let _telemetry = telemetry::start("warn", &config.telemetry)?;
    let program = process::own_program()?;
    host::warn_of_fence(&config.hosts);
    let probe = host::ask(&program, None, config.hosts.fence)?;
    let shader_cache = shaders::directory(&data_directory);
    if let Some(directory) = &shader_cache {
        shaders::compile_ahead(&program, &config, directory);
    }
    let is_certified = config.listen.certificate.is_some() || config.acme.directory_url.is_some();
    let options = UpOptions {
        data_directory,
        https,
        http: arguments.http.or(config.listen.http).unwrap_or(HTTP),
        models: arguments.models,
        engine_triangles: fluent_triangles(&probe),
        assets: pages::assets(),
        config,
        host_command: HostCommand { program, arguments: vec![OsString::from("host")], shaders: shader_cache },
    };
    process::run(async {
        let shutdown = process::asked_to_end();
        remora_control::up(options, |connection| introduce(connection, &probe, is_certified), shutdown).await
    })?
    .map_err(|error| error.to_string())
}

/// Returns the detail of the demo engine that suits this machine.
fn fluent_triangles(probe: &Probe) -> u64 {
    let triangles = if probe.software { TRIANGLES_PER_CORE * probe.cores as u64 } else { TRIANGLES_ON_A_GRAPHICS_CARD };
    triangles.clamp(EngineDetail::TRIANGLES_MIN, EngineDetail::TRIANGLES_MAX)
}

/// Prints everything that a newcomer needs. Keys and secrets are shown only on a terminal, because other output is a
/// log that others may read.
fn introduce(connection: &Connection, probe: &Probe, is_certified: bool) {
    let text = introduction(connection, probe, is_certified, std::io::stdout().is_terminal());
    // A closed standard output must not keep the service from starting.
    let _ = output::line(text);
}

fn introduction(connection: &Connection, probe: &Probe, is_certified: bool, for_people: bool) -> String {
    let Connection { endpoint, sts_endpoint, portal, account_id, account_key, ca_file, .. } = connection;
    let (ca, file) = (ca_file.display(), ca_file.with_file_name("connection.json"));
    let software =
        if probe.software { ": no graphics card is in use, so frames are smaller while something moves" } else { "" };
    let renders = format!("{}{software}", probe.adapter);
    if !for_people {
        let (page, _secret) = portal.split_once('#').unwrap_or((portal, ""));
        return format!(
            "Remora is up at {page} and {endpoint}, account {account_id}, renders on {renders}. The address that signs \
             in and the key are in {}{}",
            file.display(),
            share::introduction(connection, is_certified).trim_end()
        );
    }
    format!(
        "
Remora is up. Open this in a browser on this machine:

    {portal}

  account   {account_id}
  key       {account_key}
  CA file   {ca}
  renders   on {renders}
{}
Create a session from a script:

  token=$(curl -s --cacert '{ca}' -H 'Authorization: Bearer {account_id}:{account_key}' \\
    '{sts_endpoint}/accounts/{account_id}/token' | sed 's/.*\"AccessToken\":\"\\([^\"]*\\)\".*/\\1/')
  curl --cacert '{ca}' -X PUT -H \"Authorization: Bearer $token\" -H 'Content-Type: application/json' \\
    -d '{{\"maxLeaseTimeMinutes\":60,\"size\":\"Standard\"}}' \\
    '{endpoint}/accounts/{account_id}/sessions/my-session?api-version=2021-01-01'

Ctrl-C stops everything.
",
        share::introduction(connection, is_certified)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_sees_the_key_and_the_secret() {
        let connection = Connection {
            endpoint: "https://localhost:8443".into(),
            sts_endpoint: "https://localhost:8443".into(),
            account_domain: "localhost:8443".into(),
            portal: "http://localhost:8080/#the-secret".into(),
            account_id: "the-account".into(),
            account_key: "the-key".into(),
            ca_file: "/data/ca.pem".into(),
            addresses: vec![],
        };
        let probe = Probe { adapter: "test".into(), adapters: vec![], software: false, memory_bytes: None, cores: 1 };
        let terminal = introduction(&connection, &probe, false, true);
        assert!(terminal.contains("the-key") && terminal.contains("the-secret"), "{terminal}");
        let log = introduction(&connection, &probe, false, false);
        assert!(!log.contains("the-key") && !log.contains("the-secret"), "{log}");
        assert!(log.contains("/data/connection.json") && log.contains("http://localhost:8080/ "), "{log}");
    }

    #[test]
    fn the_engine_fits_the_machine() {
        let probe =
            |software, cores| Probe { adapter: "test".into(), adapters: vec![], software, memory_bytes: None, cores };
        assert_eq!(fluent_triangles(&probe(true, 2)), 200_000);
        assert_eq!(fluent_triangles(&probe(true, 1000)), EngineDetail::TRIANGLES_MAX);
        assert!(fluent_triangles(&probe(false, 2)) > 1_000_000);
    }
}
