//! Values of PostgreSQL's type `tsvector`, as they go over the wire.

use std::io::Write;
use std::sync::Arc;

use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;

/// The SQL type `tsvector`.
#[derive(Debug, Clone, Copy, SqlType)]
#[diesel(postgres_type(oid = 3614, array_oid = 3643))]
pub struct TsVector;

/// What a word counts, in the order of PostgreSQL's letters from D to A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    D,
    C,
    B,
    A,
}

/// Where a word stands, and what it counts there, as `tsvector` has it: the weight in the upper two bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u16);

impl Place {
    /// The place is at most 16,383.
    pub fn new(place: u16, weight: Weight) -> Self {
        Self(place | (weight as u16) << 14)
    }

    fn has(self, weight: Weight) -> bool {
        self.0 >> 14 == weight as u16
    }
}

/// So many places of a word are noted.
const MAX_PLACES: usize = 255;

/// The words of a text: each once, in the order of their bytes, with its places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordVector {
    /// Each with where its places end.
    words: Vec<(Arc<str>, usize)>,
    places: Vec<Place>,
}

impl WordVector {
    /// Of words in the order of their places; none if a word has more of them than PostgreSQL notes.
    pub fn new(mut words: Vec<(Arc<str>, Place)>) -> Option<Self> {
        words.sort_by(|one, other| one.0.cmp(&other.0));
        let mut vector =
            Self { words: Vec::with_capacity(words.len()), places: Vec::with_capacity(words.len()) };
        for (word, place) in words {
            vector.places.push(place);
            match vector.words.last_mut() {
                Some((last, end)) if *last == word => *end += 1,
                _ => vector.words.push((word, vector.places.len())),
            }
        }
        let is_whole = vector.iter().all(|(_, places)| places.len() <= MAX_PLACES);
        is_whole.then_some(vector)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &[Place])> {
        let mut begin = 0;
        self.words.iter().map(move |(word, end)| {
            let places = &self.places[std::mem::replace(&mut begin, *end)..*end];
            (word.as_ref(), places)
        })
    }

    /// The words of the name.
    pub fn in_name(&self) -> impl Iterator<Item = &str> {
        let named = self.iter().filter(|(_, places)| places.iter().any(|place| place.has(Weight::A)));
        named.map(|(word, _)| word)
    }

    /// The words together with terms that are none, as a row of `product_terms` has them: a word of the description without its
    /// places.
    pub fn with_terms(&self, terms: &TermList) -> Terms {
        let mut others: Vec<&str> = terms.iter().collect();
        others.sort_unstable();
        others.dedup();
        let mut all: Vec<(&str, &[Place])> = self.iter().collect();
        all.extend(others.into_iter().map(|term| (term, [].as_slice())));
        // Two runs that are in order already.
        all.sort_by_key(|(term, _)| *term);
        let mut bytes =
            Vec::with_capacity(all.iter().map(|(term, places)| term.len() + 3 + 2 * places.len()).sum());
        let counting = |place: &Place| !place.has(Weight::D);
        let written = write(&mut bytes, all.len(), all, counting);
        written.expect("memory takes what is written");
        Terms(bytes)
    }
}

/// A vector in the form of its function `tsvectorrecv`.
fn write<'a>(
    out: &mut impl Write,
    count: usize,
    words: impl IntoIterator<Item = (&'a str, &'a [Place])>,
    counting: impl Fn(&Place) -> bool,
) -> std::io::Result<()> {
    out.write_all(&(count as u32).to_be_bytes())?;
    for (word, places) in words {
        out.write_all(word.as_bytes())?;
        out.write_all(&[0])?;
        let count = places.iter().filter(|place| counting(place)).count();
        out.write_all(&(count as u16).to_be_bytes())?;
        for place in places.iter().filter(|place| counting(place)) {
            out.write_all(&place.0.to_be_bytes())?;
        }
    }
    Ok(())
}

impl ToSql<TsVector, Pg> for WordVector {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        write(out, self.words.len(), self.iter(), |_| true)?;
        Ok(IsNull::No)
    }
}

/// Terms, one behind the other in one text.
#[derive(Debug, Default)]
pub struct TermList {
    text: String,
    ends: Vec<usize>,
}

impl TermList {
    /// Appends the term that consists of these parts.
    pub fn push(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.text.push_str(part));
        self.ends.push(self.text.len());
    }

    /// In the order in which they were appended.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut begin = 0;
        self.ends.iter().map(move |&end| &self.text[std::mem::replace(&mut begin, end)..end])
    }
}

/// What a product is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms(Vec<u8>);

impl ToSql<TsVector, Pg> for Terms {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

#[cfg(test)]
impl std::fmt::Display for WordVector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (word, places) in self.iter() {
            let letter = |place: &Place| ["", "C", "B", "A"][usize::from(place.0 >> 14)];
            let places: Vec<String> =
                places.iter().map(|place| format!("{}{}", place.0 & 0x3fff, letter(place))).collect();
            write!(f, "{word}:{} ", places.join(","))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector() -> WordVector {
        let word = |word: &str, place, weight| (Arc::from(word), Place::new(place, weight));
        WordVector::new(vec![
            word("oak", 1, Weight::A),
            word("7", 2, Weight::B),
            word("oak", 3, Weight::D),
            word("hook", 4, Weight::D),
        ])
        .unwrap()
    }

    #[test]
    fn a_word_has_so_many_places() {
        let oak = |count: usize| vec![(Arc::from("oak"), Place::new(1, Weight::D)); count];
        assert!(WordVector::new(oak(MAX_PLACES)).is_some());
        assert_eq!(WordVector::new(oak(MAX_PLACES + 1)), None);
    }

    #[test]
    fn words_are_in_order_with_their_places() {
        assert_eq!(vector().to_string(), "7:2B hook:4 oak:1A,3 ");
        assert_eq!(vector().in_name().collect::<Vec<_>>(), ["oak"]);
    }

    #[test]
    fn terms_stand_among_the_words() {
        let mut list = TermList::default();
        list.push(&["^", "oak"]);
        list.push(&["#2", ".", "1"]);
        list.push(&["^oak"]);
        list.push(&["=i"]);
        let Terms(bytes) = vector().with_terms(&list);
        let mut expected = vec![0, 0, 0, 6];
        for (term, places) in [
            ("#2.1", [].as_slice()),
            ("7", &[0x8002]),
            ("=i", &[]),
            ("^oak", &[]),
            ("hook", &[]),
            ("oak", &[0xc001_u16]),
        ] {
            expected.extend(term.as_bytes());
            expected.extend([0, 0, places.len() as u8]);
            expected.extend(places.iter().flat_map(|place| place.to_be_bytes()));
        }
        assert_eq!(bytes, expected);
    }
}
