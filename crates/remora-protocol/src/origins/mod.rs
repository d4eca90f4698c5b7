//! The web pages that may call the service, by their origin. The REST API, the token service and the render hosts share
//! this policy.
//!
//! | entry | allows |
//! |---|---|
//! | `https://app.example.com`, `http://localhost:3000` | that origin |
//! | `https://*.example.com`, `https://*.example.com:8443` | subdomains at any depth, not `https://example.com` |
//! | `*` | every origin, including the `null` of local files; for development |
//!
//! Browsers serialise an origin in exactly one way: lower case, without the default port, path or user. Entries are
//! converted to that form once, and the `Origin` of a request is compared with it byte by byte, so that a nearly
//! matching origin is never allowed.

mod pattern;

use serde::{Deserialize, Serialize};

use self::pattern::Pattern;

/// Bounds the cost of a check: the `Origin` of every request is compared with every entry.
const ORIGINS_MAX: usize = 1_024;

/// A set of allowed origins. The default allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Origins(Vec<Pattern>);

/// The error for an unusable list of origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigins {
    /// One entry is not an origin.
    #[error(
        "{origin:?} is not an origin: {problem}; accepted are origins such as https://app.example.com or \
         http://localhost:3000, subdomains such as https://*.example.com, and * for every origin"
    )]
    Entry {
        /// The entry, cut after 200 characters.
        origin: String,
        /// The problem.
        problem: &'static str,
    },
    /// The list is too long.
    #[error("there are {found} origins; {ORIGINS_MAX} are accepted")]
    TooMany {
        /// Number of different entries.
        found: usize,
    },
}

impl Origins {
    /// Parses entries in the form in which an operator writes them.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, InvalidOrigins> {
        let mut patterns = Vec::new();
        for entry in entries {
            let entry = entry.as_ref();
            let pattern = Pattern::parse(entry)
                .map_err(|problem| InvalidOrigins::Entry { origin: entry.chars().take(200).collect(), problem })?;
            patterns.push(pattern);
        }
        patterns.sort();
        patterns.dedup();
        if patterns.len() > ORIGINS_MAX {
            return Err(InvalidOrigins::TooMany { found: patterns.len() });
        }
        Ok(Self(patterns))
    }

    /// Returns whether a page with this `Origin` may call the service.
    pub fn allows(&self, origin: &str) -> bool {
        self.0.iter().any(|pattern| pattern.allows(origin))
    }

    /// Returns whether every origin is allowed.
    pub fn allows_any(&self) -> bool {
        self.0.contains(&Pattern::Any)
    }

    /// Returns the origins of both sets.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.0.extend_from_slice(&others.0);
        self.0.sort();
        self.0.dedup();
        self
    }
}

impl TryFrom<Vec<String>> for Origins {
    type Error = InvalidOrigins;

    fn try_from(entries: Vec<String>) -> Result<Self, InvalidOrigins> {
        Self::parse(entries)
    }
}

impl From<Origins> for Vec<String> {
    fn from(origins: Origins) -> Self {
        origins.0.iter().map(Pattern::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(entries: &[&str]) -> Origins {
        Origins::parse(entries).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_exact_origin_allows_only_itself() {
        let allowed = origins(&["https://app.example.com"]);
        assert!(allowed.allows("https://app.example.com"));
        for almost in [
            "",
            "null",
            "http://app.example.com",
            "https://app.example.com:443",
            "https://app.example.com:8443",
            "https://app.example.com.",
            "https://app.example.com/",
            "https://APP.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com.evil.com",
            "https://app.example.comevil.com",
            "https://evilapp.example.com",
            "https://x.app.example.com",
            "https://example.com",
            "https://user@app.example.com",
            "https://app.example.com@evil.com",
            "https://app.example.com, https://evil.com",
            "https://app.example.com ",
            " https://app.example.com",
            "app.example.com",
        ] {
            assert!(!allowed.allows(almost), "{almost:?}");
        }
    }

    #[test]
    fn subdomains_are_allowed_at_any_depth_but_not_the_domain_itself() {
        let allowed = origins(&["https://*.example.com"]);
        for good in ["https://a.example.com", "https://b.a.example.com", "https://a-1.example.com"] {
            assert!(allowed.allows(good), "{good}");
        }
        for bad in [
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://evilexample.com",
            "https://a.example.com.evil.com",
            "https://a.example.com:8443",
            "https://a.example.com:443",
            "http://a.example.com",
            "https://a.example.com.",
            "https://A.example.com",
            "https://evil.com/.example.com",
            "https://evil.com?.example.com",
            "https://evil.com#.example.com",
            "https://evil.com\\.example.com",
            "https://user@a.example.com",
            "https://evil.com:80.example.com",
            "https://*.example.com",
            "null",
        ] {
            assert!(!allowed.allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_port_belongs_to_the_origin() {
        let allowed = origins(&["https://*.example.com:8443", "http://localhost:3000"]);
        assert!(allowed.allows("https://a.example.com:8443"));
        assert!(allowed.allows("http://localhost:3000"));
        for bad in [
            "https://a.example.com",
            "https://a.example.com:18443",
            "https://a.example.com:84430",
            "https://a.example.com:443:8443",
            "https://:8443",
            "http://localhost",
            "http://localhost:3001",
            "http://localhost:30000",
            "https://localhost:3000",
            "http://127.0.0.1:3000",
        ] {
            assert!(!allowed.allows(bad), "{bad}");
        }
    }

    #[test]
    fn entries_are_converted_to_the_form_that_browsers_send() {
        for (entry, sent) in [
            ("HTTPS://App.Example.COM:443", "https://app.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("https://localhost:80", "https://localhost:80"),
            ("https://[2001:DB8:0:0::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://192.0.2.7:8443", "https://192.0.2.7:8443"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ] {
            assert!(origins(&[entry]).allows(sent), "{entry}");
        }
    }

    #[test]
    fn only_a_star_alone_allows_every_origin() {
        let any = origins(&["*"]);
        assert!(any.allows_any() && any.allows("https://anything.example:1") && any.allows("null"));
        assert!(!origins(&["https://*.example.com"]).allows_any());
        assert!(!Origins::default().allows("https://app.example.com"));
    }

    #[test]
    fn errors_say_what_is_wrong_with_an_entry() {
        for (entry, problem) in [
            ("", "does not begin with"),
            ("app.example.com", "does not begin with"),
            ("ftp://app.example.com", "does not begin with"),
            ("//app.example.com", "does not begin with"),
            ("https://app.example.com/", "no path"),
            ("https://app.example.com/page", "no path"),
            ("https://app.example.com?x", "no path"),
            ("https://user@app.example.com", "no user"),
            ("https://app.example.com.", "ends with a dot"),
            ("https://", "no host name"),
            ("https://:8443", "no host name"),
            ("https://app.example.com:", "port"),
            ("https://app.example.com:0", "port"),
            ("https://app.example.com:65536", "port"),
            ("https://app.example.com:08443", "port"),
            ("https://app.example.com:*", "port"),
            ("https://app example.com", "character"),
            ("https://app..example.com", "character"),
            ("https://bücher.example", "Punycode"),
            ("https://1.2.3", "IPv4"),
            ("https://[::1", "port"),
            ("https://[nonsense]", "IPv6"),
            ("https://*", "stands alone"),
            ("https://a.*.example.com", "stands alone"),
            ("https://*example.com", "stands alone"),
            ("https://*.com", "at least two"),
            ("https://*.192.0.2.7", "at least two"),
            ("http://*.example.com", "https only"),
            ("null", "local files"),
            ("*.example.com", "does not begin with"),
            (" *", "does not begin with"),
        ] {
            let error = Origins::parse([entry]).expect_err(entry).to_string();
            assert!(error.contains(problem) && error.contains("accepted are"), "{entry:?}: {error}");
        }
        let many = (0..=ORIGINS_MAX).map(|port| format!("https://a.example:{}", port + 1));
        assert_eq!(Origins::parse(many), Err(InvalidOrigins::TooMany { found: ORIGINS_MAX + 1 }));
    }

    #[test]
    fn origins_are_serialised_as_a_list_of_strings() {
        let list = r#"["*","http://localhost:3000","https://*.example.com"]"#;
        let read: Origins = serde_json::from_str(list).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), list);
        let error = serde_json::from_str::<Origins>(r#"["https://a.example/"]"#).unwrap_err().to_string();
        assert!(error.contains("no path"), "{error}");
        let both = origins(&["https://a.example"]).and(&origins(&["https://a.example", "https://b.example"]));
        assert_eq!(both, origins(&["https://b.example", "https://a.example"]));
    }

    /// Tries every origin that differs from an allowed one by one replaced, inserted or removed character.
    #[test]
    fn no_origin_one_character_away_is_allowed() {
        let alphabet = "abcxyz0189.-_:/@*#?[]\\ \u{e9}AHPS";
        let allowed = origins(&["https://app.example.com:8443", "http://[::1]:3000"]);
        for exact in ["https://app.example.com:8443", "http://[::1]:3000"] {
            for at in 0..=exact.len() {
                let (before, after) = exact.split_at(at);
                let mut rest = after.chars();
                let removed = rest.next().is_some().then(|| format!("{before}{}", rest.as_str()));
                let changed = alphabet.chars().flat_map(|letter| {
                    let inserted = format!("{before}{letter}{after}");
                    let replaced = format!("{before}{letter}{}", rest.as_str());
                    [inserted, replaced]
                });
                for almost in changed.chain(removed).filter(|almost| almost != exact) {
                    assert!(!allowed.allows(&almost), "{almost:?}");
                }
            }
        }
    }
}
