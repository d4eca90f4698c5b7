//! Reads `EXT_mesh_gpu_instancing`: nodes that show their mesh many times.

use glam::{DAffine3, DQuat, DVec3};

use super::accessor::Accessors;
use super::error::GltfError;
use super::{json, nodes};
use crate::budget::Budget;

/// Returns the transform of each instance relative to the node; `None` if the node is not instanced. `place` is for
/// errors.
pub(super) fn read(
    node: &json::Node,
    place: &str,
    accessors: Accessors<'_>,
    budget: &mut Budget,
) -> Result<Option<Vec<DAffine3>>, GltfError> {
    let extension = node.extensions.as_deref().and_then(|extensions| extensions.instancing.as_ref());
    // Without a mesh or an attribute, the extension has no effect.
    let (Some(extension), Some(_)) = (extension, node.mesh) else { return Ok(None) };
    let Some(&any) = extension.attributes.values().next() else { return Ok(None) };
    let count = accessors.count(any)?;
    for (name, &accessor) in &extension.attributes {
        let found = accessors.count(accessor)?;
        if found != count {
            let what = format!("{name} is given for {found} instances, other attributes for {count}");
            return Err(GltfError::invalid(place, what));
        }
    }
    let attribute = |name: &str| extension.attributes.get(name).copied();
    let mut vectors = |name: &str| -> Result<Option<Vec<[f32; 3]>>, GltfError> {
        attribute(name).map(|accessor| accessors.vectors::<3>(accessor, 0..count, budget)).transpose()
    };
    let (translations, scales) = (vectors("TRANSLATION")?, vectors("SCALE")?);
    let rotations = match attribute("ROTATION") {
        Some(accessor) => Some(accessors.vectors::<4>(accessor, 0..count, budget)?),
        None => None,
    };
    budget.take(count, size_of::<DAffine3>(), "instances of a mesh")?;
    let of = |list: &Option<Vec<[f32; 3]>>, at: usize, otherwise: DVec3| {
        list.as_ref().map_or(otherwise, |list| DVec3::from(list[at].map(f64::from)))
    };
    let transforms = (0..count as usize).map(|at| {
        let rotation =
            rotations.as_ref().map_or(DQuat::IDENTITY, |rotations| nodes::rotation(rotations[at].map(f64::from)));
        let (scale, translation) = (of(&scales, at, DVec3::ONE), of(&translations, at, DVec3::ZERO));
        let transform = DAffine3::from_scale_rotation_translation(scale, rotation, translation);
        match transform.is_finite() {
            true => Ok(transform),
            false => Err(GltfError::invalid(place, format!("instance {at} contains a number that is not finite"))),
        }
    });
    transforms.collect::<Result<_, _>>().map(Some)
}
