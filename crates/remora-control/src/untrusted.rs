//! The parsers of untrusted text, one function each, which must hold for any input. They are the fuzz targets of
//! `fuzz/`, and a scenario runs them over its corpora.

use std::sync::LazyLock;

use remora_session::{AccountId, HostId, SessionId, Timestamp};

use crate::api::continuation;
use crate::api::v1::lenient_json::Properties;
use crate::api::v1::time_span::TimeSpan;
use crate::token::{Tokens, new_private_key_pem};

/// Checks that a time span survives being written and read again.
pub fn time_span(input: &[u8]) {
    if let Ok(span) = String::from_utf8_lossy(input).parse::<TimeSpan>() {
        assert_eq!(span.to_string().parse(), Ok(span));
        let minutes = span.whole_minutes();
        assert!(TimeSpan::from_seconds(minutes.unsigned_abs() * 60) >= span || minutes < 0, "never less than asked");
    }
}

/// Checks that reading lenient JSON does not overflow the stack.
pub fn lenient_json(input: &[u8]) {
    if let Ok(properties) = Properties::parse(input) {
        for name in ["maxLeaseTime", "models", "size"] {
            let _ = properties.get(name);
        }
    }
}

/// Checks that ids keep their text, and that continuations survive being encoded again.
pub fn ids(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(id) = text.parse::<SessionId>() {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(id) = text.parse::<AccountId>() {
        assert_eq!(id.as_str(), text.to_ascii_lowercase());
    }
    if let Ok(id) = text.parse::<HostId>() {
        assert!(!id.as_str().contains(['/', '.']), "a file name");
    }
    if let Some(position) = continuation::decode(&text) {
        assert_eq!(continuation::decode(&continuation::encode(&position)), Some(position));
    }
}

/// Checks that no input is accepted as a token of an unknown key.
pub fn tokens(input: &[u8]) {
    static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
        Tokens::new(&new_private_key_pem().expect("this machine makes keys")).expect("what was made can be read")
    });
    assert!(TOKENS.verify(&String::from_utf8_lossy(input), Timestamp::default()).is_err());
}
