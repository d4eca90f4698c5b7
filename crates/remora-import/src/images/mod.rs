//! Encoded images of all supported formats. Opening one reads its size, and decoding it yields the pixels.

mod ktx2;
mod shrink;

use std::borrow::Cow;
use std::io::Cursor;

use image::{ImageReader, Limits};

pub(crate) use shrink::{fit, shrink, srgb_byte};

use ktx2::Ktx2;

/// Limit of width and height in pixels. It is above the largest texture and far below an overflow.
pub(crate) const DIMENSION_MAX: u32 = 16_384;

/// Peak memory of decoding per pixel: decoded RGBA of 16 bits, converted RGBA of 8 bits, and the decoder's own data,
/// which is largest for progressive JPEG with three coefficients of 16 bits.
pub(crate) const DECODING_BYTES_PER_PIXEL: usize = 8 + 4 + 6;

/// An encoded image whose size is known.
pub(crate) struct EncodedImage<'a> {
    bytes: Cow<'a, [u8]>,
    size: (u32, u32),
    is_ktx2: bool,
}

impl<'a> EncodedImage<'a> {
    /// Reads the size. Errors complete the sentence "image 3: …".
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

    /// Returns width and height, neither of them 0.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Returns the number of pixels.
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1)
    }

    /// Decodes to RGBA of 8 bits, rows from the top. Errors complete the sentence "image 3: …".
    pub(crate) fn decode(&self) -> Result<Vec<u8>, String> {
        if self.is_ktx2 {
            return Ktx2::open(&self.bytes)?.decode();
        }
        let mut reader = reader(&self.bytes).map_err(undecodable)?;
        let mut limits = Limits::no_limits();
        limits.max_image_width = Some(self.size.0);
        limits.max_image_height = Some(self.size.1);
        // The colour profile of a small image may be larger than the image.
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

/// Returns a text without the decoder's own words, which may quote the file and therefore only go to the log.
fn undecodable(error: image::ImageError) -> String {
    tracing::debug!(%error, "an image cannot be decoded");
    "it cannot be decoded; PNG, JPEG, WebP, and Basis Universal in KTX2 are read".to_owned()
}
