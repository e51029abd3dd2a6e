//! Our own format: one JSON object per line: products with everything that belongs to them, and what they refer to.
//!
//! What is written is read back to the same shop exactly. The fields are described in docs/IMPORT.md.

mod draft;
mod line;
mod read;
mod write;

#[cfg(test)]
mod tests;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};

use crate::storage::StoredReader;

use super::entry::{Entry, Position, Problem, QUOTED_BYTES, ReadError, beginning};
use super::item::{Item, Places};

pub use draft::parse_line;
pub use write::{Names, location, product_type};

/// The longest line: a product with 2,000 variants takes about a megabyte.
const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;
/// A longer line is passed over and rejected, but nobody reads on for ever.
const MAX_SKIPPED_BYTES: u64 = 64 * 1024 * 1024;

/// Looks at the beginning of a file: its first line must be a JSON object.
pub fn refuse_wrong_start(start: &[u8]) -> Result<(), String> {
    let first = start.split(|&b| b == b'\n').map(|line| line.trim_ascii()).find(|line| !line.is_empty());
    match first {
        None => Err("The file is empty.".into()),
        Some(line) if line.starts_with(b"[") => {
            Err("The file is a JSON array. JSONL has one object per line, without brackets and commas around them.".into())
        }
        Some(line) if !line.starts_with(b"{") => Err("The first line is not a JSON object.".into()),
        Some(line) => match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
            Err(error) if !error.is_eof() => Err("The first line is not a JSON object.".into()),
            // An object that goes on in the next line is pretty-printed JSON; one that reaches the end may be cut off here.
            Err(_) if start.contains(&b'\n') => {
                Err("The first line is not a whole JSON object: each product needs to be on one line.".into())
            }
            _ => Ok(()),
        },
    }
}

/// Reads a file line by line; blank lines do not count.
pub struct Reader {
    text: BufReader<StoredReader>,
    places: Places,
    position: Position,
    line: Vec<u8>,
}

impl Reader {
    /// Of a text that begins at `position` of its file.
    pub fn new(places: Places, text: StoredReader, position: Position) -> Self {
        Self { text: BufReader::with_capacity(64 * 1024, text), places, position, line: Vec::new() }
    }

    /// What the next line says; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry<Item>>, ReadError> {
        loop {
            let line = self.position.line;
            let read = read_line(&mut self.text, &mut self.line)
                .await
                .map_err(|error| ReadError::from_io(error, line))?;
            if read == 0 {
                return Ok(None);
            }
            self.position = Position { byte: self.position.byte + read, line: line + 1 };
            let text = self.line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let mut entry = Entry::new();
            entry.next = self.position;
            let quoted = &text[..text.len().min(2 * QUOTED_BYTES)];
            entry.text = beginning(&String::from_utf8_lossy(quoted)).to_owned();
            let item = if read > MAX_LINE_BYTES as u64 {
                Err(Problem::new(
                    "",
                    format!("The line has {read} bytes; at most {MAX_LINE_BYTES} are allowed."),
                ))
            } else {
                read::read(text, &self.places)
            };
            match item {
                Ok(item) => {
                    entry.lines.push(line);
                    entry.content = Some(item);
                }
                Err(problem) => entry.reject(line, problem),
            }
            return Ok(Some(entry));
        }
    }
}

/// Reads up to and including the next line feed; keeps at most [`MAX_LINE_BYTES`] of it. Returns how many bytes there
/// were; 0 at the end. A line beyond [`MAX_SKIPPED_BYTES`] is an error.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> std::io::Result<u64> {
    line.clear();
    let mut read = 0;
    loop {
        let chunk = reader.fill_buf().await?;
        let end = chunk.iter().position(|&b| b == b'\n').map(|index| index + 1);
        let len = end.unwrap_or(chunk.len());
        if line.len() < MAX_LINE_BYTES {
            line.extend_from_slice(&chunk[..len]);
        }
        reader.consume(len);
        read += len as u64;
        if read > MAX_SKIPPED_BYTES {
            let message = format!("the line is longer than {MAX_SKIPPED_BYTES} bytes");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
        }
        if end.is_some() || len == 0 {
            return Ok(read);
        }
    }
}
