//! A render host that renders nothing: it reports Ready and follows its orders. It is this test executable, which runs
//! one of its ignored tests, so nothing has to be installed.

use std::io::BufRead as _;
use std::path::Path;
use std::time::Duration;

use remora_control::HostCommand;
use remora_protocol::link::{
    HostAddress, HostOrder, HostReport, HostSpec, HostStart, HostState, REPORT_INTERVAL_MILLISECONDS,
};

use super::{http, look_again, within};

/// Number of unanswered reports after which the host ends, because the test that started it is gone.
const UNANSWERED_MAX: u32 = 30;

pub(crate) fn command() -> HostCommand {
    command_of("fake_host")
}

/// Returns the command of a host that fails with a reason instead of getting ready.
pub(crate) fn failing_command() -> HostCommand {
    command_of("failing_host")
}

/// Returns the command of a host that writes its start line to a file.
pub(crate) fn command_that_keeps_its_start(path: &Path) -> HostCommand {
    let HostCommand { program, arguments, .. } = command();
    let script = r#"head -n 1 > "$0.part" && mv "$0.part" "$0" && exec "$@" < "$0""#;
    let head = ["-c".into(), script.into(), path.as_os_str().to_owned(), program.into_os_string()];
    HostCommand { program: "/bin/sh".into(), arguments: head.into_iter().chain(arguments).collect(), shaders: None }
}

/// Waits for the file of [`command_that_keeps_its_start`].
pub(crate) async fn kept_start(path: &Path) -> HostStart {
    let text = within("the host being told", async {
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) => break text,
                Err(_) => look_again().await,
            }
        }
    })
    .await;
    serde_json::from_str(&text).unwrap()
}

fn command_of(name: &str) -> HostCommand {
    let arguments = ["--exact", name, "--ignored", "--nocapture"];
    HostCommand {
        program: std::env::current_exe().unwrap(),
        arguments: arguments.map(std::ffi::OsString::from).to_vec(),
        shaders: None,
    }
}

pub(crate) fn run() {
    talk(|start| {
        let hostname = start.placement.hostname.clone();
        HostState::Ready(HostAddress { hostname, handshake_port: 50_000, inspector_port: 50_001 })
    });
}

pub(crate) fn fail() {
    talk(|_| HostState::Failed { why: "no Vulkan driver; install mesa-vulkan-drivers".into() });
}

fn talk(state: impl FnOnce(&HostStart) -> HostState) {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
    let Ok(start) = serde_json::from_str::<HostStart>(&line) else {
        println!("this is started by the scenarios, with a HostStart on standard input");
        return;
    };
    println!("host {} begins", start.spec.host_id);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(follow_orders(&start, state(&start)));
}

async fn follow_orders(start: &HostStart, state: HostState) {
    let failed = matches!(state, HostState::Failed { .. });
    let report = HostReport { state, connected_clients: 0, session_id: None };
    let (mut unanswered, mut asked) = (0, 0);
    while unanswered < UNANSWERED_MAX {
        let urls = &start.placement.control_urls;
        match report_once(&start.spec, &urls[asked % urls.len()], &report).await {
            // A real host would wait until its lease is over, but no test takes that long.
            None => {
                unanswered += 1;
                asked += 1;
            }
            Some(HostOrder::Run(_) | HostOrder::Extend { .. } | HostOrder::Wait) => unanswered = 0,
            Some(HostOrder::Stop { .. }) => return,
        }
        if failed {
            std::process::exit(3);
        }
        tokio::time::sleep(Duration::from_millis(REPORT_INTERVAL_MILLISECONDS)).await;
    }
}

async fn report_once(spec: &HostSpec, control_url: &str, report: &HostReport) -> Option<HostOrder> {
    let (_, port) = control_url.rsplit_once(':').unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    let authorization = format!("Bearer {}", spec.secret);
    let target = format!("/hosts/{}/report", spec.host_id);
    let body = serde_json::to_string(report).unwrap();
    let answer = http::try_tls(address, &spec.control_ca_pem, "POST", &target, &authorization, &body).await?;
    match answer.status {
        200 => Some(serde_json::from_str(&answer.body).unwrap()),
        401 | 404 => {
            println!("disowned");
            std::process::exit(4);
        }
        _ => None,
    }
}
