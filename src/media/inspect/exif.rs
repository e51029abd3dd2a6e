//! The one thing that matters in EXIF: which way is up.

use image::metadata::Orientation;

/// Whether width and height change places when the picture is turned as it says.
pub fn is_sideways(chunk: &[u8]) -> bool {
    matches!(
        Orientation::from_exif_chunk(chunk),
        Some(
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        )
    )
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The least EXIF that says an orientation (1 to 8).
    pub fn chunk(orientation: u8) -> Vec<u8> {
        let mut chunk = b"MM\0*\0\0\0\x08\0\x01".to_vec();
        chunk.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
        chunk
    }

    #[test]
    fn five_to_eight_lie_on_their_side() {
        assert_eq!((1..=8).map(|n| is_sideways(&chunk(n))).filter(|&sideways| sideways).count(), 4);
        assert!(is_sideways(&chunk(5)) && is_sideways(&chunk(8)) && !is_sideways(&chunk(3)));
        assert!(!is_sideways(b"nonsense"));
    }
}
