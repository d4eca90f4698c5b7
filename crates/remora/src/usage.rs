//! `remora usage`: shows the usage of an account.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::{Client, ConnectionArguments},
    duration::minutes_in_words,
    failure::{EXIT_STATUSES, Failure},
    output,
    owner::Owner,
    session::{table, trimmed},
};

#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUSES)]
pub(crate) struct Arguments {
    /// Start of the period, such as 2026-11-01 or 2026-11-01T08:00:00Z [default: the start of this month]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<String>,
    /// End of the period, exclusive [default: the end of this month]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<String>,
    /// Print CSV with one line per session, for spreadsheets
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print the JSON of the service
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

#[derive(Debug, Deserialize)]
struct Page {
    from: String,
    to: String,
    records: Vec<Value>,
    totals: Vec<Total>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    size: String,
    ready_time: String,
    end_time: Option<String>,
    billed_seconds: u64,
    owner: Option<Owner>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    size: String,
    sessions: u64,
    billed_seconds: u64,
}

/// The sum of all pages.
#[derive(Default)]
struct Usage {
    from: String,
    to: String,
    records: Vec<Value>,
    totals: Vec<Total>,
}

impl Usage {
    /// Adds a page. The totals of a page cover only its own records.
    fn add(&mut self, page: Page) {
        (self.from, self.to) = (page.from, page.to);
        self.records.extend(page.records);
        for total in page.totals {
            match self.totals.iter_mut().find(|known| known.size == total.size) {
                Some(known) => {
                    known.sessions += total.sessions;
                    known.billed_seconds += total.billed_seconds;
                }
                None => self.totals.push(total),
            }
        }
    }

    fn json(&self) -> Value {
        let Self { from, to, records, totals } = self;
        serde_json::json!({ "from": from, "to": to, "records": records, "totals": totals })
    }

    fn csv(&self) -> Result<String, serde_json::Error> {
        let mut lines = vec!["id,size,readyTime,endTime,billedSeconds,owner,subject".to_owned()];
        for record in &self.records {
            // Ids, sizes and times contain no commas or quotes.
            let Record { id, size, ready_time, end_time, billed_seconds, owner } = Record::deserialize(record)?;
            let end_time = end_time.unwrap_or_default();
            let (owner, subject) =
                owner.map(|Owner { name, subject }| (name, subject.unwrap_or_default())).unwrap_or_default();
            let (owner, subject) = (cell(&owner), cell(&subject));
            lines.push(format!("{id},{size},{ready_time},{end_time},{billed_seconds},{owner},{subject}"));
        }
        Ok(lines.join("\n"))
    }

    fn table(&self) -> String {
        let mut table = table();
        table.set_header(["SIZE", "SESSIONS", "TIME", "SECONDS"]);
        for Total { size, sessions, billed_seconds } in &self.totals {
            let time = minutes_in_words(billed_seconds / 60);
            table.add_row([size.clone(), sessions.to_string(), time, billed_seconds.to_string()]);
        }
        format!("from {} to {}\n{}", self.from, self.to, trimmed(&table))
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { connection, from, to, csv, json } = arguments;
    let parameters = [("from", from), ("to", to)];
    let parameters = parameters.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))));
    let query = parameters.collect::<Vec<_>>().join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let mut usage = Usage::default();
    Client::new(&connection)?.usage_pages(&query, |answer| {
        usage.add(answer.json()?);
        Ok(())
    })?;
    if json {
        output::line(usage.json())
    } else if csv {
        output::line(usage.csv().map_err(|error| Failure::unusable(format!("the usage cannot be read: {error}")))?)
    } else {
        output::line(usage.table())
    }
}

/// Quotes text for CSV as RFC 4180 demands. Spreadsheets would execute text that begins like a formula, so an
/// apostrophe is put before it.
fn cell(text: &str) -> String {
    let shown: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let formula = shown.trim_start().starts_with(['=', '+', '-', '@']);
    let shown = if formula { format!("'{shown}") } else { shown };
    if shown.contains([',', '"']) { format!("\"{}\"", shown.replace('"', "\"\"")) } else { shown }
}

/// Refuses text that cannot be a time; the service parses the rest.
fn instant(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_digit() || b"-:.+TtZz".contains(&byte);
    if !text.is_empty() && text.len() <= 40 && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("a time is written like 2026-11-01 or 2026-11-01T08:00:00Z".to_owned())
}

fn encoded(instant: &str) -> String {
    instant.replace('+', "%2B")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(id: &str, seconds: u64) -> Page {
        serde_json::from_value(serde_json::json!({
            "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z",
            "records": [{"id": id, "size": "Standard", "readyTime": "2026-11-02T00:00:00Z", "endTime": null,
                "billedSeconds": seconds}],
            "totals": [{"size": "Standard", "sessions": 1, "billedSeconds": seconds},
                {"size": "Premium", "sessions": 0, "billedSeconds": 0}],
        }))
        .expect("a page")
    }

    #[test]
    fn pages_add_up() {
        let mut usage = Usage::default();
        usage.add(page("one", 61));
        usage.add(page("two", 3_600));
        assert_eq!(usage.totals[0], Total { size: "Standard".into(), sessions: 2, billed_seconds: 3_661 });
        assert_eq!(usage.totals.len(), 2);
        let csv = usage.csv().expect("records");
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "id,size,readyTime,endTime,billedSeconds,owner,subject");
        assert_eq!(lines[2], "two,Standard,2026-11-02T00:00:00Z,,3600,,");
        assert!(usage.table().contains("1 h 1 min"), "{}", usage.table());
    }

    #[test]
    fn names_stay_in_their_cells_and_do_not_become_formulas() {
        for (text, expected) in [
            ("Ann Müller", "Ann Müller"),
            ("Müller, Ann", "\"Müller, Ann\""),
            ("Ann \"A\"", "\"Ann \"\"A\"\"\""),
            ("a\nb", "a b"),
            ("=1+1", "'=1+1"),
            (" @sum(A1,B1)", "\"' @sum(A1,B1)\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn an_offset_survives_the_query() {
        assert_eq!(encoded(&instant("2026-11-01T08:00:00+01:00").expect("a time")), "2026-11-01T08:00:00%2B01:00");
        assert!(instant("2026-11-01&x=1").is_err() && instant("").is_err());
    }
}
