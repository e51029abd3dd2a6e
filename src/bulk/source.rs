//! Opening a file: compression, byte order mark, and the reader of its format.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_compression::tokio::bufread::GzipDecoder;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader, ReadBuf};

use crate::ids::ChannelId;
use crate::storage::StoredReader;

use super::entry::{Entry, Position, ReadError};
use super::format::CatalogFormat;
use super::item::{Item, Places};
use super::{jsonl, shopify};

const BUFFER_BYTES: usize = 64 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8; 3] = b"\xef\xbb\xbf";

/// A stored file, read product by product.
pub enum Source {
    /// Shopify's CSV, for this channel.
    Shopify(Box<shopify::Reader>, ChannelId),
    /// Our JSONL.
    Jsonl(Box<jsonl::Reader>),
}

impl Source {
    /// The next product with its rows, or another record, rejected rows included; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry<Item>>, ReadError> {
        match self {
            Source::Shopify(reader, channel_id) => {
                let entry = reader.next_patch(*channel_id).await?;
                Ok(entry.map(|entry| entry.map(|patch| Item::Product(Box::new(patch)))))
            }
            Source::Jsonl(reader) => reader.next().await,
        }
    }
}

/// Opens a file at a position that an earlier [`Entry`] named. `reopen` gives the stored bytes from the beginning;
/// CSV needs them twice when it goes on in the middle, for its header.
pub async fn open<F>(
    format: CatalogFormat,
    places: Places,
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
            let channel = places.channel;
            let reader = shopify::Reader::new(layout, channel.currency, text(position.byte).await?, position);
            Ok(Source::Shopify(Box::new(reader), channel.id))
        }
        CatalogFormat::Jsonl => {
            let reader = jsonl::Reader::new(places, text(position.byte).await?, position);
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
        let packed = Arc::new(AtomicU64::new(0));
        let stored = Counted::new(stored, packed.clone());
        let mut decoder = GzipDecoder::new(BufReader::with_capacity(BUFFER_BYTES, stored));
        decoder.multiple_members(true);
        Box::new(Deflated { inner: decoder, packed, unpacked: 0 })
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

/// A compressed file that expands more than this is made to keep us busy: deflate ends at 1,032, and exports are at 5 to 40.
const MAX_EXPANSION: u64 = 250;
/// Up to here nobody counts.
const FREE_EXPANSION_BYTES: u64 = 256 * 1024 * 1024;

/// What comes out of a compressed file, as long as it is in proportion.
struct Deflated<R> {
    inner: R,
    packed: Arc<AtomicU64>,
    unpacked: u64,
}

impl<R: AsyncRead + Unpin> AsyncRead for Deflated<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.unpacked += (buf.filled().len() - before) as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        if self.unpacked > FREE_EXPANSION_BYTES && self.unpacked / MAX_EXPANSION > packed {
            let message = format!("it expands to more than {MAX_EXPANSION} times its size");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        polled
    }
}

/// How much of a file is looked at before it is accepted.
pub const HEAD_BYTES: usize = 256 * 1024;
const CHECKED_BYTES: u64 = 64 * 1024;
const SAVE_AS_UTF8: &str =
    "Save it in UTF-8: in Excel as \"CSV UTF-8\", elsewhere choose the encoding when saving.";

/// Looks at the first bytes of a file, as stored: is it what its format says? The answer is one sentence for a person.
pub async fn refuse_wrong_file(format: CatalogFormat, head: &[u8]) -> Result<(), String> {
    if head.is_empty() {
        return Err("The file is empty.".into());
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err("The file is a ZIP archive or an Excel workbook. Save it as CSV (UTF-8) first.".into());
    }
    if head.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err("The file is an Excel workbook. Save it as CSV (UTF-8) first.".into());
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
    if start.starts_with(&GZIP) {
        return Err("The file is compressed twice.".into());
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Err(format!("The file is encoded in UTF-16. {SAVE_AS_UTF8}"));
    }
    if let Err(error) = std::str::from_utf8(&start)
        && error.error_len().is_some()
    {
        let line = start[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
        return Err(format!("The file is not encoded in UTF-8 (see line {line}). {SAVE_AS_UTF8}"));
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
