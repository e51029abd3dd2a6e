//! What the words of a question are taken for: stems, beginnings of words, corrections.

use crate::catalog::terms::{all_of, any_of, beginning, term};
use crate::db::Conn;
use crate::error::Result;

use super::queries;
use super::question::Question;
use super::spelling::{slips, slips_allowed, slips_of_beginning};

/// A shorter last word is taken as it is: what it begins is too much.
const MIN_BEGINNING: usize = 2;

/// A shorter beginning that no known word has is looked up as it is, among SKUs: a digit begins a tenth of them.
const MIN_RAW_BEGINNING: usize = 3;

/// A misspelled word is taken for at most so many others.
const MAX_CORRECTIONS: usize = 4;

/// What a question asks the index for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    words: Vec<Word>,
    /// What was taken for misspelled, corrected.
    pub corrected: Option<String>,
}

/// A word and what it is taken for; one of these has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    typed: String,
    /// Whether some product has it in its name, vendor, type or tags.
    known: bool,
    readings: Vec<Reading>,
}

/// The stems of a word; more than one where PostgreSQL's parser takes it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reading {
    Whole(Vec<String>),
    Beginning(String),
}

impl Reading {
    fn text(&self, mark: &str) -> String {
        match self {
            Reading::Whole(stems) => {
                let stems = stems.iter().map(|stem| term(&format!("{mark}{stem}")));
                format!("({})", all_of(stems).unwrap_or_else(|| term("=nothing")))
            }
            Reading::Beginning(stem) => beginning(&format!("{mark}{stem}")),
        }
    }
}

impl Meaning {
    /// What the question means when it is spelled right. One statement.
    pub(super) async fn of(conn: &mut Conn, question: &Question) -> Result<Self> {
        let rows = queries::understand(conn, question.words()).await?;
        let last = rows.len().saturating_sub(1);
        let words: Vec<Word> = rows
            .into_iter()
            .enumerate()
            .filter_map(|(index, row)| {
                let letters = row.folded.chars().count();
                let mut readings = Vec::new();
                if !row.stems.is_empty() {
                    readings.push(Reading::Whole(row.stems.clone()));
                }
                if index == last && letters >= MIN_BEGINNING {
                    let known = row.begun.iter().filter(|&stem| row.stems != [stem.as_str()]);
                    readings.extend(known.map(|stem| Reading::Whole(vec![stem.clone()])));
                    if let ([], [stem]) = (row.begun.as_slice(), row.stems.as_slice())
                        && letters >= MIN_RAW_BEGINNING
                    {
                        readings.push(Reading::Beginning(stem.clone()));
                    }
                }
                // A word without meaning of its own, such as "the".
                let silent = row.stems.is_empty() && (index != last || last > 0);
                (!silent && !readings.is_empty()).then_some(Word {
                    typed: row.folded,
                    known: row.known,
                    readings,
                })
            })
            .collect();
        Ok(Self { words, corrected: None })
    }

    /// The same with the words that nobody uses taken for known ones that are spelled alike; `None` when there is nothing to
    /// correct. At most one statement.
    pub(super) async fn corrected(&self, conn: &mut Conn) -> Result<Option<Self>> {
        let correctable = |word: &Word| {
            !word.known
                && slips_allowed(word.typed.chars().count()) > 0
                && !word.typed.contains(|c: char| c.is_ascii_digit())
        };
        let typed: Vec<String> =
            self.words.iter().filter(|word| correctable(word)).map(|word| word.typed.clone()).collect();
        if typed.is_empty() {
            return Ok(None);
        }
        let likely = queries::alike(conn, &typed).await?;
        let mut words = self.words.clone();
        let mut found = false;
        let last = words.len() - 1;
        for (index, word) in words.iter_mut().enumerate().filter(|(_, word)| correctable(word)) {
            let mut corrections: Vec<(usize, &queries::Alike)> = likely
                .iter()
                .filter(|alike| alike.typed == word.typed)
                .filter_map(|alike| {
                    let whole = slips(&word.typed, &alike.word);
                    let slips = if index == last {
                        whole.min(slips_of_beginning(&word.typed, &alike.word))
                    } else {
                        whole
                    };
                    (slips <= slips_allowed(word.typed.chars().count())).then_some((slips, alike))
                })
                .collect();
            corrections.sort_by_key(|(slips, alike)| (*slips, -alike.products));
            let least = corrections.first().map(|(slips, _)| *slips);
            corrections.retain(|(slips, _)| Some(*slips) == least);
            corrections.truncate(MAX_CORRECTIONS);
            if let Some((_, best)) = corrections.first() {
                found = true;
                word.typed = best.word.clone();
                word.readings =
                    corrections.iter().map(|(_, alike)| Reading::Whole(vec![alike.stem.clone()])).collect();
            }
        }
        let sentence: Vec<&str> = words.iter().map(|word| word.typed.as_str()).collect();
        Ok(found.then(|| Self { corrected: Some(sentence.join(" ")), words: words.clone() }))
    }

    /// Matches what has every word somewhere.
    pub fn anywhere(&self) -> String {
        self.text("")
    }

    /// Matches what has every word in its name.
    pub fn in_name(&self) -> String {
        self.text("^")
    }

    fn text(&self, mark: &str) -> String {
        let words =
            self.words.iter().map(|word| any_of(word.readings.iter().map(|reading| reading.text(mark))));
        all_of(words).unwrap_or_else(|| term("=nothing"))
    }
}
