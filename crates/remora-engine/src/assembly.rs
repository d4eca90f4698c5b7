//! The tree of parts under construction, and the search for the tessellation that yields a triangle count.

use glam::Affine3A;

use super::finish::Finish;
use super::pattern;
use super::solid::{Detail, Solid};
use remora_model::tangent;
use remora_model::{Mesh, Model, Node, Primitive};

/// Coarsest and finest tessellation of the search, far beyond the permitted range of triangle counts.
const QUALITY_RANGE: (f32, f32) = (0.02, 60.0);
/// Number of times that the search halves the ratio of that range: to a two-thousandth.
const SEARCH_STEPS: usize = 14;

/// Factor by which shapes that exist once are finer, because they are the larger ones.
const SINGLE_FINER: f32 = 2.0;

/// A node that has parts below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(Option<u32>);

/// A drawing that any number of parts can share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape(u32);

/// A model under construction. Shapes are drawn at the end, when their tessellation is known.
#[derive(Default)]
pub(super) struct Assembly {
    nodes: Vec<Node>,
    recipes: Vec<Recipe>,
    fasteners: super::fasteners::Stock,
}

struct Recipe {
    name: String,
    draw: Box<dyn Fn(&mut Solid)>,
    uses: u64,
}

/// The two nearest qualities, one with fewer triangles than requested and one with more. Even so small a step
/// can put one more segment on hundreds of bolts, so some recipes use the lower quality and the others the higher one.
struct Tessellation {
    coarser: f32,
    finer: f32,
    /// True for each recipe that uses the higher quality.
    is_finer: Vec<bool>,
}

impl Group {
    /// The root.
    pub(super) const TOP: Group = Group(None);
}

impl Assembly {
    pub(super) fn group(&mut self, parent: Group, name: impl Into<String>, transform: Affine3A) -> Group {
        self.push(parent, name.into(), transform, None)
    }

    /// Adds a drawing that parts can share. `draw` runs several times: to count triangles and to build them.
    pub(super) fn shape(&mut self, name: impl Into<String>, draw: impl Fn(&mut Solid) + 'static) -> Shape {
        self.recipes.push(Recipe { name: name.into(), draw: Box::new(draw), uses: 0 });
        Shape(self.recipes.len() as u32 - 1)
    }

    /// Adds a part. It is a group as well: parts below it move with it.
    pub(super) fn part(&mut self, parent: Group, name: impl Into<String>, shape: Shape, transform: Affine3A) -> Group {
        self.recipes[shape.0 as usize].uses += 1;
        self.push(parent, name.into(), transform, Some(shape.0))
    }

    /// Adds a part with a shape of its own.
    pub(super) fn single(
        &mut self,
        parent: Group,
        name: impl Into<String>,
        transform: Affine3A,
        draw: impl Fn(&mut Solid) + 'static,
    ) -> Group {
        let name = name.into();
        let shape = self.shape(name.clone(), draw);
        self.part(parent, name, shape, transform)
    }

    pub(super) fn fasteners(&mut self) -> &mut super::fasteners::Stock {
        &mut self.fasteners
    }

    /// Builds the model with a triangle count as close to `triangles` as its shapes allow.
    pub(super) fn build(self, name: &str, triangles: u64) -> Model {
        let tessellation = self.solve(triangles);
        let build = |(recipe, is_finer): (&Recipe, &bool)| {
            recipe.build(if *is_finer { tessellation.finer } else { tessellation.coarser })
        };
        let meshes = self.recipes.iter().zip(&tessellation.is_finer).map(build).collect();
        Model {
            name: name.to_owned(),
            nodes: self.nodes,
            meshes,
            materials: Finish::ALL.iter().map(|finish| finish.material()).collect(),
            textures: pattern::textures(),
            ..Model::default()
        }
    }

    fn push(&mut self, parent: Group, name: String, transform: Affine3A, mesh: Option<u32>) -> Group {
        let transform =
            glam::DAffine3 { matrix3: transform.matrix3.as_dmat3(), translation: transform.translation.as_dvec3() };
        self.nodes.push(Node { name, parent: parent.0, transform, mesh, metadata: Vec::new() });
        Group(Some(self.nodes.len() as u32 - 1))
    }

    fn solve(&self, wanted: u64) -> Tessellation {
        let total = |quality: f32| self.recipes.iter().map(|recipe| recipe.triangles(quality)).sum::<u64>();
        let (mut coarser, mut finer) = QUALITY_RANGE;
        for _ in 0..SEARCH_STEPS {
            // The middle has the same ratio to both ends.
            let middle = (coarser * finer).sqrt();
            if total(middle) <= wanted { coarser = middle } else { finer = middle }
        }
        let mut left = wanted.saturating_sub(total(coarser));
        let is_finer = self.recipes.iter().map(|recipe| {
            let more = recipe.triangles(finer).saturating_sub(recipe.triangles(coarser));
            let fits = more <= left;
            left -= if fits { more } else { 0 };
            fits
        });
        Tessellation { coarser, finer, is_finer: is_finer.collect() }
    }
}

impl Recipe {
    fn detail(&self, quality: f32) -> Detail {
        Detail::new(if self.uses > 1 { quality } else { quality * SINGLE_FINER })
    }

    /// Triangles of all parts that the recipe makes.
    fn triangles(&self, quality: f32) -> u64 {
        let mut solid = Solid::counting(self.detail(quality));
        (self.draw)(&mut solid);
        solid.triangles() * self.uses
    }

    fn build(&self, quality: f32) -> Mesh {
        let mut solid = Solid::building(self.detail(quality));
        (self.draw)(&mut solid);
        let primitives =
            solid.into_primitives().into_iter().map(|(finish, primitive)| complete(finish, primitive)).collect();
        Mesh { name: self.name.clone(), primitives, ..Default::default() }
    }
}

/// Keeps texture coordinates where a texture reads them, and adds tangents where a normal map does.
fn complete(finish: Finish, mut primitive: Primitive) -> Primitive {
    if !finish.is_textured() {
        primitive.texture_coordinates = Vec::new();
    }
    if finish.has_normal_map() {
        primitive.tangents = tangent::compute(&primitive);
    }
    primitive
}
