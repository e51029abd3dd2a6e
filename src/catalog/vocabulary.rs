//! What an import knows of words, so that the same ones need not be looked up with every product.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::stems::Stems;
use super::words::{SearchDocument, split};

/// So many words, vendors and types are kept; then the book begins anew.
const MAX_KEPT: usize = 50_000;

/// PostgreSQL takes words with digits, and those that are shorter or longer, for none that one could misspell (`search_learn`).
const WORD_BYTES: std::ops::RangeInclusive<usize> = 3..=30;

/// What the products of one import have in common.
#[derive(Debug, Default)]
pub struct Vocabulary {
    stems: Stems,
    learned: Mutex<Learned>,
}

/// What search has learned to suggest, and to correct misspelled words to.
#[derive(Debug, Default)]
struct Learned {
    words: HashSet<Box<str>>,
    vendors: HashSet<Box<str>>,
    product_types: HashSet<Box<str>>,
}

/// What one transaction adds to the vocabulary, if it commits.
#[derive(Debug)]
pub struct Lesson<'a> {
    vocabulary: &'a Vocabulary,
    new: Mutex<Learned>,
}

impl Vocabulary {
    /// For one transaction.
    pub fn lesson(&self) -> Lesson<'_> {
        Lesson { vocabulary: self, new: Mutex::default() }
    }
}

impl Lesson<'_> {
    pub(super) fn stems(&self) -> &Stems {
        &self.vocabulary.stems
    }

    /// Whether search may have to learn from the product. If so, nothing else of the same transaction has it learned the same.
    pub(super) fn is_new(&self, vendor: &str, product_type: &str, document: &SearchDocument) -> bool {
        let (learned, mut new) = (lock(&self.vocabulary.learned), lock(&self.new));
        let mut is_new = false;
        for word in split(&document.a).chain(split(&document.c)).filter(|word| may_be_learned(word)) {
            is_new |= note(&learned.words, &mut new.words, word);
        }
        // With a vendor or type its words are learned.
        is_new |= note(&learned.vendors, &mut new.vendors, vendor);
        is_new |= note(&learned.product_types, &mut new.product_types, product_type);
        is_new
    }

    /// The transaction has committed.
    pub fn keep(self) {
        let new = self.new.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut learned = lock(&self.vocabulary.learned);
        if learned.len() + new.len() > MAX_KEPT {
            *learned = Learned::default();
        }
        learned.words.extend(new.words);
        learned.vendors.extend(new.vendors);
        learned.product_types.extend(new.product_types);
    }
}

impl Learned {
    fn len(&self) -> usize {
        self.words.len() + self.vendors.len() + self.product_types.len()
    }
}

fn lock(learned: &Mutex<Learned>) -> MutexGuard<'_, Learned> {
    learned.lock().unwrap_or_else(PoisonError::into_inner)
}

fn may_be_learned(word: &str) -> bool {
    !word.is_ascii() || WORD_BYTES.contains(&word.len()) && !word.bytes().any(|byte| byte.is_ascii_digit())
}

fn note(learned: &HashSet<Box<str>>, new: &mut HashSet<Box<str>>, text: &str) -> bool {
    !text.is_empty() && !learned.contains(text) && new.insert(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_new(lesson: &Lesson<'_>, name: &str, vendor: &str) -> bool {
        lesson.is_new(vendor, "", &SearchDocument::new(name, vendor, [], "", &[], ""))
    }

    #[test]
    fn what_was_learned_is_not_new() {
        let vocabulary = Vocabulary::default();
        let lesson = vocabulary.lesson();
        assert!(is_new(&lesson, "oak hook", "Ironworks"));
        assert!(!is_new(&lesson, "hook 16oz of oak", "Ironworks"), "the same transaction teaches it");
        drop(lesson);
        let lesson = vocabulary.lesson();
        assert!(is_new(&lesson, "oak hook", ""), "the first transaction did not commit");
        lesson.keep();
        assert!(!is_new(&vocabulary.lesson(), "hook", ""));
        assert!(is_new(&vocabulary.lesson(), "hook", "Ironworks"));
        assert!(is_new(&vocabulary.lesson(), "hook ½", ""));
    }
}
