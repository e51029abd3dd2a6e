//! Looking at an uploaded file before anything is stored or decoded.
//!
//! What it is, is told by its first bytes, never by its name or declared type. Then its structure is walked from end to
//! end in constant memory: dimensions come before any pixel, so a bomb is refused by what it claims, and a PNG is
//! inflated (into nothing) to see that it holds what it claims. Decoding pixels is left to `render`, in a worker.

mod exif;
mod gif;
mod jpeg;
mod png;
mod webp;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use crate::error::{Reason, Rejection};

use super::model::ImageFormat;

const BUFFER_BYTES: usize = 64 * 1024;
/// How much tells what a file is that is no image.
const HEAD_BYTES: u64 = 1024;
/// Longest side; more cannot be written as JPEG or GIF.
const MAX_SIDE: u32 = 65_535;
/// A longer animation is a film.
const MAX_FRAMES: u32 = 1_000;

/// What is allowed.
#[derive(Debug, Clone, Copy)]
pub struct ImageLimits {
    /// Most bytes of the file.
    pub bytes: u64,
    /// Most pixels, width times height.
    pub pixels: u64,
}

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// By its first bytes.
    pub format: ImageFormat,
    /// As it is shown: turned as its metadata says.
    pub width: u32,
    /// As it is shown.
    pub height: u32,
    /// One, or more if it is animated.
    pub frames: u32,
    /// Of the file.
    pub size_bytes: u64,
    /// Of the file.
    pub sha256: [u8; 32],
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ImageFault {
    /// It has no bytes.
    #[error("The file is empty.")]
    Empty,
    /// It is not one of the formats.
    #[error("Only JPEG, PNG, WebP and GIF images are taken; this is {0}.")]
    NotAnImage(&'static str),
    /// It begins as an image, and then is none.
    #[error("The {format} image is damaged: {what}.")]
    Damaged {
        /// As it begins.
        format: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// More bytes than allowed.
    #[error("The file has {size_bytes} bytes; at most {limit_bytes} are allowed.")]
    TooManyBytes {
        /// Of the file.
        size_bytes: u64,
        /// What is allowed.
        limit_bytes: u64,
    },
    /// More pixels than allowed.
    #[error(
        "The image has {width} × {height} pixels; at most {limit} in all and 65535 on a side are allowed."
    )]
    TooManyPixels {
        /// Claimed.
        width: u32,
        /// Claimed.
        height: u32,
        /// In all.
        limit: u64,
    },
    /// More frames than allowed.
    #[error("The animation has more than 1000 frames.")]
    TooManyFrames,
    /// The file cannot be read, which is ours.
    #[error("the file cannot be read: {0}")]
    Read(io::Error),
}

impl ImageFault {
    /// For the client; none when the fault is ours.
    pub fn rejection(&self) -> Option<Rejection> {
        let reason = match self {
            Self::Read(_) => return None,
            Self::TooManyBytes { .. } | Self::TooManyPixels { .. } | Self::TooManyFrames => {
                Reason::LimitExceeded
            }
            Self::Empty | Self::NotAnImage(_) | Self::Damaged { .. } => Reason::UnreadableFile,
        };
        Some(Rejection::new(reason, self.to_string()))
    }
}

/// What a walk over a file found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    width: u32,
    height: u32,
    frames: u32,
    /// Whether the metadata says that it lies on its side.
    sideways: bool,
}

/// Looks at the whole file. Blocks; takes constant memory.
pub fn inspect(file: &mut File, limits: ImageLimits) -> Result<Inspected, ImageFault> {
    let size_bytes = file.metadata().map_err(ImageFault::Read)?.len();
    if size_bytes == 0 {
        return Err(ImageFault::Empty);
    }
    if size_bytes > limits.bytes {
        return Err(ImageFault::TooManyBytes { size_bytes, limit_bytes: limits.bytes });
    }
    file.seek(SeekFrom::Start(0)).map_err(ImageFault::Read)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(ImageFault::Read)?;
    let format = sniff(&head).ok_or_else(|| ImageFault::NotAnImage(name_of(&head)))?;

    file.seek(SeekFrom::Start(0)).map_err(ImageFault::Read)?;
    let reader = &mut BufReader::with_capacity(BUFFER_BYTES, &mut *file);
    let walked = match format {
        ImageFormat::Jpeg => jpeg::walk(reader, limits),
        ImageFormat::Png => png::walk(reader, limits),
        ImageFormat::Webp => webp::walk(reader, limits),
        ImageFormat::Gif => gif::walk(reader, limits),
    };
    let Found { width, height, frames, sideways } = walked.map_err(|stop| stop.into_fault(format))?;
    let (width, height) = if sideways { (height, width) } else { (width, height) };

    file.seek(SeekFrom::Start(0)).map_err(ImageFault::Read)?;
    let mut digest = Sha256::new();
    io::copy(file, &mut digest).map_err(ImageFault::Read)?;
    file.seek(SeekFrom::Start(0)).map_err(ImageFault::Read)?;
    Ok(Inspected { format, width, height, frames, size_bytes, sha256: digest.finalize().into() })
}

fn sniff(head: &[u8]) -> Option<ImageFormat> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(ImageFormat::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(ImageFormat::Webp),
        _ => None,
    }
}

/// What a file is that is not taken, for a person.
fn name_of(head: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let brand = head.get(4..12).unwrap_or_default();
    if text.contains("<svg") {
        "SVG, which can hold scripts"
    } else if text.contains("<html") || text.contains("<!doctype html") || text.contains("<script") {
        "HTML"
    } else if matches!(brand, b"ftypavif" | b"ftypheic" | b"ftypheix" | b"ftypmif1") {
        "HEIC or AVIF"
    } else if head.starts_with(b"%PDF") {
        "PDF"
    } else if head.starts_with(b"BM") || head.starts_with(b"II*\0") || head.starts_with(b"MM\0*") {
        "BMP or TIFF"
    } else {
        "something else"
    }
}

/// Why a walk ended early.
#[derive(Debug)]
enum Stop {
    Damaged(&'static str),
    TooManyPixels(u32, u32, u64),
    TooManyFrames,
    Read(io::Error),
}

impl Stop {
    fn into_fault(self, format: ImageFormat) -> ImageFault {
        match self {
            Stop::Damaged(what) => ImageFault::Damaged { format: format.name(), what },
            Stop::TooManyPixels(width, height, limit) => ImageFault::TooManyPixels { width, height, limit },
            Stop::TooManyFrames => ImageFault::TooManyFrames,
            Stop::Read(error) => ImageFault::Read(error),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Stop::Damaged("it is cut off"),
            _ => Stop::Read(error),
        }
    }
}

type Walked = Result<Found, Stop>;

fn check_size(width: u32, height: u32, limits: ImageLimits) -> Result<(), Stop> {
    if width == 0 || height == 0 {
        return Err(Stop::Damaged("it has no pixels"));
    }
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > limits.pixels {
        return Err(Stop::TooManyPixels(width, height, limits.pixels));
    }
    Ok(())
}

fn check_frames(frames: u32) -> Result<(), Stop> {
    if frames > MAX_FRAMES { Err(Stop::TooManyFrames) } else { Ok(()) }
}

fn read<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Passes over bytes; the end of the file is an error.
fn skip(reader: &mut impl BufRead, len: u64) -> io::Result<()> {
    let passed = io::copy(&mut reader.take(len), &mut io::sink())?;
    if passed == len { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LIMITS: ImageLimits = ImageLimits { bytes: 1_000_000, pixels: 50_000_000 };

    fn look(bytes: &[u8]) -> Result<Inspected, ImageFault> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        inspect(&mut file, LIMITS)
    }

    fn encoded(format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = io::Cursor::new(Vec::new());
        let picture = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 90]));
        image::DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_format_is_known_by_its_bytes_and_measured() {
        for (format, ours) in [
            (image::ImageFormat::Jpeg, ImageFormat::Jpeg),
            (image::ImageFormat::Png, ImageFormat::Png),
            (image::ImageFormat::WebP, ImageFormat::Webp),
            (image::ImageFormat::Gif, ImageFormat::Gif),
        ] {
            let bytes = encoded(format);
            let found = look(&bytes).unwrap();
            assert_eq!((found.format, found.width, found.height, found.frames), (ours, 40, 30, 1));
            assert_eq!(found.size_bytes, bytes.len() as u64);
            assert_eq!(found.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
        }
    }

    #[test]
    fn an_image_that_is_cut_off_anywhere_is_damaged() {
        for format in [
            image::ImageFormat::Jpeg,
            image::ImageFormat::Png,
            image::ImageFormat::WebP,
            image::ImageFormat::Gif,
        ] {
            let bytes = encoded(format);
            for len in 12..bytes.len() {
                let fault = look(&bytes[..len]).expect_err("it is cut off");
                assert!(matches!(fault, ImageFault::Damaged { .. }), "{format:?} at {len}: {fault}");
            }
        }
    }

    #[test]
    fn what_is_no_image_is_named() {
        let refused = |bytes: &[u8]| look(bytes).unwrap_err().to_string();
        assert_eq!(refused(b""), "The file is empty.");
        assert!(refused(b"<?xml version=\"1.0\"?><svg onload=\"alert(1)\"/>").contains("SVG"));
        assert!(refused(b"<!DOCTYPE html><script>alert(1)</script>").contains("HTML"));
        assert!(refused(b"\0\0\0\x20ftypavif").contains("AVIF"));
        assert!(refused(b"MZ").contains("something else"));
    }
}
