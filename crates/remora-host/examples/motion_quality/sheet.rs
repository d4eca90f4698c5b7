//! Contact sheets: a frame in motion and the frame at rest beside each other, and below them a detail, enlarged.

use std::path::Path;

use image::{
    RgbImage,
    imageops::{self, FilterType},
};

use crate::{
    Failure,
    course::Course,
    measure::{luma, to_rgb},
    view::Shots,
};

/// Sheets per course.
const SHEETS: usize = 4;
/// The factor by which the detail is enlarged.
const ENLARGED: u32 = 4;

/// Writes the sheets of a course as `MODEL-COURSE-POSE.png`. The frame in motion is on the left.
pub(crate) fn write(folder: &Path, model: &str, course: Course, shots: &Shots) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let name: String = Path::new(model).file_stem().unwrap_or_default().to_string_lossy().replace(['?', '='], "-");
    let count = shots.motion.len();
    for sheet in 1..=SHEETS {
        let index = (count - 1) * sheet / SHEETS;
        let (motion, reference) = (to_rgb(&shots.motion[index].frame), to_rgb(&shots.references[index]));
        let (width, height) = motion.dimensions();
        let size = (width / ENLARGED, height / ENLARGED);
        let (x, y) = most_detailed(luma(&shots.references[index]), (width, height), size);
        let mut page = RgbImage::new(width * 2, height * 2);
        for (column, frame) in [(0, &motion), (width, &reference)] {
            let detail = imageops::crop_imm(frame, x, y, size.0, size.1).to_image();
            imageops::replace(&mut page, frame, i64::from(column), 0);
            let detail = imageops::resize(&detail, width, height, FilterType::Nearest);
            imageops::replace(&mut page, &detail, i64::from(column), i64::from(height));
        }
        page.save(folder.join(format!("{name}-{}-{index:03}.png", course.name())))?;
    }
    Ok(())
}

/// Returns the corner of the window whose luma changes most from pixel to pixel.
fn most_detailed(luma: &[u8], (width, height): (u32, u32), size: (u32, u32)) -> (u32, u32) {
    let at = |x: u32, y: u32| luma[(y * width + x) as usize];
    let change = |x: u32, y: u32| {
        let here = at(x, y);
        u64::from(here.abs_diff(at(x + 1, y))) + u64::from(here.abs_diff(at(x, y + 1)))
    };
    let sum = |&(left, top): &(u32, u32)| {
        let rows = top..top + size.1 - 1;
        rows.flat_map(|y| (left..left + size.0 - 1).map(move |x| change(x, y))).sum::<u64>()
    };
    let steps = |length: u32, part: u32| (0..=length - part).step_by((part / 4).max(1) as usize);
    let corners = steps(height, size.1).flat_map(|y| steps(width, size.0).map(move |x| (x, y)));
    corners.max_by_key(sum).unwrap_or_default()
}
