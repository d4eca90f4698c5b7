//! Writes a container: pages and layers in the order of the calls, the sections after them, the header last.

use std::io::{self, Seek, SeekFrom, Write};

use bytemuck::{Pod, Zeroable};
use xxhash_rust::xxh3::xxh3_64;

use super::layout::{ALIGNMENT, Header, MAGIC, Section, Text, VERSION};

/// A container that is being written. Its header is zero until [`Self::finish`], so that an unfinished file is refused.
pub struct Writer<W> {
    out: W,
    at: u64,
    sections: Vec<Section>,
}

/// The section of strings while it grows.
#[derive(Default)]
pub struct Strings {
    bytes: Vec<u8>,
}

impl Strings {
    /// Appends a text. Beyond 4 GiB, which importers do not permit, texts are empty.
    pub fn add(&mut self, text: &str) -> Text {
        let first = self.bytes.len() as u32;
        if self.bytes.len() + text.len() > u32::MAX as usize {
            return Text::default();
        }
        self.bytes.extend_from_slice(text.as_bytes());
        Text { first, bytes: text.len() as u32 }
    }

    /// Returns the content of the section.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a container at the start of `out`.
    ///
    /// # Errors
    ///
    /// `out` cannot be written to.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(bytemuck::bytes_of(&Header::zeroed()))?;
        Ok(Self { out, at: size_of::<Header>() as u64, sections: Vec::new() })
    }

    /// Writes a page or a layer. Returns its offset and its checksum.
    ///
    /// # Errors
    ///
    /// The output cannot be written to.
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<(u64, u64)> {
        let padding = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.out.write_all(&[0; ALIGNMENT as usize][..padding as usize])?;
        let offset = self.at + padding;
        self.out.write_all(bytes)?;
        self.at = offset + bytes.len() as u64;
        Ok((offset, xxh3_64(bytes)))
    }

    /// Writes a section; `kind` is a number from [`kind`](mod@super::layout::kind).
    ///
    /// # Errors
    ///
    /// The output cannot be written to.
    pub fn section<T: Pod>(&mut self, kind: u32, records: &[T]) -> io::Result<()> {
        let bytes: &[u8] = bytemuck::cast_slice(records);
        let (offset, checksum) = self.put(bytes)?;
        let record_bytes = size_of::<T>() as u32;
        self.sections.push(Section { kind, record_bytes, offset, bytes: bytes.len() as u64, checksum });
        Ok(())
    }

    /// Writes the table of sections and the header. Returns the length of the file in bytes.
    ///
    /// # Errors
    ///
    /// The output cannot be written to.
    pub fn finish(mut self) -> io::Result<u64> {
        let table = std::mem::take(&mut self.sections);
        let (table_offset, _) = self.put(bytemuck::cast_slice(&table))?;
        let mut header = Header {
            magic: MAGIC,
            version: VERSION,
            section_count: table.len() as u32,
            file_bytes: self.at,
            table_offset,
            checksum: 0,
            reserved: [0; 3],
        };
        header.checksum = checksum_of(&header, &table);
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(bytemuck::bytes_of(&header))?;
        self.out.flush()?;
        Ok(self.at)
    }
}

/// Returns the checksum over header and table. That of the header itself counts as 0.
pub(crate) fn checksum_of(header: &Header, table: &[Section]) -> u64 {
    let bare = Header { checksum: 0, ..*header };
    let mut bytes = bytemuck::bytes_of(&bare).to_vec();
    bytes.extend_from_slice(bytemuck::cast_slice(table));
    xxh3_64(&bytes)
}
