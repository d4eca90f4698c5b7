//! The pages of a file: 1024 bytes, of which the last four are a checksum. Offsets include the checksums (physical),
//! lengths do not (logical).

use super::{FORMAT, PointsError, damaged};

const PAGE_BYTES: usize = 1024;
const CHECKSUM_BYTES: usize = 4;
const CONTENT_BYTES: usize = PAGE_BYTES - CHECKSUM_BYTES;
const HEADER_BYTES: usize = 48;

/// The content of a file, whose checksums are verified when it is read.
pub(super) struct Pages<'a> {
    /// All whole pages.
    bytes: &'a [u8],
}

/// The position of the XML part.
pub(super) struct Section {
    offset: u64,
    pub(super) length_bytes: u64,
}

/// Reads content from a position on.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    page: usize,
    /// Offset in the content of the page.
    at: usize,
    /// The last page whose checksum was verified.
    verified: Option<usize>,
}

/// Reads the header.
pub(super) fn open(bytes: &[u8]) -> Result<(Pages<'_>, Section), PointsError> {
    if !bytes.starts_with(b"ASTM-E57") {
        return Err(PointsError::NotPoints);
    }
    let header = bytes.get(..HEADER_BYTES).ok_or_else(|| damaged("it has no whole header, which has 48 bytes"))?;
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| header[at + byte]));
    let version = (number(8) as u32, (number(8) >> 32) as u32);
    if version.0 != 1 {
        let found = format!("{}.{}", version.0, version.1);
        return Err(PointsError::Version { format: FORMAT, found, accepted: "version 1" });
    }
    let page_bytes = number(40);
    if page_bytes != PAGE_BYTES as u64 {
        return Err(PointsError::Unsupported {
            format: FORMAT,
            what: format!("pages of {page_bytes} bytes"),
            accepted: "pages of 1024 bytes are read, others are not in the standard",
        });
    }
    let whole = bytes.len() / PAGE_BYTES * PAGE_BYTES;
    let length_bytes = number(32);
    if length_bytes > whole as u64 {
        return Err(damaged(format!("its XML part should have {length_bytes} bytes, it has {} in all", bytes.len())));
    }
    Ok((Pages { bytes: &bytes[..whole] }, Section { offset: number(24), length_bytes }))
}

impl<'a> Pages<'a> {
    /// Returns the bytes of content from a physical offset to the end of the file.
    pub(super) fn content_bytes_from(&self, offset: u64) -> u64 {
        (self.bytes.len() as u64).saturating_sub(offset)
    }

    /// Returns a cursor at a physical offset.
    pub(super) fn cursor(&self, offset: u64) -> Result<Cursor<'a>, PointsError> {
        let place = usize::try_from(offset).ok().filter(|&offset| offset < self.bytes.len());
        let place = place.filter(|offset| offset % PAGE_BYTES < CONTENT_BYTES);
        let offset = place.ok_or_else(|| damaged(format!("something should be at {offset}, where nothing can be")))?;
        Ok(Cursor { bytes: self.bytes, page: offset / PAGE_BYTES, at: offset % PAGE_BYTES, verified: None })
    }

    pub(super) fn text(&self, section: &Section) -> Result<String, PointsError> {
        let mut text = vec![0; section.length_bytes as usize];
        self.cursor(section.offset)?.read(&mut text)?;
        String::from_utf8(text).map_err(|_| damaged("its XML part is not UTF-8"))
    }
}

impl Cursor<'_> {
    pub(super) fn read(&mut self, mut into: &mut [u8]) -> Result<(), PointsError> {
        while !into.is_empty() {
            if self.at == CONTENT_BYTES {
                self.page += 1;
                self.at = 0;
            }
            let page = self.bytes.get(self.page * PAGE_BYTES..).and_then(|rest| rest.get(..PAGE_BYTES));
            let page = page.ok_or_else(|| damaged("something reaches beyond its end"))?;
            if self.verified != Some(self.page) {
                verify(page, self.page)?;
                self.verified = Some(self.page);
            }
            let length = into.len().min(CONTENT_BYTES - self.at);
            let (now, later) = into.split_at_mut(length);
            now.copy_from_slice(&page[self.at..self.at + length]);
            self.at += length;
            into = later;
        }
        Ok(())
    }
}

fn verify(page: &[u8], number: usize) -> Result<(), PointsError> {
    let (content, checksum) = page.split_at(CONTENT_BYTES);
    // The checksum is big-endian, unlike everything else.
    if crc32c(content).to_be_bytes() == checksum {
        return Ok(());
    }
    Err(damaged(format!("the checksum of page {number} is wrong")))
}

/// Castagnoli's polynomial with reversed bits.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// Bytes that are processed together.
const SLICES: usize = 8;

/// Contribution of a byte by the number of bytes after it in the slice.
const TABLES: [[u32; 256]; SLICES] = {
    let mut tables = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut slice = 1;
    while slice < SLICES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        slice += 1;
    }
    tables
};

/// Computes the checksum of RFC 3720, eight bytes at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    let (slices, rest) = bytes.as_chunks::<SLICES>();
    let mut crc = u32::MAX;
    for slice in slices {
        let mixed = u64::from_le_bytes(*slice) ^ u64::from(crc);
        let mixed = mixed.to_le_bytes();
        crc = (0..SLICES).fold(0, |sum, at| sum ^ TABLES[SLICES - 1 - at][usize::from(mixed[at])]);
    }
    for &byte in rest {
        crc = (crc >> 8) ^ TABLES[0][((crc ^ u32::from(byte)) & 0xff) as usize];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
