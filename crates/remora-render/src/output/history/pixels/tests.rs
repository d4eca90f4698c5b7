//! The instructions of AVX2 give what the portable code gives.

use super::*;
use crate::frame::Size;
use crate::kernels::shared::LUMA_MAX;
use crate::output::history::lanes::Random;

/// Pixels of the stream, of which some cells fill no group of eight.
const STREAM: Size = Size::new(76, 24);

/// Luma times 256, weights and luma of a row, and the number of pixels with a history.
type Row = (Vec<u16>, Vec<u8>, Vec<u8>, usize);

fn row(source: &RowSource<'_>, combine: impl Fn(&RowSource<'_>, &mut RowTarget<'_>, Range<usize>) -> usize) -> Row {
    let width = STREAM.width as usize;
    let (mut luma, mut weights, mut into) = (vec![0; width], vec![0; width], vec![0; width]);
    let mut target = RowTarget { luma: &mut luma, weights: &mut weights, into: &mut into };
    let count = combine(source, &mut target, 0..source.cells.size.width as usize);
    (luma, weights, into, count)
}

#[test]
fn rows_of_pixels_are_the_same_with_avx2() {
    if !is_x86_feature_detected!("avx2") {
        return;
    }
    let mut random = Random(1);
    let pixels = STREAM.pixels() as usize;
    for round in 0..40 {
        let side = 1 + round % 2;
        let mut cells = Cells::default();
        cells.size = Size::new(STREAM.width / side, STREAM.height / side);
        cells.cell_pixels = side;
        let last = State {
            size: STREAM,
            luma: (0..pixels).map(|_| random.below(65536) as u16).collect(),
            weights: (0..pixels + 3).map(|_| random.below(256) as u8).collect(),
            ..State::default()
        };
        for _ in 0..cells.size.pixels() {
            let [x, y] = [0, 1].map(|_| random.below(2500).wrapping_sub(1250));
            let still = random.below(4) == 0;
            cells.motion.push(if still { 0 } else { (x & 0xffff) | (y << 16) });
            let low = random.share() * 40000.0;
            cells.low.push(if still { 0.0 } else { low });
            cells.high.push(if still { STILL_HIGH } else { (low + random.share() * 30000.0).min(LUMA_MAX) });
            cells.correction.push(if still { 0.0 } else { random.share() * 20000.0 - 10000.0 });
            cells.keep.push(if random.below(5) == 0 { 0.0 } else { random.share() });
        }
        let wide = cells.size.width as usize;
        let fresh: [Vec<f32>; 2] = [0, 1].map(|_| (0..wide).map(|_| random.share() * 65280.0).collect());
        let y = random.below(STREAM.height) as usize;
        let source = RowSource {
            cells: &cells,
            last: Some(&last),
            fresh: [&fresh[0], &fresh[1]],
            sample_weights: [0.02 + random.share(), 0.02 + random.share()],
            y,
            first: y / side as usize * wide,
        };
        assert!(row(&source, combine::<true>) == row(&source, combine::<false>), "round {round}");
    }
}
