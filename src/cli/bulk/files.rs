//! The files on the command's side: what is read, what is written, and what `-` means.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use async_compression::tokio::write::GzipEncoder;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::access::Viewer;
use crate::app::App;
use crate::bulk::{self, CatalogFormat};
use crate::ids::JobId;

use super::FormatArg;

/// What stands for standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What the file is: as told, or as its name tells.
pub fn format(given: Option<FormatArg>, file: &Path) -> anyhow::Result<CatalogFormat> {
    match given {
        Some(FormatArg::ShopifyCsv) => Ok(CatalogFormat::ShopifyCsv),
        Some(FormatArg::Jsonl) => Ok(CatalogFormat::Jsonl),
        None => CatalogFormat::guess(&file.to_string_lossy())
            .context("the file's name does not tell its format: add --format shopify-csv or --format jsonl"),
    }
}

/// Opens the file to import. Standard input goes through a temporary file: the import reads its beginning twice.
pub async fn open(path: &Path) -> anyhow::Result<File> {
    if !is_standard(path) {
        return File::open(path).await.with_context(|| format!("cannot open {}", path.display()));
    }
    let mut file = tempfile::tempfile().context("cannot make a temporary file")?;
    let read = move || std::io::copy(&mut std::io::stdin().lock(), &mut file).map(|_| file);
    let read = tokio::task::spawn_blocking(read).await?;
    Ok(File::from_std(read.context("cannot read standard input")?))
}

/// Copies what the export wrote; the file appears when it is whole. A name that ends with `.gz` makes it compressed.
pub async fn save(app: &App, id: JobId, path: &Path) -> anyhow::Result<()> {
    let mut stored = bulk::exported_file(app, &Viewer::System, id).await?;
    if is_standard(path) {
        let mut chunk = vec![0; 64 * 1024];
        let mut out = std::io::stdout();
        loop {
            let len = stored.reader.read(&mut chunk).await?;
            if len == 0 {
                return Ok(out.flush()?);
            }
            out.write_all(&chunk[..len])?;
        }
    }
    let mut name = path.file_name().context("it has no file name")?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = File::create(&part).await?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
        let mut packed = GzipEncoder::new(file);
        copy(&mut stored.reader, &mut packed).await?;
        file = packed.into_inner();
    } else {
        copy(&mut stored.reader, &mut file).await?;
    }
    file.sync_all().await?;
    tokio::fs::rename(&part, path).await?;
    Ok(())
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> anyhow::Result<()> {
    tokio::io::copy(from, to).await?;
    // Ends a compressed stream as well.
    to.shutdown().await?;
    Ok(())
}

/// Refuses before the work begins what could not be written after it.
pub fn check_target(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !is_standard(path) && !folder.is_dir() => {
            bail!("there is no folder {}", folder.display())
        }
        _ => Ok(()),
    }
}
