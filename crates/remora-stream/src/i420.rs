//! The picture that encoders take: planar 4:2:0, limited range, BT.709.

use thiserror::Error;

/// One picture, planes contiguous: Y `width × height`, then U and V, each `width/2 × height/2`.
///
/// Y 16–235, U and V 16–240, BT.709 matrix: what [`crate::OpenH264Encoder`] writes into the stream's header.
#[derive(Clone, Copy, Debug)]
pub struct I420<'a> {
    width: u32,
    height: u32,
    data: &'a [u8],
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum I420Error {
    #[error(
        "a picture of {width}×{height} cannot be subsampled; accepted are even sizes of {min} to {max} pixels a side",
        min = I420::SIDE_PIXELS_MIN, max = I420::SIDE_PIXELS_MAX
    )]
    Size { width: u32, height: u32 },
    #[error("{width}×{height} needs {needed} bytes of I420, got {got}")]
    Length { width: u32, height: u32, needed: usize, got: usize },
}

impl<'a> I420<'a> {
    pub const SIDE_PIXELS_MIN: u32 = 16;
    pub const SIDE_PIXELS_MAX: u32 = 4096;

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

    /// Bytes of a picture of this size, for even sizes.
    pub const fn byte_length(width: u32, height: u32) -> usize {
        width as usize * height as usize * 3 / 2
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// Luma and both chroma planes; the rows of each follow each other without a gap.
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
