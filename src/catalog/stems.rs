//! What PostgreSQL's dictionary makes of single words, kept so that an import need not have the same ones stemmed a million times.
//!
//! PostgreSQL cuts and stems a text with `to_tsvector`, which takes a seventh of the time of an import. The texts are plain words
//! already ([`SearchDocument`]), nearly all of which came before. So each is asked for once, and the vectors are put
//! together here, equal to those that `product_search` makes. A document with a word that may mean something else
//! among other words is left to PostgreSQL.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use foldhash::HashMap;

use crate::db::Conn;
use crate::sql::Sql;

use super::word_vector::{Place, Weight, WordVector};
use super::words::{SearchDocument, split};

/// So many words are kept, in about 5 MB; then the book begins anew. There are fewer in a language, but SKUs never end.
const MAX_KEPT: usize = 50_000;

/// PostgreSQL counts places up to 16,383.
const MAX_WORDS: u16 = 10_000;

/// Longer words are looked at by PostgreSQL, which does not take every one.
const MAX_WORD_BYTES: usize = 100;

/// What a word becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stem {
    /// It is found by this.
    Lexeme(Arc<str>),
    /// It is too common to be found.
    Stop,
    /// That depends on the words around it.
    Unsettled,
}

/// A book of words.
#[derive(Debug, Default)]
pub struct Stems(Mutex<HashMap<Box<str>, Stem>>);

impl Stems {
    /// The vectors of the documents; `None` for those that PostgreSQL has to cut itself. One statement if there are
    /// words that are not in the book yet.
    pub(super) async fn vectors(
        &self,
        conn: &mut Conn,
        documents: &[SearchDocument],
    ) -> QueryResult<Vec<Option<WordVector>>> {
        let mut vectors: Vec<Option<WordVector>> = Vec::with_capacity(documents.len());
        let unknown: Vec<String> = {
            let known = self.book();
            vectors.extend(documents.iter().map(|document| vector(&known, document)));
            let left = documents.iter().zip(&vectors).filter(|(_, vector)| vector.is_none());
            let words = left.flat_map(|(document, _)| sections(document)).flat_map(|(text, _)| split(text));
            let unknown: HashSet<&str> =
                words.filter(|word| is_asked(word) && !known.contains_key(*word)).collect();
            unknown.into_iter().map(str::to_owned).collect()
        };
        if unknown.is_empty() {
            return Ok(vectors);
        }
        let stems = ask(conn, &unknown).await?;
        let mut known = self.book();
        if known.len() + stems.len() > MAX_KEPT {
            known.clear();
        }
        known.extend(stems);
        for (document, left) in documents.iter().zip(&mut vectors).filter(|(_, vector)| vector.is_none()) {
            *left = vector(&known, document);
        }
        Ok(vectors)
    }

    fn book(&self) -> MutexGuard<'_, HashMap<Box<str>, Stem>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The texts of a document with their weights, as they follow each other in its vector.
fn sections(document: &SearchDocument) -> [(&str, Weight); 4] {
    [(&document.a, Weight::A), (&document.b, Weight::B), (&document.c, Weight::C), (&document.d, Weight::D)]
}

/// Numbers are what they are.
fn is_number(word: &str) -> bool {
    word.len() <= MAX_WORD_BYTES && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_asked(word: &str) -> bool {
    word.len() <= MAX_WORD_BYTES && !is_number(word)
}

/// A word that consists of letters and digits even without its accents, and is one token, is the same among any others.
async fn ask(conn: &mut Conn, words: &[String]) -> QueryResult<Vec<(Box<str>, Stem)>> {
    let rows: Vec<(String, bool, Option<String>)> = Sql::<(Text, Bool, Nullable<Text>)>::new(
        "SELECT word, folded ~ '^[[:alnum:]]+$' AND (SELECT count(*) = 1 FROM ts_parse('default', folded)), \
         (tsvector_to_array(to_tsvector('pg_catalog.english', folded)))[1] \
         FROM (SELECT word, public.unaccent('public.unaccent'::regdictionary, word) AS folded FROM unnest(?) AS word OFFSET 0) AS asked",
    )
    .bind::<Array<Text>, _>(words)
    .load(conn)
    .await?;
    let stem = |is_settled: bool, lexeme: Option<String>| match lexeme {
        _ if !is_settled => Stem::Unsettled,
        Some(lexeme) => Stem::Lexeme(lexeme.into()),
        None => Stem::Stop,
    };
    Ok(rows.into_iter().map(|(word, is_settled, lexeme)| (word.into(), stem(is_settled, lexeme))).collect())
}

/// Every lexeme with its place and weight. The places of a text go on behind the last one of the texts before it, as when
/// vectors are put together with `||`; words that are not found take a place, too.
fn vector(known: &HashMap<Box<str>, Stem>, document: &SearchDocument) -> Option<WordVector> {
    let mut words: Vec<(Arc<str>, Place)> = Vec::with_capacity(128);
    let (mut before, mut last) = (0, 0);
    for (text, weight) in sections(document) {
        let mut place = before;
        for word in split(text) {
            place += 1;
            if place > MAX_WORDS {
                return None;
            }
            let lexeme = if is_number(word) {
                Arc::from(word)
            } else {
                match known.get(word)? {
                    Stem::Lexeme(lexeme) => lexeme.clone(),
                    Stem::Stop => continue,
                    Stem::Unsettled => return None,
                }
            };
            last = place;
            words.push((lexeme, Place::new(place, weight)));
        }
        before = last;
    }
    WordVector::new(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(a: &str, b: &str, d: &str) -> SearchDocument {
        SearchDocument { a: a.into(), b: b.into(), d: d.into(), ..SearchDocument::default() }
    }

    fn book() -> HashMap<Box<str>, Stem> {
        let stem = |word: &str| Stem::Lexeme(word.into());
        [("Hooks", stem("hook")), ("the", Stem::Stop), ("oak", stem("oak")), ("½", Stem::Unsettled)]
            .into_iter()
            .map(|(word, stem)| (word.into(), stem))
            .collect()
    }

    fn stemmed(a: &str, b: &str, d: &str) -> Option<String> {
        vector(&book(), &document(a, b, d)).map(|vector| vector.to_string())
    }

    /// Different ones, as those of a description are.
    fn words(count: u16) -> String {
        (0..count).map(|number| format!("{number} ")).collect()
    }

    #[test]
    fn places_go_on_behind_the_last_lexeme() {
        let vector = stemmed("Hooks the", "07 the", "the oak");
        assert_eq!(vector.as_deref(), Some("07:2B hook:1A oak:4 "));
        assert_eq!(stemmed("the", "", "").as_deref(), Some(""));
        assert!(stemmed("", &"1 ".repeat(120), "oak").unwrap().ends_with(",119B,120B oak:121 "));
    }

    #[test]
    fn what_is_not_settled_is_left_to_postgresql() {
        assert_eq!(stemmed("oak ½", "", ""), None);
        assert_eq!(stemmed("oak", "", "unknown"), None);
        assert_eq!(stemmed("", &"1".repeat(MAX_WORD_BYTES + 1), ""), None);
        assert_eq!(stemmed(&"oak ".repeat(256), "", ""), None);
        assert!(stemmed(&"oak ".repeat(255), "", &words(9_000)).is_some());
        assert_eq!(stemmed("", "", &words(MAX_WORDS + 1)), None);
    }
}
