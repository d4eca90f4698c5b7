//! The instructions of AVX2 give what the portable code gives.

use glam::Vec2;

use super::*;
use crate::output::history::lanes::Random;

const STREAM: Size = Size::new(64, 32);

#[test]
fn cells_find_the_same_history_with_avx2() {
    if !is_x86_feature_detected!("avx2") {
        return;
    }
    let mut random = Random(2);
    let pixels = STREAM.pixels() as usize;
    let mut seen = 0;
    for round in 0..400 {
        let [side, side_before] = [1 + round % 2, 1 + round / 2 % 2];
        let [cells, before] = [side, side_before].map(|side| Size::new(STREAM.width / side, STREAM.height / side));
        let depth = |random: &mut Random| (0.5 + random.below(3) as f32 * 0.025).to_bits() & 0xffff_0000;
        let surfaces = [0, 1].map(|_| Surfaces {
            ids: (0..before.pixels()).map(|_| random.below(3) | (random.below(2) << 31)).collect(),
            depths: (0..before.pixels()).map(|_| depth(&mut random)).collect(),
        });
        let [own, nearest] = surfaces;
        let luma = (0..pixels).map(|_| random.below(65536) as u16).collect();
        let last =
            State { size: STREAM, luma, cells: before, cell_pixels: side_before, own, nearest, ..State::default() };
        let frame = HistoryFrame {
            continues: true,
            cells,
            cell_pixels: side,
            jitter: Vec2::new(random.share() - 0.5, random.share() - 0.5),
            still: false,
            unchanged: false,
            changed: Vec::new(),
            plain_background: true,
        };
        let motion: Words = std::array::from_fn(|_| {
            let [x, y] = [0, 1].map(|_| random.below(1200).wrapping_sub(600));
            (x & 0xffff) | (y << 16)
        });
        let ids: Words = std::array::from_fn(|_| random.below(3));
        let depths: Words = std::array::from_fn(|_| depth(&mut random) >> 16);
        let place = [random.below(cells.width / 8) as usize * 8, random.below(cells.height) as usize];
        let [portable, avx2] =
            [look_up::<false>, look_up::<true>].map(|find| find(&last, &frame, place, (&motion, &ids, &depths)));
        assert_eq!(portable.predicted, avx2.predicted, "round {round}");
        let [portable, avx2] = [portable.visible, avx2.visible].map(|visible| visible.map(|visible| visible != 0));
        assert_eq!(portable, avx2, "round {round}");
        seen += portable.iter().filter(|visible| **visible).count();
    }
    assert!(seen > 400, "only {seen} cells were visible before");
}
