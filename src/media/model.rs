//! The rows of stored images.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::ids::{MediaId, UserId};
use crate::storage::FileKey;
use crate::text_enum::text_enum;

/// Where images lie in the storage. Everything in it is public to those who know the name.
pub(super) const FOLDER: &str = "images";

text_enum! {
    /// What is taken and served. None of them can hold a script.
    ImageFormat {
        /// For photos.
        Jpeg = "JPEG",
        /// For drawings, and where something is transparent.
        Png = "PNG",
        /// Either.
        Webp = "WEBP",
        /// Perhaps animated.
        Gif = "GIF",
    }
}

impl ImageFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Webp, Self::Gif];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webp => "WebP",
            other => other.as_str(),
        }
    }

    /// Of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }

    /// As HTTP calls it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }
}

text_enum! {
    /// How far an image has come.
    MediaState {
        /// Its file is being stored.
        Pending = "PENDING",
        /// It can be shown.
        Stored = "STORED",
        /// Its files are being deleted.
        Deleting = "DELETING",
    }
}

/// A file that a client sent.
pub struct NewImage {
    /// Open for reading; its place does not matter.
    pub file: std::fs::File,
    /// What the client calls it; only shown to people.
    pub file_name: String,
}

/// An image in the storage.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::media_images)]
pub(super) struct ImageRow {
    pub id: MediaId,
    pub state: MediaState,
    pub sha256: Vec<u8>,
    pub format: ImageFormat,
    pub width: i32,
    pub height: i32,
    pub frames: i32,
    pub size_bytes: i64,
    pub file_name: String,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
}

/// A smaller copy of an image.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::media_renditions)]
pub struct Rendition {
    /// Of what.
    pub image_id: MediaId,
    /// In pixels.
    pub width: i32,
    /// In pixels.
    pub height: i32,
    /// Of the file.
    pub format: ImageFormat,
    /// Of the file.
    pub size_bytes: i64,
}

/// An image with what was made of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its id.
    pub id: MediaId,
    /// Of the original.
    pub format: ImageFormat,
    /// Of the original, as it is shown.
    pub width: i32,
    /// Of the original, as it is shown.
    pub height: i32,
    /// What the client called the file.
    pub file_name: String,
    /// From the narrowest to the widest; each narrower than the original.
    pub renditions: Vec<Rendition>,
}

/// The file of an image as it was uploaded.
pub(super) fn original_key(id: MediaId, format: ImageFormat) -> FileKey {
    FileKey::with_suffix(FOLDER, id.0, None, format.extension())
}

/// The file of a rendition.
pub(super) fn rendition_key(id: MediaId, width: u32, format: ImageFormat) -> FileKey {
    FileKey::with_suffix(FOLDER, id.0, Some(width), format.extension())
}

impl Rendition {
    pub(super) fn key(&self) -> FileKey {
        rendition_key(self.image_id, self.width.unsigned_abs(), self.format)
    }
}
