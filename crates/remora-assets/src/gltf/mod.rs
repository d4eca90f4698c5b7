//! The glTF 2.0 importer: GLB, and `.gltf` JSON that carries its data in `data:` URIs.
//!
//! ```text
//!   bytes ─container─▶ JSON + buffers ─accessor─▶ numbers ─primitive─▶ meshes ─┐
//!                          │                                                   ├─▶ Model
//!                          ├─ nodes, materials ────────────────────────────────┤
//!                          └─ images ─(threads) texture─▶ pixels ──────────────┘
//! ```
//!
//! The bytes are not trusted. Every index and range is checked before it is used, every allocation whose size the
//! file decides is first taken from one budget, and what is wrong comes back as a [`LoadError`] that says where.
//!
//! Skins and animations are not read: a node is drawn as its own transform says. Points and lines are skipped.
//! The importer never opens a file or a network address that a model names.

mod accessor;
mod container;
mod error;
mod json;
mod material;
mod nodes;
mod primitive;
mod shrink;
pub(crate) mod tangent;
mod texture;
mod write;

pub use error::LoadError;
pub use write::{WriteError, write_glb};

use crate::budget::{self, Budget};
use crate::model::{Mesh, Model, Points};
use accessor::Accessors;
use json::Root;

/// What loading may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Memory for everything that is made from the file, intermediate results included; not the file itself.
    pub memory_bytes_max: u64,
    /// Textures that are wider or higher are scaled down, keeping their proportions. In pixels, at least 1.
    pub texture_dimension_max: u32,
}

impl Default for LoadLimits {
    /// 4 GiB, enough for some 50 million triangles with all attributes, and textures of 4096 pixels.
    fn default() -> Self {
        Self { memory_bytes_max: 4 << 30, texture_dimension_max: 4096 }
    }
}

/// Extensions that may stand in `extensionsRequired`.
pub const SUPPORTED_EXTENSIONS: [&str; 4] =
    ["KHR_materials_emissive_strength", "KHR_materials_unlit", "KHR_mesh_quantization", "KHR_texture_transform"];

/// Part of the progress that geometry stands for; the rest is images.
const GEOMETRY_PROGRESS: f32 = 0.3;

/// Reads a model. `name` becomes that of the model; `progress` is called on this thread with rising numbers that
/// end at 1.
///
/// Missing normals are computed flat, as the specification asks; missing tangents, where a normal map needs them,
/// per vertex: as MikkTSpace, but that a vertex where mirrored coordinates meet has one tangent, not two.
pub fn load_glb(
    bytes: &[u8],
    name: &str,
    limits: &LoadLimits,
    progress: &mut dyn FnMut(f32),
) -> Result<Model, LoadError> {
    let mut budget = Budget::new(limits.memory_bytes_max);
    let container = container::open(bytes, &mut budget)?;
    let (root, buffers) = (&container.root, &container.buffers);
    check_extensions(root)?;
    progress(0.0);

    let accessors = Accessors::new(root, buffers);
    let tree = nodes::read(root)?;
    let materials = material::read(root)?;
    let plan = texture::plan(&materials.textures, root, buffers, limits, &mut budget)?;

    let (meshes, textures) = std::thread::scope(|scope| {
        let decoding = plan.start(scope);
        let meshes = read_meshes(root, &accessors, &materials, &tree.meshes, &mut budget, &mut |done| {
            progress(done * GEOMETRY_PROGRESS);
        })?;
        let textures = decoding.finish(&mut |done| progress(GEOMETRY_PROGRESS + done * (1.0 - GEOMETRY_PROGRESS)))?;
        Ok::<_, LoadError>((meshes, textures))
    })?;
    progress(1.0);

    let model = Model { name: name.to_owned(), nodes: tree.nodes, meshes, materials: materials.list, textures };
    debug_assert_eq!(model.check(), Ok(()));
    Ok(model)
}

fn check_extensions(root: &Root) -> Result<(), LoadError> {
    match root.extensions_required.iter().find(|name| !SUPPORTED_EXTENSIONS.contains(&name.as_str())) {
        Some(name) => Err(LoadError::UnsupportedExtension { name: name.clone() }),
        None => Ok(()),
    }
}

/// `wanted` are indices into the file's meshes, in the order of the model's.
fn read_meshes(
    root: &Root,
    accessors: &Accessors<'_>,
    materials: &material::Materials,
    wanted: &[u32],
    budget: &mut Budget,
    progress: &mut dyn FnMut(f32),
) -> Result<Vec<Mesh>, LoadError> {
    let mut meshes = Vec::with_capacity(wanted.len());
    let mut skipped = 0_usize;
    for (done, &index) in wanted.iter().enumerate() {
        let mesh = &root.meshes[index as usize];
        let mut primitives = Vec::with_capacity(mesh.primitives.len());
        for (part, primitive) in mesh.primitives.iter().enumerate() {
            let place = primitive::Place { mesh: index, primitive: part };
            match primitive::read(primitive, place, accessors, materials, budget)? {
                Some(primitive) => primitives.push(primitive),
                None => skipped += 1,
            }
        }
        let name = mesh.name.clone().unwrap_or_else(|| format!("Mesh {index}"));
        meshes.push(Mesh { name, primitives, points: Points::default() });
        progress((done + 1) as f32 / wanted.len() as f32);
    }
    if meshes.iter().all(|mesh| mesh.primitives.is_empty()) {
        return Err(LoadError::NothingToDraw { skipped });
    }
    if skipped > 0 {
        tracing::warn!(skipped, "the model has points, lines or empty primitives, which are not drawn");
    }
    Ok(meshes)
}
