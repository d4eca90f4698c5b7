//! The importer of glTF 2: GLB, and JSON with data in `data:` URIs or in files beside it.
//!
//! ```text
//!   bytes ─container─▶ JSON + buffers ─accessor, draco─▶ numbers ─primitive─▶ meshes ─┐
//!   files ─external─▶      │ (meshopt)                                                ├─▶ Model
//!                          ├─ nodes, instances, materials ────────────────────────────┤
//!                          └─ images ─(threads) texture─▶ crate::images ─▶ pixels ────┘
//! ```
//!
//! The bytes are not trusted. Indices and ranges are checked before use, memory whose size the file determines is taken
//! from one budget before it is allocated, and a [`GltfError`] says what is wrong and where.
//!
//! Skins, morph targets and animations are ignored, so that nodes are drawn with their own transforms. Lines are
//! skipped. Content that does not affect the geometry and cannot be read (images, extensions of light or surface) is
//! left out with a notice.

mod accessor;
mod container;
mod draco;
mod error;
mod extensions;
mod external;
mod instances;
mod json;
mod material;
mod meshopt;
mod metadata;
mod nodes;
mod place;
mod primitive;
mod surface;
mod texture;
mod vertices;
mod write;

pub use error::GltfError;
pub use extensions::SUPPORTED_EXTENSIONS;
pub use write::{WriteError, write_glb};

use std::sync::OnceLock;

use crate::budget::Budget;
use crate::input::Input;
use accessor::Accessors;
use external::External;
use json::Root;
use primitive::Shape;
use remora_model::MeshSink;
use remora_model::Notices;
use remora_model::{Mesh, Model};

/// Share of geometry in the progress; the rest is images.
const GEOMETRY_PROGRESS: f32 = 0.3;

/// Returns whether a file with these first bytes is glTF: the mark of GLB, or a JSON object.
pub(crate) fn has_magic(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    bytes.starts_with(b"glTF") || text.starts_with(b"{")
}

/// Returns the paths for which [`import`] would ask the resolver, sorted, each once. URIs that it refuses are left out.
///
/// # Errors
///
/// The JSON is damaged, or the list needs more than `memory_bytes_max`.
pub fn external_files(bytes: &[u8], memory_bytes_max: u64) -> Result<Vec<String>, GltfError> {
    let uris = container::uris(bytes, &mut Budget::new(memory_bytes_max))?;
    let is_file = |uri: &&String| !uri.starts_with("data:");
    let mut paths: Vec<String> =
        uris.iter().filter(is_file).filter_map(|uri| external::relative_path(uri).ok()).collect();
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

/// Reads a model. Buffers and images may be files of their own, which the resolver reads before any of them is decoded.
/// Their bytes count towards the limit of memory.
///
/// Missing normals are computed flat, as the specification requires. Missing tangents, where a normal map needs them,
/// are computed per vertex as by MikkTSpace, except that a vertex where mirrored coordinates meet has one tangent, not
/// two.
///
/// # Errors
///
/// The file is damaged, requires an extension that is not supported, shows nothing, or exceeds the limits.
pub fn import(input: Input<'_>) -> Result<Model, GltfError> {
    let name = input.stem().to_owned();
    let Input { bytes, limits, resolver, sink, progress, .. } = input;
    let mut external = External { resolver };
    let mut budget = Budget::new(limits.memory_bytes_max);
    let container = container::open(bytes, &mut external, &mut budget)?;
    let root = &container.root;
    let mut notices = Notices::default();
    extensions::check(&root.extensions_required, &mut notices)?;
    progress(0.0);

    let accessors = Accessors::new(&container);
    let tree = nodes::read(root, accessors, &mut budget)?;
    let mut materials = material::read(root, &mut notices)?;
    let plan = texture::plan(&materials.textures, root, accessors, &mut external, &limits, &mut budget, &mut notices)?;

    let (meshes, textures) = std::thread::scope(|scope| {
        let decoding = plan.start(scope);
        let (meshes, skipped) =
            read_meshes(root, accessors, &materials, &tree.meshes, sink, &mut budget, &mut |done| {
                progress(done * GEOMETRY_PROGRESS);
            })?;
        if skipped > 0 {
            notices.add(format!("{skipped} primitives of lines or without elements are not shown"));
        }
        let textures =
            decoding.finish(&mut notices, &mut |done| progress(GEOMETRY_PROGRESS + done * (1.0 - GEOMETRY_PROGRESS)));
        Ok::<_, GltfError>((meshes, textures))
    })?;
    let textures = materials.settle(textures);
    progress(1.0);

    let model = Model { name, nodes: tree.nodes, meshes, materials: materials.list, textures, notices };
    debug_assert_eq!(model.check(), Ok(()));
    Ok(model)
}

/// Reads the meshes `wanted` of the file, which become those of the model. Also returns the number of primitives
/// without triangles and points.
fn read_meshes(
    root: &Root,
    accessors: Accessors<'_>,
    materials: &material::Materials,
    wanted: &[u32],
    sink: Option<&dyn MeshSink>,
    budget: &mut Budget,
    progress: &mut dyn FnMut(f32),
) -> Result<(Vec<Mesh>, usize), GltfError> {
    let mut skipped = 0_usize;
    let mut numbered = wanted.iter().enumerate().map(|(number, &index)| {
        let mesh = read_mesh(root, index, accessors, materials, &mut skipped, budget)?;
        progress((number + 1) as f32 / wanted.len() as f32);
        Ok::<_, GltfError>((number, mesh))
    });
    let meshes: Vec<Mesh> = match sink {
        None => numbered.map(|read| read.map(|(_, mesh)| mesh)).collect::<Result<_, _>>()?,
        Some(sink) => {
            sink.announced(announced(root, accessors, wanted));
            let places: Vec<OnceLock<Mesh>> = wanted.iter().map(|_| OnceLock::new()).collect();
            rayon::in_place_scope(|scope| {
                numbered.try_for_each(|read| {
                    let (number, mesh) = read?;
                    let place = &places[number];
                    scope.spawn(move |_| sink.read(number, place.get_or_init(|| mesh)));
                    Ok::<_, GltfError>(())
                })
            })?;
            places.into_iter().map(|place| place.into_inner().expect("each has been filled by its task")).collect()
        }
    };
    if meshes.iter().all(|mesh| mesh.primitives.is_empty() && mesh.points.positions.is_empty()) {
        return Err(GltfError::NothingToDraw { skipped });
    }
    Ok((meshes, skipped))
}

fn read_mesh(
    root: &Root,
    index: u32,
    accessors: Accessors<'_>,
    materials: &material::Materials,
    skipped: &mut usize,
    budget: &mut Budget,
) -> Result<Mesh, GltfError> {
    let mesh = &root.meshes[index as usize];
    let name = metadata::name(mesh.name.as_deref(), || format!("Mesh {index}"));
    let mut made = Mesh { name, ..Mesh::default() };
    for (part, primitive) in mesh.primitives.iter().enumerate() {
        let place = place::Place { mesh: index, primitive: part };
        match primitive::read(primitive, place, accessors, materials, budget)? {
            Shape::Triangles(primitive) => made.primitives.push(primitive),
            Shape::Points(points) => {
                made.points.positions.extend(points.positions);
                made.points.colors.extend(points.colors);
            }
            Shape::Nothing => *skipped += 1,
        }
    }
    Ok(made)
}

/// Returns the number of triangles and points that the file declares for some meshes.
fn announced(root: &Root, accessors: Accessors<'_>, meshes: &[u32]) -> u64 {
    let primitives = meshes.iter().flat_map(|&index| &root.meshes[index as usize].primitives);
    primitives.map(|primitive| primitive::announced(primitive, accessors)).fold(0, u64::saturating_add)
}
