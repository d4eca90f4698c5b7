//! Makes files in memory. LAS and E57 are written by other libraries.

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use ::e57::{E57Writer, Quaternion, Record, RecordDataType, RecordName, RecordValue, Transform, Translation};
use ::las::{Builder, Color, Point, Writer, point::Format};
use remora_import::{ImportError, Input, LoadLimits, import};
use remora_model::Model;

pub(crate) fn limits() -> LoadLimits {
    LoadLimits { memory_bytes_max: 16 << 20, texture_dimension_max: 256 }
}

pub(crate) fn load(bytes: &[u8], name: &str) -> Result<Model, ImportError> {
    let mut before = 0.0;
    let mut progress = |done| {
        assert!((before..=1.0).contains(&done), "progress goes from {before} to {done}");
        before = done;
    };
    let model = import(Input { limits: limits(), ..Input::new(bytes, name, &mut progress) })?;
    assert_eq!(before, 1.0, "progress ends at 1");
    assert_eq!(model.check(), Ok(()));
    Ok(model)
}

pub(crate) fn refusal(bytes: &[u8], name: &str) -> String {
    load(bytes, name).expect_err("this should be refused").to_string()
}

/// Returns all points in the coordinates of the world with their colours.
pub(crate) fn world_points(model: &Model) -> Vec<([f64; 3], [u8; 4])> {
    let mut found = Vec::new();
    for (node, world) in model.nodes.iter().zip(model.world_transforms()) {
        let Some(mesh) = node.mesh else { continue };
        let points = &model.meshes[mesh as usize].points;
        for (position, color) in points.positions.iter().zip(&points.colors) {
            let position = glam::Vec3::from(*position).as_dvec3();
            found.push((world.transform_point3(position).to_array(), *color));
        }
    }
    found
}

/// Asserts equality within a tenth of a millimetre.
pub(crate) fn assert_near(found: [f64; 3], wanted: [f64; 3]) {
    let distance = glam::DVec3::from(found).distance(wanted.into());
    assert!(distance < 1e-4, "{found:?} should be {wanted:?}");
}

/// A deterministic generator of numbers (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Returns a number from 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A surveyed position.
pub(crate) const SURVEYED: [f64; 3] = [4_468_512.25, 5_330_981.5, 512.125];

pub(crate) fn las_points(count: usize, format: u8) -> Vec<Point> {
    let mut random = Random(7);
    let format = Format::new(format).unwrap();
    let point = |at: usize| Point {
        x: SURVEYED[0] + at as f64 * 0.01,
        y: SURVEYED[1] + (random.unit() * 1000.0).round() * 0.01,
        z: SURVEYED[2] + (random.unit() * 1000.0).round() * 0.01,
        intensity: at as u16,
        color: format.has_color.then(|| Color::new(256 * (at % 256) as u16, 65535, 0)),
        gps_time: format.has_gps_time.then_some(at as f64),
        nir: format.has_nir.then_some(3),
        ..Point::default()
    };
    (0..count).map(point).collect()
}

pub(crate) fn las(format: u8, is_compressed: bool, points: &[Point]) -> Vec<u8> {
    let mut builder = Builder::from((1, if format >= 6 { 4 } else { 3 }));
    builder.point_format = Format::new(format).unwrap();
    builder.point_format.is_compressed = is_compressed;
    for (axis, at) in
        [&mut builder.transforms.x, &mut builder.transforms.y, &mut builder.transforms.z].into_iter().zip(SURVEYED)
    {
        axis.scale = 0.001;
        axis.offset = at.round();
    }
    let mut writer = Writer::new(Cursor::new(Vec::new()), builder.into_header().unwrap()).unwrap();
    points.iter().for_each(|point| writer.write_point(point.clone()).unwrap());
    writer.close().unwrap();
    writer.into_inner().unwrap().into_inner()
}

/// A file in memory, because the writer of E57 also reads.
#[derive(Default)]
struct Memory(Cursor<Vec<u8>>);

impl Read for &mut Memory {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for &mut Memory {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        self.0.write(from)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for &mut Memory {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

/// A scan: fields, values of each point, and pose.
pub(crate) struct Scan {
    pub(crate) prototype: Vec<Record>,
    pub(crate) points: Vec<Vec<RecordValue>>,
    pub(crate) pose: Option<([f64; 4], [f64; 3])>,
}

pub(crate) fn e57(scans: &[Scan]) -> Vec<u8> {
    let mut memory = Memory::default();
    let mut writer = E57Writer::new(&mut memory, "file").unwrap();
    for (number, scan) in scans.iter().enumerate() {
        let mut points = writer.add_pointcloud(&format!("scan {number}"), scan.prototype.clone()).unwrap();
        points.set_name(Some(format!("Station {number}")));
        points.set_transform(scan.pose.map(|([w, x, y, z], [tx, ty, tz])| Transform {
            rotation: Quaternion { w, x, y, z },
            translation: Translation { x: tx, y: ty, z: tz },
        }));
        scan.points.iter().for_each(|point| points.add_point(point.clone()).unwrap());
        points.finalize().unwrap();
    }
    writer.finalize().unwrap();
    drop(writer);
    memory.0.into_inner()
}

pub(crate) fn double(name: RecordName) -> Record {
    Record { name, data_type: RecordDataType::Double { min: None, max: None } }
}

pub(crate) fn integer(name: RecordName, min: i64, max: i64) -> Record {
    Record { name, data_type: RecordDataType::Integer { min, max } }
}

/// Returns a scan with scaled coordinates of 20 bits and colours. Every tenth point is invalid.
pub(crate) fn colored_scan(count: i64) -> Scan {
    let scaled = |name: RecordName| Record {
        name,
        data_type: RecordDataType::ScaledInteger { min: -500_000, max: 500_000, scale: 0.001, offset: 1.0 },
    };
    let prototype = vec![
        scaled(RecordName::CartesianX),
        scaled(RecordName::CartesianY),
        scaled(RecordName::CartesianZ),
        integer(RecordName::CartesianInvalidState, 0, 2),
        integer(RecordName::ColorRed, 0, 255),
        integer(RecordName::ColorGreen, 0, 255),
        integer(RecordName::ColorBlue, 7, 7),
    ];
    let point = |at: i64| {
        vec![
            RecordValue::ScaledInteger(at),
            RecordValue::ScaledInteger(-at),
            RecordValue::ScaledInteger(2 * at),
            RecordValue::Integer(if at % 10 == 9 { 2 } else { 0 }),
            RecordValue::Integer(at % 256),
            RecordValue::Integer(255),
            RecordValue::Integer(7),
        ]
    };
    Scan { prototype, points: (0..count).map(point).collect(), pose: None }
}

/// Returns a square of two triangles with a colour per corner, and an unknown element.
pub(crate) fn ply_mesh(format: &str) -> Vec<u8> {
    let header = format!(
        "ply\nformat {format} 1.0\ncomment made by a test\nelement camera 1\nproperty double focus\n\
         property list uchar short samples\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\nproperty list uchar int unknown\n\
         element face 1\nproperty uchar flags\nproperty list uchar int vertex_indices\nend_header\n"
    );
    let is_big = format == "binary_big_endian";
    let mut bytes = header.into_bytes();
    let corners: [[f32; 3]; 4] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
    if format == "ascii" {
        bytes.extend_from_slice(b"35.5 2 1 -1\n");
        for [x, y, z] in corners {
            bytes.extend_from_slice(format!("{x} {y} {z} 128 0 255 1 5\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"9 4 0 1 2 3");
        return bytes;
    }
    let mut put = |little: &[u8]| match is_big {
        true => bytes.extend(little.iter().rev()),
        false => bytes.extend(little),
    };
    put(&35.5_f64.to_le_bytes());
    put(&[2]);
    put(&1_i16.to_le_bytes());
    put(&(-1_i16).to_le_bytes());
    for corner in corners {
        corner.iter().for_each(|coordinate| put(&coordinate.to_le_bytes()));
        [128, 0, 255, 1].iter().for_each(|&byte| put(&[byte]));
        put(&5_i32.to_le_bytes());
    }
    put(&[9]);
    put(&[4]);
    (0..4_i32).for_each(|corner| put(&corner.to_le_bytes()));
    bytes
}
