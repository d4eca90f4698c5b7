//! `remora doctor`: checks this machine and the configuration, and advises on every problem.
//!
//! Checks are independent of one another and leave no changes behind. A finding is *missing* if it keeps Remora from
//! working as configured; a *hint* does not.

mod machine;
mod reach;
mod render;
mod service;

use clap::Args;
use remora_control::{Config, Size};
use serde::Serialize;

use crate::{
    configuration::ConfigurationArguments,
    failure::{Failure, Status},
    output,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 if nothing is missing, 1 if something is, 2 if the configuration is not usable."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArguments,
    /// Print one JSON array instead of text
    #[arg(long)]
    json: bool,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    topic: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Fine,
    Hint,
    Missing,
}

impl Finding {
    fn fine(topic: &'static str, found: impl Into<String>) -> Self {
        Self { topic, verdict: Verdict::Fine, found: found.into(), advice: None }
    }

    fn hint(topic: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { topic, verdict: Verdict::Hint, found: found.into(), advice: Some(advice.into()) }
    }

    fn missing(topic: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { topic, verdict: Verdict::Missing, found: found.into(), advice: Some(advice.into()) }
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let (data_directory, config) = arguments.configuration.load()?;
    let in_use = service::is_in_use(&data_directory);
    let mut findings = render::adapters(&config);
    findings.push(render::encoder());
    findings.push(render::fence(&config));
    findings.push(machine::memory(&config));
    findings.push(machine::host_ports(&config));
    findings.push(service::data_directory(&data_directory, in_use));
    findings.push(machine::disk_space(&data_directory));
    findings.push(machine::open_files(&config));
    findings.push(machine::clock());
    findings.push(service::database(&config));
    findings.push(service::listener(&config, in_use));
    findings.push(reach::addresses(&config));
    findings.push(reach::origins(&config));
    findings.push(service::authority(&data_directory));
    let text = if arguments.json {
        serde_json::to_string_pretty(&findings).expect("findings are strings")
    } else {
        findings.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let printed = output::line(text);
    match findings.iter().filter(|finding| finding.verdict == Verdict::Missing).count() {
        0 => printed,
        1 => Err(Failure::new(Status::Refused, "one thing is missing; see the advice above")),
        more => {
            let message = format!("{more} things are missing; see the advice above");
            Err(Failure::new(Status::Refused, message))
        }
    }
}

fn line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Fine => "ok",
        Verdict::Hint => "hint",
        Verdict::Missing => "MISSING",
    };
    let mut line = format!("{verdict:<8} {:<16} {}", finding.topic, finding.found);
    if let Some(advice) = &finding.advice {
        line += &format!("\n{:<25} → {advice}", "");
    }
    line
}

/// Returns the number of hosts that the configuration permits at once, if every size has a limit.
fn capacity(config: &Config) -> Option<u64> {
    Size::ALL.map(|size| config.sizes.of(size).capacity.map(u64::from)).into_iter().sum()
}

/// Returns the number of idle hosts that the configuration keeps ready.
fn warm(config: &Config) -> u64 {
    Size::ALL.map(|size| u64::from(config.sizes.of(size).warm)).into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_thing_stands_out_and_comes_with_advice() {
        let text = line(&Finding::missing("disk space", "10 MB are free", "Free some."));
        assert!(text.starts_with("MISSING  disk space") && text.contains("→ Free some."), "{text}");
        let json = serde_json::to_value(Finding::hint("clock", "found", "advice")).unwrap();
        assert_eq!(json["verdict"], "hint");
    }

    #[test]
    fn capacity_is_known_only_if_it_is_set_for_every_size() {
        let config = |text: &str| Config::parse(text).unwrap();
        assert_eq!(capacity(&config("[sizes.standard]\ncapacity = 3")), None);
        let both = config("[sizes.standard]\ncapacity = 3\nwarm = 1\n[sizes.premium]\ncapacity = 2\nwarm = 2");
        assert_eq!((capacity(&both), warm(&both)), (Some(5), 3));
    }
}
