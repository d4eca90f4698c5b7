//! E57 files written by another library.

use ::e57::{RecordName, RecordValue};

use crate::file::{Scan, assert_near, colored_scan, double, e57, integer, load, refusal, world_points};

#[test]
fn scans_are_parts_with_their_own_pose_names_and_colours() {
    let half = std::f64::consts::FRAC_1_SQRT_2;
    // A quarter turn around the vertical axis, far away from the origin.
    let turned = Scan { pose: Some(([half, 0.0, 0.0, half], [4_468_000.0, 5_330_000.0, 500.0])), ..colored_scan(30) };
    let model = load(&e57(&[colored_scan(5000), turned]), "site").unwrap();
    assert_eq!(model.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["Station 0", "Station 1"]);
    let found = world_points(&model);
    assert_eq!(found.len(), 4500 + 27, "every tenth is invalid");
    // 0.001 * at + 1 and so on, from Z up to Y up.
    assert_near(found[2].0, [1.002, 1.004, -0.998]);
    assert_eq!(found[2].1, [2, 255, 7, 255], "blue has a single value and no declared limits");
    let (x, y, z) = (1.002, 0.998, 1.004);
    assert_near(found[4502].0, [4_468_000.0 - y, 500.0 + z, -(5_330_000.0 + x)]);
}

#[test]
fn spherical_coordinates_and_intensities_are_read() {
    let prototype = vec![
        double(RecordName::SphericalRange),
        double(RecordName::SphericalAzimuth),
        double(RecordName::SphericalElevation),
        integer(RecordName::Intensity, 0, 2047),
    ];
    let point = |range: f64, azimuth: f64, elevation: f64, intensity: i64| {
        vec![
            RecordValue::Double(range),
            RecordValue::Double(azimuth),
            RecordValue::Double(elevation),
            RecordValue::Integer(intensity),
        ]
    };
    let quarter = std::f64::consts::FRAC_PI_2;
    let points = vec![point(2.0, 0.0, 0.0, 100), point(2.0, quarter, 0.0, 300), point(3.0, 0.0, quarter, 300)];
    let found = world_points(&load(&e57(&[Scan { prototype, points, pose: None }]), "sphere").unwrap());
    assert_near(found[0].0, [2.0, 0.0, 0.0]);
    assert_near(found[1].0, [0.0, 0.0, -2.0]);
    assert_near(found[2].0, [0.0, 3.0, 0.0]);
    assert_eq!(found.iter().map(|(_, color)| color[0]).collect::<Vec<_>>(), [0, 255, 255]);
}

/// Replaces text of the XML part with text of the same length, and corrects the checksums.
fn edited(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = e57(&[colored_scan(2000)]);
    let mut content: Vec<u8> = bytes.chunks(1024).flat_map(|page| &page[..1020]).copied().collect();
    let at = content.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
    content[at..at + to.len()].copy_from_slice(to.as_bytes());
    for (page, content) in bytes.chunks_mut(1024).zip(content.chunks(1020)) {
        page[..1020].copy_from_slice(content);
        let crc = content.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
        });
        page[1020..].copy_from_slice(&(!crc).to_be_bytes());
    }
    bytes
}

#[test]
fn errors_name_the_problem() {
    assert!(load(&edited("Station 0", "Station 0"), "same").is_ok());
    let cases = [
        (edited("recordCount=\"2000\"", "recordCount=\"9999\""), "9999 points of scan 0 need"),
        (edited("<points type", "<paints type"), "XML"),
        (edited("colorGreen type=\"Integer\"", "colorGreen type=\"Intoger\""), "\"colorGreen\" of no type"),
        (edited("cartesianX type", "cartesianW type"), "XML"),
    ];
    for (bytes, expected) in cases {
        let text = refusal(&bytes, "wrong");
        assert!(text.contains(expected), "{text}");
    }
    let mut bytes = e57(&[colored_scan(2000)]);
    bytes[1030] ^= 1;
    assert!(refusal(&bytes, "bit").contains("the checksum of page 1 is wrong"));
    bytes[40..48].copy_from_slice(&2048_u64.to_le_bytes());
    assert!(refusal(&bytes, "pages").contains("pages of 2048 bytes"));
    bytes[8] = 2;
    assert!(refusal(&bytes, "version").contains("version 2.0; version 1 is read"));
}

#[test]
fn fields_with_a_single_value_take_no_space() {
    let prototype = vec![
        integer(RecordName::CartesianX, 5, 6),
        integer(RecordName::CartesianY, 5, 5),
        integer(RecordName::CartesianZ, -1, -1),
    ];
    let point = vec![RecordValue::Integer(5), RecordValue::Integer(5), RecordValue::Integer(-1)];
    let found = world_points(&load(&e57(&[Scan { prototype, points: vec![point; 3], pose: None }]), "dot").unwrap());
    assert_eq!(found.len(), 3);
    assert_near(found[2].0, [5.0, -1.0, -5.0]);
}
