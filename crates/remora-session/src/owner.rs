//! The creator of a session: a person known to an identity provider, or the holder of an account key.

use std::fmt;

/// The creator of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The holder of an account key.
    AccountKey,
    /// A person who signed in at an identity provider.
    Person(Person),
}

/// A person known to an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    id: PersonId,
    name: String,
}

/// Identifies a person among all identity providers by issuer and subject. Subjects are unique only within an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonId {
    issuer: String,
    subject: String,
}

/// Issuer or subject is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a subject has 1 to {} characters, none of them a control character, and its issuer is an address",
    PersonId::SUBJECT_CHARACTERS_MAX
)]
pub struct InvalidPersonId;

impl Owner {
    /// Returns the person; `None` for an account key, which any number of people may share.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Owner::AccountKey => None,
            Owner::Person(person) => Some(&person.id),
        }
    }

    /// Returns a name for people to read.
    pub fn name(&self) -> &str {
        match self {
            Owner::AccountKey => "account key",
            Owner::Person(person) => &person.name,
        }
    }
}

/// Writes the name, and for a person the subject too, because several people may have the same name.
impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::AccountKey => formatter.write_str(self.name()),
            Owner::Person(Person { id, name }) => write!(formatter, "{name} ({})", id.subject),
        }
    }
}

impl Person {
    /// Maximum length of a name in characters.
    pub const NAME_CHARACTERS_MAX: usize = 128;

    /// Returns a person with a name that is safe to show on terminals and pages: cut to
    /// [`NAME_CHARACTERS_MAX`](Self::NAME_CHARACTERS_MAX), without characters that move the cursor or reverse the
    /// direction of text. If nothing is left of the name, the subject replaces it.
    pub fn new(id: PersonId, name: &str) -> Self {
        let kept: String = name.chars().filter(|character| !is_disruptive(*character)).collect();
        let shown = if kept.trim().is_empty() { &id.subject } else { &kept };
        let cut: String = shown.trim().chars().take(Self::NAME_CHARACTERS_MAX).collect();
        let name = cut.trim_end().to_owned();
        Self { id, name }
    }

    /// Returns the id of the person.
    pub fn id(&self) -> &PersonId {
        &self.id
    }

    /// Returns the name for people to read.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl PersonId {
    /// Maximum length of a subject in characters, as OpenID Connect limits the `sub` claim.
    pub const SUBJECT_CHARACTERS_MAX: usize = 255;
    /// Separates issuer and subject in [`Display`](fmt::Display); no issuer contains it.
    const SEPARATOR: char = '#';

    /// Returns the id, or an error if issuer or subject is not valid. Subjects are never cut, because two people could
    /// become one.
    pub fn new(issuer: &str, subject: &str) -> Result<Self, InvalidPersonId> {
        let issuer_is_valid =
            !issuer.is_empty() && !issuer.contains(|c: char| is_disruptive(c) || c == Self::SEPARATOR);
        let subject_is_valid = (1..=Self::SUBJECT_CHARACTERS_MAX).contains(&subject.chars().count())
            && !subject.contains(is_disruptive)
            && !subject.trim().is_empty();
        if issuer_is_valid && subject_is_valid {
            Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned() })
        } else {
            Err(InvalidPersonId)
        }
    }

    /// Returns the address of the identity provider.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the id of the person at that provider.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// Writes issuer and subject. The text differs for different people.
impl fmt::Display for PersonId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}{}", self.issuer, Self::SEPARATOR, self.subject)
    }
}

/// Returns whether a character is a control character or one of those of Unicode that change the direction of the text
/// around them.
fn is_disruptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://login.example";

    fn person(subject: &str, name: &str) -> Person {
        Person::new(PersonId::new(ISSUER, subject).unwrap(), name)
    }

    #[test]
    fn names_are_cut_and_cleaned_and_never_empty() {
        assert_eq!(person("1", " Ann\u{1b}[2J Müller\n").name(), "Ann[2J Müller");
        assert_eq!(person("1", "\u{202e}nnA").name(), "nnA");
        assert_eq!(person("1", &"ä".repeat(500)).name(), "ä".repeat(128));
        let ends_in_a_blank = format!("{} b", "a".repeat(127));
        assert_eq!(person("1", &ends_in_a_blank).name(), "a".repeat(127));
        assert_eq!(person(&"s".repeat(200), "").name(), "s".repeat(128));
        for empty in ["", "  ", "\u{7f}\u{2068}"] {
            assert_eq!(person("subject", empty).name(), "subject");
        }
    }

    #[test]
    fn subjects_are_taken_whole_or_not_at_all() {
        assert!(PersonId::new(ISSUER, &"x".repeat(255)).is_ok());
        for bad in ["", " ", "a\nb", "a\u{202e}b", &"x".repeat(256)] {
            assert_eq!(PersonId::new(ISSUER, bad), Err(InvalidPersonId), "{bad:?}");
        }
        for bad in ["", "https://login.example#", "https://login\n.example"] {
            assert_eq!(PersonId::new(bad, "x"), Err(InvalidPersonId), "{bad:?}");
        }
    }

    #[test]
    fn the_same_subject_of_another_issuer_is_another_person() {
        let other = PersonId::new("https://other.example", "1").unwrap();
        assert_ne!(other, *person("1", "").id());
        assert_ne!(other.to_string(), person("1", "").id().to_string());
        // An issuer contains no separator, so what follows the first one is the subject.
        assert_eq!(PersonId::new(ISSUER, "a#b").unwrap().to_string(), "https://login.example#a#b");
    }

    #[test]
    fn an_owner_reads_as_name_and_subject() {
        assert_eq!(Owner::AccountKey.to_string(), "account key");
        assert_eq!(Owner::Person(person("7", "Ann")).to_string(), "Ann (7)");
    }
}
