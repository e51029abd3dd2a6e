//! Opening a file: compression, byte order mark, and the reader of its format.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_compression::tokio::bufread::GzipDecoder;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader, ReadBuf};

use crate::money::Currency;
use crate::storage::StoredReader;

use super::entry::{Entry, Position, ReadError};
use super::format::CatalogFormat;
use super::{jsonl, shopify};

const BUFFER_BYTES: usize = 64 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8; 3] = b"\xef\xbb\xbf";

/// A stored file, read product by product.
pub enum Source {
    /// Shopify's CSV.
    Shopify(Box<shopify::Reader>),
    /// Our JSONL.
    Jsonl(Box<jsonl::Reader>),
}

impl Source {
    /// The next product with its rows, rejected ones included; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        match self {
            Source::Shopify(reader) => reader.next().await,
            Source::Jsonl(reader) => reader.next().await,
        }
    }
}

/// Opens a file at a position that an earlier [`Entry`] named. `reopen` gives the stored bytes from the beginning;
/// CSV needs them twice when it goes on in the middle, for its header.
pub async fn open<F>(
    format: CatalogFormat,
    currency: Currency,
    position: Position,
    reopen: impl Fn() -> F,
) -> Result<Source, ReadError>
where
    F: Future<Output = io::Result<StoredReader>>,
{
    let storage = ReadError::Storage;
    let text = async |skip| {
        let stored = reopen().await.map_err(storage)?;
        text(stored, skip).await.map_err(|error| ReadError::from_io(error, 1))
    };
    match format {
        CatalogFormat::ShopifyCsv => {
            let layout = shopify::Layout::read(text(0).await?).await?;
            let reader = shopify::Reader::new(layout, currency, text(position.byte).await?, position);
            Ok(Source::Shopify(Box::new(reader)))
        }
        CatalogFormat::Jsonl => {
            let reader = jsonl::Reader::new(currency, text(position.byte).await?, position);
            Ok(Source::Jsonl(Box::new(reader)))
        }
    }
}

/// The text of a stored file: unpacked if it is gzip, without a byte order mark, from `skip` bytes on.
pub async fn text(stored: StoredReader, skip: u64) -> io::Result<StoredReader> {
    let (head, stored) = split_head(stored, GZIP.len()).await?;
    let is_gzip = head == GZIP;
    let stored = Cursor::new(head).chain(stored);
    let unpacked: StoredReader = if is_gzip {
        let mut decoder = GzipDecoder::new(BufReader::with_capacity(BUFFER_BYTES, stored));
        decoder.multiple_members(true);
        Box::new(decoder)
    } else {
        Box::new(stored)
    };
    let (mut head, rest) = split_head(unpacked, BYTE_ORDER_MARK.len()).await?;
    if head == BYTE_ORDER_MARK {
        head.clear();
    }
    let mut text = Cursor::new(head).chain(rest);
    let skipped = tokio::io::copy(&mut (&mut text).take(skip), &mut tokio::io::sink()).await?;
    if skipped < skip {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
    }
    Ok(Box::new(text))
}

/// The first `len` bytes (fewer at the end of the file), and the rest.
pub async fn split_head<R: AsyncRead + Unpin>(mut reader: R, len: usize) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::new();
    (&mut reader).take(len as u64).read_to_end(&mut head).await?;
    Ok((head, reader))
}

/// Counts the bytes that pass.
pub struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    /// Sets `count` to the number of bytes that have passed.
    pub fn new(inner: R, count: Arc<AtomicU64>) -> Self {
        count.store(0, Ordering::Relaxed);
        Self { inner, count }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.count.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

/// How much of a file is looked at before it is accepted.
pub const HEAD_BYTES: usize = 256 * 1024;
const CHECKED_BYTES: u64 = 64 * 1024;

/// Looks at the first bytes of a file, as stored: is it what its format says? The answer is one sentence for a person.
pub async fn refuse_wrong_file(format: CatalogFormat, head: &[u8]) -> Result<(), String> {
    if head.is_empty() {
        return Err("The file is empty.".into());
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err("The file is a ZIP archive or an Excel workbook. Save it as CSV (UTF-8) first.".into());
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err("The file is encoded in UTF-16. Save it in UTF-8.".into());
    }
    let mut start = Vec::new();
    let unpacked = text(Box::new(Cursor::new(head.to_vec())), 0).await;
    // Only the beginning is here, so gzip ends in the middle; what came out before that is what counts.
    let damaged = match unpacked {
        Ok(unpacked) => unpacked.take(CHECKED_BYTES).read_to_end(&mut start).await.is_err(),
        Err(_) => true,
    };
    if start.is_empty() {
        let reason = if damaged { "The compressed file is damaged." } else { "The file is empty." };
        return Err(reason.into());
    }
    if let Err(error) = std::str::from_utf8(&start)
        && error.error_len().is_some()
    {
        let line = start[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
        return Err(format!("The file is not encoded in UTF-8 (see line {line}). Save it in UTF-8."));
    }
    if start.contains(&0) {
        return Err("The file is not text.".into());
    }
    match format {
        CatalogFormat::ShopifyCsv => match shopify::Layout::read(Box::new(Cursor::new(start))).await {
            Ok(_) => Ok(()),
            Err(ReadError::Broken { reason, .. }) => Err(reason),
            Err(ReadError::Storage(error)) => Err(format!("The file cannot be read: {error}.")),
        },
        CatalogFormat::Jsonl => jsonl::refuse_wrong_start(&start),
    }
}
