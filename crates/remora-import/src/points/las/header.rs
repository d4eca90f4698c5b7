//! Reads the public header block and the records after it, as defined by ASPRS LAS 1.4 R15.

use glam::DVec3;

use super::{FORMAT, PointsError, Raw, damaged, unsupported};

const HEADER_BYTES_MIN: usize = 227;
const HEADER_BYTES_1_4: usize = 375;
const VARIABLE_HEADER_BYTES: usize = 54;

/// The part of the header that reading the points needs.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) is_compressed: bool,
    pub(super) layout: Layout,
    pub(super) points: u64,
    /// Factor from the integers of a record to metres.
    pub(super) scale: DVec3,
    /// Position of the integers' origin in metres.
    pub(super) offset: DVec3,
    /// Offset of the points in the file.
    pub(super) data: usize,
    /// The variable length record that describes the compression.
    pub(super) compression: Option<&'a [u8]>,
}

/// The positions of fields in a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) record_bytes: usize,
    pub(super) color: Option<usize>,
    withheld_bit: u8,
}

/// Formats 0 to 10: bytes of a record, and offset of its colour.
const FORMATS: [(usize, Option<usize>); 11] = [
    (20, None),
    (28, None),
    (26, Some(20)),
    (34, Some(28)),
    (57, None),
    (63, Some(28)),
    (30, None),
    (36, Some(30)),
    (38, Some(30)),
    (59, None),
    (67, Some(30)),
];

impl Layout {
    fn new(format: u8, record_bytes: usize) -> Result<Self, PointsError> {
        let &(bytes_min, color) = FORMATS
            .get(usize::from(format))
            .ok_or_else(|| unsupported(format!("points of format {format}"), "formats 0 to 10 are read"))?;
        if record_bytes < bytes_min {
            let what = format!("its points have {record_bytes} bytes each, format {format} needs {bytes_min}");
            return Err(damaged(what));
        }
        // Older formats have the flag beside the classification, newer ones in a byte of flags.
        let withheld_bit = if format < 6 { 0x80 } else { 0x04 };
        Ok(Self { record_bytes, color, withheld_bit })
    }

    /// Reads a record. `data` has at least the bytes of the format.
    pub(super) fn record(&self, data: &[u8]) -> Raw {
        let coordinate = |at: usize| i32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        let short = |at: usize| u16::from_le_bytes([data[at], data[at + 1]]);
        Raw {
            position: [coordinate(0), coordinate(4), coordinate(8)],
            color: self.color.map_or([0; 3], |at| [short(at), short(at + 2), short(at + 4)]),
            intensity: short(12),
            is_withheld: data[15] & self.withheld_bit != 0,
        }
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, PointsError> {
    if !bytes.starts_with(b"LASF") {
        return Err(PointsError::NotPoints);
    }
    if bytes.len() < HEADER_BYTES_MIN {
        let length = bytes.len();
        return Err(damaged(format!("it has {length} bytes, its header alone has {HEADER_BYTES_MIN}")));
    }
    let (major, minor) = (bytes[24], bytes[25]);
    if major != 1 || minor > 4 {
        let found = format!("{major}.{minor}");
        return Err(PointsError::Version { format: FORMAT, found, accepted: "version 1.0 to 1.4" });
    }
    let header_bytes = usize::from(u16_at(bytes, 94));
    let data = u32_at(bytes, 96) as usize;
    if header_bytes < HEADER_BYTES_MIN || data < header_bytes || data > bytes.len() {
        let length = bytes.len();
        let what = format!("its header has {header_bytes} bytes, its points begin at {data}, it has {length} bytes");
        return Err(damaged(what));
    }
    let is_large = minor >= 4 && header_bytes >= HEADER_BYTES_1_4;
    let points = match u64::from(u32_at(bytes, 107)) {
        0 if is_large => u64_at(bytes, 247),
        points => points,
    };
    let numbers = |at: usize| DVec3::new(f64_at(bytes, at), f64_at(bytes, at + 8), f64_at(bytes, at + 16));
    // Compressed files have an additional bit set in the format.
    let is_compressed = bytes[104] & 0x80 != 0;
    Ok(Header {
        is_compressed,
        layout: Layout::new(bytes[104] & 0x3f, usize::from(u16_at(bytes, 105)))?,
        points,
        scale: numbers(131),
        offset: numbers(155),
        data,
        compression: if is_compressed { compression(&bytes[..data], header_bytes, u32_at(bytes, 100)) } else { None },
    })
}

/// Returns the record that LASzip writes, if there is one.
fn compression(head: &[u8], first: usize, count: u32) -> Option<&[u8]> {
    let mut rest = head.get(first..)?;
    for _ in 0..count {
        let record = rest.get(..VARIABLE_HEADER_BYTES)?;
        let length = usize::from(u16_at(record, 20));
        let content = rest.get(VARIABLE_HEADER_BYTES..VARIABLE_HEADER_BYTES + length)?;
        let is_wanted =
            record[2..18].starts_with(laz::LazVlr::USER_ID.as_bytes()) && u16_at(record, 18) == laz::LazVlr::RECORD_ID;
        if is_wanted {
            return Some(content);
        }
        rest = &rest[VARIABLE_HEADER_BYTES + length..];
    }
    None
}

/// Reads a field of the header, whose length has been checked.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn f64_at(bytes: &[u8], at: usize) -> f64 {
    f64::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|byte| bytes[at + byte])
}
