//! The creator of a session, in the form that the API uses.

use std::fmt;

use serde::Deserialize;

/// A person, or an account key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Owner {
    /// Absent for an account key.
    pub(crate) subject: Option<String>,
    pub(crate) name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) if *subject != self.name => write!(formatter, "{} ({subject})", self.name),
            _ => formatter.write_str(&self.name),
        }
    }
}
