//! The latency marker: the id of the pose that a picture shows, painted into its top left corner, so that a
//! measurement can find in the decoded picture which input it answers. Layout as in `proto/`: a white and a black
//! square, then 32 bits, most significant first, white is 1; squares of 8 by 8 pixels in one row.

pub const SQUARE: usize = 8;
pub const SQUARES: usize = 2 + 32;

/// Limited-range luma.
const BLACK: u8 = 16;
const WHITE: u8 = 235;
const GRAY_CHROMA: u8 = 128;

/// Paints into an I420 picture; leaves one that is too small for the marker as it is.
pub fn paint(data: &mut [u8], width: usize, height: usize, pose_id: u32) {
    if width < SQUARE * SQUARES || height < SQUARE || data.len() != width * height * 3 / 2 {
        return;
    }
    let white = |square: usize| match square {
        0 => true,
        1 => false,
        bit => pose_id >> (33 - bit) & 1 == 1,
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
            paint(&mut data, width, height, pose_id);
            let read = |square: usize| data[4 * width + square * SQUARE + 4] > 128;
            prop_assert!(read(0) && !read(1));
            let found = (0..32).fold(0u32, |id, bit| id << 1 | u32::from(read(2 + bit)));
            prop_assert_eq!(found, pose_id);
            prop_assert_eq!(data[SQUARE * width], 77, "painted below the row");
            prop_assert_eq!(data[SQUARE * SQUARES], 77, "painted right of the row");
        }
    }

    #[test]
    fn a_picture_too_small_is_left_alone() {
        let mut data = vec![77; 64 * 64 * 3 / 2];
        paint(&mut data, 64, 64, 1);
        assert!(data.iter().all(|&byte| byte == 77));
    }
}
