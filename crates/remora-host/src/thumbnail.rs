//! Renders an image of an asset, without a session.

use std::time::Duration;

use glam::{Quat, Vec3};
use remora_asset::{Asset, AssetError};
use remora_render::{
    BLEND_LAYERS_MAX, Camera, FrameOptions, FrameRequest, FrameSerial, Graphics, GraphicsError, PixelFormat,
    PrepareOptions, PreparedAsset, RenderError, RenderedFrame, Renderer, RendererOptions, Samples, Size,
};
use remora_scene::{EditError, Scene};
use thiserror::Error;

use crate::HostOptions;

/// In radians.
const VERTICAL_FIELD_OF_VIEW: f32 = 0.7;
/// The direction of the view: from the front, a little from the right and from above.
const YAW_DEGREES: f32 = 30.0;
const PITCH_DEGREES: f32 = 20.0;
/// Lower bound on the radius of the model, which may be a single point.
const RADIUS_METRES_MIN: f64 = 1e-3;
/// Upper bound on one wait for geometry.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);
/// Upper bound on frames that are rendered because finer geometry has arrived.
const ROUNDS_MAX: usize = 64;

/// The reason why a thumbnail is not rendered.
#[derive(Debug, Error)]
pub enum ThumbnailError {
    /// The graphics device cannot be opened.
    #[error(transparent)]
    Graphics(#[from] GraphicsError),
    /// The graphics device fails.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The asset is damaged.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// The asset has too many nodes.
    #[error(transparent)]
    Scene(#[from] EditError),
    /// The asset has no geometry.
    #[error("the model shows nothing that could be drawn")]
    Empty,
}

/// Renders the whole asset. Returns `width * height` texels of RGBA, sRGB, rows from the top. Both sides must be even
/// and within the renderer's limit. The current rayon pool prepares the texture layers.
///
/// # Errors
///
/// The asset is empty or damaged, or the graphics device fails.
pub fn thumbnail(asset: &Asset, width: u32, height: u32, options: &HostOptions) -> Result<Vec<u8>, ThumbnailError> {
    if asset.bounds().is_empty() {
        return Err(ThumbnailError::Empty);
    }
    let graphics = Graphics::open(&options.graphics)?;
    let prepared = PreparedAsset::new(asset, &PrepareOptions::for_adapter(graphics.adapter()))?;
    let mut renderer = Renderer::new(graphics, &RendererOptions::default())?;
    let mut scene = Scene::new();
    let added = scene.add_model(asset.clone())?;
    renderer.add_model(added.model, &prepared)?;
    let request = request(asset, Size::new(width, height));
    renderer.synchronise(&mut scene, request.camera.position)?;
    let mut image = RenderedFrame::default();
    for _ in 0..ROUNDS_MAX {
        renderer.submit(&request)?;
        let done = renderer.receive(&mut image)?.expect("a submitted frame is received");
        if done.pages_missing == 0 || !renderer.await_pages(PAGE_TIME_MAX)? {
            break;
        }
    }
    Ok(image.data)
}

fn request(asset: &Asset, size: Size) -> FrameRequest {
    let bounds = asset.bounds();
    let radius = bounds.radius().max(RADIUS_METRES_MIN);
    let orientation =
        Quat::from_rotation_y(YAW_DEGREES.to_radians()) * Quat::from_rotation_x(-PITCH_DEGREES.to_radians());
    let aspect = f64::from(size.width.max(1)) / f64::from(size.height.max(1));
    let narrower = f64::from(VERTICAL_FIELD_OF_VIEW * 0.5).tan() * aspect.min(1.0);
    // The sphere around the model just fits into the image.
    let distance = radius / narrower.atan().sin();
    let position = bounds.center() + (orientation * Vec3::Z).as_dvec3() * distance;
    FrameRequest {
        serial: FrameSerial(0),
        camera: Camera {
            position,
            orientation,
            vertical_field_of_view: VERTICAL_FIELD_OF_VIEW,
            near: (radius * 1e-3) as f32,
        },
        render_size: size,
        samples: Samples::Four,
        error_pixels: 1.0,
        blend_layers: BLEND_LAYERS_MAX,
        stream_size: size,
        format: PixelFormat::Rgba,
        options: FrameOptions::default(),
    }
}
