//! The points of a scan: packets with a stream of bits for each field. A value may begin in one packet and end in the
//! next, and a packet may have different numbers of values of its fields.

use super::pages::{Cursor, Pages};
use super::scan::{Coding, Field, Role, Scan};
use super::{PointsError, damaged};

const SECTION_HEADER_BYTES: usize = 32;
const SECTION_OF_POINTS: u8 = 1;
/// Bytes of a packet's kind, flags and length.
const PACKET_START_BYTES: usize = 4;
/// Packets between two calls of `progress`.
const PACKETS_PER_STEP: u64 = 64;

/// The state of reading a field's stream.
#[derive(Default)]
struct Stream {
    /// Number of points whose value is known.
    point: usize,
    /// Bits of an incomplete value.
    left: u128,
    left_bits: u32,
}

/// Refuses a count for which there is not enough data, before memory is taken for it.
pub(super) fn check_count(pages: &Pages<'_>, scan: &Scan, number: usize) -> Result<(), PointsError> {
    let point_bits: u64 = scan.fields.iter().map(|field| u64::from(field.coding.bits())).sum();
    let there = pages.content_bytes_from(scan.offset);
    let needed_bytes = scan.points.saturating_mul(point_bits) / 8;
    if needed_bytes > there {
        let what = format!("the {} points of scan {number} need {needed_bytes} bytes, {there} are there", scan.points);
        return Err(damaged(what));
    }
    Ok(())
}

/// Calls `set` with every value of every point whose field is used.
pub(super) fn read(
    pages: &Pages<'_>,
    scan: &Scan,
    number: usize,
    set: &mut dyn FnMut(Role, usize, f64),
    progress: &mut dyn FnMut(f32),
) -> Result<(), PointsError> {
    let mut header = [0; SECTION_HEADER_BYTES];
    pages.cursor(scan.offset)?.read(&mut header)?;
    if header[0] != SECTION_OF_POINTS {
        return Err(damaged(format!("there are no points where scan {number} should have them")));
    }
    let mut cursor = pages.cursor(u64::from_le_bytes(std::array::from_fn(|byte| header[16 + byte])))?;
    // Unused fields are read as well, because a scan with a truncated field is truncated.
    let points = scan.points as usize;
    let mut streams: Vec<Stream> = scan.fields.iter().map(|_| Stream::default()).collect();
    for (stream, field) in streams.iter_mut().zip(&scan.fields) {
        if let Coding::Integer { min, bits: 0, scale, offset } = field.coding {
            // All values are equal and take no space.
            (0..points).for_each(|point| set(field.role, point, min as f64 * scale + offset));
            stream.point = points;
        }
    }
    let mut packet = Vec::new();
    let mut packets = 0_u64;
    while let Some(behind) = streams.iter().map(|stream| stream.point).min().filter(|&point| point < points) {
        if packets.is_multiple_of(PACKETS_PER_STEP) {
            progress(behind as f32 / points as f32);
        }
        packets += 1;
        if next_packet(&mut cursor, &mut packet)? {
            read_packet(&packet, scan, &mut streams, set)
                .ok_or_else(|| damaged(format!("packet {packets} of scan {number} is not made of its fields")))?;
        }
    }
    Ok(())
}

/// Reads the rest of a packet. Returns whether it has points.
fn next_packet(cursor: &mut Cursor<'_>, packet: &mut Vec<u8>) -> Result<bool, PointsError> {
    let mut start = [0; PACKET_START_BYTES];
    cursor.read(&mut start)?;
    let length = usize::from(u16::from_le_bytes([start[2], start[3]])) + 1;
    if start[0] > 2 || !length.is_multiple_of(4) {
        return Err(damaged(format!("a packet of kind {} has {length} bytes", start[0])));
    }
    packet.resize(length - PACKET_START_BYTES, 0);
    cursor.read(packet)?;
    Ok(start[0] == 1)
}

fn read_packet(
    packet: &[u8],
    scan: &Scan,
    streams: &mut [Stream],
    set: &mut dyn FnMut(Role, usize, f64),
) -> Option<()> {
    let (count, rest) = packet.split_first_chunk::<2>()?;
    if usize::from(u16::from_le_bytes(*count)) != streams.len() {
        return None;
    }
    let (lengths, mut rest) = rest.split_at_checked(2 * streams.len())?;
    let lengths = lengths.as_chunks::<2>().0.iter().map(|&length| usize::from(u16::from_le_bytes(length)));
    for ((stream, field), length) in streams.iter_mut().zip(&scan.fields).zip(lengths) {
        let (bytes, behind) = rest.split_at_checked(length)?;
        rest = behind;
        if field.role == Role::Nothing {
            stream.pass(bytes, field.coding.bits(), scan.points as usize);
        } else {
            stream.read(bytes, field, scan.points as usize, set);
        }
    }
    Some(())
}

impl Stream {
    fn read(&mut self, bytes: &[u8], field: &Field, points: usize, set: &mut dyn FnMut(Role, usize, f64)) {
        let bits = field.coding.bits();
        let mask = u128::MAX >> (u128::BITS - bits.max(1));
        for piece in bytes.chunks(size_of::<u32>()) {
            if self.point >= points {
                // Padding follows the last value.
                return;
            }
            let value = piece.iter().rev().fold(0, |value, &byte| value << 8 | u128::from(byte));
            self.left |= value << self.left_bits;
            self.left_bits += 8 * piece.len() as u32;
            while self.left_bits >= bits && self.point < points {
                set(field.role, self.point, field.coding.value((self.left & mask) as u64));
                self.left >>= bits;
                self.left_bits -= bits;
                self.point += 1;
            }
        }
    }

    /// Skips values and counts them.
    fn pass(&mut self, bytes: &[u8], bits: u32, points: usize) {
        let there = u64::from(self.left_bits) + 8 * bytes.len() as u64;
        let Some(values) = there.checked_div(u64::from(bits)) else { return };
        self.left_bits = (there % u64::from(bits)) as u32;
        self.point = self.point.saturating_add(values as usize).min(points);
    }
}

impl Coding {
    fn value(self, bits: u64) -> f64 {
        match self {
            Self::Single => f64::from(f32::from_bits(bits as u32)),
            Self::Double => f64::from_bits(bits),
            Self::Integer { min, scale, offset, .. } => min.wrapping_add_unsigned(bits) as f64 * scale + offset,
        }
    }
}
