//! XYZ: lines of numbers in several notations.

use remora_import::Format;

use crate::file::{assert_near, load, refusal, world_points};

#[test]
fn usual_separators_headings_and_comments_are_accepted() {
    for text in [
        "1 2 3\n4 5 6\n",
        "1,2,3\r\n4,5,6",
        "1;2;3\n4; 5; 6\n\n",
        "\t1\t2\t3\n# in between\n// and this\n4 5 6 # behind",
        "2\n1 2 3\n2\n4 5 6\n",
        "X Y Z\nmetres\n1 2 3\n4 5 6\n",
        "//X,Y,Z\n1.0e0,2,3\n+4,5,6\n",
    ] {
        let found = world_points(&load(text.as_bytes(), "some.xyz").unwrap());
        assert_eq!(found.len(), 2, "{text:?}");
        assert_near(found[0].0, [1.0, 3.0, -2.0]);
        assert_near(found[1].0, [4.0, 6.0, -5.0]);
    }
}

#[test]
fn columns_are_intensity_and_colour() {
    let color = |text: &str| world_points(&load(text.as_bytes(), "some.xyz").unwrap())[0].1;
    assert_eq!(color("0 0 0 255 128 0\n1 1 1 0 0 0"), [255, 128, 0, 255]);
    assert_eq!(color("0 0 0 -700 255 128 0\n1 1 1 5 0 0 0"), [255, 128, 0, 255]);
    assert_eq!(color("0 0 0 1.0 0.5 0\n1 1 1 0 0 0"), [255, 128, 0, 255]);
    assert_eq!(color("0 0 0 65535 32896 0\n1 1 1 0 0 0"), [255, 128, 0, 255]);
    assert_eq!(color("0 0 0 -2047\n1 1 1 2048"), [0, 0, 0, 255]);
    // Normals are not colours.
    assert_eq!(color("0 0 0 0.5 -0.5 0\n1 1 1 0 0 1"), color("0 0 0"));
    assert_eq!(color("0 0 0 9 8 7 ground"), [9, 8, 7, 255]);
}

#[test]
fn errors_name_the_line() {
    assert!(refusal(b"1 2 3\n# fine\n4 5\n", "some.xyz").contains("line 3: this is neither"));
    assert!(refusal(b"1 2 3\nfour 5 6\n", "some.xyz").contains("line 2"));
    assert!(refusal(b"words\nand more\n", "some.txt").contains("none of its first 100 lines"));
    assert!(refusal(b"", "some.xyz").contains("not a point cloud"));
    assert!(refusal(b"nan nan nan\n", "some.xyz").contains("no point"));
}

#[test]
fn formats_are_known_by_their_first_bytes() {
    let detect = |bytes: &[u8], name: &str| Format::detect(bytes, name).map(|format| format.name);
    assert_eq!(detect(b"ply\nformat", "a.las"), Some("PLY"));
    assert_eq!(detect(b"ply\r\nformat", ""), Some("PLY"));
    assert_eq!(detect(b"LASF", "a.laz"), Some("LAS"));
    assert_eq!(detect(b"ASTM-E57", ""), Some("E57"));
    assert_eq!(detect(b"# a survey\n1 2 3\n", "survey"), Some("XYZ"));
    assert_eq!(detect(b"heading\n", "survey.PTS"), Some("XYZ"));
    assert_eq!(detect(b"glTF\x02\0\0\0", "model.ply"), Some("glTF"));
    assert_eq!(detect(b"PK\x03\x04", "model.ply"), None);
    assert_eq!(detect(b"plywood", ""), None);
    let text = refusal(b"PK\x03\x04 and so on", "model");
    assert!(!text.contains("PK") && text.contains("E57"), "the text repeats nothing of the file: {text}");
}
