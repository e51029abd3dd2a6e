//! GIF (89a): a screen, and blocks that draw on it.

use std::io::BufRead;

use super::{Found, ImageLimits, Stop, Walked, check_frames, check_size, read, skip};

pub fn walk(reader: &mut impl BufRead, limits: ImageLimits) -> Walked {
    skip(reader, 6)?;
    let [width_low, width_high, height_low, height_high, flags, _, _] = read(reader)?;
    let width = u32::from(u16::from_le_bytes([width_low, width_high]));
    let height = u32::from(u16::from_le_bytes([height_low, height_high]));
    check_size(width, height, limits)?;
    skip_color_table(reader, flags)?;
    let mut found = Found { width, height, ..Found::default() };
    loop {
        match read::<1>(reader)? {
            [b','] => {
                let [left, top, w, h] = [read(reader)?, read(reader)?, read(reader)?, read(reader)?]
                    .map(|bytes| u32::from(u16::from_le_bytes(bytes)));
                if left + w > width || top + h > height {
                    return Err(Stop::Damaged("a frame is larger than the image"));
                }
                let [flags] = read(reader)?;
                skip_color_table(reader, flags)?;
                // The code size, and the codes.
                skip(reader, 1)?;
                skip_sub_blocks(reader)?;
                found.frames += 1;
                check_frames(found.frames)?;
            }
            [b'!'] => {
                skip(reader, 1)?;
                skip_sub_blocks(reader)?;
            }
            [b';'] if found.frames > 0 => return Ok(found),
            _ => return Err(Stop::Damaged("it is not put together as one")),
        }
    }
}

fn skip_color_table(reader: &mut impl BufRead, flags: u8) -> Result<(), Stop> {
    if flags & 0x80 != 0 {
        skip(reader, 3 << ((flags & 7) + 1))?;
    }
    Ok(())
}

fn skip_sub_blocks(reader: &mut impl BufRead) -> Result<(), Stop> {
    loop {
        match read::<1>(reader)? {
            [0] => return Ok(()),
            [len] => skip(reader, len.into())?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ImageLimits = ImageLimits { bytes: u64::MAX, pixels: 50_000_000 };

    fn gif(width: u16, height: u16, frame_width: u16, frames: usize) -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        bytes.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
        for _ in 0..frames {
            bytes.extend([b',', 0, 0, 0, 0]);
            bytes.extend([frame_width.to_le_bytes(), 1_u16.to_le_bytes()].concat());
            bytes.extend([0, 2, 2, 0x44, 1, 0]);
        }
        bytes.push(b';');
        bytes
    }

    #[test]
    fn frames_are_counted_and_stay_within_the_screen() {
        let found = walk(&mut gif(9, 9, 1, 3).as_slice(), LIMITS).unwrap();
        assert_eq!((found.width, found.height, found.frames), (9, 9, 3));
        assert!(matches!(walk(&mut gif(9, 9, 10, 1).as_slice(), LIMITS), Err(Stop::Damaged(_))));
        assert!(matches!(walk(&mut gif(9, 9, 1, 0).as_slice(), LIMITS), Err(Stop::Damaged(_))));
        assert!(matches!(walk(&mut gif(9, 9, 1, 1_001).as_slice(), LIMITS), Err(Stop::TooManyFrames)));
        assert!(matches!(
            walk(&mut gif(9_000, 9_000, 1, 1).as_slice(), LIMITS),
            Err(Stop::TooManyPixels(..))
        ));
    }
}
