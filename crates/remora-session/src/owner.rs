//! The creator of a session: a person whom an identity provider vouches for, or the holder of an account key.

use std::fmt;

/// The creator of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    AccountKey,
    Person(Person),
}

/// A person whom an identity provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    id: PersonId,
    name: String,
}

/// Identifies a person among all identity providers. Subjects are unique within one issuer only, so both belong to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonId {
    issuer: String,
    subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a subject has 1 to {} characters, none of them a control character, and its issuer is an address",
    PersonId::SUBJECT_CHARACTERS_MAX
)]
pub struct InvalidPersonId;

impl Owner {
    /// `None` for an account key, which any number of people may share.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Owner::AccountKey => None,
            Owner::Person(person) => Some(&person.id),
        }
    }

    /// For people to read.
    pub fn name(&self) -> &str {
        match self {
            Owner::AccountKey => "account key",
            Owner::Person(person) => &person.name,
        }
    }
}

/// The name, and the subject where the name alone may be that of several people.
impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::AccountKey => formatter.write_str(self.name()),
            Owner::Person(Person { id, name }) => write!(formatter, "{name} ({})", id.subject),
        }
    }
}

impl Person {
    pub const NAME_CHARACTERS_MAX: usize = 128;

    /// The name comes from outside and is shown on terminals and pages: it is cut to
    /// [`NAME_CHARACTERS_MAX`](Self::NAME_CHARACTERS_MAX) and loses characters that move the cursor or reverse the
    /// direction of text. The subject stands in for a name of which nothing is left.
    pub fn new(id: PersonId, name: &str) -> Self {
        let kept: String = name.chars().filter(|character| !is_disruptive(*character)).collect();
        let shown = if kept.trim().is_empty() { &id.subject } else { &kept };
        let cut: String = shown.trim().chars().take(Self::NAME_CHARACTERS_MAX).collect();
        let name = cut.trim_end().to_owned();
        Self { id, name }
    }

    pub fn id(&self) -> &PersonId {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl PersonId {
    /// As OpenID Connect bounds the `sub` claim.
    pub const SUBJECT_CHARACTERS_MAX: usize = 255;
    /// Separates issuer and subject in [`Display`](fmt::Display); no issuer contains it.
    const SEPARATOR: char = '#';

    /// Nothing is cut from a subject: two people could become one.
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

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// Different for different people.
impl fmt::Display for PersonId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}{}", self.issuer, Self::SEPARATOR, self.subject)
    }
}

/// Control characters, and those of Unicode that change the direction of the text around them.
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
