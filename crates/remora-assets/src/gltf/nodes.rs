//! The default scene's tree, parents before children.

use glam::{DAffine3, DMat4, DQuat, DVec3};

use super::error::LoadError;
use super::json::{self, Root};
use crate::model::Node;

pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Which of the file's meshes the nodes show; a node's `mesh` is an index into this.
    pub(super) meshes: Vec<u32>,
}

pub(super) fn read(root: &Root) -> Result<Tree, LoadError> {
    let mut tree = Tree { nodes: Vec::new(), meshes: Vec::new() };
    let mut mesh_places: Vec<Option<u32>> = vec![None; root.meshes.len()];
    let mut visited = vec![false; root.nodes.len()];
    // Last in, first out: children are pushed in reverse so that they come out in the file's order.
    let mut open: Vec<(u32, Option<u32>)> = roots(root)?.into_iter().rev().map(|node| (node, None)).collect();
    while let Some((index, parent)) = open.pop() {
        let place = || format!("node {index}");
        let Some(node) = root.nodes.get(index as usize) else {
            return Err(LoadError::invalid(place(), "it is referred to and not there"));
        };
        if std::mem::replace(&mut visited[index as usize], true) {
            return Err(LoadError::invalid(place(), "it is in the tree twice, or below itself"));
        }
        let mesh = match node.mesh {
            Some(mesh) => {
                let Some(found) = mesh_places.get_mut(mesh as usize) else {
                    return Err(LoadError::invalid(place(), format!("there is no mesh {mesh}")));
                };
                Some(*found.get_or_insert_with(|| {
                    tree.meshes.push(mesh);
                    tree.meshes.len() as u32 - 1
                }))
            }
            None => None,
        };
        let transform = transform(node);
        if !transform.is_finite() {
            return Err(LoadError::invalid(place(), "its transform contains a number that is not finite"));
        }
        let here = tree.nodes.len() as u32;
        let name = node.name.clone().unwrap_or_else(|| format!("Node {index}"));
        tree.nodes.push(Node { name, parent, transform, mesh, metadata: Vec::new() });
        open.extend(node.children.iter().rev().map(|&child| (child, Some(here))));
    }
    Ok(tree)
}

/// Of the default scene, else of the first, else all that are no one's child.
fn roots(root: &Root) -> Result<Vec<u32>, LoadError> {
    let scene = root.scene.unwrap_or(0);
    match root.scenes.get(scene as usize) {
        Some(scene) => Ok(scene.nodes.clone()),
        None if root.scene.is_some() => Err(LoadError::invalid(format!("scene {scene}"), "it is not there")),
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
    let rotation = match node.rotation.as_deref() {
        Some(&rotation) => {
            let rotation = DQuat::from_array(rotation);
            // Many files hold rounded ones; one without a length says nothing.
            if rotation.length_squared() > 0.0 { rotation.normalize() } else { DQuat::IDENTITY }
        }
        None => DQuat::IDENTITY,
    };
    let translation = node.translation.as_deref().map_or(DVec3::ZERO, |&translation| translation.into());
    DAffine3::from_scale_rotation_translation(scale, rotation, translation)
}
