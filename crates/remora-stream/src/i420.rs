//! The frame format that encoders take: planar 4:2:0, limited range, BT.709.

use thiserror::Error;

/// One frame with contiguous planes: Y `width × height`, then U and V, each `width/2 × height/2`.
///
/// Y is 16–235, U and V are 16–240, with the BT.709 matrix, as [`crate::OpenH264Encoder`] declares in the stream's
/// header.
#[derive(Clone, Copy, Debug)]
pub struct I420<'a> {
    width: u32,
    height: u32,
    data: &'a [u8],
}

/// The reason why bytes are not a frame.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum I420Error {
    /// A side is odd, too small or too large.
    #[error(
        "a frame of {width}×{height} cannot be subsampled; accepted are even sizes of {min} to {max} pixels a side",
        min = I420::SIDE_PIXELS_MIN, max = I420::SIDE_PIXELS_MAX
    )]
    Size {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The number of bytes does not fit the size.
    #[error("{width}×{height} needs {needed} bytes of I420, got {got}")]
    Length {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Bytes that a frame of this size has.
        needed: usize,
        /// Bytes that were given.
        got: usize,
    },
}

impl<'a> I420<'a> {
    /// Lower bound on both sides.
    pub const SIDE_PIXELS_MIN: u32 = 16;
    /// Upper bound on both sides.
    pub const SIDE_PIXELS_MAX: u32 = 4096;

    /// Checks that the bytes are a frame of this size.
    ///
    /// # Errors
    ///
    /// The size is not accepted, or the number of bytes does not fit it.
    pub fn new(width: u32, height: u32, data: &'a [u8]) -> Result<Self, I420Error> {
        let side = Self::SIDE_PIXELS_MIN..=Self::SIDE_PIXELS_MAX;
        let even = width.is_multiple_of(2) && height.is_multiple_of(2);
        if !even || !side.contains(&width) || !side.contains(&height) {
            return Err(I420Error::Size { width, height });
        }
        let needed = Self::byte_length(width, height);
        if data.len() != needed {
            return Err(I420Error::Length { width, height, needed, got: data.len() });
        }
        Ok(Self { width, height, data })
    }

    /// Returns the bytes of a frame of this size, which must be even.
    pub const fn byte_length(width: u32, height: u32) -> usize {
        width as usize * height as usize * 3 / 2
    }

    /// Returns the width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Returns the height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Returns the planes Y, U and V. Their rows are contiguous.
    pub fn planes(&self) -> [&'a [u8]; 3] {
        let luma = self.width as usize * self.height as usize;
        let (y, chroma) = self.data.split_at(luma);
        let (u, v) = chroma.split_at(luma / 4);
        [y, u, v]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_follow_each_other() {
        let data: Vec<u8> = (0..I420::byte_length(32, 16)).map(|index| (index % 251) as u8).collect();
        let picture = I420::new(32, 16, &data).unwrap();
        let [y, u, v] = picture.planes();
        assert_eq!((y.len(), u.len(), v.len()), (512, 128, 128));
        assert_eq!([y, u, v].concat(), data);
    }

    #[test]
    fn odd_tiny_and_huge_sizes_are_refused() {
        for (width, height) in [(33, 32), (32, 33), (14, 32), (32, 0), (4098, 32), (32, u32::MAX - 1)] {
            assert_eq!(I420::new(width, height, &[]).unwrap_err(), I420Error::Size { width, height });
        }
    }

    #[test]
    fn a_wrong_length_is_refused_with_the_right_one() {
        let error = I420::new(32, 32, &[0; 1535]).unwrap_err();
        assert_eq!(error, I420Error::Length { width: 32, height: 32, needed: 1536, got: 1535 });
    }
}
