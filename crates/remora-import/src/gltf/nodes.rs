//! Reads the tree of the default scene, parents before children. Instances of a mesh become nodes below the instanced
//! node.

use glam::{DAffine3, DMat4, DQuat, DVec3};

use super::accessor::Accessors;
use super::error::GltfError;
use super::json::{self, Root};
use super::{instances, metadata};
use crate::budget::Budget;
use remora_model::Node;

/// The nodes of a model, and the meshes that they show.
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Indices of the file's meshes that are shown. The `mesh` of a node is an index into this list.
    pub(super) meshes: Vec<u32>,
}

pub(super) fn read(root: &Root, accessors: Accessors<'_>, budget: &mut Budget) -> Result<Tree, GltfError> {
    let mut tree = Tree { nodes: Vec::new(), meshes: Vec::new() };
    let mut mesh_places: Vec<Option<u32>> = vec![None; root.meshes.len()];
    let mut visited = vec![false; root.nodes.len()];
    // A stack; children are pushed in reverse, so that they are taken in the file's order.
    let mut open: Vec<(u32, Option<u32>)> = roots(root)?.into_iter().rev().map(|node| (node, None)).collect();
    while let Some((index, parent)) = open.pop() {
        let place = || format!("node {index}");
        let Some(node) = root.nodes.get(index as usize) else {
            return Err(GltfError::invalid(place(), "it is referred to and not there"));
        };
        if std::mem::replace(&mut visited[index as usize], true) {
            return Err(GltfError::invalid(place(), "it is in the tree twice, or below itself"));
        }
        let transform = transform(node);
        if !transform.is_finite() {
            return Err(GltfError::invalid(place(), "its transform contains a number that is not finite"));
        }
        let here = tree.nodes.len() as u32;
        let name = metadata::name(node.name.as_deref(), || format!("Node {index}"));
        let instances = instances::read(node, &place(), accessors, budget)?;
        // A mesh without instances is not shown and need not be read.
        let shown = node.mesh.filter(|_| instances.as_ref().is_none_or(|instances| !instances.is_empty()));
        let mesh = match shown {
            Some(mesh) => Some(tree.show(mesh, &mut mesh_places).map_err(|what| GltfError::invalid(place(), what))?),
            None => None,
        };
        let metadata = metadata::read(node.extras.as_deref());
        let own_mesh = mesh.filter(|_| instances.is_none());
        tree.nodes.push(Node { name: name.clone(), parent, transform, mesh: own_mesh, metadata });
        for (at, transform) in instances.into_iter().flatten().enumerate() {
            let text = format!("{name} [{at}]");
            budget.take(1, size_of::<Node>() + text.len(), "an instance of a mesh")?;
            tree.nodes.push(Node { name: text, parent: Some(here), transform, mesh, metadata: Vec::new() });
        }
        open.extend(node.children.iter().rev().map(|&child| (child, Some(here))));
    }
    Ok(tree)
}

impl Tree {
    /// Returns the index of a mesh of the file in the list of those that are shown.
    fn show(&mut self, mesh: u32, places: &mut [Option<u32>]) -> Result<u32, String> {
        let place = places.get_mut(mesh as usize).ok_or_else(|| format!("there is no mesh {mesh}"))?;
        Ok(*place.get_or_insert_with(|| {
            self.meshes.push(mesh);
            self.meshes.len() as u32 - 1
        }))
    }
}

/// Returns the roots of the default scene, else of the first scene, else all nodes without a parent.
fn roots(root: &Root) -> Result<Vec<u32>, GltfError> {
    let scene = root.scene.unwrap_or(0);
    match root.scenes.get(scene as usize) {
        Some(scene) => Ok(scene.nodes.clone()),
        None if root.scene.is_some() => Err(GltfError::invalid(format!("scene {scene}"), "it is not there")),
        None => {
            let mut is_child = vec![false; root.nodes.len()];
            for &child in root.nodes.iter().flat_map(|node| &node.children) {
                if let Some(is_child) = is_child.get_mut(child as usize) {
                    *is_child = true;
                }
            }
            Ok((0..root.nodes.len() as u32).filter(|&node| !is_child[node as usize]).collect())
        }
    }
}

fn transform(node: &json::Node) -> DAffine3 {
    if let Some(matrix) = &node.matrix {
        return DAffine3::from_mat4(DMat4::from_cols_array(matrix));
    }
    let scale = node.scale.as_deref().map_or(DVec3::ONE, |&scale| scale.into());
    let rotation = node.rotation.as_deref().map_or(DQuat::IDENTITY, |&parts| rotation(parts));
    let translation = node.translation.as_deref().map_or(DVec3::ZERO, |&translation| translation.into());
    DAffine3::from_scale_rotation_translation(scale, rotation, translation)
}

/// Normalises a rotation, because many files have rounded ones. A quaternion without length is ignored.
pub(super) fn rotation(parts: [f64; 4]) -> DQuat {
    let rotation = DQuat::from_array(parts);
    if rotation.length_squared() > 0.0 { rotation.normalize() } else { DQuat::IDENTITY }
}
