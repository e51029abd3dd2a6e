//! Image files made on the spot.

use std::io::{Cursor, Write};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// A picture that has colors and edges.
pub fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let edge = if (x / 64 + y / 64) % 2 == 0 { 40 } else { 0 };
        Rgb([(x * 215 / width) as u8 + edge, (y * 215 / height) as u8 + edge, 90])
    })
}

/// It as a file.
pub fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG of this size.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(picture(width, height), ImageFormat::Jpeg)
}

/// A PNG whose header claims this size in 8-bit RGB, and whose pixels inflate to so many zeros.
pub fn png_of_zeros(width: u32, height: u32, inflated: u64) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    let mut pixels = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    let mut left = inflated;
    while left > 0 {
        let len = left.min(zeros.len() as u64);
        pixels.write_all(&zeros[..len as usize]).unwrap();
        left -= len;
    }
    let pixels = pixels.finish().unwrap();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in [(b"IHDR", header.as_slice()), (b"IDAT", &pixels), (b"IEND", &[])] {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(content);
        png.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        png.extend(name);
        png.extend(content);
        png.extend(crc.sum().to_be_bytes());
    }
    png
}

/// What a GIF decoder and a JavaScript engine both take: `GIF89a/*…*/=1;alert(1)`.
pub fn gif_that_is_a_script() -> Vec<u8> {
    let mut gif = b"GIF89a".to_vec();
    // 10,799 × 16 pixels: the width reads as the beginning of a comment.
    gif.extend([b'/', b'*', 16, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    // One frame of a single pixel.
    gif.extend([b',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
    let script = b"*/=1;alert(document.domain);/*";
    gif.extend([b'!', 0xfe, script.len() as u8]);
    gif.extend(script);
    gif.extend([0, b';']);
    gif
}
