//! Keyset pages: what every list takes and gives.
//!
//! A cursor is the sort key and id of a row, as opaque text. A page is found by comparing with that key, so the
//! millionth page costs what the first one does.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Code, Error};

/// No list gives more than this at once.
pub const MAX_PAGE_SIZE: i64 = 100;

/// Which end of the list, how many, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageArgs {
    /// How many rows, 0 to [`MAX_PAGE_SIZE`].
    pub size: i64,
    /// True for `last`/`before`: the rows are counted from the end.
    pub backward: bool,
    /// The cursor that the page lies after (or before, when backward).
    pub cursor: Option<String>,
    /// Whether only the cursors of the first and the last row will be looked at.
    pub ends_only: bool,
}

impl PageArgs {
    /// The first `size` rows.
    pub fn first(size: i64) -> Self {
        Self { size, backward: false, cursor: None, ends_only: false }
    }

    /// Checks the four Relay arguments: exactly one of `first` and `last`, within 0 to 100, `after` with
    /// `first`, `before` with `last`.
    pub fn new(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self, Error> {
        let (size, backward, cursor) = match (first, last) {
            (Some(first), None) if before.is_none() => (first, false, after),
            (None, Some(last)) if after.is_none() => (last, true, before),
            (Some(_), None) => return Err(bad("`before` goes with `last`, `after` with `first`.")),
            (None, Some(_)) => return Err(bad("`after` goes with `first`, `before` with `last`.")),
            _ => return Err(bad("Exactly one of `first` and `last` is required.")),
        };
        let size = i64::from(size);
        if !(0..=MAX_PAGE_SIZE).contains(&size) {
            return Err(bad("A page has 0 to 100 items."));
        }
        Ok(Self { size, backward, cursor, ends_only: false })
    }

    /// The decoded cursor. A cursor of another list or sort order is refused.
    pub fn cursor<K: DeserializeOwned>(&self) -> Result<Option<K>, Error> {
        self.cursor.as_deref().map(decode_cursor).transpose()
    }

    /// How many rows to ask the database for: one more, to know whether there are more.
    pub fn limit(&self) -> i64 {
        self.size + 1
    }
}

fn bad(message: &str) -> Error {
    Error::request(Code::BadUserInput, message)
}

/// The opaque text for a sort key; `json` is memory that is used again.
fn encode_cursor<K: Serialize>(json: &mut Vec<u8>, key: &K) -> String {
    json.clear();
    serde_json::to_writer(&mut *json, key).expect("a sort key is plain data");
    URL_SAFE_NO_PAD.encode(json)
}

/// Reads the opaque text of a sort key.
pub fn decode_cursor<K: DeserializeOwned>(cursor: &str) -> Result<K, Error> {
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok();
    decoded
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| bad("The cursor does not belong to this list."))
}

/// Some rows of a list, in list order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, each with its cursor; with [`PageArgs::ends_only`] it is empty between the first and the last.
    pub items: Vec<(String, T)>,
    /// Whether rows follow the last one.
    pub has_next: bool,
    /// Whether rows precede the first one.
    pub has_previous: bool,
}

impl<T> Default for Page<T> {
    /// An empty list.
    fn default() -> Self {
        Self { items: Vec::new(), has_next: false, has_previous: false }
    }
}

impl<T> Page<T> {
    /// From rows in the order they were fetched (reversed when `args.backward`), at most `args.limit()` of them.
    pub fn new<K: Serialize>(mut rows: Vec<T>, args: &PageArgs, key: impl Fn(&T) -> K) -> Self {
        let size = usize::try_from(args.size).expect("the size of a page is checked");
        let more = rows.len() > size;
        rows.truncate(size);
        if args.backward {
            rows.reverse();
        }
        let (has_next, has_previous) =
            if args.backward { (args.cursor.is_some(), more) } else { (more, args.cursor.is_some()) };
        let mut json = Vec::new();
        let last = rows.len().saturating_sub(1);
        let mut cursor = |index, row: &T| {
            let is_end = index == 0 || index == last;
            if is_end || !args.ends_only { encode_cursor(&mut json, &key(row)) } else { String::new() }
        };
        let items = rows.into_iter().enumerate().map(|(index, row)| (cursor(index, &row), row)).collect();
        Self { items, has_next, has_previous }
    }

    /// The same page with every row changed.
    pub fn map<U>(self, change: impl Fn(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(|(cursor, row)| (cursor, change(row))).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}
