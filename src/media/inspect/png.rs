//! PNG (W3C, third edition): a row of chunks; those called IDAT hold the pixels as one zlib stream.
//!
//! The stream is inflated into nothing, to see that it holds exactly the pixels that the header claims: a header may lie
//! in both directions.

use std::io::{BufRead, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::{Found, ImageLimits, Stop, Walked, check_frames, check_size, exif, read, skip};

const SIGNATURE_BYTES: u64 = 8;
/// A larger EXIF is not looked at.
const MAX_EXIF_BYTES: u32 = 64 * 1024;
const SCRATCH_BYTES: usize = 32 * 1024;

pub fn walk(reader: &mut impl BufRead, limits: ImageLimits) -> Walked {
    skip(reader, SIGNATURE_BYTES)?;
    let mut found = Found { frames: 1, ..Found::default() };
    let (header, name) = chunk_head(reader)?;
    if (header, &name) != (13, b"IHDR") {
        return Err(Stop::Damaged("it has no header"));
    }
    let mut chunk = Chunk::new(reader, name, header);
    let header = Header::parse(read(&mut chunk)?)?;
    chunk.finish()?;
    (found.width, found.height) = (header.width, header.height);
    check_size(header.width, header.height, limits)?;

    let mut pixels = Pixels::new(header.inflated_bytes());
    loop {
        let (len, name) = chunk_head(reader)?;
        let mut chunk = Chunk::new(reader, name, len);
        match &name {
            b"IDAT" => pixels.inflate(&mut chunk)?,
            b"acTL" if len == 8 => {
                found.frames = u32::from_be_bytes(read(&mut chunk)?).max(1);
                check_frames(found.frames)?;
            }
            b"eXIf" if len <= MAX_EXIF_BYTES => {
                let mut exif = Vec::new();
                chunk.read_to_end(&mut exif)?;
                found.sideways = exif::is_sideways(&exif);
            }
            b"IEND" => {
                chunk.finish()?;
                pixels.finish()?;
                return Ok(found);
            }
            _ => {}
        }
        chunk.finish()?;
    }
}

fn chunk_head(reader: &mut impl BufRead) -> Result<(u32, [u8; 4]), Stop> {
    let len = u32::from_be_bytes(read(reader)?);
    let name: [u8; 4] = read(reader)?;
    if len > i32::MAX as u32 || !name.iter().all(u8::is_ascii_alphabetic) {
        return Err(Stop::Damaged("a part of it has no name"));
    }
    Ok((len, name))
}

/// The content of a chunk, whose checksum is taken as it is read.
struct Chunk<'a, R> {
    reader: &'a mut R,
    left: u32,
    crc: Crc,
    /// Readers pass over others that they do not know, damaged or not.
    critical: bool,
}

impl<'a, R: BufRead> Chunk<'a, R> {
    fn new(reader: &'a mut R, name: [u8; 4], len: u32) -> Self {
        let mut crc = Crc::new();
        crc.update(&name);
        Self { reader, left: len, crc, critical: name[0].is_ascii_uppercase() }
    }

    /// Reads what is left, and the checksum.
    fn finish(mut self) -> Result<(), Stop> {
        let mut scratch = [0; 4096];
        while self.read(&mut scratch)? > 0 {}
        if self.left > 0 {
            return Err(Stop::Damaged("it is cut off"));
        }
        let sum = u32::from_be_bytes(read(self.reader)?);
        if self.critical && sum != self.crc.sum() {
            return Err(Stop::Damaged("a checksum does not fit"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Chunk<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.left as usize);
        let len = self.reader.read(&mut buffer[..most])?;
        self.crc.update(&buffer[..len]);
        self.left -= len as u32;
        Ok(len)
    }
}

struct Header {
    width: u32,
    height: u32,
    bits_per_pixel: u64,
    interlaced: bool,
}

impl Header {
    fn parse(bytes: [u8; 13]) -> Result<Self, Stop> {
        let [_, _, _, _, _, _, _, _, depth, color, compression, filter, interlace] = bytes;
        let channels = match (color, depth) {
            (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) => 1,
            (2, 8 | 16) => 3,
            (4, 8 | 16) => 2,
            (6, 8 | 16) => 4,
            _ => return Err(Stop::Damaged("its header makes no sense")),
        };
        if compression != 0 || filter != 0 || interlace > 1 {
            return Err(Stop::Damaged("its header makes no sense"));
        }
        let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Ok(Self {
            width: number(0),
            height: number(4),
            bits_per_pixel: channels * u64::from(depth),
            interlaced: interlace == 1,
        })
    }

    /// How much the pixels inflate to: per row a byte for the filter, and the samples. Interlaced ones come in seven
    /// passes.
    fn inflated_bytes(&self) -> u64 {
        const WHOLE: [(u32, u32, u32, u32); 1] = [(0, 1, 0, 1)];
        const ADAM7: [(u32, u32, u32, u32); 7] = [
            (0, 8, 0, 8),
            (4, 8, 0, 8),
            (0, 4, 4, 8),
            (2, 4, 0, 4),
            (0, 2, 2, 4),
            (1, 2, 0, 2),
            (0, 1, 1, 2),
        ];
        let passes: &[_] = if self.interlaced { &ADAM7 } else { &WHOLE };
        let pass = |&(x, x_step, y, y_step): &(u32, u32, u32, u32)| {
            let columns = u64::from(self.width.saturating_sub(x).div_ceil(x_step));
            let rows = u64::from(self.height.saturating_sub(y).div_ceil(y_step));
            if columns == 0 { 0 } else { rows * (1 + (columns * self.bits_per_pixel).div_ceil(8)) }
        };
        passes.iter().map(pass).sum()
    }
}

/// The zlib stream that runs through the IDAT chunks.
struct Pixels {
    stream: Decompress,
    scratch: Vec<u8>,
    expected: u64,
    ended: bool,
}

impl Pixels {
    fn new(expected: u64) -> Self {
        Self { stream: Decompress::new(true), scratch: vec![0; SCRATCH_BYTES], expected, ended: false }
    }

    fn inflate(&mut self, chunk: &mut Chunk<'_, impl BufRead>) -> Result<(), Stop> {
        while !self.ended && chunk.left > 0 {
            let bytes = chunk.reader.fill_buf()?;
            if bytes.is_empty() {
                return Err(Stop::Damaged("it is cut off"));
            }
            let bytes = &bytes[..bytes.len().min(chunk.left as usize)];
            let before = self.stream.total_in();
            let status = self
                .stream
                .decompress(bytes, &mut self.scratch, FlushDecompress::None)
                .map_err(|_| Stop::Damaged("its pixels cannot be unpacked"))?;
            let used = (self.stream.total_in() - before) as usize;
            chunk.crc.update(&bytes[..used]);
            chunk.reader.consume(used);
            chunk.left -= used as u32;
            if self.stream.total_out() > self.expected {
                return Err(Stop::Damaged("it unpacks to more than its header says"));
            }
            match status {
                Status::StreamEnd => self.ended = true,
                Status::BufError if used == 0 => return Err(Stop::Damaged("its pixels cannot be unpacked")),
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Stop> {
        match self.ended && self.stream.total_out() == self.expected {
            true => Ok(()),
            false => Err(Stop::Damaged("it holds less than its header says")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LIMITS: ImageLimits = ImageLimits { bytes: u64::MAX, pixels: 50_000_000 };

    fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(content);
        [&(content.len() as u32).to_be_bytes()[..], name, content, &crc.sum().to_be_bytes()].concat()
    }

    fn png(width: u32, height: u32, interlace: u8, inflated: usize) -> Vec<u8> {
        let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
        header.extend([8, 2, 0, 0, interlace]);
        let mut pixels = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        pixels.write_all(&vec![0; inflated]).unwrap();
        let pixels = pixels.finish().unwrap();
        let (first, second) = pixels.split_at(pixels.len() / 2);
        [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(b"IHDR", &header),
            chunk(b"tEXt", b"Comment\0hello"),
            chunk(b"IDAT", first),
            chunk(b"IDAT", second),
            chunk(b"IEND", b""),
        ]
        .concat()
    }

    #[test]
    fn a_header_that_lies_in_either_direction_is_refused() {
        assert!(walk(&mut png(10, 10, 0, 310).as_slice(), LIMITS).is_ok());
        for (inflated, words) in
            [(309, "less than"), (311, "more than"), (40_000_000, "more than"), (0, "less")]
        {
            let stop = walk(&mut png(10, 10, 0, inflated).as_slice(), LIMITS).unwrap_err();
            assert!(matches!(stop, Stop::Damaged(what) if what.contains(words)), "{inflated}: {stop:?}");
        }
        let bomb = png(100_000, 100_000, 0, 10);
        assert!(matches!(walk(&mut bomb.as_slice(), LIMITS), Err(Stop::TooManyPixels(..))));
    }

    #[test]
    fn interlaced_pixels_are_counted_by_their_passes() {
        // 1 + 1 + 2 pixels in passes 1, 6 and 7 of a 2 × 2 image.
        assert!(walk(&mut png(2, 2, 1, 4 + 4 + 7).as_slice(), LIMITS).is_ok());
    }

    #[test]
    fn a_checksum_that_does_not_fit_is_noticed() {
        let mut bytes = png(10, 10, 0, 310);
        bytes[20] ^= 1;
        assert!(matches!(walk(&mut bytes.as_slice(), LIMITS), Err(Stop::Damaged("a checksum does not fit"))));
    }
}
