//! Printed matter: the maker's plate and the scale of the instruments.

/// Glyphs of five columns by seven rows; the lowest bit is the rightmost column.
const GLYPHS: [(u8, [u8; 7]); 15] = [
    (b'R', [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001]),
    (b'E', [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111]),
    (b'M', [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001]),
    (b'O', [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110]),
    (b'A', [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001]),
    (b'V', [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100]),
    (b'8', [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110]),
    (b'0', [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110]),
    (b'2', [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111]),
    (b'4', [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010]),
    (b'6', [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110]),
    (b'T', [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100]),
    (b'U', [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110]),
    (b'B', [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110]),
    (b'.', [0, 0, 0, 0, 0, 0b01100, 0b01100]),
];

const GLYPH_WIDTH: i32 = 5;
const GLYPH_HEIGHT: i32 = 7;
const ADVANCE: i32 = GLYPH_WIDTH + 1;

/// Returns a pixel of the plate of 512 by 128 pixels: two lines in a frame.
pub(super) fn label(x: u32, y: u32) -> [u8; 3] {
    const PAPER: [u8; 3] = [24, 26, 30];
    const INK: [u8; 3] = [226, 224, 214];
    const ACCENT: [u8; 3] = [206, 60, 40];
    let (x, y) = (x as i32, y as i32);
    let to_rim = x.min(511 - x).min(y).min(127 - y);
    if (4..7).contains(&to_rim) {
        return INK;
    }
    if is_inked("REMORA", x - 40, y - 20, 8) {
        return INK;
    }
    if is_inked("V8", x - 372, y - 20, 8) {
        return ACCENT;
    }
    if is_inked("4.0 TURBO", x - 42, y - 92, 3) {
        return INK;
    }
    PAPER
}

/// Returns a point of a round scale; x points right and y up, from -0.5 to 0.5.
pub(super) fn dial(x: f32, y: f32) -> [u8; 3] {
    const PAPER: [u8; 3] = [18, 19, 22];
    const INK: [u8; 3] = [235, 235, 228];
    const WARNING: [u8; 3] = [214, 48, 32];
    /// The scale runs clockwise from the lower left, over three quarters of a turn.
    const SWEEP: f32 = 1.5 * std::f32::consts::PI;
    const MARKS: f32 = 40.0;
    let radius = x.hypot(y);
    let from_start = (-(y.atan2(x)) - 0.75 * std::f32::consts::PI).rem_euclid(std::f32::consts::TAU);
    if from_start <= SWEEP {
        let mark = from_start / SWEEP * MARKS;
        let off = (mark - mark.round()).abs() / MARKS * SWEEP * radius;
        let is_major = mark.round() as i32 % 5 == 0;
        let (inner, half) = if is_major { (0.36, 0.008) } else { (0.41, 0.004) };
        let ink = if mark > 32.5 { WARNING } else { INK };
        if (inner..0.46).contains(&radius) && off < half {
            return ink;
        }
        if mark > 32.0 && (0.462..0.485).contains(&radius) {
            return WARNING;
        }
    }
    for (number, glyph) in ["0", "2", "4", "6", "8"].into_iter().enumerate() {
        let angle = -0.75 * std::f32::consts::PI - SWEEP * number as f32 / 4.0;
        let (column, row) = ((x - angle.cos() * 0.29) * 170.0, (angle.sin() * 0.29 - y) * 170.0);
        if is_inked(glyph, (column + 5.0).floor() as i32, (row + 7.0).floor() as i32, 2) {
            return INK;
        }
    }
    PAPER
}

/// Returns whether the pixel belongs to a letter of the text, whose top left corner is the origin.
fn is_inked(text: &str, x: i32, y: i32, scale: i32) -> bool {
    let (column, row) = (x.div_euclid(scale), y.div_euclid(scale));
    if column < 0 || !(0..GLYPH_HEIGHT).contains(&row) {
        return false;
    }
    let Some(&letter) = text.as_bytes().get((column / ADVANCE) as usize) else { return false };
    let column = column % ADVANCE;
    let glyph = GLYPHS.iter().find(|(known, _)| *known == letter);
    column < GLYPH_WIDTH && glyph.is_some_and(|(_, rows)| rows[row as usize] >> (GLYPH_WIDTH - 1 - column) & 1 == 1)
}
