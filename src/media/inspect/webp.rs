//! WebP (RFC 9649): a RIFF file; the chunks say how large the canvas is and hold the picture, or frames of it.

use std::io::{BufRead, Read};

use super::{Found, ImageLimits, Stop, Walked, check_frames, check_size, exif, read, skip};

/// A larger EXIF is not looked at.
const MAX_EXIF_BYTES: u32 = 64 * 1024;

pub fn walk(reader: &mut impl BufRead, limits: ImageLimits) -> Walked {
    skip(reader, 4)?;
    let riff_bytes = u64::from(u32::from_le_bytes(read(reader)?));
    skip(reader, 4)?;
    let mut left = riff_bytes.checked_sub(4).ok_or(Stop::Damaged("it is cut off"))?;
    let mut found = Found::default();
    let mut canvas = None;
    while left > 0 {
        let name: [u8; 4] = read(reader)?;
        let len = u32::from_le_bytes(read(reader)?);
        let padded = u64::from(len) + u64::from(len % 2);
        left = left.checked_sub(padded + 8).ok_or(Stop::Damaged("it is not put together as one"))?;
        let mut used = 0;
        match &name {
            b"VP8X" if len >= 10 && canvas.is_none() => {
                let [_, _, _, _, w0, w1, w2, h0, h1, h2] = read(reader)?;
                used = 10;
                let size = (1 + u32::from_le_bytes([w0, w1, w2, 0]), 1 + u32::from_le_bytes([h0, h1, h2, 0]));
                check_size(size.0, size.1, limits)?;
                (found.width, found.height) = size;
                canvas = Some(size);
            }
            b"VP8 " if len >= 10 => {
                let head: [u8; 10] = read(reader)?;
                used = 10;
                if head[0] & 1 != 0 || head[3..6] != [0x9d, 0x01, 0x2a] {
                    return Err(Stop::Damaged("it holds no picture"));
                }
                let side = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]) & 0x3fff);
                found.add_picture((side(6), side(8)), canvas, limits)?;
            }
            b"VP8L" if len >= 5 => {
                let [mark, bits @ ..] = read::<5>(reader)?;
                used = 5;
                if mark != 0x2f {
                    return Err(Stop::Damaged("it holds no picture"));
                }
                let bits = u32::from_le_bytes(bits);
                found.add_picture((1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff)), canvas, limits)?;
            }
            b"ANMF" if len >= 16 => {
                let head: [u8; 12] = read(reader)?;
                used = 12;
                let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], 0]);
                let (width, height) = canvas.ok_or(Stop::Damaged("it has no canvas"))?;
                if 2 * number(0) + number(6) >= width || 2 * number(3) + number(9) >= height {
                    return Err(Stop::Damaged("a frame is larger than the image"));
                }
                found.frames += 1;
                check_frames(found.frames)?;
            }
            b"EXIF" if len <= MAX_EXIF_BYTES => {
                let mut chunk = Vec::new();
                used = reader.by_ref().take(len.into()).read_to_end(&mut chunk)? as u64;
                found.sideways = exif::is_sideways(chunk.strip_prefix(b"Exif\0\0").unwrap_or(&chunk));
            }
            _ => {}
        }
        skip(reader, padded - used)?;
    }
    if found.frames == 0 {
        return Err(Stop::Damaged("it holds no picture"));
    }
    Ok(found)
}

impl Found {
    /// The picture of a still image: as large as the canvas, and the only one.
    fn add_picture(
        &mut self,
        (width, height): (u32, u32),
        canvas: Option<(u32, u32)>,
        limits: ImageLimits,
    ) -> Result<(), Stop> {
        check_size(width, height, limits)?;
        if canvas.is_some_and(|canvas| canvas != (width, height)) || self.frames > 0 {
            return Err(Stop::Damaged("it holds another picture than its header says"));
        }
        (self.width, self.height, self.frames) = (width, height, 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ImageLimits = ImageLimits { bytes: u64::MAX, pixels: 50_000_000 };

    fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut chunk = [&name[..], &(content.len() as u32).to_le_bytes(), content].concat();
        chunk.extend(vec![0; content.len() % 2]);
        chunk
    }

    fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
        let chunks = chunks.concat();
        [b"RIFF", &(chunks.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &chunks].concat()
    }

    fn canvas(width: u32, height: u32) -> Vec<u8> {
        let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
        chunk(b"VP8X", &[vec![0; 4], side(width), side(height)].concat())
    }

    fn lossless(width: u32, height: u32) -> Vec<u8> {
        let bits = (width - 1) | ((height - 1) << 14);
        chunk(b"VP8L", &[&[0x2f], &bits.to_le_bytes()[..], &[0; 7]].concat())
    }

    fn frame(width: u32, height: u32) -> Vec<u8> {
        let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
        chunk(b"ANMF", &[vec![0; 6], side(width), side(height), vec![0; 4]].concat())
    }

    #[test]
    fn the_picture_is_what_the_canvas_says() {
        let look = |chunks: &[Vec<u8>]| walk(&mut webp(chunks).as_slice(), LIMITS);
        let found =
            look(&[canvas(300, 200), lossless(300, 200), chunk(b"EXIF", &exif::tests::chunk(8))]).unwrap();
        assert_eq!((found.width, found.height, found.frames, found.sideways), (300, 200, 1, true));
        assert!(matches!(look(&[canvas(30, 20), lossless(16_000, 16_000)]), Err(Stop::TooManyPixels(..))));
        assert!(matches!(look(&[canvas(30, 20), lossless(31, 20)]), Err(Stop::Damaged(_))));
        assert!(matches!(look(&[canvas(9_000, 9_000)]), Err(Stop::TooManyPixels(..))));
        assert!(matches!(look(&[canvas(30, 20)]), Err(Stop::Damaged("it holds no picture"))));
    }

    #[test]
    fn frames_are_counted_and_stay_within_the_canvas() {
        let look = |chunks: &[Vec<u8>]| walk(&mut webp(chunks).as_slice(), LIMITS);
        assert_eq!(look(&[canvas(30, 20), frame(30, 20), frame(10, 10)]).unwrap().frames, 2);
        assert!(matches!(look(&[canvas(30, 20), frame(31, 20)]), Err(Stop::Damaged(_))));
        let many = vec![frame(1, 1); 1_001];
        assert!(matches!(look(&[vec![canvas(30, 20)], many].concat()), Err(Stop::TooManyFrames)));
    }
}
