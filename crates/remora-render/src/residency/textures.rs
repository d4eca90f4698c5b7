//! Textures on the device: one array per size and format, whose layers are allocated and freed.

use crate::device::graphics::Graphics;
use crate::device::ranges::RangeAllocator;
use crate::frame::RenderError;
use crate::residency::prepare::{ARRAYS, TextureLayer, array_of};

/// Side of a compressed block in texels.
const BLOCK: u32 = 4;

#[derive(Debug)]
pub(crate) struct TextureArrays {
    buckets: Vec<TextureArray>,
}

#[derive(Debug)]
struct TextureArray {
    side: u32,
    /// True if layers are compressed as BC7.
    blocks: bool,
    texture: wgpu::Texture,
    ranges: RangeAllocator,
}

impl TextureArrays {
    /// Makes empty arrays. An array without layers holds a single texel.
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let buckets = (0..ARRAYS as u8)
            .map(|bucket| {
                let (side, blocks) = array_of(bucket);
                Ok(TextureArray {
                    side,
                    blocks,
                    texture: texture(graphics, 1, 1, false)?,
                    ranges: RangeAllocator::default(),
                })
            })
            .collect::<Result<_, RenderError>>()?;
        Ok(Self { buckets })
    }

    pub(crate) fn view(&self, bucket: u8) -> wgpu::TextureView {
        self.buckets[bucket as usize].texture.create_view(&wgpu::TextureViewDescriptor {
            dimension: Some(wgpu::TextureViewDimension::D2Array),
            ..Default::default()
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        let bytes = |bucket: &TextureArray| {
            u64::from(bucket.ranges.length()) * u64::from(bucket.side).pow(2) * if bucket.blocks { 4 } else { 16 } / 3
        };
        self.buckets.iter().map(bytes).sum()
    }

    /// Makes room for further layers in each array, all at once because an array is copied when it grows. Returns
    /// whether an array was replaced.
    pub(crate) fn reserve(&mut self, graphics: &Graphics, layers: &[TextureLayer]) -> Result<bool, RenderError> {
        let mut exchanged = false;
        for (index, bucket) in self.buckets.iter_mut().enumerate() {
            let count = layers.iter().filter(|layer| usize::from(layer.bucket) == index).count() as u32;
            let needed = bucket.ranges.taken() + count;
            if count > 0 && needed > bucket.ranges.length() {
                bucket.grow(graphics, needed)?;
                exchanged = true;
            }
        }
        Ok(exchanged)
    }

    /// Uploads a layer. There must be room for it.
    pub(crate) fn insert(&mut self, graphics: &Graphics, layer: &TextureLayer) -> u32 {
        let bucket = &mut self.buckets[layer.bucket as usize];
        let index = bucket.ranges.take(1).expect("room was reserved for every layer").start;
        let mut rest = &layer.texels[..];
        for level in 0..levels(bucket.side) {
            let side = bucket.side >> level;
            // Levels smaller than a block still take a whole one.
            let (extent, row_bytes, rows) = match bucket.blocks {
                true => (extent(side.max(BLOCK), 1), side.div_ceil(BLOCK) * 16, side.div_ceil(BLOCK)),
                false => (extent(side, 1), side * 4, side),
            };
            let (texels, smaller) = rest.split_at((row_bytes * rows) as usize);
            rest = smaller;
            let to = wgpu::TexelCopyTextureInfo {
                texture: &bucket.texture,
                mip_level: level,
                origin: wgpu::Origin3d { x: 0, y: 0, z: index },
                aspect: wgpu::TextureAspect::All,
            };
            let rows = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row_bytes), rows_per_image: None };
            graphics.queue.write_texture(to, texels, rows, extent);
        }
        index
    }

    pub(crate) fn remove(&mut self, bucket: u8, layer: u32) {
        self.buckets[bucket as usize].ranges.free(layer..layer + 1);
    }
}

impl TextureArray {
    fn grow(&mut self, graphics: &Graphics, needed: u32) -> Result<(), RenderError> {
        if needed > graphics.limits.max_texture_array_layers {
            return Err(RenderError::OutOfMemory(format!("{needed} textures of {} pixels", self.side)));
        }
        let grown = texture(graphics, self.side, needed, self.blocks)?;
        let kept = self.ranges.length();
        if kept > 0 {
            let mut encoder = graphics.device.create_command_encoder(&Default::default());
            for level in 0..levels(self.side) {
                let place = |texture| wgpu::TexelCopyTextureInfo {
                    texture,
                    mip_level: level,
                    origin: wgpu::Origin3d::ZERO,
                    aspect: wgpu::TextureAspect::All,
                };
                let side = (self.side >> level).max(if self.blocks { BLOCK } else { 1 });
                encoder.copy_texture_to_texture(place(&self.texture), place(&grown), extent(side, kept));
            }
            graphics.queue.submit([encoder.finish()]);
        }
        self.texture = grown;
        self.ranges.extend_to(needed);
        Ok(())
    }
}

fn levels(side: u32) -> u32 {
    side.ilog2() + 1
}

fn extent(side: u32, layers: u32) -> wgpu::Extent3d {
    wgpu::Extent3d { width: side, height: side, depth_or_array_layers: layers }
}

fn texture(graphics: &Graphics, side: u32, layers: u32, blocks: bool) -> Result<wgpu::Texture, RenderError> {
    let descriptor = wgpu::TextureDescriptor {
        label: Some("material layers"),
        size: extent(side, layers),
        mip_level_count: levels(side),
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: if blocks { wgpu::TextureFormat::Bc7RgbaUnorm } else { wgpu::TextureFormat::Rgba8Unorm },
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    };
    graphics.guarded(&format!("{layers} textures of {side} pixels"), |device| device.create_texture(&descriptor))
}
