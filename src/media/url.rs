//! The addresses of stored images.
//!
//! Rows hold `/media/images/<uuid>.<ext>`, whatever the shop is called from outside; clients see it below
//! `IRONMONGER_MEDIA_URL`. An import that brings such an address back, from whatever host, means the same image.

use std::borrow::Cow;

use crate::config::MediaConfig;
use crate::ids::MediaId;
use crate::storage::FileKey;

use super::model::{FOLDER, ImageFormat, original_key};

/// What [`super::media_router`] serves below.
pub(super) const ROUTE: &str = "/media/";

/// What the address of a stored image says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUrl {
    /// The image, if there is one with this id.
    pub id: MediaId,
    /// As rows hold it.
    pub path: String,
}

impl StoredUrl {
    pub(super) fn new(id: MediaId, format: ImageFormat) -> Self {
        Self { id, path: format!("{ROUTE}{}", original_key(id, format)) }
    }
}

/// Reads an address that names an original of some shop, by its last two parts; none if it cannot be one.
pub fn read_url(url: &str) -> Option<StoredUrl> {
    let (rest, name) = url.rsplit_once('/')?;
    if rest != FOLDER && !rest.ends_with("/images") {
        return None;
    }
    let key = FileKey::stored(&format!("{FOLDER}/{name}"))?;
    key.content_type()?;
    let id = MediaId(key.id());
    let format = ImageFormat::ALL.into_iter().find(|&format| original_key(id, format) == key)?;
    Some(StoredUrl::new(id, format))
}

/// What a client sees of an address in a row.
pub fn public_url<'a>(config: &MediaConfig, url: &'a str) -> Cow<'a, str> {
    match url.strip_prefix(ROUTE).and_then(FileKey::stored) {
        Some(key) if key.folder() == FOLDER => key_url(config, &key).into(),
        _ => url.into(),
    }
}

/// Where a file is served.
pub(super) fn key_url(config: &MediaConfig, key: &FileKey) -> String {
    format!("{}/{key}", config.url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_from_any_host() {
        let config =
            MediaConfig { url: "https://cdn.example.com/shop".into(), limit_bytes: 1, limit_pixels: 1 };
        let stored = StoredUrl::new(MediaId::new(), ImageFormat::Webp);
        let public = public_url(&config, &stored.path).into_owned();
        assert!(public.starts_with("https://cdn.example.com/shop/images/"), "{public}");
        for url in [&stored.path, &public, &format!("http://localhost{}", stored.path)] {
            assert_eq!(read_url(url).as_ref(), Some(&stored), "{url}");
        }
    }

    #[test]
    fn other_addresses_stay_as_they_are() {
        let config = MediaConfig { url: "https://cdn.example.com".into(), limit_bytes: 1, limit_pixels: 1 };
        let rendition = StoredUrl::new(MediaId::new(), ImageFormat::Jpeg).path.replace(".jpg", "-480.jpg");
        for url in [
            "/demo/images/hinge.svg",
            "https://x.test/images/a.jpg",
            "/media/hook.svg",
            "",
            "/media/images/",
            &rendition,
        ] {
            assert_eq!(read_url(url), None, "{url}");
        }
        assert_eq!(public_url(&config, "/demo/images/hinge.svg"), "/demo/images/hinge.svg");
        assert_eq!(public_url(&config, "https://x.test/a.jpg"), "https://x.test/a.jpg");
    }
}
