use super::*;

const WIDTH: usize = 32;
const HEIGHT: usize = 24;
const WHITE: [u8; 4] = [255; 4];

fn black() -> RenderedFrame {
    let mut data = vec![16; WIDTH * HEIGHT];
    data.resize(WIDTH * HEIGHT * 3 / 2, 128);
    RenderedFrame { width: WIDTH as u32, height: HEIGHT as u32, data }
}

/// Draws around marks that a function of column and row of the rendered frame chooses.
fn drawn(side: usize, jitter: Vec2, marked: impl Fn(usize, usize) -> bool) -> RenderedFrame {
    drawn_after(&mut OutlinePainter::default(), side, jitter, marked)
}

/// Draws the next frame of a history.
fn drawn_after(
    painter: &mut OutlinePainter,
    side: usize,
    jitter: Vec2,
    marked: impl Fn(usize, usize) -> bool,
) -> RenderedFrame {
    let size = Size::new((WIDTH / side) as u32, (HEIGHT / side) as u32);
    let places = (0..HEIGHT / side).flat_map(|row| (0..WIDTH / side).map(move |column| (column, row)));
    let words: Vec<u8> = places.flat_map(|(column, row)| u32::from(marked(column, row)).to_le_bytes()).collect();
    let mut frame = black();
    painter.draw(
        &Marks { words: &words, size, samples: 1, jitter, continues: true, unchanged: false },
        WHITE,
        &mut frame,
    );
    frame
}

/// Returns width and middle of the line in a row.
fn width_and_middle(line: &[u8]) -> (f32, f32) {
    let opacities = || line.iter().map(|value| f32::from(value - 16) / 219.0);
    let width: f32 = opacities().sum();
    (width, opacities().zip(0_u8..).map(|(opacity, at)| (f32::from(at) + 0.5) * opacity).sum::<f32>() / width)
}

fn lines(frame: &RenderedFrame) -> Vec<&[u8]> {
    frame.data[..WIDTH * HEIGHT].chunks_exact(WIDTH).collect()
}

#[test]
fn a_line_of_two_pixels_surrounds_what_is_marked() {
    let frame = drawn(1, Vec2::ZERO, |column, row| (10..20).contains(&column) && (8..14).contains(&row));
    let lines = lines(&frame);
    for (row, line) in lines.iter().enumerate() {
        let expected = |column: usize| {
            let (x, y) = (
                10_usize.saturating_sub(column).max((column + 1).saturating_sub(20)),
                8_usize.saturating_sub(row).max((row + 1).saturating_sub(14)),
            );
            match x * x + y * y {
                1..=4 => Some(235),
                0 => Some(16),
                distance if distance > 8 => Some(16),
                _ => None,
            }
        };
        for (column, value) in line.iter().enumerate() {
            assert!(expected(column).is_none_or(|expected| expected == *value), "{column}, {row}: {value}");
        }
    }
    assert_eq!(&frame.data[WIDTH * HEIGHT..], &vec![128; WIDTH * HEIGHT / 2][..], "white has no chroma");
}

#[test]
fn nothing_is_drawn_without_marks_or_where_everything_is_marked() {
    for side in [1, 2] {
        assert_eq!(drawn(side, Vec2::ZERO, |_, _| false), black());
        assert_eq!(drawn(side, Vec2::new(0.5, -0.5), |_, _| true), black());
    }
}

#[test]
fn an_edge_that_moves_is_found_more_exactly_than_the_samples_of_one_frame_tell() {
    const JITTER: [[f32; 2]; 4] = [[-0.65, -0.35], [0.35, 0.65], [0.65, -0.65], [-0.35, 0.35]];
    for speed in [0.0, 0.3, -0.2] {
        let mut painter = OutlinePainter::default();
        let (mut alone_off, mut off) = (0.0_f32, 0.0_f32);
        for (number, jitter) in (0_u8..).zip(JITTER.into_iter().cycle().take(16)) {
            // A disc whose left edge lies here in its middle row.
            let left = 8.6 + f32::from(number) * speed;
            let marked = |column: usize, row: usize| {
                let sample = |at: usize, axis: usize| (at as f32 + 0.5) * 2.0 + jitter[axis];
                (sample(column, 0) - left - 7.3).hypot(sample(row, 1) - 12.0) < 7.3
            };
            let [alone, found] = [&mut OutlinePainter::default(), &mut painter].map(|painter| {
                let frame = drawn_after(painter, 2, jitter.into(), marked);
                let (width, middle) = width_and_middle(&lines(&frame)[HEIGHT / 2][..left as usize + 4]);
                assert!((1.2..3.4).contains(&width), "the line is {width} wide");
                (middle + 1.0 - left).powi(2)
            });
            if number >= 4 {
                (alone_off, off) = (alone_off + alone, off + found);
            }
        }
        assert!(off < 0.5 * alone_off, "{off} with the frames before, {alone_off} without, at {speed}");
    }
}

#[test]
fn nothing_of_the_frame_before_shows_beyond_the_edge_of_this_one() {
    for side in [1, 2] {
        let mut painter = OutlinePainter::default();
        let jitter = Vec2::new(0.25, -0.25);
        drawn_after(&mut painter, side, jitter, |column, row| column < 5 && row < 5);
        let there = |column: usize, row: usize| (9..11).contains(&column) && (6..9).contains(&row);
        let (frame, alone) = (drawn_after(&mut painter, side, jitter, there), drawn(side, jitter, there));
        for (row, (line, alone)) in lines(&frame).iter().zip(lines(&alone)).enumerate() {
            for (column, (value, alone)) in line.iter().zip(alone).enumerate() {
                let (x, y) = (column / side, row / side);
                let near = (6..14).contains(&x) && (3..12).contains(&y);
                assert!(near || value == alone, "{column}, {row}");
            }
        }
    }
}

#[test]
fn a_line_at_the_border_stays_within_the_frame() {
    for side in [1, 2] {
        let frame = drawn(side, Vec2::new(0.25, 0.25), |column, row| column == 0 && row == 0);
        assert!(lines(&frame)[0][side + 1] > 100, "{:?}", lines(&frame)[0]);
        let (right, low) = (WIDTH / side - 1, HEIGHT / side - 1);
        let frame = drawn(side, Vec2::new(-0.25, 0.25), |column, row| column == right && row == low);
        assert!(lines(&frame)[HEIGHT - 1][WIDTH - side - 2] > 100);
    }
}
