//! PLY: points, or triangles with colours, in text or in binary of either byte order.
//!
//! ```text
//!   bytes ─header─▶ elements, properties ─body─▶ vertices, corners ─┬─ no faces ─▶ points
//!                                                                   └─ mesh ─────▶ triangles
//! ```
//!
//! The available libraries are not used: they make a table of names and values for every vertex, which takes twenty
//! times as long, and they trust the counts of the header.

mod body;
mod header;
mod mesh;

use glam::DAffine3;

use super::PointsError;
use super::cloud::{self, Cloud, Shades};
use crate::budget::Budget;
use crate::input::Input;
use remora_model::Model;

/// The format's name, in errors and in assets.
pub(crate) const FORMAT: &str = "PLY";

/// Reads points, or a mesh if there are faces.
///
/// Polygons become fans of triangles, and missing normals are computed smooth. Intensity or reflectance is shown as
/// grey if points have no colour. Unknown elements and properties are ignored.
pub(crate) fn import(input: Input<'_>) -> Result<Model, PointsError> {
    let Input { bytes, name, limits, progress, .. } = input;
    let mut budget = Budget::new(limits.memory_bytes_max);
    let (header, body) = header::read(bytes)?;
    progress(0.0);
    let content = body::read(&header, body, &mut budget, progress)?;
    let model = if content.corners.is_empty() {
        let shades = match (content.vertices.colors, content.vertices.intensities) {
            (Some(colors), _) => Shades::Colors(colors),
            (None, Some(intensities)) => Shades::Intensities(intensities),
            (None, None) => Shades::Plain,
        };
        let cloud = Cloud { positions: content.vertices.positions, shades, dropped: 0 };
        cloud::model(name, vec![(name.to_owned(), DAffine3::IDENTITY, cloud.place())])?
    } else {
        mesh::model(name, content, &mut budget)?
    };
    progress(1.0);
    Ok(model)
}

fn damaged(what: impl Into<String>) -> PointsError {
    PointsError::damaged(FORMAT, what)
}
