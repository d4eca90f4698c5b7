//! The creator of a session, in the form that the API uses.

use std::fmt;

use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Owner {
    /// Absent for an account key.
    pub subject: Option<String>,
    pub name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) if *subject != self.name => write!(formatter, "{} ({subject})", self.name),
            _ => formatter.write_str(&self.name),
        }
    }
}
