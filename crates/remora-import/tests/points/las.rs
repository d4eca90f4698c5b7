//! LAS and LAZ files written by another library.

use ::las::{Color, Point};

use crate::file::{SURVEYED, assert_near, las, las_points, load, refusal, world_points};

#[test]
fn every_format_is_read_with_its_colours_compressed_or_not() {
    for format in 0..=10 {
        // The writer has no wave packets.
        if matches!(format, 4 | 5 | 9 | 10) {
            continue;
        }
        let points = las_points(300, format);
        for is_compressed in [false, true] {
            let model = load(&las(format, is_compressed, &points), "scan").unwrap();
            let found = world_points(&model);
            assert_eq!(found.len(), points.len());
            for ((position, color), point) in found.iter().zip(&points) {
                // X stays, north becomes -Z, and up becomes Y.
                assert_near(*position, [point.x, point.z, -point.y]);
                match point.color {
                    Some(Color { red, .. }) => assert_eq!(*color, [(red >> 8) as u8, 255, 0, 255], "format {format}"),
                    None => assert_eq!(color[0], color[2]),
                }
            }
            let grey = |at: usize| found[at].1[0];
            if points[0].color.is_none() {
                assert!(grey(0) == 0 && grey(299) == 255 && (120..136).contains(&grey(150)), "stretched intensity");
            }
        }
    }
}

#[test]
fn chunks_keep_their_order() {
    let points = las_points(120_000, 7);
    let model = load(&las(7, true, &points), "scan").unwrap();
    let found = world_points(&model);
    assert_eq!(found.len(), points.len());
    for at in (0..points.len()).step_by(997) {
        assert_near(found[at].0, [points[at].x, points[at].z, -points[at].y]);
    }
}

#[test]
fn colours_of_eight_bits_are_known_by_their_size() {
    let mut points = las_points(10, 2);
    points.iter_mut().for_each(|point| point.color = Some(Color::new(255, 17, 0)));
    let model = load(&las(2, false, &points), "dim").unwrap();
    assert_eq!(world_points(&model)[3].1, [255, 17, 0, 255]);
}

#[test]
fn withheld_points_are_dropped() {
    for format in [0, 6] {
        let mut points = las_points(10, format);
        points[4].is_withheld = true;
        let found = world_points(&load(&las(format, false, &points), "scan").unwrap());
        assert_eq!(found.len(), 9);
        assert_near(found[4].0, [points[5].x, points[5].z, -points[5].y]);
        points.iter_mut().for_each(|point| point.is_withheld = true);
        assert!(refusal(&las(format, false, &points), "none").contains("all 10 are marked"));
    }
}

#[test]
fn the_origin_is_in_the_node() {
    let model = load(&las(0, false, &las_points(100, 0)), "scan").unwrap();
    let moved = model.nodes[0].transform.translation;
    assert!(moved.distance(glam::DVec3::new(SURVEYED[0], SURVEYED[2], -SURVEYED[1])) < 100.0);
    assert!(model.meshes[0].bounds().radius() < 20.0);
}

#[test]
fn wrong_counts_and_offsets_are_refused() {
    let whole = las(0, false, &las_points(10, 0));
    let with = |at: usize, value: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        refusal(&bytes, "lie")
    };
    assert!(with(107, &u32::MAX.to_le_bytes()).contains("4294967295 points, there is data for 10"));
    assert!(with(96, &u32::MAX.to_le_bytes()).contains("its points begin at 4294967295"));
    assert!(with(104, &[11]).contains("format 11; formats 0 to 10 are read"));
    assert!(with(105, &[19, 0]).contains("19 bytes each, format 0 needs 20"));
    assert!(with(25, &[5]).contains("version 1.5; version 1.0 to 1.4 is read"));
    assert!(with(131, &f64::NAN.to_le_bytes()).contains("scale"));
    assert!(with(104, &[0x80]).contains("how its points are compressed"));
    assert!(refusal(&las(0, false, &[] as &[Point]), "none").contains("no point"));

    // A compressed file could have this many points, for which there is not enough memory.
    let mut compressed = las(0, true, &las_points(10, 0));
    compressed[107..111].copy_from_slice(&100_000_000_u32.to_le_bytes());
    let text = refusal(&compressed, "bomb");
    assert!(text.contains("bytes of memory"), "{text}");
    // There are more chunks than bytes.
    let mut chunks = las(0, true, &las_points(10, 0));
    let data = u32::from_le_bytes(chunks[96..100].try_into().unwrap()) as usize;
    let table = i64::from_le_bytes(chunks[data..data + 8].try_into().unwrap()) as usize;
    chunks[table + 4..table + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(refusal(&chunks, "chunks").contains("speaks of 4294967295 chunks"));
}
