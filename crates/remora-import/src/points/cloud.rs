//! Makes the points of a model of positions in double precision: origin, grey from intensity, the axis that points up.

use glam::{DAffine3, DMat3, DVec3};

use super::{FAR_METRES, POINTS_MAX, PointsError};
use crate::budget::{Budget, TooLarge};
use remora_model::{Material, Mesh, Model, Node, Points};

/// Colour of a cloud that has neither colours nor intensities.
pub(super) const PLAIN: [u8; 4] = [200, 200, 200, 255];

/// Peak memory of a point in bytes: its position in double precision, its shade, and the result.
const BYTES_PER_POINT: usize = size_of::<[f64; 3]>() + size_of::<f32>() + size_of::<[f32; 3]>() + size_of::<[u8; 4]>();

/// Points that are sampled for the distribution of intensities.
const STRETCH_SAMPLE: usize = 10_000;

/// Points as they are in a file.
#[derive(Debug)]
pub(super) struct Cloud {
    pub(super) positions: Vec<[f64; 3]>,
    pub(super) shades: Shades,
    /// Number of invalid points, which are not in the lists.
    pub(super) dropped: u64,
}

/// The source of the points' colours. Lists are as long as the positions.
#[derive(Debug)]
pub(super) enum Shades {
    /// Colours in sRGB.
    Colors(Vec<[u8; 4]>),
    Intensities(Vec<f32>),
    Plain,
}

/// Points around an origin.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) points: Points,
    pub(super) origin: DVec3,
    pub(super) dropped: u64,
}

/// Takes the memory of `count` points from the budget, so that their lists may be allocated.
pub(super) fn reserve(count: u64, budget: &mut Budget) -> Result<usize, PointsError> {
    if count > POINTS_MAX {
        let what = format!("{count} points; at most {POINTS_MAX} may be in one cloud");
        return Err(PointsError::invalid("the file", what));
    }
    budget.take(count, BYTES_PER_POINT, "the points")?;
    usize::try_from(count).map_err(|_| {
        let needed_bytes = count.saturating_mul(BYTES_PER_POINT as u64);
        TooLarge { what: "the points", needed_bytes, left_bytes: budget.left_bytes(), limit_bytes: usize::MAX as u64 }
            .into()
    })
}

impl Cloud {
    /// Drops points that are not finite.
    fn retain_finite(&mut self) {
        let finite = |position: &[f64; 3]| is_placeable(*position);
        if self.positions.iter().all(finite) {
            return;
        }
        let mut kept = self.positions.iter().map(finite);
        match &mut self.shades {
            Shades::Colors(colors) => colors.retain(|_| kept.next().unwrap_or(false)),
            Shades::Intensities(intensities) => intensities.retain(|_| kept.next().unwrap_or(false)),
            Shades::Plain => {}
        }
        let before = self.positions.len();
        self.positions.retain(finite);
        self.dropped += (before - self.positions.len()) as u64;
    }

    /// Moves the points to an origin and computes their colours.
    pub(super) fn place(mut self) -> Placed {
        self.retain_finite();
        let origin = origin(&self.positions);
        let relative = |&position: &[f64; 3]| (DVec3::from(position) - origin).as_vec3().to_array();
        let positions: Vec<[f32; 3]> = self.positions.iter().map(relative).collect();
        let colors = match self.shades {
            Shades::Colors(colors) => colors,
            Shades::Intensities(intensities) => greys(&intensities),
            Shades::Plain => vec![PLAIN; positions.len()],
        };
        Placed { points: Points { positions, colors }, origin, dropped: self.dropped }
    }
}

/// Returns whether a position can be used: differences and squares of such coordinates are finite in single precision.
pub(super) fn is_placeable(position: [f64; 3]) -> bool {
    position.iter().all(|coordinate| coordinate.abs() <= 1e15)
}

/// Returns zero, or the center of the bounds in whole metres if they exceed [`FAR_METRES`].
pub(super) fn origin(positions: &[[f64; 3]]) -> DVec3 {
    let placeable = positions.iter().filter(|position| is_placeable(**position));
    let (min, max) = placeable.fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(min, max), &position| {
        (min.min(position.into()), max.max(position.into()))
    });
    origin_of_bounds(min, max)
}

/// Returns zero, or the center of a box in whole metres if it reaches beyond [`FAR_METRES`].
pub(super) fn origin_of_bounds(min: DVec3, max: DVec3) -> DVec3 {
    let reach = min.abs().max(max.abs()).max_element();
    if reach.is_finite() && reach > FAR_METRES { ((min + max) * 0.5).round() } else { DVec3::ZERO }
}

/// Returns intensities as grey, from black at the second percentile to white at the 98th. Sensors use a small part of
/// their range, and a few reflections would make all other points dark.
pub(super) fn greys(intensities: &[f32]) -> Vec<[u8; 4]> {
    let (low, high) = stretch(intensities);
    let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
    let grey = |&intensity: &f32| {
        // The cast saturates, and turns NaN into 0.
        let value = if scale > 0.0 { ((intensity - low) * scale + 0.5) as u8 } else { PLAIN[0] };
        [value, value, value, 255]
    };
    intensities.iter().map(grey).collect()
}

fn stretch(intensities: &[f32]) -> (f32, f32) {
    let step = intensities.len().div_ceil(STRETCH_SAMPLE).max(1);
    let mut sample: Vec<f32> = intensities.iter().step_by(step).copied().filter(|value| value.is_finite()).collect();
    if sample.is_empty() {
        return (0.0, 0.0);
    }
    sample.sort_unstable_by(f32::total_cmp);
    let at = |percent: usize| sample[(sample.len() - 1) * percent / 100];
    match (at(2), at(98)) {
        (low, high) if low < high => (low, high),
        // Nearly all intensities are equal, so the whole range is used.
        _ => (at(0), at(100)),
    }
}

/// Returns the rotation from Z up to Y up.
pub(super) fn z_up() -> DAffine3 {
    DAffine3::from_mat3(DMat3::from_cols(DVec3::X, DVec3::NEG_Z, DVec3::Y))
}

/// Returns a model with a node for each cloud, and logs the number of dropped points.
pub(super) fn model(name: &str, clouds: Vec<(String, DAffine3, Placed)>) -> Result<Model, PointsError> {
    let dropped: u64 = clouds.iter().map(|(_, _, placed)| placed.dropped).sum();
    let mut made = Model { name: name.to_owned(), materials: vec![Material::default()], ..Model::default() };
    for (name, transform, placed) in clouds {
        if placed.points.positions.is_empty() {
            continue;
        }
        let mesh = made.meshes.len() as u32;
        made.meshes.push(Mesh { name: name.clone(), primitives: Vec::new(), points: placed.points });
        let transform = transform * DAffine3::from_translation(placed.origin);
        made.nodes.push(Node { name, transform, mesh: Some(mesh), ..Node::default() });
    }
    if made.meshes.is_empty() {
        return Err(PointsError::NoPoints { dropped });
    }
    warn_of_dropped(dropped);
    debug_assert_eq!(made.check(), Ok(()));
    Ok(made)
}

pub(super) fn warn_of_dropped(dropped: u64) {
    if dropped > 0 {
        tracing::warn!(dropped, "points that are invalid or not finite are not shown");
    }
}
