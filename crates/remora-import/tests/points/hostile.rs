//! Damaged and hostile files must not do harm. Thousands of deterministic changes are tried.

use remora_import::untrusted;

use crate::file::{Random, colored_scan, e57, las, las_points, load, ply_mesh};

const CHANGES: usize = 2500;

/// Numbers that often cause errors.
const AWKWARD: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

fn changed(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    // Half of the changes are in headers, which have more effect than data.
    let end = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(600) };
    for _ in 0..=random.below(4) {
        let at = random.below(end);
        match random.below(3) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            _ => {
                let value = AWKWARD[random.below(AWKWARD.len())].to_le_bytes();
                let length = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&value[..length]);
            }
        }
    }
    if random.below(10) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
    bytes
}

fn survives(whole: &[u8], target: fn(&[u8]), seed: u64) {
    assert!(load(whole, "whole.xyz").is_ok(), "what is changed is right before");
    let mut random = Random(seed);
    (0..CHANGES).for_each(|_| target(&changed(whole, &mut random)));
}

/// Corrects the checksums of pages, so that the code after the check is reached.
fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    for page in bytes.chunks_exact_mut(1024) {
        let crc = page[..1020].iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
        });
        page[1020..].copy_from_slice(&(!crc).to_be_bytes());
    }
    bytes
}

#[test]
fn no_change_of_ply_does_harm() {
    for (seed, format) in (0..).zip(["ascii", "binary_little_endian", "binary_big_endian"]) {
        survives(&ply_mesh(format), untrusted::ply, seed);
    }
}

#[test]
fn no_change_of_las_does_harm() {
    for format in [0, 3, 8] {
        survives(&las(format, false, &las_points(20, format)), untrusted::las, u64::from(format));
    }
}

#[test]
fn no_change_of_laz_does_harm() {
    for format in [1, 3, 6, 8] {
        survives(&las(format, true, &las_points(200, format)), untrusted::las, u64::from(format));
    }
}

#[test]
fn no_change_of_e57_does_harm() {
    survives(&e57(&[colored_scan(100), colored_scan(20)]), untrusted::e57, 1);
    survives(&e57(&[colored_scan(100)]), |bytes| untrusted::e57(&with_checksums(bytes.to_vec())), 2);
}

#[test]
fn no_change_of_xyz_does_harm() {
    survives(b"# survey\n1.5 2e3 -3 40 255 0 7\n1,2,3,4,5,6,7\n8;9;10;11;12;13;14\n", untrusted::xyz, 1);
}

#[test]
fn every_truncated_file_is_refused() {
    let files = [
        ply_mesh("binary_little_endian"),
        las(3, false, &las_points(5, 3)),
        las(3, true, &las_points(5, 3)),
        las(7, true, &las_points(5, 7)),
        e57(&[colored_scan(5)]),
    ];
    for whole in files {
        assert!(load(&whole, "whole").is_ok());
        // The last page of an E57 file is padded, and LASzip writes one or two unused bytes.
        for length in 0..whole.len() - 8 {
            assert!(load(&whole[..length], "cut").is_err(), "{length} of {} bytes were taken", whole.len());
        }
    }
}

#[test]
fn xml_that_expands_is_refused() {
    let mut bytes = e57(&[colored_scan(5)]);
    let xml = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"&c;&c;&c;\"><!ENTITY c \"d\">]><a>&b;</a>";
    let at = u64::from_le_bytes(bytes[24..32].try_into().unwrap()) as usize;
    bytes[at..at + xml.len()].copy_from_slice(xml);
    bytes[32..40].copy_from_slice(&(xml.len() as u64).to_le_bytes());
    untrusted::e57(&with_checksums(bytes));

    let deep = "<a>".repeat(100_000);
    let content: Vec<u8> = [&[0; 48], deep.as_bytes()].concat();
    let mut pages: Vec<u8> =
        content.chunks(1020).flat_map(|chunk| [chunk, &vec![b' '; 1024 - chunk.len()]].concat()).collect();
    pages[..8].copy_from_slice(b"ASTM-E57");
    for (at, value) in [(8, 1), (24, 48), (32, deep.len() as u64), (40, 1024)] {
        pages[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
    }
    let text = std::error::Error::source(&load(&with_checksums(pages), "deep").unwrap_err()).map(ToString::to_string);
    assert!(text.is_some(), "the XML part is what is wrong");
}
