//! One encoded image, of any kind that is read: its size first, its pixels when they are wanted.

use std::borrow::Cow;
use std::io::Cursor;

use image::{ImageReader, Limits};

use super::error::LoadError;
use super::ktx2::Ktx2;

/// Pixels in either direction. Larger than what textures are scaled down to, and far below what overflows.
pub(super) const DIMENSION_MAX: u32 = 16_384;

/// What decoding holds at its peak per pixel of the image: 16-bit RGBA as decoded, 8-bit RGBA as converted, and
/// what the decoder needs for itself (a progressive JPEG: three coefficients of 16 bits; the others less).
pub(super) const DECODING_BYTES_PER_PIXEL: usize = 8 + 4 + 6;

pub(super) struct Picture<'a> {
    image: u32,
    bytes: Cow<'a, [u8]>,
    size: (u32, u32),
    is_ktx2: bool,
}

impl<'a> Picture<'a> {
    /// Reads as much as says how large it is. `image` is its index in the file.
    pub(super) fn open(image: u32, bytes: Cow<'a, [u8]>) -> Result<Self, LoadError> {
        let is_ktx2 = Ktx2::is_one(&bytes);
        let (width, height) = match is_ktx2 {
            true => Ktx2::open(&bytes).map_err(|what| invalid(image, what))?.size(),
            false => reader(&bytes)
                .and_then(ImageReader::into_dimensions)
                .map_err(|source| LoadError::Image { image, source })?,
        };
        if width == 0 || height == 0 {
            return Err(invalid(image, "it has no pixels"));
        }
        if width.max(height) > DIMENSION_MAX {
            return Err(LoadError::ImageSize { image, width, height });
        }
        Ok(Self { image, bytes, size: (width, height), is_ktx2 })
    }

    pub(super) fn image(&self) -> u32 {
        self.image
    }

    /// Width and height, neither of them 0.
    pub(super) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }

    /// RGBA of 8 bits, rows from the top.
    pub(super) fn decode(&self) -> Result<Vec<u8>, LoadError> {
        if self.is_ktx2 {
            let decoded = Ktx2::open(&self.bytes).and_then(|ktx2| ktx2.decode());
            return decoded.map_err(|what| invalid(self.image, what));
        }
        let image = |source| LoadError::Image { image: self.image, source };
        let mut reader = reader(&self.bytes).map_err(image)?;
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(self.size.0);
        limits.max_image_height = Some(self.size.1);
        // Small images may carry a colour profile larger than themselves.
        limits.max_alloc = Some(self.pixels() * DECODING_BYTES_PER_PIXEL as u64 + (1 << 20));
        reader.limits(limits);
        let decoded = reader.decode().map_err(image)?.into_rgba8();
        let size = decoded.dimensions();
        if size != self.size {
            return Err(invalid(self.image, format!("its header says {:?} pixels, it has {size:?}", self.size)));
        }
        Ok(decoded.into_raw())
    }
}

fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, image::ImageError> {
    Ok(ImageReader::new(Cursor::new(bytes)).with_guessed_format()?)
}

fn invalid(image: u32, what: impl Into<String>) -> LoadError {
    LoadError::invalid(format!("image {image}"), what)
}
