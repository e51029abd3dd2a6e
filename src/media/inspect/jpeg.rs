//! JPEG (ITU-T T.81): a row of segments; the scans hold the pixels and end at a marker.

use std::io::{BufRead, Read};

use super::{Found, ImageLimits, Stop, Walked, check_size, exif, read, skip};

/// A progressive image has about ten; hundreds of scans are made to keep a decoder busy.
const MAX_SCANS: u32 = 100;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const APP1: u8 = 0xe1;
const EXIF: &[u8] = b"Exif\0\0";

pub fn walk(reader: &mut impl BufRead, limits: ImageLimits) -> Walked {
    let mut found = Found { frames: 1, ..Found::default() };
    let mut scans = 0;
    if next_marker(reader)? != SOI {
        return Err(Stop::Damaged("it does not begin as one"));
    }
    loop {
        match next_marker(reader)? {
            EOI if scans > 0 => return Ok(found),
            EOI => return Err(Stop::Damaged("it holds no picture")),
            // Markers without a segment.
            0x01 | 0xd0..=0xd7 => {}
            // Baseline, extended sequential, progressive; what the others are, nobody shows.
            0xc0..=0xc2 => {
                if found.width > 0 {
                    return Err(Stop::Damaged("it has two sizes"));
                }
                (found.width, found.height) = frame_header(reader)?;
                check_size(found.width, found.height, limits)?;
            }
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Err(Stop::Damaged("it is of a kind that browsers cannot show"));
            }
            SOS => {
                scans += 1;
                if found.width == 0 || scans > MAX_SCANS {
                    return Err(Stop::Damaged("it is not put together as one"));
                }
                let len = segment_len(reader)?;
                skip(reader, len)?;
            }
            APP1 => {
                let mut segment = Vec::new();
                let len = segment_len(reader)?;
                if reader.by_ref().take(len).read_to_end(&mut segment)? as u64 != len {
                    return Err(Stop::Damaged("it is cut off"));
                }
                if let Some(exif) = segment.strip_prefix(EXIF) {
                    found.sideways = exif::is_sideways(exif);
                }
            }
            _ => {
                let len = segment_len(reader)?;
                skip(reader, len)?;
            }
        }
    }
}

/// Passes over what is no marker (the pixels of a scan, in which 0xFF is followed by zero), up to the next one.
fn next_marker(reader: &mut impl BufRead) -> Result<u8, Stop> {
    let mut after_ff = false;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Err(Stop::Damaged("it is cut off"));
        }
        let mut used = 0;
        let mut marker = None;
        for &byte in chunk {
            used += 1;
            // Before a marker 0xFF may stand several times.
            if after_ff && byte != 0 && byte != 0xff {
                marker = Some(byte);
                break;
            }
            after_ff = byte == 0xff;
        }
        reader.consume(used);
        if let Some(marker) = marker {
            return Ok(marker);
        }
    }
}

/// What follows the length in a segment.
fn segment_len(reader: &mut impl Read) -> Result<u64, Stop> {
    let len = u16::from_be_bytes(read(reader)?);
    len.checked_sub(2).map(u64::from).ok_or(Stop::Damaged("a part of it has no length"))
}

fn frame_header(reader: &mut impl BufRead) -> Result<(u32, u32), Stop> {
    let len = segment_len(reader)?;
    let [precision, height @ .., width_high, width_low] = read::<5>(reader)?;
    skip(reader, len.saturating_sub(5))?;
    if precision != 8 {
        return Err(Stop::Damaged("it is of a kind that browsers cannot show"));
    }
    Ok((u32::from(u16::from_be_bytes([width_high, width_low])), u32::from(u16::from_be_bytes(height))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ImageLimits = ImageLimits { bytes: u64::MAX, pixels: 50_000_000 };

    fn jpeg(width: u16, height: u16, scans: usize) -> Vec<u8> {
        let mut bytes = vec![0xff, SOI, 0xff, 0xc0, 0, 11, 8];
        bytes.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
        bytes.extend([1, 1, 0x11, 0]);
        for _ in 0..scans {
            bytes.extend([0xff, SOS, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]);
        }
        bytes.extend([0xff, 0xff, EOI]);
        bytes
    }

    #[test]
    fn the_size_is_read_before_any_pixel() {
        let found = walk(&mut jpeg(7000, 5000, 10).as_slice(), LIMITS).unwrap();
        assert_eq!((found.width, found.height, found.sideways), (7000, 5000, false));
        let cut = &jpeg(10_000, 10_000, 1)[..20];
        assert!(matches!(walk(&mut &*cut, LIMITS), Err(Stop::TooManyPixels(10_000, 10_000, _))));
    }

    #[test]
    fn what_keeps_a_decoder_busy_for_nothing_is_refused() {
        assert!(matches!(walk(&mut jpeg(8, 8, 101).as_slice(), LIMITS), Err(Stop::Damaged(_))));
        assert!(matches!(
            walk(&mut jpeg(8, 8, 0).as_slice(), LIMITS),
            Err(Stop::Damaged("it holds no picture"))
        ));
        let mut twice = jpeg(8, 8, 1);
        let second = twice[2..15].to_vec();
        twice.splice(15..15, second);
        assert!(matches!(walk(&mut twice.as_slice(), LIMITS), Err(Stop::Damaged("it has two sizes"))));
    }

    #[test]
    fn a_picture_that_lies_on_its_side_is_noticed() {
        let mut bytes = jpeg(40, 30, 1);
        let exif = exif::tests::chunk(6);
        let mut segment = vec![0xff, APP1];
        segment.extend(u16::try_from(exif.len() + 8).unwrap().to_be_bytes());
        segment.extend(EXIF);
        segment.extend(exif);
        bytes.splice(2..2, segment);
        assert!(walk(&mut bytes.as_slice(), LIMITS).unwrap().sideways);
    }
}
