//! Remarks of an importer: what the model shows otherwise than its file says, in words for the person who chose it.

/// Remarks of one model that are kept. More of them say nothing new.
pub const NOTICES_MAX: usize = 32;
/// Characters of a remark that are kept: names in it come from the file.
const CHARACTERS_MAX: usize = 300;

/// A bounded list of remarks, each of them once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    texts: Vec<String>,
    left_out: usize,
}

impl Notices {
    /// Names in `text` may be a stranger's: control characters, which a terminal would obey, are replaced.
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
        // The last place is for the number of those that have none.
        if self.texts.len() < NOTICES_MAX - 1 {
            self.texts.push(text);
        } else {
            self.left_out += 1;
        }
    }

    /// At most [`NOTICES_MAX`]; where there were more, the last one says so.
    pub fn texts(&self) -> Vec<String> {
        let more = (self.left_out > 0).then(|| format!("{} more remarks of this kind are left out", self.left_out));
        self.texts.iter().cloned().chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_bounded_in_number_and_length_and_told_once() {
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
