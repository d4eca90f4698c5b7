//! Geometry on the device: pages, each of which is three streams that one bind group can name.

use std::ops::Range;

use crate::frame::RenderError;
use crate::graphics::Graphics;
use crate::memory::Arena;
use crate::prepare::Chunk;

/// Every page is looked at by itself while drawing, so that there should be few. Four are 33 million vertices even
/// where a binding holds 128 MiB only.
pub(crate) const PAGES_MAX: usize = 4;

#[derive(Debug)]
pub(crate) struct Page {
    vertices: Arena<[u32; 4]>,
    details: Arena<[u32; 4]>,
    triangles: Arena<u32>,
    bind_group: wgpu::BindGroup,
}

/// Where a chunk lies.
#[derive(Clone, Debug)]
pub(crate) struct PlacedChunk {
    pub page: u8,
    pub vertices: Range<u32>,
    pub details: Range<u32>,
    pub triangles: Range<u32>,
}

#[derive(Debug)]
pub(crate) struct Geometry {
    pages: Vec<Page>,
    layout: wgpu::BindGroupLayout,
}

impl Geometry {
    pub(crate) fn new(graphics: &Graphics, layout: wgpu::BindGroupLayout) -> Result<Self, RenderError> {
        let page = Page::new(graphics, &layout)?;
        Ok(Self { pages: vec![page], layout })
    }

    pub(crate) fn bind_group(&self, page: u8) -> &wgpu::BindGroup {
        &self.pages[page as usize].bind_group
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.pages.iter().map(|page| page.vertices.bytes() + page.details.bytes() + page.triangles.bytes()).sum()
    }

    /// Places a chunk on the first page that can hold it.
    pub(crate) fn insert(&mut self, graphics: &Graphics, chunk: &Chunk) -> Result<PlacedChunk, RenderError> {
        let page = match self.pages.iter().position(|page| page.could_hold(chunk)) {
            Some(page) => page,
            None if self.pages.len() < PAGES_MAX => {
                self.pages.push(Page::new(graphics, &self.layout)?);
                self.pages.len() - 1
            }
            None => return Err(RenderError::OutOfMemory(format!("geometry beyond {PAGES_MAX} pages"))),
        };
        let [vertices, details, triangles] = self.pages[page].insert(graphics, &self.layout, chunk)?;
        Ok(PlacedChunk { page: page as u8, vertices, details, triangles })
    }

    pub(crate) fn remove(&mut self, placed: PlacedChunk) {
        let page = &mut self.pages[placed.page as usize];
        page.vertices.remove(placed.vertices);
        page.details.remove(placed.details);
        page.triangles.remove(placed.triangles);
    }
}

impl Page {
    fn new(graphics: &Graphics, layout: &wgpu::BindGroupLayout) -> Result<Self, RenderError> {
        let vertices = Arena::new(graphics, "vertices")?;
        let details = Arena::new(graphics, "vertex details")?;
        let triangles = Arena::new(graphics, "triangles")?;
        let bind_group = bind(graphics, layout, &vertices, &details, &triangles);
        Ok(Self { vertices, details, triangles, bind_group })
    }

    fn could_hold(&self, chunk: &Chunk) -> bool {
        self.vertices.could_hold(chunk.vertices.len())
            && self.details.could_hold(chunk.details.len())
            && self.triangles.could_hold(chunk.triangles.len())
    }

    fn insert(
        &mut self,
        graphics: &Graphics,
        layout: &wgpu::BindGroupLayout,
        chunk: &Chunk,
    ) -> Result<[Range<u32>; 3], RenderError> {
        let generation =
            |page: &Self| (page.vertices.generation(), page.details.generation(), page.triangles.generation());
        let before = generation(self);
        let vertices = self.vertices.insert(graphics, &chunk.vertices)?;
        let details = self.details.insert(graphics, &chunk.details).inspect_err(|_| {
            self.vertices.remove(vertices.clone());
        })?;
        let triangles = self.triangles.insert(graphics, &chunk.triangles).inspect_err(|_| {
            self.vertices.remove(vertices.clone());
            self.details.remove(details.clone());
        })?;
        if generation(self) != before {
            self.bind_group = bind(graphics, layout, &self.vertices, &self.details, &self.triangles);
        }
        Ok([vertices, details, triangles])
    }
}

fn bind(
    graphics: &Graphics,
    layout: &wgpu::BindGroupLayout,
    vertices: &Arena<[u32; 4]>,
    details: &Arena<[u32; 4]>,
    triangles: &Arena<u32>,
) -> wgpu::BindGroup {
    let resources = [vertices.buffer(), details.buffer(), triangles.buffer()];
    crate::layout::bind_buffers(&graphics.device, "geometry page", layout, &resources)
}
