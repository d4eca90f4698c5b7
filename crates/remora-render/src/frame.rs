//! What is asked of the renderer, and what it gives back.

use glam::{DVec3, Quat};
use std::time::Duration;
use thiserror::Error;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Size {
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    pub const fn pixels(self) -> u32 {
        self.width * self.height
    }

    pub(crate) fn aspect(self) -> f32 {
        self.width as f32 / self.height as f32
    }
}

/// Where the picture is seen from: looks along its own -Z, +Y is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    pub position: DVec3,
    pub orientation: Quat,
    /// Radians, above 0 and below π.
    pub vertical_field_of_view: f32,
    /// Metres, above 0. There is no far plane.
    pub near: f32,
}

/// Samples per pixel that decide which triangle is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Samples {
    One,
    Four,
}

impl Samples {
    pub const fn count(self) -> u32 {
        match self {
            Samples::One => 1,
            Samples::Four => 4,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Planes Y, U, V behind one another, BT.709, limited range; chroma halved in both directions.
    I420,
    /// Four bytes per pixel, sRGB.
    Rgba,
}

/// One picture to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRequest {
    /// Given back with the picture.
    pub serial: u64,
    pub camera: Camera,
    /// What is drawn; stretched to `stream_size`.
    pub render_size: Size,
    pub samples: Samples,
    /// What simplified geometry may differ by from the original, in pixels of the rendered picture; above 0.
    pub error_pixels: f32,
    /// How many transparent surfaces behind one another are shown, up to [`BLEND_LAYERS_MAX`].
    pub blend_layers: u32,
    /// What is given out; both even.
    pub stream_size: Size,
    pub format: PixelFormat,
    pub options: FrameOptions,
}

/// What can be asked of a picture besides showing the scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameOptions {
    /// Leave out what is hidden behind something else, where that saves time. The picture is the same.
    pub occlusion_culling: bool,
    /// Column and row of a pixel of the picture as it is rendered: what is seen there comes with the picture.
    pub pick: Option<[u32; 2]>,
    /// How much of a checkerboard takes the place of the background, 0 to 1.
    pub checkerboard: f32,
    /// Of the line around what is selected: sRGB and opacity.
    pub outline_color: [u8; 4],
}

impl Default for FrameOptions {
    fn default() -> Self {
        Self { occlusion_culling: true, pick: None, checkerboard: 0.0, outline_color: [0xff, 0x8c, 0x00, 0xff] }
    }
}

/// What is seen at a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picked {
    /// Index into the instances of the scene as it was drawn.
    pub instance: u32,
    /// In the world. Of transparent surfaces, the nearest.
    pub position: DVec3,
    /// From the camera, in metres.
    pub distance: f32,
}

pub const BLEND_LAYERS_MAX: u32 = 4;

/// Longest side of a picture.
pub const FRAME_DIMENSION_MAX: u32 = 8192;

/// A finished picture. Kept by the caller and filled again and again, so that nothing is allocated per frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedFrame {
    pub width: u32,
    pub height: u32,
    /// As the request's [`PixelFormat`] says, rows without padding.
    pub data: Vec<u8>,
}

/// Goes with a finished picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameDone {
    pub serial: u64,
    pub timings: FrameTimings,
    /// Handed to the rasteriser: in the view, not turned away as a whole cluster, and not found hidden. Points too.
    pub triangles_drawn: u64,
    /// Of those, points; before what was found hidden is left out.
    pub points_drawn: u64,
    pub clusters_drawn: u32,
    /// Clusters that were hidden in an earlier frame, and were asked about again.
    pub clusters_tested: u32,
    /// Of those, the ones that were hidden again and left out.
    pub clusters_occluded: u32,
    /// Parts of models that would have been shown finer, had they been there yet.
    pub pages_missing: usize,
    /// What is seen at the pixel that was asked about; `None` for the background, too.
    pub picked: Option<Picked>,
}

/// Where a frame's time went. Wall time of each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameTimings {
    /// Choosing what to draw.
    pub select: Duration,
    /// Recording and handing over the commands.
    pub submit: Duration,
    /// From hand-over until the picture was there to be read.
    pub draw: Duration,
    /// Of that, on the device, finding what is seen; 0 where the adapter cannot tell.
    pub raster: Duration,
    /// Of that, on the device, shading it.
    pub shade: Duration,
    /// Of that, on the device, layers of transparent surfaces.
    pub blend: Duration,
    /// Read-back, conversion and stretching.
    pub convert: Duration,
}

#[derive(Debug, Error)]
pub enum RenderError {
    #[error("the graphics device was lost ({0}); a new one has to be opened")]
    DeviceLost(String),
    #[error("not enough graphics memory for {0}")]
    OutOfMemory(String),
    #[error("the graphics driver refused {what}: {why}")]
    Rejected { what: String, why: String },
    #[error("the picture was not finished within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("{0}")]
    Request(String),
    #[error("{0}")]
    Damaged(String),
    #[error("model {0} is not with the renderer; add it before the scene that shows it")]
    ModelUnknown(u64),
    #[error("{frames} pictures are in flight already; receive one before submitting the next")]
    TooManyInFlight { frames: usize },
}

impl FrameRequest {
    /// Says what is wrong with a request, if anything.
    pub(crate) fn check(&self) -> Result<(), RenderError> {
        let refuse = |why: String| Err(RenderError::Request(why));
        for (what, size) in [("render", self.render_size), ("stream", self.stream_size)] {
            let fits = |pixels: u32| (2..=FRAME_DIMENSION_MAX).contains(&pixels);
            if !fits(size.width) || !fits(size.height) {
                return refuse(format!(
                    "{what} size {}x{} is not within 2x2 to {FRAME_DIMENSION_MAX}x{FRAME_DIMENSION_MAX}",
                    size.width, size.height
                ));
            }
        }
        if (self.stream_size.width | self.stream_size.height) & 1 != 0 {
            return refuse(format!("stream size {}x{} is not even", self.stream_size.width, self.stream_size.height));
        }
        let camera = &self.camera;
        if !(camera.position.is_finite() && camera.orientation.is_finite() && camera.orientation.length() > 0.5) {
            return refuse("the camera's position and orientation must be finite numbers".into());
        }
        if !(camera.vertical_field_of_view > 0.0 && camera.vertical_field_of_view < std::f32::consts::PI) {
            return refuse("the field of view must lie between 0 and 180 degrees".into());
        }
        if !(camera.near > 0.0 && camera.near.is_finite()) {
            return refuse("the near plane must lie in front of the camera".into());
        }
        if !(self.error_pixels > 0.0 && self.error_pixels.is_finite()) {
            return refuse("the error that is allowed must be a number of pixels above 0".into());
        }
        if self.blend_layers > BLEND_LAYERS_MAX {
            return refuse(format!("at most {BLEND_LAYERS_MAX} transparent layers can be shown"));
        }
        let size = self.render_size;
        if let Some([x, y]) = self.options.pick
            && (x >= size.width || y >= size.height)
        {
            return refuse(format!(
                "pixel {x}, {y} is not within the {}x{} that are rendered",
                size.width, size.height
            ));
        }
        if !(0.0..=1.0).contains(&self.options.checkerboard) {
            return refuse("the checkerboard's share must lie between 0 and 1".into());
        }
        Ok(())
    }
}
