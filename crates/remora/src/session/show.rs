//! Sessions as text.

use std::fmt;

use comfy_table::{Table, presets::NOTHING};
use serde::Deserialize;

use crate::{
    duration::minutes_in_words,
    failure::{Failure, Status},
    owner::Owner,
};

/// A session in the form that the API uses.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionBody {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) size: String,
    creation_time: String,
    #[serde(default)]
    elapsed_time_minutes: u64,
    max_lease_time_minutes: u64,
    hostname: Option<String>,
    handshake_port: Option<u16>,
    arr_inspector_port: Option<u16>,
    error: Option<ErrorBody>,
    /// Absent at services that do not record it.
    owner: Option<Owner>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct ErrorBody {
    message: String,
}

impl SessionBody {
    /// Returns whether the session is Starting.
    pub(crate) fn is_starting(&self) -> bool {
        self.status == "Starting"
    }

    /// Returns whether the session is Starting or Ready.
    pub(crate) fn is_live(&self) -> bool {
        self.is_starting() || self.status == "Ready"
    }

    /// Returns the error of a session that has failed.
    pub(crate) fn must_not_have_failed(&self) -> Result<(), Failure> {
        if self.status != "Error" {
            return Ok(());
        }
        let why = self.error.as_ref().map_or("the service gives no reason", |error| &*error.message);
        Err(Failure::new(Status::Refused, format!("the session {} failed: {}", self.id, printable(why))))
    }

    /// Returns all properties, one per line.
    pub(crate) fn in_full(&self) -> impl fmt::Display {
        let mut table = table();
        let mut line = |name: &str, value: String| {
            table.add_row([name.to_owned(), value]);
        };
        line("id", self.id.clone());
        line("status", self.status.clone());
        line("size", self.size.clone());
        line("created", self.creation_time.clone());
        if let Some(owner) = &self.owner {
            line("owner", owner.to_string());
        }
        line("elapsed", minutes_in_words(self.elapsed_time_minutes));
        line("lease", minutes_in_words(self.max_lease_time_minutes));
        line("lease left", self.lease_left());
        if let Some(hostname) = &self.hostname {
            line("host", hostname.clone());
        }
        for (name, port) in [("handshake port", self.handshake_port), ("inspector port", self.arr_inspector_port)] {
            if let Some(port) = port {
                line(name, port.to_string());
            }
        }
        if let Some(error) = &self.error {
            line("error", error.message.clone());
        }
        trimmed(&table)
    }

    /// Returns the rest of the lease; the service reports whole minutes.
    fn lease_left(&self) -> String {
        if !self.is_live() {
            return "-".to_owned();
        }
        minutes_in_words(self.max_lease_time_minutes.saturating_sub(self.elapsed_time_minutes))
    }

    fn address(&self) -> String {
        match (&self.hostname, self.handshake_port) {
            (Some(hostname), Some(port)) => format!("{hostname}:{port}"),
            _ => "-".to_owned(),
        }
    }
}

/// The state in one line.
impl fmt::Display for SessionBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, status, .. } = self;
        let line = match status.as_str() {
            "Ready" => {
                format!("{id} is Ready at {}, {} of the lease left", self.address(), self.lease_left())
            }
            "Error" => {
                let why = self.error.as_ref().map_or("", |error| &*error.message);
                format!("{id} failed: {why}")
            }
            _ => format!("{id} is {status}"),
        };
        formatter.write_str(&printable(&line))
    }
}

/// A table with one line per session.
pub(crate) struct Listing<'a>(pub(crate) &'a [SessionBody]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listing(sessions) = self;
        if sessions.is_empty() {
            return formatter.write_str("There are no live sessions.");
        }
        let mut table = table();
        table.set_header(["ID", "STATUS", "SIZE", "ELAPSED", "LEASE LEFT", "HOST", "CREATED", "OWNER"]);
        for session in *sessions {
            table.add_row([
                session.id.clone(),
                session.status.clone(),
                session.size.clone(),
                minutes_in_words(session.elapsed_time_minutes),
                session.lease_left(),
                session.address(),
                session.creation_time.clone(),
                session.owner.as_ref().map_or_else(|| "-".to_owned(), |owner| owner.name.clone()),
            ]);
        }
        write!(formatter, "{}", trimmed(&table))
    }
}

/// Returns a table without lines between its columns, so that values can be copied.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

/// Returns the lines of a table without surrounding blanks and without control characters.
pub(crate) fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| printable(line.trim_end())).collect();
    let indent = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| &line[indent..]).collect::<Vec<_>>().join("\n")
}

fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = r#"{"id":"one","creationTime":"2026-11-22T13:00:00+00:00","arrInspectorPort":50001,
        "handshakePort":50000,"elapsedTimeMinutes":31,"hostname":"localhost","maxLeaseTimeMinutes":120,
        "size":"Standard","status":"Ready","teraflops":8.1,
        "owner":{"issuer":"https://login.example","subject":"7","name":"Ann\u001b[2J"}}"#;

    fn session(text: &str) -> SessionBody {
        serde_json::from_str(text).expect("a session")
    }

    #[test]
    fn a_list_can_be_read_and_copied() {
        let starting = r#"{"id":"two","creationTime":"2026-11-22T13:00:01+00:00","elapsedTimeMinutes":0,
            "maxLeaseTimeMinutes":5,"size":"Premium","status":"Starting"}"#;
        let sessions = [session(READY), session(starting)];
        let text = Listing(&sessions).to_string();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(rows[0], ["ID", "STATUS", "SIZE", "ELAPSED", "LEASE LEFT", "HOST", "CREATED", "OWNER"]);
        let ready =
            ["one", "Ready", "Standard", "31 min", "1 h 29 min", "localhost:50000", "2026-11-22T13:00:00+00:00"];
        assert_eq!(rows[1][..7], ready);
        assert!(rows[1][7].starts_with("Ann") && !text.contains('\u{1b}'), "{text}");
        assert!(sessions[0].in_full().to_string().contains("(7)"));
        assert_eq!(rows[2].last(), Some(&"-"), "no owner was recorded");
        assert_eq!(rows[2][..6], ["two", "Starting", "Premium", "0 min", "5 min", "-"]);
        assert!(!text.starts_with(' '));
    }

    #[test]
    fn a_failed_session_is_an_error_with_its_reason() {
        let failed = r#"{"id":"one","creationTime":"","elapsedTimeMinutes":0,"maxLeaseTimeMinutes":5,"size":"Standard",
            "status":"Error","error":{"code":"RenderHostFailure","message":"no Vulkan driver\u001b[2J"}}"#;
        let failure = session(failed).must_not_have_failed().unwrap_err();
        assert_eq!(failure.status, Status::Refused);
        assert!(failure.message.contains("no Vulkan driver") && !failure.message.contains('\u{1b}'));
        assert!(session(READY).must_not_have_failed().is_ok());
    }
}
