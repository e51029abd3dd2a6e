//! What somebody typed, made safe and short.

use crate::catalog::words;

/// A longer question is cut: nobody types more, and every word costs.
const MAX_CHARS: usize = 200;
const MAX_WORDS: usize = 16;

/// The words of a question. Anything can be asked; nothing is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    words: Vec<String>,
}

impl Question {
    /// From what was typed.
    pub fn parse(typed: &str) -> Self {
        let beginning: String = typed.chars().take(MAX_CHARS).collect();
        let words = words(&beginning).split_whitespace().take(MAX_WORDS).map(str::to_owned).collect();
        Self { words }
    }

    /// Whether it asks for nothing in particular.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Its words, without punctuation.
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::Question;

    #[test]
    fn anything_can_be_asked() {
        assert_eq!(Question::parse("  AD-03-black-OS ").words(), ["AD", "03", "black", "OS"]);
        assert!(Question::parse("'; \0 -- !&|:*()<>\\").is_empty());
        assert_eq!(Question::parse(&"word ".repeat(1_000)).words().len(), 16);
        assert_eq!(Question::parse(&"é".repeat(1_000)).words()[0].chars().count(), 200);
    }
}
