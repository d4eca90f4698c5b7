//! `remora session`: creates and manages sessions of any service with this API.

mod follow;
mod show;

pub(crate) use show::{table, trimmed};

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use follow::Progress;
use serde::Deserialize;
use show::{Listing, SessionBody};
use ureq::http::Method;

use crate::{
    client::{Client, ConnectionArguments},
    duration::{lease_minutes, wait},
    failure::{EXIT_STATUSES, Failure, Status},
    output,
};

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUSES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: SessionCommand,
    /// Print the JSON of the service instead of a table
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

#[derive(Debug, Subcommand)]
enum SessionCommand {
    /// Create a session and return at once, or with --wait when the session is Ready
    Create(Create),
    /// Show one session
    Get { id: Id },
    /// Show all sessions that are Starting or Ready
    List,
    /// Extend the lease
    Extend {
        id: Id,
        /// Whole lease since the session became Ready, such as 90m, 2h or 1h30m
        #[arg(long, value_parser = lease_minutes)]
        lease: u64,
    },
    /// Stop a session
    Stop { id: Id },
    /// Print a line for every change of a session until it ends
    Watch { id: Id },
}

#[derive(Debug, Args)]
struct Create {
    /// Id of letters, digits, `-` and `_` [default: a random id, which is printed]
    id: Option<Id>,
    /// Size of the session
    #[arg(long, value_enum, default_value_t, ignore_case = true)]
    size: Size,
    /// Lease, such as 60 (minutes), 90m, 2h or 1h30m
    #[arg(long, value_parser = lease_minutes, default_value = "1h")]
    lease: u64,
    /// Wait until the session is Ready
    #[arg(long)]
    wait: bool,
    /// Time limit of --wait, such as 30s or 5m
    #[arg(long, value_parser = wait, default_value = "5m", requires = "wait")]
    timeout: Duration,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Size {
    #[default]
    Standard,
    Premium,
}

/// A session id that the API accepts and that needs no escaping in a path.
#[derive(Clone, Debug)]
struct Id(String);

const ID_CHARACTERS_MAX: usize = 256;

impl std::str::FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=ID_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a session id is 1 to 256 letters, digits, hyphens and underscores".to_owned())
        }
    }
}

impl Id {
    fn random() -> Result<Self, Failure> {
        let mut bytes = [0_u8; 16];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Failure::unusable(format!("random numbers are not available: {error}")))?;
        Ok(Self(format!("{:032x}", u128::from_ne_bytes(bytes))))
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let sessions = Sessions { client: Client::new(&arguments.connection)?, json: arguments.json };
    match arguments.command {
        SessionCommand::Create(create) => sessions.create(create),
        SessionCommand::Get { id } => sessions.print(&sessions.get(&id)?),
        SessionCommand::List => sessions.list(),
        SessionCommand::Extend { id, lease } => sessions.extend(&id, lease),
        SessionCommand::Stop { id } => sessions.stop(&id),
        SessionCommand::Watch { id } => sessions.watch(&id),
    }
}

struct Sessions {
    client: Client,
    json: bool,
}

/// A session and the JSON text of the service.
struct Seen {
    session: SessionBody,
    text: String,
}

impl Sessions {
    fn create(&self, create: Create) -> Result<(), Failure> {
        let Create { id, size, lease, wait, timeout } = create;
        let id = id.map_or_else(Id::random, Ok)?;
        let body = format!(r#"{{"maxLeaseTimeMinutes":{lease},"size":"{size:?}"}}"#);
        let mut seen = self.call(&Method::PUT, &id, Some(&body))?;
        if wait {
            let mut progress = Progress::new(&id.0);
            seen = follow::until(
                seen,
                timeout,
                |seen| seen.session.is_starting(),
                || self.get(&id),
                |seen, passed| {
                    progress.show(&seen.session.status, passed);
                },
            )?;
            drop(progress);
        }
        self.print(&seen)?;
        if wait { seen.session.must_not_have_failed() } else { Ok(()) }
    }

    fn list(&self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Page {
            sessions: Vec<serde_json::Value>,
        }
        let mut all = Vec::new();
        self.client.session_pages(|answer| {
            all.extend(answer.json::<Page>()?.sessions);
            Ok(())
        })?;
        if self.json {
            return output::line(serde_json::json!({ "sessions": all }));
        }
        let read = |session| {
            serde_json::from_value::<SessionBody>(session)
                .map_err(|error| Failure::new(Status::Refused, format!("the answer does not follow this API: {error}")))
        };
        let sessions = all.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        output::line(Listing(&sessions))
    }

    fn extend(&self, id: &Id, lease: u64) -> Result<(), Failure> {
        let body = format!(r#"{{"maxLeaseTimeMinutes":{lease}}}"#);
        self.print(&self.call(&Method::PATCH, id, Some(&body))?)
    }

    fn stop(&self, id: &Id) -> Result<(), Failure> {
        self.client.sessions(&Method::POST, &format!("/{}/:stop", id.0), None)?;
        self.print(&self.get(id)?)
    }

    fn watch(&self, id: &Id) -> Result<(), Failure> {
        let mut last = None;
        let ended = follow::unbounded(
            self.get(id)?,
            |seen| seen.session.is_live(),
            || self.get(id),
            |seen| {
                if last.replace(seen.session.clone()).as_ref() == Some(&seen.session) {
                    return Ok(());
                }
                if self.json { output::line(&seen.text) } else { output::line(&seen.session) }
            },
        )?;
        ended.session.must_not_have_failed()
    }

    fn get(&self, id: &Id) -> Result<Seen, Failure> {
        self.call(&Method::GET, id, None)
    }

    fn call(&self, method: &Method, id: &Id, body: Option<&str>) -> Result<Seen, Failure> {
        let answer = self.client.sessions(method, &format!("/{}", id.0), body)?;
        Ok(Seen { session: answer.json()?, text: answer.body })
    }

    fn print(&self, Seen { session, text }: &Seen) -> Result<(), Failure> {
        if self.json { output::line(text) } else { output::line(session.in_full()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_the_api_refuses_are_refused_locally() {
        for good in ["a", "A-b_9", &"x".repeat(256)] {
            assert!(good.parse::<Id>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "..", "ä", &"x".repeat(257)] {
            assert!(bad.parse::<Id>().is_err(), "{bad}");
        }
        assert!(Id::random().is_ok_and(|Id(id)| id.len() == 32 && id.parse::<Id>().is_ok()));
    }
}
