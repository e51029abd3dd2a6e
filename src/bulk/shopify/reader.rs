//! Reading the file: its layout, its rows, and which of them belong together.

use std::io::Cursor;

use csv_async::{AsyncReader, AsyncReaderBuilder, ByteRecord, StringRecord};

use crate::bulk::entry::{Entry, Position, Problem, ReadError};
use crate::bulk::guard::unguarded_trimmed;
use crate::bulk::patch::ProductPatch;
use crate::bulk::source::split_head;
use crate::catalog::ProductDraft;
use crate::ids::ChannelId;
use crate::money::Currency;
use crate::storage::StoredReader;

use super::columns::{Column, Columns};
use super::patch::patch;
use super::product::product;
use super::row::Row;
use super::tracked::{Lines, Tracked};

/// More rows than a product can have usable ones: 2,000 variants and 250 images.
const MAX_ROWS_PER_PRODUCT: usize = 3_000;
/// The most memory that the rows of one product take.
const MAX_PRODUCT_BYTES: usize = 16 * 1024 * 1024;
/// Longer than any header.
const HEADER_BYTES: usize = 64 * 1024;
/// More than any export has, metafields included.
const MAX_COLUMNS: usize = 2_000;

/// How the file is laid out: what separates its cells, and what its columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    separator: u8,
    columns: Columns,
}

impl Layout {
    /// From the header, which is read from the beginning of `text`. Cells may be separated by commas, semicolons (Excel
    /// in much of Europe) or tabs. [`ReadError::Broken`] names the columns that are missing.
    pub async fn read(text: StoredReader) -> Result<Self, ReadError> {
        let (head, _) = split_head(text, HEADER_BYTES).await.map_err(|error| ReadError::from_io(error, 1))?;
        let mut missing: Option<Vec<&'static str>> = None;
        for separator in [b',', b';', b'\t'] {
            let mut header = ByteRecord::new();
            let mut reader = builder(separator).create_reader(Cursor::new(head.as_slice()));
            reader.read_byte_record(&mut header).await.map_err(|error| broken(1, &error))?;
            let is_cut_off = head.len() == HEADER_BYTES && reader.position().byte() >= HEADER_BYTES as u64;
            if is_cut_off || header.len() > MAX_COLUMNS {
                let reason = format!(
                    "The first line is not a header: it has more than {MAX_COLUMNS} columns or 64 KiB."
                );
                return Err(ReadError::Broken { line: 1, reason });
            }
            let header = StringRecord::from_byte_record_lossy(header);
            match Columns::read(&header) {
                Ok(columns) => return Ok(Self { separator, columns }),
                Err(names) if missing.as_ref().is_none_or(|fewest| names.len() < fewest.len()) => {
                    missing = Some(names);
                }
                Err(_) => {}
            }
        }
        let names = missing.unwrap_or_default().join(", ");
        Err(ReadError::Broken {
            line: 1,
            reason: format!("The first line is not the header of a Shopify product CSV: it lacks {names}."),
        })
    }
}

fn builder(separator: u8) -> AsyncReaderBuilder {
    let mut builder = AsyncReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(separator).buffer_capacity(64 * 1024);
    builder
}

fn broken(line: u64, error: &csv_async::Error) -> ReadError {
    ReadError::Broken { line, reason: format!("The row cannot be read: {error}.") }
}

/// Reads a file product by product.
pub struct Reader {
    csv: AsyncReader<Tracked<StoredReader>>,
    lines: Lines,
    layout: Layout,
    currency: Currency,
    /// Where the text begins in its file.
    base: u64,
    /// The first row of the next product.
    ahead: Option<Row>,
    header_is_next: bool,
}

impl Reader {
    /// Of a text that begins at `position` of its file.
    pub fn new(layout: Layout, currency: Currency, text: StoredReader, position: Position) -> Self {
        let lines = Lines::new(position);
        let csv = builder(layout.separator).create_reader(Tracked::new(text, lines.clone()));
        let header_is_next = position == Position::START;
        Self { csv, lines, layout, currency, base: position.byte, ahead: None, header_is_next }
    }

    /// What the next product's rows say about it in a channel; `None` at the end.
    pub async fn next_patch(
        &mut self,
        channel_id: ChannelId,
    ) -> Result<Option<Entry<ProductPatch>>, ReadError> {
        let entry = self.next().await?;
        Ok(entry.map(|entry| entry.map(|draft| patch(draft, &self.layout.columns, channel_id))))
    }

    /// The next product with its rows; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Entry<ProductDraft>>, ReadError> {
        let mut rows: Vec<Row> = Vec::new();
        let mut beyond: Vec<u64> = Vec::new();
        let mut size_bytes = 0;
        loop {
            let row = match self.ahead.take() {
                Some(row) => Some(row),
                None => self.read_row().await?,
            };
            let Some(row) = row else { break };
            // A row without a handle does not part the rows around it.
            let belongs =
                rows.first().is_none_or(|first| row.handle.is_empty() || row.handle == first.handle);
            if !belongs {
                self.ahead = Some(row);
                break;
            }
            size_bytes += row.size_bytes();
            if rows.len() < MAX_ROWS_PER_PRODUCT && size_bytes <= MAX_PRODUCT_BYTES {
                rows.push(row);
            } else {
                beyond.push(row.start.line);
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let mut entry = product(&self.layout.columns, self.currency, &rows);
        entry.quote(|line| {
            let index = rows.binary_search_by_key(&line, |row| row.start.line).ok()?;
            rows[index].cells.as_ref().ok().map(quoted)
        });
        for line in beyond {
            let reason =
                format!("The product has more than {MAX_ROWS_PER_PRODUCT} rows, or more than 16 MiB.");
            entry.reject(line, Problem::new("", reason));
        }
        entry.next = match &self.ahead {
            Some(row) => row.start,
            None => self.lines.begin_record(u64::MAX),
        };
        Ok(Some(entry))
    }

    /// The next row that has any content.
    async fn read_row(&mut self) -> Result<Option<Row>, ReadError> {
        let mut record = ByteRecord::new();
        loop {
            let byte = self.base + self.csv.position().byte();
            let begin = self.lines.begin_record(byte);
            if !self.csv.read_byte_record(&mut record).await.map_err(|error| read_error(error, begin.line))? {
                return Ok(None);
            }
            // Only now its first byte has been seen for sure.
            let start = self.lines.begin_record(byte);
            if std::mem::take(&mut self.header_is_next) {
                continue;
            }
            if record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                return Ok(Some(self.row(record, start)));
            }
        }
    }

    fn row(&self, record: ByteRecord, start: Position) -> Row {
        let columns = &self.layout.columns;
        let handle = columns.index(Column::Handle).and_then(|index| record.get(index)).unwrap_or_default();
        let handle =
            std::str::from_utf8(handle).map(|text| unguarded_trimmed(text).to_owned()).unwrap_or_default();
        let cells = match StringRecord::from_byte_record(record) {
            Ok(cells) => check_shape(columns, cells),
            Err(error) => {
                let column = columns.name_at(error.utf8_error().field());
                Err(Problem::new(column, "The cell is not encoded in UTF-8."))
            }
        };
        Row { start, handle, cells }
    }
}

/// Spreadsheets leave out empty cells at the end of a row. More cells than columns, or a last cell that swallowed
/// the following lines, mean that a quote or a separator is not where it should be.
fn check_shape(columns: &Columns, cells: StringRecord) -> Result<StringRecord, Problem> {
    let beyond = cells.iter().skip(columns.len()).any(|cell| !cell.trim().is_empty());
    if beyond {
        let reason = format!(
            "The row has {} cells, the header {}: a quote or a separator is out of place.",
            cells.len(),
            columns.len()
        );
        return Err(Problem::new("", reason));
    }
    if cells.len() < columns.len() && cells.iter().next_back().is_some_and(|cell| cell.contains('\n')) {
        let column = columns.name_at(cells.len() - 1);
        return Err(Problem::new(column, "A quote is opened here and not closed."));
    }
    Ok(cells)
}

/// A row as a report shows it.
fn quoted(cells: &StringRecord) -> String {
    let cell = |cell: &str| match cell.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(",")
}

fn read_error(error: csv_async::Error, line: u64) -> ReadError {
    match error.into_kind() {
        csv_async::ErrorKind::Io(error) => ReadError::from_io(error, line),
        other => ReadError::Broken { line, reason: format!("The row cannot be read: {other:?}.") },
    }
}
