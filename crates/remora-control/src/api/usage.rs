//! Usage of an account: `GET /accounts/{account}/usage`, the same for sessions of every API generation.
//!
//! Parameters:
//! - `from`, `to`: instants (`2026-11-01T08:00:00Z`, with any offset) or dates (`2026-11-01`, its first instant in UTC).
//!   `to` is not part of the interval. The default is the current month in UTC.
//! - `continuation`: the position in the list, from `@nextLink`.
//! - `api-version`: not needed.
//!
//! ```json
//! {"from":"2026-11-01T00:00:00Z","to":"2026-12-01T00:00:00Z",
//!  "records":[{"id":"one","size":"Standard","readyTime":"2026-11-22T13:00:00.25Z","endTime":null,"billedSeconds":61,
//!              "owner":{"issuer":"https://login.example.com","subject":"248289761001","name":"Ann"}}],
//!  "totals":[{"size":"Standard","sessions":1,"billedSeconds":61},{"size":"Premium","sessions":0,"billedSeconds":0}],
//!  "@nextLink":"https://…"}
//! ```
//!
//! A record is a session that was Ready in any part of the interval. Records are ordered by `readyTime` and id.
//! `endTime` is null while the session is Ready. `owner` is the creator, `{"name":"account key"}` for the holder of a
//! key, and absent if it was not recorded. `billedSeconds` is the time in Ready that lies within the interval and in
//! the past, in whole seconds, rounded down. `totals` are sums over the records of the same page. `@nextLink` is absent
//! on the last page.

use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{RequestExt as _, http::StatusCode};
use remora_session::{AccountId, Size, Timestamp};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

use super::common::{NotAdmitted, admit, authenticate, error, json, uncached};
use super::continuation::{self, CONTINUATION, Position};
use super::owner_body::OwnerBody;
use crate::clock::Clock;
use crate::store::{Store, StoreError, Usage};
use crate::token::Tokens;
use crate::visibility::Visibility;

const RECORDS_PER_PAGE: u32 = 1_000;

/// State of the handler.
#[derive(Clone)]
pub(crate) struct UsageApi {
    /// The sessions.
    pub store: Arc<Store>,
    /// Verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// Clock for token expiry and running sessions.
    pub clock: Clock,
    /// The operator's `sessions.private`: Clients see only their own usage.
    pub private: bool,
    /// Base URL of the listener, see [`continuation::link`].
    pub endpoint: Arc<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageBody {
    from: String,
    to: String,
    records: Vec<Record>,
    totals: [Total; Size::ALL.len()],
    #[serde(rename = "@nextLink", skip_serializing_if = "Option::is_none")]
    next_link: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    size: &'static str,
    ready_time: String,
    end_time: Option<String>,
    billed_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    size: &'static str,
    sessions: usize,
    billed_seconds: u64,
}

enum UsageError {
    NotAdmitted(NotAdmitted),
    /// The query has an invalid parameter.
    Parameter(String),
    Store(StoreError),
}

/// Returns the route.
pub(crate) fn router(api: UsageApi) -> Router {
    Router::new()
        .route("/accounts/{account}/usage", get(usage))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(api)
}

async fn usage(State(api): State<UsageApi>, mut request: Request) -> Result<Response, UsageError> {
    let now = api.clock.now();
    let caller = authenticate(request.headers(), &api.tokens, now)?;
    let params = request.extract_parts::<RawPathParams>().await.map_err(|_| NotAdmitted::Forbidden)?;
    let account = admit(&caller, params.iter().find(|(name, _)| *name == "account").map(|(_, value)| value))?;
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
        .map_err(|_| UsageError::Parameter("The query is not form-encoded.".into()))?;
    let parameter = |name| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());

    let interval = interval(parameter("from"), parameter("to"), now)?;
    let after = parameter(CONTINUATION)
        .map(|text| {
            let message = "The continuation is not one of this service. Use the address in @nextLink as it is.";
            continuation::decode(text).ok_or_else(|| UsageError::Parameter(message.into()))
        })
        .transpose()?;
    let after = after.as_ref().map(|position| (position.time, &position.session));
    let of = |person| api.store.usage(&account, person, interval.clone(), after, RECORDS_PER_PAGE + 1);
    let mut used = match &Visibility::of(&caller, api.private) {
        Visibility::All => of(None).await?,
        Visibility::Own(person) => of(Some(person)).await?,
        Visibility::Nothing => Vec::new(),
    };
    let more = used.len() > RECORDS_PER_PAGE as usize;
    used.truncate(RECORDS_PER_PAGE as usize);
    let next_link = used.last().filter(|_| more).map(|last| {
        let position = Position { time: last.ready_at, session: last.session.clone() };
        continuation::link(&api.endpoint, request.headers(), &target(&account, &interval), &position)
    });

    let records: Vec<Record> = used.iter().map(|used| Record::new(used, &interval, now)).collect();
    let totals = Size::ALL.map(|size| Total::of(size, &records));
    let Range { start, end } = interval;
    let body = UsageBody { from: iso_8601(start), to: iso_8601(end), records, totals, next_link };
    Ok(uncached(json(StatusCode::OK, &body), "no-store, no-cache"))
}

async fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Use GET to read usage.")
}

fn target(account: &AccountId, interval: &Range<Timestamp>) -> String {
    format!("/accounts/{account}/usage?from={}&to={}", iso_8601(interval.start), iso_8601(interval.end))
}

impl Record {
    fn new(used: &Usage, interval: &Range<Timestamp>, now: Timestamp) -> Self {
        let end = used.ended_at.unwrap_or(now).min(interval.end);
        Self {
            id: used.session.to_string(),
            size: used.size.as_str(),
            ready_time: iso_8601(used.ready_at),
            end_time: used.ended_at.map(iso_8601),
            billed_seconds: end.since(used.ready_at.max(interval.start)).as_secs(),
            owner: used.owner.as_ref().map(OwnerBody::new),
        }
    }
}

impl Total {
    fn of(size: Size, records: &[Record]) -> Self {
        let of_size = || records.iter().filter(|record| record.size == size.as_str());
        Self {
            size: size.as_str(),
            sessions: of_size().count(),
            billed_seconds: of_size().map(|record| record.billed_seconds).sum(),
        }
    }
}

fn interval(from: Option<&str>, to: Option<&str>, now: Timestamp) -> Result<Range<Timestamp>, UsageError> {
    let month = month(now);
    let start = from.map_or(Ok(month.start), |text| instant("from", text))?;
    let end = to.map_or(Ok(month.end), |text| instant("to", text))?;
    if start < end {
        return Ok(start..end);
    }
    let (start, end) = (iso_8601(start), iso_8601(end));
    Err(UsageError::Parameter(format!(
        "The interval from {start} to {end} is empty: from must be before to. Where one is left out, it is that of the \
         current month."
    )))
}

/// Returns the calendar month of `now` in UTC.
fn month(now: Timestamp) -> Range<Timestamp> {
    let today = date_time(now).date();
    let first = today.replace_day(1).expect("every month has a first day");
    let end = first + time::Duration::days(first.month().length(first.year()).into());
    let midnight = |date: Date| timestamp(date.with_time(Time::MIDNIGHT).assume_utc()).unwrap_or_default();
    midnight(first)..midnight(end)
}

fn instant(name: &str, text: &str) -> Result<Timestamp, UsageError> {
    // In a form-encoded query the plus sign of an offset is decoded as a blank.
    let text = text.replace(' ', "+");
    let date = || Date::parse(&text, format_description!(version = 2, "[year]-[month]-[day]"));
    let read = OffsetDateTime::parse(&text, &Rfc3339).or_else(|_| date().map(|date| date.midnight().assume_utc()));
    read.ok().and_then(timestamp).ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        UsageError::Parameter(format!(
            "The {name} parameter '{shown}' is not a time. It takes an instant like 2026-11-01T08:00:00Z or a date \
             like 2026-11-01, from 1970 on."
        ))
    })
}

fn timestamp(time: OffsetDateTime) -> Option<Timestamp> {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok().map(Timestamp::from_milliseconds)
}

fn date_time(time: Timestamp) -> OffsetDateTime {
    let nanoseconds = i128::from(time.as_milliseconds()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn iso_8601(time: Timestamp) -> String {
    date_time(time).format(&Rfc3339).expect("years up to 9999 can be written")
}

impl From<NotAdmitted> for UsageError {
    fn from(not_admitted: NotAdmitted) -> Self {
        UsageError::NotAdmitted(not_admitted)
    }
}

impl From<StoreError> for UsageError {
    fn from(source: StoreError) -> Self {
        UsageError::Store(source)
    }
}

impl IntoResponse for UsageError {
    fn into_response(self) -> Response {
        match self {
            UsageError::NotAdmitted(not_admitted) => not_admitted.into_response(),
            UsageError::Parameter(message) => error(StatusCode::BAD_REQUEST, "BadRequest", message),
            UsageError::Store(source) => {
                tracing::error!(error = &source as &dyn std::error::Error, "cannot read usage");
                let message = "An internal server error occurred.";
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-05-02T11:24:13.847Z
    const NOW: Timestamp = Timestamp::from_milliseconds(1_714_649_053_847);

    fn bounds(from: Option<&str>, to: Option<&str>) -> Option<(String, String)> {
        interval(from, to, NOW).ok().map(|interval| (iso_8601(interval.start), iso_8601(interval.end)))
    }

    #[test]
    fn the_interval_defaults_to_the_current_month() {
        let pair = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(bounds(None, None), pair("2024-05-01T00:00:00Z", "2024-06-01T00:00:00Z"));
        assert_eq!(bounds(Some("2024-02-28"), None), pair("2024-02-28T00:00:00Z", "2024-06-01T00:00:00Z"));
        assert_eq!(
            bounds(Some("2024-05-02T10:00:00+02:00"), Some("2024-05-02T08:00:00.5Z")),
            pair("2024-05-02T08:00:00Z", "2024-05-02T08:00:00.5Z")
        );
        assert_eq!(
            bounds(None, Some("2024-05-02T10:00:00 02:00")),
            pair("2024-05-01T00:00:00Z", "2024-05-02T08:00:00Z")
        );
        let december = Timestamp::from_milliseconds(1_735_000_000_000);
        assert_eq!(iso_8601(month(december).end), "2025-01-01T00:00:00Z");
    }

    #[test]
    fn empty_and_malformed_intervals_are_refused() {
        for (from, to) in [
            (Some("2024-05-02"), Some("2024-05-02")),
            (Some("2024-05-03"), Some("2024-05-02")),
            (Some("2024-06-01"), None),
            (None, Some("2024-05-01")),
            (Some(""), None),
            (Some("yesterday"), None),
            (Some("2024-13-01"), None),
            (Some("2024-05-02T10:00:00"), None),
            (Some("1969-12-31"), None),
            (None, Some("99999-01-01")),
        ] {
            assert_eq!(bounds(from, to), None, "{from:?} {to:?}");
        }
    }

    #[test]
    fn only_time_within_the_interval_and_in_the_past_is_billed() {
        let at = |seconds: u64| Timestamp::from_milliseconds(seconds * 1_000);
        let billed = |ready: u64, ended: Option<u64>| {
            let used = Usage {
                session: "a".parse().unwrap(),
                size: Size::Standard,
                owner: None,
                ready_at: at(ready),
                ended_at: ended.map(at),
            };
            Record::new(&used, &(at(100)..at(200)), at(180)).billed_seconds
        };
        assert_eq!(billed(110, Some(120)), 10);
        assert_eq!(billed(50, Some(120)), 20);
        assert_eq!(billed(150, None), 30);
        assert_eq!(billed(50, Some(500)), 100);
        assert_eq!(billed(190, None), 0);
    }
}
