//! Reads the lines before the data: the elements, their number and their properties.

use super::{FORMAT, PointsError, damaged};

/// Limit of elements and properties together. Every property of every element is a step in reading.
const LINES_MAX: usize = 1000;

/// The form of all values after the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Ascii,
    BinaryLittleEndian,
    BinaryBigEndian,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

/// The value of a property: a number, or a list that begins with its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    List { count: Scalar, item: Scalar },
}

#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// A table of `count` rows, with a column for each property.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) properties: Vec<Property>,
}

/// The declared tables. Their rows follow the header in the same order.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) encoding: Encoding,
    pub(super) elements: Vec<Element>,
}

impl Scalar {
    fn parse(name: &str) -> Result<Self, PointsError> {
        Ok(match name {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => {
                return Err(PointsError::Unsupported {
                    format: FORMAT,
                    what: format!("a property of type {name:?}"),
                    accepted: "char, uchar, short, ushort, int, uint, float and double are read",
                });
            }
        })
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Returns the value of full intensity in colours of this type.
    pub(super) fn white(self) -> f64 {
        match self {
            Self::F32 | Self::F64 => 1.0,
            Self::I16 | Self::U16 => 65535.0,
            Self::I8 | Self::U8 | Self::I32 | Self::U32 => 255.0,
        }
    }
}

impl Kind {
    /// Returns the least number of bytes of one number. In text these are a digit and a separator.
    pub(super) fn bytes_min(self, encoding: Encoding) -> u64 {
        match (encoding, self) {
            (Encoding::Ascii, _) => 2,
            (_, Self::Scalar(scalar)) => scalar.bytes() as u64,
            (_, Self::List { count, .. }) => count.bytes() as u64,
        }
    }
}

/// Returns the header and the bytes after it.
pub(super) fn read(bytes: &[u8]) -> Result<(Header, &[u8]), PointsError> {
    let mut rest = bytes;
    if line(&mut rest) != Some("ply") {
        return Err(PointsError::NotPoints);
    }
    let mut encoding = None;
    let mut elements: Vec<Element> = Vec::new();
    for number in 2.. {
        let line = line(&mut rest).ok_or_else(|| damaged("its header has no line end_header"))?;
        if number > LINES_MAX {
            return Err(damaged(format!("its header has more than {LINES_MAX} lines")));
        }
        let wrong = || damaged(format!("line {number} of its header is {line:?}"));
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["comment" | "obj_info", ..] | [] => {}
            ["format", name, version] => encoding = Some(parse_format(name, version)?),
            ["element", name, count] => {
                let count = count.parse().map_err(|_| wrong())?;
                elements.push(Element { name: name.to_owned(), count, properties: Vec::new() });
            }
            ["property", "list", count, item, name] => {
                let kind = Kind::List { count: Scalar::parse(count)?, item: Scalar::parse(item)? };
                let element = elements.last_mut().ok_or_else(wrong)?;
                element.properties.push(Property { name: name.to_owned(), kind });
            }
            ["property", kind, name] => {
                let kind = Kind::Scalar(Scalar::parse(kind)?);
                let element = elements.last_mut().ok_or_else(wrong)?;
                element.properties.push(Property { name: name.to_owned(), kind });
            }
            ["end_header"] => break,
            _ => return Err(wrong()),
        }
    }
    let encoding = encoding.ok_or_else(|| damaged("its header has no line that begins with format"))?;
    Ok((Header { encoding, elements }, rest))
}

fn parse_format(name: &str, version: &str) -> Result<Encoding, PointsError> {
    if version != "1.0" {
        let found = version.to_owned();
        return Err(PointsError::Version { format: FORMAT, found, accepted: "version 1.0" });
    }
    match name {
        "ascii" => Ok(Encoding::Ascii),
        "binary_little_endian" => Ok(Encoding::BinaryLittleEndian),
        "binary_big_endian" => Ok(Encoding::BinaryBigEndian),
        _ => Err(PointsError::Unsupported {
            format: FORMAT,
            what: format!("data in the format {name:?}"),
            accepted: "ascii, binary_little_endian and binary_big_endian are read",
        }),
    }
}

/// Takes a line and its end: a line feed, a carriage return, or both. `None` if the line is incomplete or no text.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r')?;
    let (line, behind) = rest.split_at(end);
    let ending = if behind.starts_with(b"\r\n") { 2 } else { 1 };
    *rest = &behind[ending..];
    std::str::from_utf8(line).ok().map(str::trim)
}
