//! Where records really begin.
//!
//! csv-async tells the byte after the record before, which may be the second half of a line end or a blank line, and
//! counts lines there. People look for the line that the row stands on, so this notes, while the bytes pass, where each
//! line's content begins. It also stops a record that never ends: a quote left open would take the rest of the file
//! into memory as one cell.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use crate::bulk::entry::Position;

/// The longest row: a description has at most half a megabyte, and quotes in it are doubled.
pub const MAX_RECORD_BYTES: u64 = 4 * 1024 * 1024;

/// The notes, shared between the reader below the CSV parser and the one above it.
#[derive(Debug, Clone)]
pub struct Lines(Arc<Mutex<Notes>>);

#[derive(Debug)]
struct Notes {
    /// How far has been read.
    end: Position,
    /// No content of the present line has been seen yet.
    at_line_start: bool,
    after_carriage_return: bool,
    /// Where lines that have content begin, from the present record on.
    starts: VecDeque<Position>,
    /// Where the present record begins.
    record: u64,
}

impl Lines {
    /// For a text that begins at `position` of its file.
    pub fn new(position: Position) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            end: position,
            at_line_start: true,
            after_carriage_return: false,
            starts: VecDeque::new(),
            record: position.byte,
        })))
    }

    /// Where the record begins whose first byte is at or after `byte`; the end of the file if there is none.
    /// Forgets what is before it.
    pub fn begin_record(&self, byte: u64) -> Position {
        let mut notes = self.lock();
        while notes.starts.front().is_some_and(|start| start.byte < byte) {
            notes.starts.pop_front();
        }
        notes.record = byte;
        notes.starts.front().copied().unwrap_or(notes.end)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().expect("never poisoned: no code panics in it")
    }
}

impl Notes {
    fn note(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' => {
                    if !self.after_carriage_return {
                        self.end.line += 1;
                    }
                    self.at_line_start = true;
                }
                b'\r' => {
                    self.end.line += 1;
                    self.at_line_start = true;
                }
                _ if self.at_line_start => {
                    self.starts.push_back(self.end);
                    self.at_line_start = false;
                }
                _ => {}
            }
            self.after_carriage_return = byte == b'\r';
            self.end.byte += 1;
        }
    }
}

/// A reader that notes lines.
pub struct Tracked<R> {
    inner: R,
    lines: Lines,
}

impl<R> Tracked<R> {
    /// Notes into `lines`.
    pub fn new(inner: R, lines: Lines) -> Self {
        Self { inner, lines }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Tracked<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        {
            let notes = self.lines.lock();
            if notes.end.byte.saturating_sub(notes.record) > MAX_RECORD_BYTES {
                let message = "the row is longer than 4 MiB; a quote that is not closed makes it so";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
            }
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.lines.lock().note(&buf.filled()[before..]);
        polled
    }
}
