//! The WGSL files.

/// One WGSL file: name and text.
pub(super) type Source = (&'static str, &'static str);

macro_rules! sources {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(super) const $constant: Source =
            (concat!($name, ".wgsl"), include_str!(concat!("../shaders/", $name, ".wgsl")));)*
    };
}

sources! {
    WORDS_32 = "words_32";
    WORDS_64 = "words_64";
    SCENE = "scene";
    VISIBILITY_32 = "visibility_32";
    VISIBILITY_64 = "visibility_64";
    QUEUE = "queue";
    FRAGMENT = "fragment";
    FRAGMENT_MASKED = "fragment_masked";
    FRAGMENT_LAYER = "fragment_layer";
    RASTER = "raster";
    RASTER_LARGE = "raster_large";
    LARGE = "large";
    RASTER_POINTS = "raster_points";
    SURFACE = "surface";
    SHADE = "shade";
    PIXEL = "pixel";
    COLOR = "color";
    COLOR_POINTS = "color_points";
    RESOLVE = "resolve";
    CLASSIFY = "classify";
    DRAWS = "draws";
    ARGUMENTS = "arguments";
    COMPOSITE = "composite";
    PLANES = "planes";
    PYRAMID = "pyramid";
    SHRINK_TEXEL = "shrink_texel";
    SHRINK = "shrink";
    SHRINK_REST = "shrink_rest";
    CULL = "cull";
    MASK = "mask";
    MOTION = "motion";
    HISTORY = "history";
    HISTORY_BEGIN = "history_begin";
    HISTORY_KEEP = "history_keep";
    HISTORY_CELLS = "history_cells";
    HISTORY_PIXELS = "history_pixels";
    OUTLINE = "outline";
    CHECKERBOARD = "checkerboard";
}
