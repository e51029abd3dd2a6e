//! What reading a file gives, record by record.

/// So much of a rejected row is kept, in bytes.
pub const QUOTED_BYTES: usize = 1_000;

/// At most this many rejected rows of one product are described; further ones are only counted.
const DESCRIBED_PER_PRODUCT: usize = 1_000;

/// A place in the (decompressed) file where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes from the beginning, the byte order mark not counted.
    pub byte: u64,
    /// Counts from 1.
    pub line: u64,
}

impl Position {
    /// The beginning.
    pub const START: Position = Position { byte: 0, line: 1 };
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The column as the file names it, or the path in the JSON object; empty when the row as a whole is to blame.
    pub column: String,
    /// One plain English sentence.
    pub reason: String,
}

impl Problem {
    /// A problem at a column.
    pub fn new(column: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { column: column.into(), reason: reason.into() }
    }
}

/// A row of which something could not be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RowRejection {
    /// The line of the file that the row begins on; counts from 1.
    pub line: u64,
    /// The column, or the path in the JSON object; empty when the row as a whole is to blame.
    pub column: String,
    /// One plain English sentence.
    pub reason: String,
    /// What stands in the row, or its beginning; empty when it cannot be shown.
    #[serde(skip)]
    pub text: String,
}

/// The rows of one product, or of whatever else a file is about. Every row is either among `lines` or rejected, never both.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<T> {
    /// What they say; `None` when nothing of it could be used.
    pub content: Option<T>,
    /// Where the rows that are in the content begin.
    pub lines: Vec<u64>,
    /// How many rows were rejected.
    pub rejected: u64,
    /// Why, by line; the first [`DESCRIBED_PER_PRODUCT`] of them.
    pub rejections: Vec<RowRejection>,
    /// Where the next product begins.
    pub next: Position,
    /// Of a product in a single row: what stands there, or its beginning, for the case that it is rejected.
    pub text: String,
}

impl<T> Entry<T> {
    /// Without rows yet.
    pub fn new() -> Self {
        Self {
            content: None,
            lines: Vec::new(),
            rejected: 0,
            rejections: Vec::new(),
            next: Position::START,
            text: String::new(),
        }
    }

    /// The same with other content.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Entry<U> {
        let Self { content, lines, rejected, rejections, next, text } = self;
        Entry { content: content.map(change), lines, rejected, rejections, next, text }
    }

    /// How many rows the product has.
    pub fn rows(&self) -> u64 {
        self.lines.len() as u64 + self.rejected
    }

    /// Notes a row that cannot be used.
    pub fn reject(&mut self, line: u64, problem: Problem) {
        self.rejected += 1;
        if self.rejections.len() < DESCRIBED_PER_PRODUCT {
            let [column, reason] =
                [problem.column, problem.reason].map(|text| beginning(&text).replace('\0', "\u{fffd}"));
            let text = std::mem::take(&mut self.text);
            self.rejections.push(RowRejection { line, column, reason, text });
        }
    }

    /// Adds to every rejection what stands in its row.
    pub fn quote(&mut self, row: impl Fn(u64) -> Option<String>) {
        for rejection in &mut self.rejections {
            rejection.text = row(rejection.line).map(|text| beginning(&text).to_owned()).unwrap_or_default();
        }
    }

    /// Gives up the product: every row that was good until now is rejected, the first of them with the reason.
    pub fn reject_product(&mut self, problem: Problem) {
        self.content = None;
        let mut first = Some(problem);
        for line in std::mem::take(&mut self.lines) {
            let problem = first.take().unwrap_or_else(|| {
                Problem::new("", "The product of this row could not be imported: see its other rows.")
            });
            self.reject(line, problem);
        }
        self.rejections.sort_by_key(|rejection| rejection.line);
    }
}

/// As much of a row as is kept.
pub fn beginning(text: &str) -> &str {
    let end = (0..=QUOTED_BYTES.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// Why reading cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is broken from here on; reading it again would not help.
    #[error("line {line}: {reason}")]
    Broken {
        /// Where the record begins that cannot be read.
        line: u64,
        /// One plain English sentence.
        reason: String,
    },
    /// The storage failed; it may work another time.
    #[error("the file cannot be read now: {0}")]
    Storage(std::io::Error),
}

impl ReadError {
    /// Tells a damaged file (what decoders report) from a storage that failed.
    pub fn from_io(error: std::io::Error, line: u64) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
                ReadError::Broken { line, reason: format!("The file is damaged or cut off here: {error}.") }
            }
            _ => ReadError::Storage(error),
        }
    }
}
