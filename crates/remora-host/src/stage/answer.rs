//! Converts the scene's answers into messages of the protocol, cut to the size that a message may have.

use glam::{DVec3, Quat, Vec3};
use remora_asset::Asset;
use remora_model::{MetadataValue, WorldBounds};
use remora_protocol::connection::{self as wire, metadata::Value};
use remora_scene::{EntityId, Hit, Scene};

use super::overrides;

/// Upper bound on the bytes of one name or text. Longer ones are cut off.
const TEXT_BYTES_MAX: usize = 1024;
const PATH_BYTES_MAX: usize = 8192;
const CHILDREN_MAX: usize = 1024;
const MATERIALS_MAX: usize = 64;
const METADATA_MAX: usize = 256;
/// Upper bound on the bytes of an entity's metadata, so that the whole message stays below 256 KiB.
const METADATA_BYTES_MAX: usize = 96 * 1024;

/// Returns the answer to a ray that hit.
pub(crate) fn ray_hit(scene: &Scene, hit: &Hit) -> wire::RayHit {
    let (bounds_min, bounds_max) = corners(hit.bounds);
    wire::RayHit {
        entity: hit.entity.0,
        entity_name: name(scene, hit.entity),
        position: Some(point(hit.position)),
        normal: Some(vector(hit.normal)),
        distance_metres: hit.distance,
        bounds_min,
        bounds_max,
    }
}

/// Returns the answer to a pick; `None` if the instance has left the scene.
pub(crate) fn picked(scene: &Scene, instance: u32, position: DVec3) -> Option<wire::Picked> {
    let entity = scene.instance(instance)?.entity;
    let (bounds_min, bounds_max) = corners(scene.entity(entity)?.bounds);
    Some(wire::Picked {
        entity: entity.0,
        entity_name: name(scene, entity),
        position: Some(point(position)),
        bounds_min,
        bounds_max,
    })
}

/// Returns the description of an entity; `None` if there is no such entity.
pub(crate) fn entity_info(scene: &Scene, entity: EntityId) -> Option<wire::EntityInfo> {
    let view = scene.entity(entity)?;
    let contents = scene.contents(entity)?;
    let (bounds_min, bounds_max) = corners(view.bounds);
    Some(wire::EntityInfo {
        entity: entity.0,
        name: cut(view.name, TEXT_BYTES_MAX),
        path: cut(&view.path, PATH_BYTES_MAX),
        parent: view.parent.map_or(0, |parent| parent.0),
        children: scene.children(entity).take(CHILDREN_MAX).map(|child| child.0).collect(),
        children_in_all: u32::try_from(scene.children(entity).count()).unwrap_or(u32::MAX),
        materials: contents.materials.iter().take(MATERIALS_MAX).map(|name| cut(name, TEXT_BYTES_MAX)).collect(),
        triangles: contents.triangles,
        points: contents.points,
        bounds_min,
        bounds_max,
        metadata: metadata(&contents.metadata),
        state_override: Some(overrides::state_override(view.overrides)),
        effective_state: Some(overrides::effective_state(view.state)),
        enabled: view.enabled,
        translation: Some(point(view.transform.position)),
        rotation: Some(quaternion(view.transform.rotation)),
        scale: Some(vector(view.transform.scale)),
        world_translation: Some(point(view.world.translation)),
        world_x_axis: Some(vector(view.world.matrix3.x_axis.as_vec3())),
        world_y_axis: Some(vector(view.world.matrix3.y_axis.as_vec3())),
        world_z_axis: Some(vector(view.world.matrix3.z_axis.as_vec3())),
    })
}

/// Returns the differences between a model and its file, for the client.
pub(crate) fn notices(asset: &Asset) -> Vec<String> {
    asset.notices().map(|notice| cut(notice, TEXT_BYTES_MAX)).collect()
}

/// Returns the notices in one sentence, for the person in front of the screen; `None` if there are none.
pub(crate) fn differs(name: &str, notices: &[String]) -> Option<String> {
    let (first, more) = notices.split_first()?;
    let name = cut(name, TEXT_BYTES_MAX);
    let others = if more.is_empty() { String::new() } else { format!(" (and {} more remarks)", more.len()) };
    Some(format!("{name} is shown otherwise than its file says: {first}{others}"))
}

/// Returns a point of the protocol.
pub(crate) fn point(point: DVec3) -> wire::Point {
    wire::Point { x: point.x, y: point.y, z: point.z }
}

/// Returns the corners of a box; `None` if it is empty.
pub(crate) fn corners(bounds: WorldBounds) -> (Option<wire::Point>, Option<wire::Point>) {
    if bounds.is_empty() { (None, None) } else { (Some(point(bounds.min)), Some(point(bounds.max))) }
}

fn vector(vector: Vec3) -> wire::Vector3 {
    wire::Vector3 { x: vector.x, y: vector.y, z: vector.z }
}

fn quaternion(rotation: Quat) -> wire::Quaternion {
    wire::Quaternion { x: rotation.x, y: rotation.y, z: rotation.z, w: rotation.w }
}

fn name(scene: &Scene, entity: EntityId) -> String {
    scene.name(entity).map_or_else(String::new, |name| cut(name, TEXT_BYTES_MAX))
}

fn metadata(entries: &[(&str, MetadataValue)]) -> Vec<wire::Metadata> {
    let mut bytes_left = METADATA_BYTES_MAX;
    let mut told = Vec::new();
    for (name, value) in entries.iter().take(METADATA_MAX) {
        let name = cut(name, TEXT_BYTES_MAX);
        let value = match value {
            MetadataValue::Bool(value) => Value::Bool(*value),
            MetadataValue::Integer(value) => Value::Integer(*value),
            MetadataValue::Unsigned(value) => Value::Unsigned(*value),
            MetadataValue::Double(value) => Value::Double(*value),
            MetadataValue::Text(text) => Value::Text(cut(text, TEXT_BYTES_MAX)),
        };
        let text = if let Value::Text(text) = &value { text.len() } else { 0 };
        let Some(left) = bytes_left.checked_sub(name.len() + text) else { break };
        bytes_left = left;
        told.push(wire::Metadata { name, value: Some(value) });
    }
    told
}

/// Cuts a text to `bytes_max` bytes at a character boundary. An ellipsis marks the cut.
fn cut(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max - ELLIPSIS.len_utf8());
    let mut cut = text[..end].to_owned();
    cut.push(ELLIPSIS);
    cut
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use remora_build::{BuildOptions, build_asset};
    use remora_model::{Material, Mesh, Model, Node, Primitive};
    use remora_scene::StateOverrideEdit;

    use super::*;

    fn primitive(material: u32) -> Primitive {
        Primitive {
            material,
            positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            indices: vec![0, 1, 2],
            ..Primitive::default()
        }
    }

    fn scene(nodes: Vec<Node>, materials: Vec<Material>) -> Scene {
        let primitives = (0..materials.len() as u32).map(primitive).collect();
        let meshes = vec![Mesh { primitives, ..Mesh::default() }];
        let mut scene = Scene::new();
        let model = Model { name: "model".into(), nodes, meshes, materials, ..Model::default() };
        let asset = build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false);
        scene.add_model(asset.expect("a good model")).expect("room for the model");
        scene
    }

    #[test]
    fn an_entity_is_described_with_all_kinds_of_metadata() {
        let values = [
            MetadataValue::Bool(true),
            MetadataValue::Integer(-5),
            MetadataValue::Unsigned(u64::MAX),
            MetadataValue::Double(0.5),
            MetadataValue::Text("steel".into()),
        ];
        let metadata = values.into_iter().enumerate().map(|(index, value)| (format!("key {index}"), value)).collect();
        let part = Node { name: "part".into(), mesh: Some(0), metadata, ..Node::default() };
        let scene = scene(vec![part], vec![Material { name: "paint".into(), ..Material::default() }]);
        let info = entity_info(&scene, EntityId(2)).expect("it is there");
        assert_eq!((info.name.as_str(), info.path.as_str(), info.parent), ("part", "model/part", 1));
        assert_eq!((info.materials.as_slice(), info.triangles), (&["paint".to_owned()][..], 1));
        assert_eq!(info.bounds_max, Some(wire::Point { x: 1.0, y: 1.0, z: 0.0 }));
        let told: Vec<_> = info.metadata.iter().map(|entry| entry.value.clone().expect("a value")).collect();
        let expected = [
            Value::Bool(true),
            Value::Integer(-5),
            Value::Unsigned(u64::MAX),
            Value::Double(0.5),
            Value::Text("steel".into()),
        ];
        assert_eq!(told, expected);
        let root = entity_info(&scene, EntityId(1)).expect("the root");
        assert_eq!((root.parent, root.children), (0, vec![2]));
        assert_eq!(entity_info(&scene, EntityId(0)), None);
        assert_eq!(entity_info(&scene, EntityId(3)), None);
    }

    #[test]
    fn an_entity_is_described_with_its_own_and_its_effective_state() {
        let nodes = vec![Node { name: "part".into(), mesh: Some(0), ..Node::default() }];
        let mut scene = scene(nodes, vec![Material::default()]);
        let told = |scene: &Scene| {
            let info = entity_info(scene, EntityId(2)).expect("it is there");
            (info.state_override.expect("always told"), info.effective_state.expect("always told"))
        };
        let shown = wire::EffectiveState { enabled: true, visible: true, selected: false, tint: None };
        assert_eq!(told(&scene), (wire::StateOverride::default(), shown));
        scene.edit_overrides(&[EntityId(1)], StateOverrideEdit::tint(Some([9, 8, 7, 6]))).expect("the root");
        scene.edit_overrides(&[EntityId(1)], StateOverrideEdit::visible(Some(false))).expect("the root");
        scene.edit_overrides(&[EntityId(2)], StateOverrideEdit::selected(Some(true))).expect("the part");
        let tint = Some(wire::Color { red: 9, green: 8, blue: 7, alpha: 6 });
        let own = wire::StateOverride { selected: Some(true), ..Default::default() };
        assert_eq!(told(&scene), (own, wire::EffectiveState { enabled: true, visible: false, selected: true, tint }));
        scene.edit_overrides(&[EntityId(2)], StateOverrideEdit::tint(Some([1, 1, 1, 0]))).expect("the part");
        let own_tint = Some(wire::Color { red: 1, green: 1, blue: 1, alpha: 0 });
        assert_eq!((told(&scene).0.tint, told(&scene).1.tint), (own_tint, None), "a weight of 0 tints nothing");
    }

    #[test]
    fn an_empty_entity_has_no_bounds() {
        let scene = scene(vec![Node { name: "empty".into(), ..Node::default() }], vec![Material::default()]);
        let info = entity_info(&scene, EntityId(2)).expect("it is there");
        assert_eq!((info.bounds_min, info.bounds_max, info.triangles), (None, None, 0));
    }

    #[test]
    fn the_description_of_any_part_fits_one_message() {
        let long = "ß".repeat(10_000);
        let metadata = (0..1000).map(|_| (long.clone(), MetadataValue::Text(long.clone()))).collect();
        let mut nodes = vec![Node { name: long.clone(), mesh: Some(0), metadata, ..Node::default() }];
        nodes.extend((0..5000).map(|_| Node { name: "child".into(), parent: Some(0), ..Node::default() }));
        let materials = vec![Material { name: long.clone(), ..Material::default() }; 200];
        let scene = scene(nodes, materials);
        let info = entity_info(&scene, EntityId(2)).expect("it is there");
        assert_eq!((info.children.len(), info.children_in_all), (CHILDREN_MAX, 5000));
        assert!(info.name.len() <= TEXT_BYTES_MAX && info.name.ends_with("ß…"));
        assert!(!info.metadata.is_empty());
        let bytes = info.encode_to_vec().len();
        assert!(bytes < 250 * 1024, "{bytes} bytes");
    }
}
