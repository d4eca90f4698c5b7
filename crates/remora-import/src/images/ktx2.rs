//! Basis Universal textures in KTX2, the files of `KHR_texture_basisu`: ETC1S, and UASTC with or without Zstandard.
//!
//! The decoder trusts the header. Therefore every offset and length is checked here, and the decoder receives a new
//! file that contains only the largest image.

use basisu::{DecodeFlags, TargetFormat, Transcoder};

const MAGIC: [u8; 12] = *b"\xABKTX 20\xBB\r\n\x1A\n";
const HEADER_BYTES: usize = 80;
const LEVEL_BYTES: usize = 24;
/// Bytes of the header of the global data; one description for each image follows.
const GLOBAL_HEADER_BYTES: usize = 20;
const IMAGE_DESCRIPTION_BYTES: usize = 20;
const UASTC_BLOCK_BYTES: u64 = 16;

/// Colour models of the Khronos data format specification.
const COLOR_MODEL_ETC1S: u8 = 163;
const COLOR_MODEL_UASTC: u8 = 166;

/// Supercompression schemes.
const NONE: u32 = 0;
const BASIS_LZ: u32 = 1;
const ZSTANDARD: u32 = 2;

/// A checked KTX2 file.
pub(super) struct Ktx2<'a> {
    size: (u32, u32),
    scheme: u32,
    /// The data format descriptor with its length.
    descriptor: &'a [u8],
    /// Compressed data of the largest image.
    level: &'a [u8],
    global: Option<Global<'a>>,
}

/// The global data of an ETC1S file.
struct Global<'a> {
    header: &'a [u8],
    /// Description of the largest image, whose slices are within the level.
    description: &'a [u8],
    /// Endpoints, selectors and tables.
    codebooks: &'a [u8],
}

impl<'a> Ktx2<'a> {
    /// Returns whether the bytes begin as a KTX2 file.
    pub(super) fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// Checks everything except the compressed data. Errors complete the sentence "image 3: …".
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let word = |at: usize| word(bytes, at).ok_or_else(|| "its KTX2 header is cut short".to_owned());
        let long = |at: usize| Ok::<_, String>(u64::from(word(at)?) | u64::from(word(at + 4)?) << 32);
        let part = |offset: u64, length: u64, what: &str| {
            let end = offset.checked_add(length).filter(|&end| end <= bytes.len() as u64);
            let end = end.ok_or_else(|| format!("{what} of its KTX2 file reaches beyond the end"))?;
            Ok::<_, String>(&bytes[offset as usize..end as usize])
        };
        let size = (word(20)?, word(24)?);
        let (depth, layers, faces, levels, scheme) = (word(28)?, word(32)?, word(36)?, word(40)?, word(44)?);
        if depth > 0 || layers > 1 || faces != 1 {
            return Err("its KTX2 file is not one flat image".to_owned());
        }
        if levels == 0 || levels > 32 {
            return Err(format!("its KTX2 file has {levels} levels; 1 to 32 are possible"));
        }
        let descriptor = part(word(48)?.into(), word(52)?.into(), "the format description")?;
        let model = *descriptor.get(12).ok_or("the format description of its KTX2 file is cut short")?;
        let (offset, length, unpacked) = (long(HEADER_BYTES)?, long(HEADER_BYTES + 8)?, long(HEADER_BYTES + 16)?);
        let level = part(offset, length, "an image")?;
        let blocks = u64::from(size.0.div_ceil(4)) * u64::from(size.1.div_ceil(4));
        let global = match (model, scheme) {
            (COLOR_MODEL_ETC1S, BASIS_LZ) => {
                let global = part(long(64)?, long(72)?, "the codebook")?;
                Some(Global::open(global, levels as usize, level, descriptor.len() == 60)?)
            }
            (COLOR_MODEL_UASTC, NONE) if length == blocks * UASTC_BLOCK_BYTES => None,
            (COLOR_MODEL_UASTC, ZSTANDARD) if unpacked == blocks * UASTC_BLOCK_BYTES => None,
            (COLOR_MODEL_UASTC, NONE | ZSTANDARD) => {
                return Err("its KTX2 file does not hold as many blocks as its size needs".to_owned());
            }
            _ => {
                let what = format!(
                    "its KTX2 file has colour model {model} in supercompression {scheme}; \
                     Basis Universal is read: ETC1S (163) in scheme 1, UASTC (166) in schemes 0 and 2"
                );
                return Err(what);
            }
        };
        Ok(Self { size, scheme, descriptor, level, global })
    }

    /// Returns width and height.
    pub(super) fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Decodes to RGBA of 8 bits, rows from the top.
    pub(super) fn decode(&self) -> Result<Vec<u8>, String> {
        let file = self.largest_image_alone();
        let damaged = |_| "its Basis Universal data is damaged".to_owned();
        let transcoder = Transcoder::new(&file).map_err(damaged)?;
        let rgba = transcoder.transcode(0, TargetFormat::Rgba32, DecodeFlags::NONE).map_err(damaged)?;
        let expected = self.size.0 as usize * self.size.1 as usize * 4;
        if rgba.len() != expected {
            return Err(format!("its Basis Universal data makes {} bytes, not {expected}", rgba.len()));
        }
        Ok(rgba)
    }

    fn largest_image_alone(&self) -> Vec<u8> {
        let descriptor_at = HEADER_BYTES + LEVEL_BYTES;
        let global_at = descriptor_at + self.descriptor.len();
        let global_parts = self.global.as_ref().map(|global| [global.header, global.description, global.codebooks]);
        let global = global_parts.map(|parts| parts.concat()).unwrap_or_default();
        let level_at = global_at + global.len();
        let blocks = u64::from(self.size.0.div_ceil(4)) * u64::from(self.size.1.div_ceil(4));
        let unpacked = if self.scheme == BASIS_LZ { 0 } else { blocks * UASTC_BLOCK_BYTES };

        let mut file = MAGIC.to_vec();
        // Undefined format, type size, width, height, depth, layers, faces, levels, scheme; then offset and length of
        // the format descriptor, and of the key-value data, which is empty.
        let words = [0, 1, self.size.0, self.size.1, 0, 0, 1, 1, self.scheme];
        let places = [descriptor_at as u32, self.descriptor.len() as u32, 0, 0];
        file.extend(words.into_iter().chain(places).flat_map(u32::to_le_bytes));
        let longs = [global_at as u64, global.len() as u64, level_at as u64, self.level.len() as u64, unpacked];
        file.extend(longs.into_iter().flat_map(u64::to_le_bytes));
        file.extend_from_slice(self.descriptor);
        file.extend_from_slice(&global);
        file.extend_from_slice(self.level);
        file
    }
}

impl<'a> Global<'a> {
    fn open(bytes: &'a [u8], levels: usize, level: &[u8], has_alpha: bool) -> Result<Self, String> {
        let cut_short = || "the codebook of its KTX2 file is cut short".to_owned();
        let (header, rest) = bytes.split_at_checked(GLOBAL_HEADER_BYTES).ok_or_else(cut_short)?;
        let (descriptions, codebooks) =
            rest.split_at_checked(levels * IMAGE_DESCRIPTION_BYTES).ok_or_else(cut_short)?;
        let lengths = [4, 8, 12].map(|at| u64::from(word(header, at).unwrap_or_default()));
        let length = lengths.iter().sum::<u64>();
        if length > codebooks.len() as u64 {
            return Err(cut_short());
        }
        let description = &descriptions[..IMAGE_DESCRIPTION_BYTES];
        let slices = if has_alpha { [4, 12].as_slice() } else { [4].as_slice() };
        for &at in slices {
            let [offset, length] = [at, at + 4].map(|at| u64::from(word(description, at).unwrap_or_default()));
            if offset + length > level.len() as u64 {
                return Err("an image of its KTX2 file reaches beyond its end".to_owned());
            }
        }
        Ok(Self { header, description, codebooks: &codebooks[..length as usize] })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
