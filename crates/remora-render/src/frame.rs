//! Requests to the renderer, and its answers.

use glam::{DVec3, Quat};
use std::time::Duration;
use thiserror::Error;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Makes a size of `width` by `height` pixels.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Returns the number of pixels.
    pub const fn pixels(self) -> u32 {
        self.width * self.height
    }

    pub(crate) fn aspect(self) -> f32 {
        self.width as f32 / self.height as f32
    }
}

/// Position and orientation of the viewer, who looks along the local -Z axis with +Y up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Position in the world, in metres.
    pub position: DVec3,
    /// Rotation from the camera to the world.
    pub orientation: Quat,
    /// Radians, above 0 and below π.
    pub vertical_field_of_view: f32,
    /// Metres, above 0. There is no far plane.
    pub near: f32,
}

/// Number of samples per pixel, at which visibility is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Samples {
    /// One sample at the centre.
    One,
    /// Four samples, which smooth edges.
    Four,
}

impl Samples {
    /// Returns the number of samples.
    pub const fn count(self) -> u32 {
        match self {
            Samples::One => 1,
            Samples::Four => 4,
        }
    }
}

/// The format of a frame's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// The planes Y, U and V one after another, BT.709, limited range; chroma has half the resolution in both
    /// directions.
    I420,
    /// Four bytes per pixel, sRGB.
    Rgba,
}

/// Number by which the caller knows a frame. The renderer returns it and gives it no meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameSerial(pub u64);

impl FrameSerial {
    /// Returns the serial of the frame after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A frame to render.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRequest {
    /// Returned with the frame.
    pub serial: FrameSerial,
    /// View of the frame.
    pub camera: Camera,
    /// Size at which the frame is rendered before it is scaled to `stream_size`.
    pub render_size: Size,
    /// Samples per pixel.
    pub samples: Samples,
    /// Largest permitted error of simplified geometry, in pixels of the rendered frame; above 0.
    pub error_pixels: f32,
    /// Number of transparent surfaces that are shown one behind another, up to [`BLEND_LAYERS_MAX`].
    pub blend_layers: u32,
    /// Size of the result; both sides are even.
    pub stream_size: Size,
    /// Format of the result.
    pub format: PixelFormat,
    /// Optional features.
    pub options: FrameOptions,
}

/// How a frame relates to the ones before it. Only frames in [`PixelFormat::I420`] can take part in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum History {
    /// The frame stands alone and leaves the history as it is.
    #[default]
    Apart,
    /// The frame stands alone, and later frames may continue it. It is rendered in the size of the stream.
    Begin,
    /// The frame is combined with the ones before it, wherever they show the same surfaces: the rendered samples lie at
    /// other positions in each frame, so that they add up to the full size and to smooth edges. It is rendered in the
    /// size of the stream or in half of its width and height.
    Continue,
}

/// Optional features of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameOptions {
    /// Relation to earlier frames.
    pub history: History,
    /// Skip hidden clusters where that saves time. The rendered frame does not depend on it.
    pub occlusion_culling: bool,
    /// Column and row of a pixel of the rendered frame whose entity is returned with the frame.
    pub pick: Option<[u32; 2]>,
    /// Opacity of a checkerboard in the background, 0 to 1.
    pub checkerboard: f32,
    /// Colour of the outline of selected entities: sRGB and opacity.
    pub outline_color: [u8; 4],
}

impl Default for FrameOptions {
    fn default() -> Self {
        Self {
            history: History::Apart,
            occlusion_culling: true,
            pick: None,
            checkerboard: 0.0,
            outline_color: [0xff, 0x8c, 0x00, 0xff],
        }
    }
}

/// The surface under a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picked {
    /// Index into the instances of the scene at the time of the frame.
    pub instance: u32,
    /// Position in the world; on the nearest one of several transparent surfaces.
    pub position: DVec3,
    /// Distance from the camera in metres.
    pub distance: f32,
}

/// Largest number of transparent layers.
pub const BLEND_LAYERS_MAX: u32 = 4;

/// Longest side of a frame in pixels.
pub const FRAME_DIMENSION_MAX: u32 = 8192;

/// A finished frame. The caller keeps it and lets the renderer fill it again, so that no frame allocates memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedFrame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pixels in the requested [`PixelFormat`], rows without padding.
    pub data: Vec<u8>,
}

/// Information about a finished frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameDone {
    /// Serial of the request.
    pub serial: FrameSerial,
    /// Duration of each stage.
    pub timings: FrameTimings,
    /// Triangles and points given to the rasteriser. Clusters outside the view, facing away or found hidden do not
    /// count.
    pub triangles_drawn: u64,
    /// Points among them, before hidden clusters are subtracted.
    pub points_drawn: u64,
    /// Clusters given to the rasteriser.
    pub clusters_drawn: u32,
    /// Clusters that an earlier frame found hidden and that this frame tested again.
    pub clusters_tested: u32,
    /// Tested clusters that were still hidden and were not drawn.
    pub clusters_occluded: u32,
    /// Pages whose absence made the frame coarser than requested.
    pub pages_missing: usize,
    /// Share of the frame's pixels that were rendered in this frame or stem from earlier frames that show the same
    /// surface there, 0 to 1; the others are interpolated.
    ///
    /// A graphics card counts every pixel. A software adapter counts those from earlier frames, and assumes that
    /// rendered pixels are as frequent among them as among the others; the results differ by less than 0.01.
    pub valid_share: f32,
    /// Surface under the requested pixel; `None` for the background.
    pub picked: Option<Picked>,
}

/// Time spent in each stage of a frame. Stages overlap with those of other frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameTimings {
    /// Selecting what to draw.
    pub select: Duration,
    /// Recording and submitting commands.
    pub submit: Duration,
    /// From submission until the result could be read.
    pub draw: Duration,
    /// Part of `draw` that determined visibility on the device; 0 if the adapter has no timestamps.
    pub raster: Duration,
    /// Part of `draw` that shaded solid surfaces on the device; 0 if the adapter has no timestamps.
    pub shade: Duration,
    /// Part of `draw` that blended transparent surfaces on the device; 0 if the adapter has no timestamps.
    pub blend: Duration,
    /// Reading back, converting and scaling.
    pub convert: Duration,
}

/// Errors of the renderer.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The device is lost; a new one has to be opened.
    #[error("the graphics device was lost ({0}); a new one has to be opened")]
    DeviceLost(String),
    /// An allocation failed or would exceed a limit of the device.
    #[error("not enough graphics memory for {0}")]
    OutOfMemory(String),
    /// The driver rejected a resource or a command.
    #[error("the graphics driver refused {what}: {why}")]
    Rejected {
        /// The rejected resource or command.
        what: String,
        /// The message of the driver.
        why: String,
    },
    /// The device did not finish a frame in time.
    #[error("the frame was not finished within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// A value of the request is out of range.
    #[error("{0}")]
    Request(String),
    /// A page of an asset is damaged.
    #[error("{0}")]
    Damaged(String),
    /// The scene shows a model that has not been added.
    #[error("the renderer does not have model {0}; add it before the scene that shows it")]
    ModelUnknown(u64),
    /// A frame has to be received before the next one is submitted.
    #[error("{frames} frames are in flight already; receive one before submitting the next")]
    TooManyInFlight {
        /// Number of frames in flight.
        frames: usize,
    },
}

impl FrameRequest {
    /// Returns an error if a value of the request is out of range.
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
            return refuse("the permitted error must be a number of pixels above 0".into());
        }
        if self.blend_layers > BLEND_LAYERS_MAX {
            return refuse(format!("at most {BLEND_LAYERS_MAX} transparent layers can be shown"));
        }
        let size = self.render_size;
        if let Some([x, y]) = self.options.pick
            && (x >= size.width || y >= size.height)
        {
            return refuse(format!("pixel {x}, {y} is outside of the rendered {}x{}", size.width, size.height));
        }
        let (render, stream) = (self.render_size, self.stream_size);
        let halved = Size::new(render.width * 2, render.height * 2) == stream;
        let fits = match self.options.history {
            History::Apart => true,
            History::Begin => render == stream,
            History::Continue => render == stream || halved,
        };
        if !fits {
            return refuse(format!(
                "a frame of a stream of {}x{} that is rendered in {}x{} cannot take part in a history",
                stream.width, stream.height, render.width, render.height
            ));
        }
        if self.options.history != History::Apart && self.format != PixelFormat::I420 {
            return refuse("only a frame in I420 can take part in a history".into());
        }
        if !(0.0..=1.0).contains(&self.options.checkerboard) {
            return refuse("the opacity of the checkerboard must lie between 0 and 1".into());
        }
        Ok(())
    }
}
