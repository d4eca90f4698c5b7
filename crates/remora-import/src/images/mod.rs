//! One encoded image, of any kind that is read: its size first, its pixels when they are wanted.

mod ktx2;
mod shrink;

use std::borrow::Cow;
use std::io::Cursor;

use image::{ImageReader, Limits};

pub(crate) use shrink::{fit, shrink, srgb_byte};

use ktx2::Ktx2;

/// Pixels in either direction. Larger than what textures are scaled down to, and far below what overflows.
pub(crate) const DIMENSION_MAX: u32 = 16_384;

/// What decoding holds at its peak per pixel of the image: 16-bit RGBA as decoded, 8-bit RGBA as converted, and
/// what the decoder needs for itself (a progressive JPEG: three coefficients of 16 bits; the others less).
pub(crate) const DECODING_BYTES_PER_PIXEL: usize = 8 + 4 + 6;

pub(crate) struct EncodedImage<'a> {
    bytes: Cow<'a, [u8]>,
    size: (u32, u32),
    is_ktx2: bool,
}

impl<'a> EncodedImage<'a> {
    /// Reads as much as says how large it is. An error says what is wrong with it.
    pub(crate) fn open(bytes: Cow<'a, [u8]>) -> Result<Self, String> {
        let is_ktx2 = Ktx2::is_one(&bytes);
        let (width, height) = match is_ktx2 {
            true => Ktx2::open(&bytes)?.size(),
            false => reader(&bytes).and_then(ImageReader::into_dimensions).map_err(undecodable)?,
        };
        if width == 0 || height == 0 {
            return Err("it has no pixels".to_owned());
        }
        if width.max(height) > DIMENSION_MAX {
            let most = format!("at most {DIMENSION_MAX} in either direction are read");
            return Err(format!("it has {width} x {height} pixels; {most}"));
        }
        Ok(Self { bytes, size: (width, height), is_ktx2 })
    }

    /// Width and height, neither of them 0.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }

    /// RGBA of 8 bits, rows from the top. An error says what is wrong with the image.
    pub(crate) fn decode(&self) -> Result<Vec<u8>, String> {
        if self.is_ktx2 {
            return Ktx2::open(&self.bytes)?.decode();
        }
        let mut reader = reader(&self.bytes).map_err(undecodable)?;
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(self.size.0);
        limits.max_image_height = Some(self.size.1);
        // Small images may carry a colour profile larger than themselves.
        limits.max_alloc = Some(self.pixels() * DECODING_BYTES_PER_PIXEL as u64 + (1 << 20));
        reader.limits(limits);
        let decoded = reader.decode().map_err(undecodable)?.into_rgba8();
        let size = decoded.dimensions();
        if size != self.size {
            return Err(format!("its header says {:?} pixels, it has {size:?}", self.size));
        }
        Ok(decoded.into_raw())
    }
}

fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, image::ImageError> {
    Ok(ImageReader::new(Cursor::new(bytes)).with_guessed_format()?)
}

/// The decoder's own words may quote the file, so they go to the log only.
fn undecodable(error: image::ImageError) -> String {
    tracing::debug!(%error, "an image cannot be decoded");
    "it cannot be decoded; PNG, JPEG, WebP, and Basis Universal in KTX2 are read".to_owned()
}
