//! E57 as defined by ASTM E2807: scans, each with its own pose.
//!
//! ```text
//!   bytes ─pages─▶ XML ─scan─▶ fields of each scan's points ─┐
//!            │                                               ├─▶ a node per scan
//!            └──────▶ packets ─packets─▶ columns ────────────┘
//! ```
//!
//! The crate `e57` is not used for reading: its queues of 16 bytes per value can grow without bound for some files, and
//! it takes five times as long. Tests read the files that it writes.

mod packets;
mod pages;
mod scan;

use glam::{DAffine3, DVec3};

use super::PointsError;
use super::cloud::{self, Cloud, Placed, Shades};
use crate::budget::Budget;
use crate::input::Input;
use pages::Pages;
use remora_model::Model;
use scan::{Role, Scan};

/// The format's name, in errors and in assets.
pub(crate) const FORMAT: &str = "E57";

/// Memory of the parsed tree per byte of XML; an element has at least four bytes.
const TREE_BYTES_PER_BYTE: usize = 32;

/// Reads all scans as nodes of one model. Invalid points are dropped. Intensity is shown as grey in scans without
/// colour. Images are not read.
pub(crate) fn import(input: Input<'_>) -> Result<Model, PointsError> {
    let Input { bytes, name, limits, progress, .. } = input;
    let mut budget = Budget::new(limits.memory_bytes_max);
    let (pages, xml) = pages::open(bytes)?;
    budget.take(xml.length_bytes, TREE_BYTES_PER_BYTE, "the XML part")?;
    let scans = scan::read(&pages.text(&xml)?)?;
    progress(0.0);
    let all = scans.iter().map(|scan| scan.points).fold(0, u64::saturating_add).max(1) as f32;
    let mut before = 0.0;
    let mut clouds = Vec::with_capacity(scans.len());
    for (number, scan) in scans.into_iter().enumerate() {
        let share = scan.points as f32 / all;
        let placed = read_scan(&pages, &scan, number, &mut budget, &mut |done| progress(before + done * share))?;
        before += share;
        let name = scan.name.unwrap_or_else(|| format!("Scan {number}"));
        clouds.push((name, cloud::z_up() * scan.pose, placed));
    }
    let model = cloud::model(name, clouds)?;
    progress(1.0);
    Ok(model)
}

/// The values of all points of a scan.
struct Columns {
    /// Cartesian coordinates, or range, azimuth and elevation.
    positions: Vec<[f64; 3]>,
    colors: Vec<[u8; 4]>,
    intensities: Vec<f32>,
    is_invalid: Vec<bool>,
}

impl Columns {
    fn new(scan: &Scan, budget: &mut Budget) -> Result<Self, PointsError> {
        let count = cloud::reserve(scan.points, budget)?;
        budget.take(scan.points, size_of::<bool>(), "invalid points")?;
        let with = |is_there: bool| if is_there { count } else { 0 };
        Ok(Self {
            positions: vec![[0.0; 3]; count],
            colors: vec![[0, 0, 0, 255]; with(scan.has_color)],
            intensities: vec![0.0; with(scan.has_intensity && !scan.has_color)],
            is_invalid: vec![false; with(scan.has(Role::Invalid))],
        })
    }

    fn set(&mut self, role: Role, point: usize, value: f64) {
        match role {
            Role::Position(axis) => self.positions[point][axis] = value,
            Role::Color { channel, low, high } => {
                if let Some(color) = self.colors.get_mut(point) {
                    // The cast saturates.
                    color[channel] = ((value - low) / (high - low) * 255.0 + 0.5) as u8;
                }
            }
            Role::Intensity => {
                if let Some(intensity) = self.intensities.get_mut(point) {
                    *intensity = value as f32;
                }
            }
            Role::Invalid => self.is_invalid[point] = value != 0.0,
            Role::Nothing => {}
        }
    }

    fn into_cloud(mut self, scan: &Scan) -> Cloud {
        if scan.is_spherical {
            for position in &mut self.positions {
                let [range, azimuth, elevation] = *position;
                let flat = range * elevation.cos();
                *position = [flat * azimuth.cos(), flat * azimuth.sin(), range * elevation.sin()];
            }
        }
        let mut shades = match () {
            () if scan.has_color => Shades::Colors(self.colors),
            () if scan.has_intensity => Shades::Intensities(self.intensities),
            () => Shades::Plain,
        };
        let dropped = self.is_invalid.iter().filter(|&&is_invalid| is_invalid).count() as u64;
        if dropped > 0 {
            let mut kept = self.is_invalid.iter().map(|is_invalid| !is_invalid);
            match &mut shades {
                Shades::Colors(colors) => colors.retain(|_| kept.next().unwrap_or(false)),
                Shades::Intensities(intensities) => intensities.retain(|_| kept.next().unwrap_or(false)),
                Shades::Plain => {}
            }
            let mut kept = self.is_invalid.iter().map(|is_invalid| !is_invalid);
            self.positions.retain(|_| kept.next().unwrap_or(false));
        }
        Cloud { positions: self.positions, shades, dropped }
    }
}

fn read_scan(
    pages: &Pages<'_>,
    scan: &Scan,
    number: usize,
    budget: &mut Budget,
    progress: &mut dyn FnMut(f32),
) -> Result<Placed, PointsError> {
    if scan.points == 0 {
        let cloud = Cloud { positions: Vec::new(), shades: Shades::Plain, dropped: 0 };
        return Ok(cloud.place());
    }
    packets::check_count(pages, scan, number)?;
    let mut columns = Columns::new(scan, budget)?;
    packets::read(pages, scan, number, &mut |role, point, value| columns.set(role, point, value), progress)?;
    Ok(columns.into_cloud(scan).place())
}

/// Returns a rotation and a translation as a transform; `None` if they are invalid.
fn pose(rotation: [f64; 4], translation: [f64; 3]) -> Option<DAffine3> {
    let rotation = glam::DQuat::from_array(rotation);
    let translation = DVec3::from(translation);
    let length = rotation.length();
    let is_rotation = length.is_finite() && length > 1e-6;
    let pose = is_rotation.then(|| DAffine3::from_rotation_translation(rotation.normalize(), translation))?;
    cloud::is_placeable(translation.to_array()).then_some(pose)
}

fn damaged(what: impl Into<String>) -> PointsError {
    PointsError::damaged(FORMAT, what)
}
