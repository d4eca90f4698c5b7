//! The tree of parts while it is put together, and the search for the tessellation that a triangle count asks for.

use glam::Affine3A;

use super::finish::Finish;
use super::pattern;
use super::solid::{Detail, Solid};
use crate::gltf::tangent;
use crate::model::{Mesh, Model, Node, Primitive};

/// Coarsest and finest tessellation that is searched; far beyond the range of triangle counts that are allowed.
const QUALITY_RANGE: (f32, f32) = (0.02, 60.0);
/// Halvings of that range, by ratio: to a two-thousandth.
const SEARCH_STEPS: usize = 14;

/// A node that parts hang on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(Option<u32>);

/// A drawing that any number of parts share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape(u32);

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

/// Shapes that many parts share are tessellated alike; those that exist once take up what is then missing, so that
/// the total is met although one more segment on every bolt makes a step.
#[derive(Clone, Copy, Debug)]
struct Tessellation {
    shared: Detail,
    single: Detail,
}

impl Group {
    pub(super) const TOP: Group = Group(None);
}

impl Assembly {
    pub(super) fn group(&mut self, parent: Group, name: impl Into<String>, transform: Affine3A) -> Group {
        self.push(parent, name.into(), transform, None)
    }

    pub(super) fn shape(&mut self, name: impl Into<String>, draw: impl Fn(&mut Solid) + 'static) -> Shape {
        self.recipes.push(Recipe { name: name.into(), draw: Box::new(draw), uses: 0 });
        Shape(self.recipes.len() as u32 - 1)
    }

    /// A part is a group, too: what hangs on it moves with it.
    pub(super) fn part(&mut self, parent: Group, name: impl Into<String>, shape: Shape, transform: Affine3A) -> Group {
        self.recipes[shape.0 as usize].uses += 1;
        self.push(parent, name.into(), transform, Some(shape.0))
    }

    /// A part whose shape no other has.
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

    /// The model with as nearly `triangles` triangles as its shapes allow.
    pub(super) fn build(self, name: &str, triangles: u64) -> Model {
        let tessellation = self.solve(triangles);
        let meshes = self.recipes.iter().map(|recipe| recipe.build(tessellation)).collect();
        Model {
            name: name.to_owned(),
            nodes: self.nodes,
            meshes,
            materials: Finish::ALL.iter().map(|finish| finish.material()).collect(),
            textures: pattern::textures(),
        }
    }

    fn push(&mut self, parent: Group, name: String, transform: Affine3A, mesh: Option<u32>) -> Group {
        self.nodes.push(Node { name, parent: parent.0, transform, mesh });
        Group(Some(self.nodes.len() as u32 - 1))
    }

    fn solve(&self, wanted: u64) -> Tessellation {
        let (shared, single): (Vec<&Recipe>, Vec<&Recipe>) = self.recipes.iter().partition(|recipe| recipe.is_shared());
        let count = |recipes: &[&Recipe], detail: Detail| -> u64 {
            recipes.iter().map(|recipe| recipe.triangles(detail) * recipe.uses).sum()
        };
        let total = |quality: f32| {
            let detail = Detail::new(quality);
            count(&shared, detail) + count(&single, detail)
        };
        let quality = search(QUALITY_RANGE, |quality| total(quality) <= wanted);
        let left = wanted.saturating_sub(count(&shared, Detail::new(quality)));
        let upper = (quality, QUALITY_RANGE.1);
        let finer = search(upper, |quality| count(&single, Detail::new(quality)) <= left);
        Tessellation { shared: Detail::new(quality), single: Detail::new(finer) }
    }
}

/// The largest value in the range that is low enough, the low end if none is.
fn search((mut low, mut high): (f32, f32), is_low_enough: impl Fn(f32) -> bool) -> f32 {
    for _ in 0..SEARCH_STEPS {
        // Of the same ratio to both ends.
        let middle = (low * high).sqrt();
        if is_low_enough(middle) { low = middle } else { high = middle }
    }
    low
}

impl Recipe {
    fn is_shared(&self) -> bool {
        self.uses > 1
    }

    fn triangles(&self, detail: Detail) -> u64 {
        let mut solid = Solid::counting(detail);
        (self.draw)(&mut solid);
        solid.triangles()
    }

    fn build(&self, tessellation: Tessellation) -> Mesh {
        let detail = if self.is_shared() { tessellation.shared } else { tessellation.single };
        let mut solid = Solid::building(detail);
        (self.draw)(&mut solid);
        let primitives =
            solid.into_primitives().into_iter().map(|(finish, primitive)| complete(finish, primitive)).collect();
        Mesh { name: self.name.clone(), primitives }
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
