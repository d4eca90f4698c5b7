//! Notices of an importer: differences between the model and its file, in words for the person who chose the file.

/// Limit of the notices of one model. More of them add no information.
pub const NOTICES_MAX: usize = 32;
/// Limit of the characters of a notice, which contains names from the file.
const CHARACTERS_MAX: usize = 300;

/// A bounded list of notices without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    texts: Vec<String>,
    left_out: usize,
}

impl Notices {
    /// Adds a notice. Control characters are replaced, because a terminal would execute them and names come from the
    /// file.
    pub fn add(&mut self, text: impl Into<String>) {
        let mut text: String = text.into();
        text = text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect();
        if let Some((end, _)) = text.char_indices().nth(CHARACTERS_MAX) {
            text.truncate(end);
            text.push('…');
        }
        if self.texts.contains(&text) {
            return;
        }
        // The last entry counts the notices that are left out.
        if self.texts.len() < NOTICES_MAX - 1 {
            self.texts.push(text);
        } else {
            self.left_out += 1;
        }
    }

    /// Returns at most [`NOTICES_MAX`] texts. If there were more notices, the last text says how many.
    pub fn texts(&self) -> Vec<String> {
        let more = (self.left_out > 0).then(|| format!("{} more remarks of this kind are left out", self.left_out));
        self.texts.iter().cloned().chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_bounded_in_number_and_length_and_kept_once() {
        let mut notices = Notices::default();
        notices.add("the same");
        notices.add("the same");
        notices.add("ä".repeat(1000));
        notices.add("\x1b[31m");
        assert_eq!(notices.texts(), ["the same", &("ä".repeat(CHARACTERS_MAX) + "…"), "\u{fffd}[31m"]);
        for number in 0..1000 {
            notices.add(format!("image {number}"));
        }
        let texts = notices.texts();
        assert_eq!(texts.len(), NOTICES_MAX);
        assert_eq!(texts[NOTICES_MAX - 1], "972 more remarks of this kind are left out");
    }
}
