//! The latency marker: the id of the pose that a frame shows, painted into its top left corner. A measurement reads it
//! from the decoded frame to find the input that the frame answers. The layout is defined in `proto/`: a white and a
//! black square, then 32 bits, most significant first, white is 1; squares of 8 by 8 pixels in one row.

use crate::ids::PoseId;

/// Side of a square, in pixels.
const SQUARE: usize = 8;
const SQUARES: usize = 2 + 32;

/// Limited-range luma.
const BLACK: u8 = 16;
const WHITE: u8 = 235;
const GRAY_CHROMA: u8 = 128;

/// Paints the id into an I420 frame. A frame that is too small for the marker stays as it is.
pub(crate) fn paint(data: &mut [u8], width: usize, height: usize, pose_id: PoseId) {
    if width < SQUARE * SQUARES || height < SQUARE || data.len() != width * height * 3 / 2 {
        return;
    }
    let white = |square: usize| match square {
        0 => true,
        1 => false,
        bit => pose_id.0 >> (33 - bit) & 1 == 1,
    };
    for row in 0..SQUARE {
        for square in 0..SQUARES {
            let start = row * width + square * SQUARE;
            data[start..start + SQUARE].fill(if white(square) { WHITE } else { BLACK });
        }
    }
    let (chroma_width, chroma_height) = (width / 2, height / 2);
    for plane in 0..2 {
        let base = width * height + plane * chroma_width * chroma_height;
        for row in 0..SQUARE / 2 {
            let start = base + row * chroma_width;
            data[start..start + SQUARE * SQUARES / 2].fill(GRAY_CHROMA);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_id_can_be_read_back(pose_id: u32) {
            let (width, height) = (320, 64);
            let mut data = vec![77; width * height * 3 / 2];
            paint(&mut data, width, height, PoseId(pose_id));
            let read = |square: usize| data[4 * width + square * SQUARE + 4] > 128;
            prop_assert!(read(0) && !read(1));
            let found = (0..32).fold(0u32, |id, bit| id << 1 | u32::from(read(2 + bit)));
            prop_assert_eq!(found, pose_id);
            prop_assert_eq!(data[SQUARE * width], 77, "painted below the row");
            prop_assert_eq!(data[SQUARE * SQUARES], 77, "painted right of the row");
        }
    }

    #[test]
    fn a_frame_that_is_too_small_stays_as_it_is() {
        let mut data = vec![77; 64 * 64 * 3 / 2];
        paint(&mut data, 64, 64, PoseId(1));
        assert!(data.iter().all(|&byte| byte == 77));
    }
}
