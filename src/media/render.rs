//! Making smaller copies of an image.
//!
//! Decoding takes the memory of its pixels, so it happens in a worker, and as much at a time as [`MEMORY`] allows. The
//! decoders get limits, too: the file was looked at when it was uploaded, but by another program.
//!
//! Metadata stays behind, the place where a photo was taken above all; the orientation is applied, and a color profile of
//! reasonable size is kept, without which colors would change.

use std::fs::File;
use std::io::{BufReader, Cursor};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader, Limits, RgbaImage};
use tokio::sync::Semaphore;

use super::inspect::ImageLimits;
use super::model::ImageFormat;

/// Widths that are made, as far as the original is wider: a thumbnail, a card, a page, a page at high density.
pub(super) const WIDTHS: [u32; 4] = [160, 480, 960, 1600];
/// Formats that they are made in: JPEG, or PNG where something is transparent.
pub(super) const FORMATS: [ImageFormat; 2] = [ImageFormat::Jpeg, ImageFormat::Png];

/// MiB that all decoding in this process may take together.
const MEMORY_MB: u32 = 640;
static MEMORY: Semaphore = Semaphore::const_new(MEMORY_MB as usize);
/// Coefficients and pixels of a progressive JPEG, or samples of 16 bits.
const BYTES_PER_PIXEL: u64 = 8;
/// What a decoder may need beside the pixels.
const OVERHEAD_BYTES: u64 = 64 * 1024 * 1024;

const JPEG_QUALITY: u8 = 85;
/// A larger profile weighs more than a thumbnail.
const MAX_PROFILE_BYTES: usize = 16 * 1024;

/// A smaller copy.
pub(super) struct Rendered {
    pub width: u32,
    pub height: u32,
    pub format: ImageFormat,
    pub bytes: Vec<u8>,
}

/// Makes the renditions of a file, from the widest to the narrowest. Waits for memory.
pub(super) async fn render(
    file: File,
    format: ImageFormat,
    pixels: u64,
    limits: ImageLimits,
) -> anyhow::Result<Vec<Rendered>> {
    let bytes = pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(OVERHEAD_BYTES);
    let cost_mb = u32::try_from(bytes >> 20).unwrap_or(MEMORY_MB).clamp(1, MEMORY_MB);
    let permit = MEMORY.acquire_many(cost_mb).await?;
    tokio::task::spawn_blocking(move || {
        // Held by the work itself, which goes on when the job is given up.
        let _permit = permit;
        Ok(render_now(file, format, limits)?)
    })
    .await?
}

fn render_now(file: File, format: ImageFormat, limits: ImageLimits) -> image::ImageResult<Vec<Rendered>> {
    let mut reader = ImageReader::with_format(BufReader::new(file), decoder_of(format));
    let mut allowed = Limits::no_limits();
    let most = limits.pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(OVERHEAD_BYTES);
    allowed.max_alloc = Some(most);
    reader.limits(allowed);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.pixels {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(image::ImageError::Limits(image::error::LimitError::from_kind(kind)));
    }
    let orientation = decoder.orientation()?;
    let profile = decoder.icc_profile()?.filter(|profile| is_rgb_profile(profile));
    let image = DynamicImage::from_decoder(decoder)?;

    let shrunk = Picture::new(image).shrink(orientation);
    let widths = WIDTHS.into_iter().rev().filter(|&target| target < shrunk.original_width);
    widths
        .map(|target| shrunk.picture.rendition(target, shrunk.original_size(), profile.as_deref()))
        .collect()
}

/// Pixels without anything else.
enum Picture {
    Opaque(image::RgbImage),
    /// Colors are multiplied by their alpha, so that what cannot be seen does not color its neighbors.
    Transparent(RgbaImage),
}

/// A picture that is at most twice as wide as the widest rendition, and how large it was.
struct Shrunk {
    picture: Picture,
    original_width: u32,
    original_height: u32,
}

impl Shrunk {
    fn original_size(&self) -> (u32, u32) {
        (self.original_width, self.original_height)
    }
}

impl Picture {
    fn new(image: DynamicImage) -> Self {
        if !image.color().has_alpha() {
            return Picture::Opaque(image.into_rgb8());
        }
        let mut pixels = image.into_rgba8();
        if pixels.pixels().all(|pixel| pixel.0[3] == u8::MAX) {
            return Picture::Opaque(DynamicImage::from(pixels).into_rgb8());
        }
        for pixel in pixels.pixels_mut() {
            let alpha = u16::from(pixel.0[3]);
            for channel in &mut pixel.0[..3] {
                *channel = ((u16::from(*channel) * alpha + 127) / 255) as u8;
            }
        }
        Picture::Transparent(pixels)
    }

    fn into_dynamic(self) -> (DynamicImage, bool) {
        match self {
            Picture::Opaque(pixels) => (pixels.into(), false),
            Picture::Transparent(pixels) => (pixels.into(), true),
        }
    }

    /// Averages a large picture down, which takes no memory beside the result, and turns it upright.
    fn shrink(self, orientation: Orientation) -> Shrunk {
        let (mut image, transparent) = self.into_dynamic();
        let (width, height) = (image.width(), image.height());
        let sideways = matches!(
            orientation,
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        );
        let (original_width, original_height) = if sideways { (height, width) } else { (width, height) };
        let most = 2 * WIDTHS[WIDTHS.len() - 1];
        if original_width > most {
            let scale = |side| scaled(side, most, original_width);
            image = image.thumbnail_exact(scale(width), scale(height));
        }
        image.apply_orientation(orientation);
        let picture = if transparent {
            Picture::Transparent(image.into_rgba8())
        } else {
            Picture::Opaque(image.into_rgb8())
        };
        Shrunk { picture, original_width, original_height }
    }

    fn rendition(
        &self,
        width: u32,
        (original_width, original_height): (u32, u32),
        profile: Option<&[u8]>,
    ) -> image::ImageResult<Rendered> {
        let height = scaled(original_height, width, original_width);
        let mut bytes = Cursor::new(Vec::new());
        let format = match self {
            Picture::Opaque(pixels) => {
                let pixels = image::imageops::resize(pixels, width, height, FilterType::Lanczos3);
                let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
                set_profile(&mut encoder, profile);
                encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8)?;
                ImageFormat::Jpeg
            }
            Picture::Transparent(pixels) => {
                let mut pixels = image::imageops::resize(pixels, width, height, FilterType::Lanczos3);
                divide_by_alpha(&mut pixels);
                let mut encoder =
                    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, PngFilter::Adaptive);
                set_profile(&mut encoder, profile);
                encoder.write_image(&pixels, width, height, ExtendedColorType::Rgba8)?;
                ImageFormat::Png
            }
        };
        Ok(Rendered { width, height, format, bytes: bytes.into_inner() })
    }
}

fn divide_by_alpha(pixels: &mut RgbaImage) {
    for pixel in pixels.pixels_mut() {
        let alpha = u16::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            let whole = (u16::from(*channel) * 255 + alpha / 2).checked_div(alpha).unwrap_or(0);
            *channel = whole.min(255) as u8;
        }
    }
}

/// A copy without its profile is better than none.
fn set_profile(encoder: &mut impl ImageEncoder, profile: Option<&[u8]>) {
    if let Some(profile) = profile {
        let _ = encoder.set_icc_profile(profile.to_vec());
    }
}

/// Whether a profile is about the colors that we write (ICC.1, 7.2.6), and not too large.
fn is_rgb_profile(profile: &[u8]) -> bool {
    profile.len() <= MAX_PROFILE_BYTES && profile.get(16..20) == Some(b"RGB ")
}

/// `side · to / from`, rounded, at least one.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    let scaled = (u64::from(side) * u64::from(to) + u64::from(from) / 2) / u64::from(from.max(1));
    u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
}

fn decoder_of(format: ImageFormat) -> image::ImageFormat {
    match format {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::Webp => image::ImageFormat::WebP,
        ImageFormat::Gif => image::ImageFormat::Gif,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use image::{Rgb, RgbImage, Rgba};

    use super::*;

    const LIMITS: ImageLimits = ImageLimits { bytes: u64::MAX, pixels: 50_000_000 };

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn png(image: impl Into<DynamicImage>) -> File {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        file(bytes.get_ref())
    }

    fn decoded(rendered: &Rendered) -> DynamicImage {
        image::load_from_memory(&rendered.bytes).unwrap()
    }

    #[test]
    fn nothing_is_made_wider_than_it_was() {
        let made = render_now(png(RgbImage::new(1000, 500)), ImageFormat::Png, LIMITS).unwrap();
        let sizes: Vec<_> = made.iter().map(|one| (one.width, one.height, one.format)).collect();
        let jpeg = ImageFormat::Jpeg;
        assert_eq!(sizes, [(960, 480, jpeg), (480, 240, jpeg), (160, 80, jpeg)]);
        assert!(
            made.iter().all(|one| (decoded(one).width(), decoded(one).height()) == (one.width, one.height))
        );
        assert!(render_now(png(RgbImage::new(160, 90)), ImageFormat::Png, LIMITS).unwrap().is_empty());
    }

    #[test]
    fn what_is_transparent_stays_so_and_does_not_color_its_neighbors() {
        // Visible green on the left, invisible red on the right.
        let picture = RgbaImage::from_fn(200, 20, |x, _| match x {
            0..100 => Rgba([0, 255, 0, 255]),
            _ => Rgba([255, 0, 0, 0]),
        });
        let made = render_now(png(picture), ImageFormat::Png, LIMITS).unwrap().remove(0);
        assert_eq!((made.width, made.format), (160, ImageFormat::Png));
        let pixels = decoded(&made).into_rgba8();
        assert_eq!(pixels.get_pixel(159, 5).0[3], 0);
        assert!(pixels.pixels().all(|pixel| pixel.0[3] == 0 || pixel.0[0] < 16), "red shines through");
        let opaque = RgbaImage::from_pixel(200, 20, Rgba([1, 2, 3, 255]));
        assert_eq!(render_now(png(opaque), ImageFormat::Png, LIMITS).unwrap()[0].format, ImageFormat::Jpeg);
    }

    #[test]
    fn a_photo_that_lies_on_its_side_is_turned_and_loses_its_metadata() {
        // White on the left; turned by 90 degrees it is white on top.
        let picture = RgbImage::from_fn(400, 200, |x, _| if x < 200 { Rgb([255; 3]) } else { Rgb([0; 3]) });
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
        let mut exif = b"MM\0*\0\0\0\x08\0\x01".to_vec();
        exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]);
        exif.extend(b"51.5007N 0.1246W");
        encoder.set_exif_metadata(exif).unwrap();
        encoder.write_image(&picture, 400, 200, ExtendedColorType::Rgb8).unwrap();
        assert!(bytes.windows(8).any(|window| window == b"51.5007N"));
        let made = render_now(file(&bytes), ImageFormat::Jpeg, LIMITS).unwrap().remove(0);
        assert_eq!((made.width, made.height), (160, 320));
        assert!(!made.bytes.windows(4).any(|window| window == b"Exif" || window == b"51.5"));
        let pixels = decoded(&made).into_rgb8();
        assert!(pixels.get_pixel(80, 20).0[0] > 240 && pixels.get_pixel(80, 300).0[0] < 16);
    }

    #[test]
    fn a_large_picture_is_averaged_down_first() {
        let picture =
            RgbImage::from_fn(6400, 64, |x, _| if x % 2 == 0 { Rgb([255; 3]) } else { Rgb([0; 3]) });
        let made = render_now(png(picture), ImageFormat::Png, LIMITS).unwrap();
        assert_eq!((made[0].width, made[0].height, made.len()), (1600, 16, 4));
        assert!(decoded(&made[0]).into_rgb8().pixels().all(|pixel| (112..144).contains(&pixel.0[0])));
    }

    #[test]
    fn more_pixels_than_allowed_are_not_decoded() {
        let limits = ImageLimits { pixels: 9_999, ..LIMITS };
        assert!(render_now(png(RgbImage::new(100, 100)), ImageFormat::Png, limits).is_err());
    }
}
