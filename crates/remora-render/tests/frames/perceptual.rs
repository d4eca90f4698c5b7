//! A perceptual comparison of two frames: differences in CIE Lab after a blur like that of the eye at arm's length.
//! Single pixels on edges, where drivers may differ, count little.

use std::path::PathBuf;

use remora_render::RenderedFrame;

/// Mean and 99.5th percentile of the colour difference. A difference of 1 is just noticeable side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    pub(crate) mean: f32,
    pub(crate) peak: f32,
}

impl Difference {
    pub(crate) fn is_invisible(self) -> bool {
        self.mean < 0.3 && self.peak < 3.0
    }
}

pub(crate) fn difference(a: &RenderedFrame, b: &RenderedFrame) -> Difference {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let (a_lab, b_lab) = (lab(a), lab(b));
    let mut differences: Vec<f32> = a_lab
        .iter()
        .zip(&b_lab)
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt())
        .collect();
    differences.sort_by(f32::total_cmp);
    Difference {
        mean: differences.iter().sum::<f32>() / differences.len() as f32,
        peak: differences[differences.len() * 995 / 1000],
    }
}

/// Compares with the golden image under `tests/golden`, or stores the frame there if `REMORA_ACCEPT_GOLDEN` is set.
pub(crate) fn assert_golden(name: &str, frame: &RenderedFrame) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = folder.join(format!("{name}.png"));
    if std::env::var_os("REMORA_ACCEPT_GOLDEN").is_some() {
        save(&path, frame);
        return;
    }
    let golden = image::open(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; REMORA_ACCEPT_GOLDEN=1 cargo test -p remora-render stores the frames", path.display())
    });
    let golden = golden.to_rgba8();
    let golden = RenderedFrame { width: golden.width(), height: golden.height(), data: golden.into_raw() };
    let difference = difference(&golden, frame);
    if !difference.is_invisible() {
        let found = std::env::temp_dir().join(format!("remora-{name}.png"));
        save(&found, frame);
        panic!("{name} looks different: {difference:?}; see {} beside {}", found.display(), path.display());
    }
}

fn save(path: &std::path::Path, frame: &RenderedFrame) {
    image::save_buffer(path, &frame.data, frame.width, frame.height, image::ColorType::Rgba8)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn lab(frame: &RenderedFrame) -> Vec<[f32; 3]> {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let linear: Vec<[f32; 3]> = frame
        .data
        .chunks_exact(4)
        .map(|pixel| {
            let value = |channel: usize| {
                let value = f32::from(pixel[channel]) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            [value(0), value(1), value(2)]
        })
        .collect();
    (0..width * height)
        .map(|index| {
            let (x, y) = (index % width, index / width);
            let mut sum = [0.0; 3];
            for row in -1isize..=1 {
                for column in -1isize..=1 {
                    let x = x.saturating_add_signed(column).min(width - 1);
                    let y = y.saturating_add_signed(row).min(height - 1);
                    for (sum, value) in sum.iter_mut().zip(linear[y * width + x]) {
                        *sum += value / 9.0;
                    }
                }
            }
            lab_of(sum)
        })
        .collect()
}

fn lab_of([r, g, b]: [f32; 3]) -> [f32; 3] {
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let f = |t: f32| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let (x, y, z) = (f(x), f(y), f(z));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn the_measure_distinguishes_noise_from_change() {
    let frame = |color: [u8; 3], noise: u8| RenderedFrame {
        width: 32,
        height: 32,
        data: (0..32 * 32u32).flat_map(|i| [color[0] + (i % 2) as u8 * noise, color[1], color[2], 255]).collect(),
    };
    let same = difference(&frame([90, 90, 90], 0), &frame([90, 90, 90], 1));
    assert!(same.is_invisible(), "{same:?}");
    let changed = difference(&frame([90, 90, 90], 0), &frame([98, 90, 90], 0));
    assert!(!changed.is_invisible(), "{changed:?}");
}
