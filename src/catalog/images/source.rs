//! Where an image comes from: a file that is uploaded, or an address.

use crate::app::App;
use crate::db::Conn;
use crate::error::{Reason, Rejection, Result};
use crate::ids::MediaId;
use crate::media::{self, NewImage, Staged, StoredUrl};

/// In bytes, of an address.
const MAX_URL_BYTES: usize = 2_000;
/// In characters.
const MAX_ALT_TEXT_CHARS: usize = 1_000;

/// What a client names as an image.
pub enum ImageSource {
    /// A file, which is stored.
    File(NewImage),
    /// An address: absolute, or a path on this server.
    Url(String),
}

/// The same once the file is stored.
pub(super) enum Ready {
    Staged(Staged),
    Url(String),
}

/// As rows hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub url: String,
    pub media_id: Option<MediaId>,
}

impl From<StoredUrl> for Shown {
    fn from(stored: StoredUrl) -> Self {
        Self { url: stored.path, media_id: Some(stored.id) }
    }
}

impl Ready {
    /// Puts the staged files in the places of their sources.
    pub fn join(sources: Vec<Option<String>>, staged: &[Staged]) -> Vec<Ready> {
        let mut staged = staged.iter().cloned();
        let ready = |url: Option<String>| match url {
            Some(url) => Some(Ready::Url(url)),
            None => staged.next().map(Ready::Staged),
        };
        sources.into_iter().filter_map(ready).collect()
    }

    /// In the caller's transaction: what rows will hold, in the order of the sources.
    pub async fn adopt(conn: &mut Conn, ready: &[Ready]) -> Result<Vec<Shown>> {
        let mut order: Vec<usize> = (0..ready.len()).collect();
        order.sort_by_key(|&index| match &ready[index] {
            Ready::Staged(staged) => Some(staged.order()),
            Ready::Url(_) => None,
        });
        let mut shown: Vec<Option<Shown>> = ready.iter().map(|_| None).collect();
        for index in order {
            shown[index] = Some(match &ready[index] {
                Ready::Staged(staged) => media::adopt(conn, staged).await?.into(),
                Ready::Url(url) => match media::hold(conn, url).await? {
                    Some(stored) => stored.into(),
                    None => Shown { url: url.clone(), media_id: None },
                },
            });
        }
        Ok(shown.into_iter().flatten().collect())
    }
}

/// After the transaction: deletes the files that it did not take.
pub(super) async fn settle(app: &App, staged: &[Staged], written: &Result<Vec<Shown>>) {
    let adopted: Vec<StoredUrl> =
        written.iter().flatten().filter_map(|shown| media::read_url(&shown.url)).collect();
    media::settle(app, staged, &adopted).await;
}

/// Splits sources into the files, and the addresses with a gap for each file.
pub(super) fn split(sources: Vec<ImageSource>) -> (Vec<NewImage>, Vec<Option<String>>) {
    let mut files = Vec::new();
    let urls = sources.into_iter().map(|source| match source {
        ImageSource::Url(url) => Some(url),
        ImageSource::File(file) => {
            files.push(file);
            None
        }
    });
    let urls = urls.collect();
    (files, urls)
}

/// Why a text cannot be the address of an image. Other schemes than these could run code in the browser that shows it.
pub(in crate::catalog) fn url_fault(url: &str) -> Option<Rejection> {
    let scheme = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    let absolute = scheme.starts_with("http://") || scheme.starts_with("https://");
    let local = url.starts_with('/') && !url.starts_with("//");
    let plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    let good = (absolute || local) && plain && url.len() <= MAX_URL_BYTES;
    (!good).then(|| {
        let message = "The address begins with https://, http:// or / and has at most 2,000 bytes.";
        Rejection::new(Reason::Invalid, message)
    })
}

/// Why a text cannot be an alternative text.
pub(in crate::catalog) fn alt_text_fault(text: &str) -> Option<Rejection> {
    let bad = text.contains('\0') || text.chars().count() > MAX_ALT_TEXT_CHARS;
    bad.then(|| Rejection::new(Reason::Invalid, "The alternative text has at most 1,000 characters."))
}
