//! Values of eight cells or pixels at a time. Loops over arrays of eight become single vector instructions where the
//! code is compiled for a processor that has them.

/// Number of values at a time.
pub(super) const LANES: usize = 8;

/// Eight numbers.
pub(super) type Floats = [f32; LANES];
/// Eight words.
pub(super) type Words = [u32; LANES];

/// Calls a function that is compiled twice: for every processor, and for AVX2, which is chosen if the processor has it.
/// Its constant parameter tells the function which. The results are equal.
macro_rules! for_processor {
    (
        $(#[$meta:meta])*
        fn $name:ident = $($inner:ident)::+ as ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;
    ) => {
        $(#[$meta])*
        fn $name($($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments, reason = "it has those of the function that it compiles")]
                fn compiled_for_avx2($($argument: $type),*) $(-> $result)? {
                    $($inner)::+::<true>($($argument),*)
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    return unsafe { compiled_for_avx2($($argument),*) };
                }
            }
            $($inner)::+::<false>($($argument),*)
        }
    };
}
pub(super) use for_processor;

/// Returns eight neighbouring values; beyond the end the last one.
#[inline(always)]
pub(super) fn eight<T: Copy>(values: &[T], first: usize) -> [T; LANES] {
    if let Some(values) = values.get(first..first + LANES)
        && let Ok(values) = values.try_into()
    {
        return values;
    }
    let mut result = [values[first]; LANES];
    for (lane, result) in result.iter_mut().enumerate() {
        *result = values[(first + lane).min(values.len() - 1)];
    }
    result
}

/// Stores the values that lie within the slice.
#[inline(always)]
pub(super) fn store<T: Copy>(into: &mut [T], first: usize, values: [T; LANES]) {
    match into.get_mut(first..first + LANES) {
        Some(into) => into.copy_from_slice(&values),
        None => {
            for (into, value) in into[first..].iter_mut().zip(values) {
                *into = value;
            }
        }
    }
}

/// Places between pixels: the pixel to the upper left, and the shares of the right and of the lower one.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) at: Words,
    pub(super) right: Floats,
    pub(super) lower: Floats,
    /// 1 within the frame, 0 outside.
    pub(super) inside: Floats,
}

impl Places {
    /// Finds places in a plane of at least 2x2 values.
    #[inline(always)]
    pub(super) fn new(x: Floats, y: Floats, [width, height]: [usize; 2]) -> Self {
        let (last_column, last_row) = ((width - 2) as i32, (height - 2) as i32);
        let (right_end, bottom_end) = (width as f32 - 0.5, height as f32 - 0.5);
        let mut places = Places { at: [0; LANES], right: [0.0; LANES], lower: [0.0; LANES], inside: [0.0; LANES] };
        for lane in 0..LANES {
            let column = truncated(x[lane]).clamp(0, last_column);
            let row = truncated(y[lane]).clamp(0, last_row);
            places.at[lane] = (row * width as i32 + column) as u32;
            places.right[lane] = (x[lane] - column as f32).clamp(0.0, 1.0);
            places.lower[lane] = (y[lane] - row as f32).clamp(0.0, 1.0);
            let inside = (x[lane] >= -0.5) & (y[lane] >= -0.5) & (x[lane] <= right_end) & (y[lane] <= bottom_end);
            places.inside[lane] = if inside { 1.0 } else { 0.0 };
        }
        places
    }

    /// Interpolates bilinearly.
    #[inline(always)]
    pub(super) fn fetch(&self, plane: &[u16], width: usize) -> Floats {
        let mut pairs = [[0_u32; LANES]; 4];
        for lane in 0..LANES {
            let at = self.at[lane] as usize;
            let (upper, lower) = (&plane[at..at + 2], &plane[at + width..at + width + 2]);
            (pairs[0][lane], pairs[1][lane]) = (upper[0].into(), upper[1].into());
            (pairs[2][lane], pairs[3][lane]) = (lower[0].into(), lower[1].into());
        }
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            let (one, two) = (pairs[0][lane] as i32 as f32, pairs[1][lane] as i32 as f32);
            let (three, four) = (pairs[2][lane] as i32 as f32, pairs[3][lane] as i32 as f32);
            let upper = one + (two - one) * self.right[lane];
            let lower = three + (four - three) * self.right[lane];
            values[lane] = upper + (lower - upper) * self.lower[lane];
        }
        values
    }

    /// Returns the nearest values.
    #[inline(always)]
    pub(super) fn nearest(&self, plane: &[u8], width: usize) -> Floats {
        let mut values = [0_i32; LANES];
        for lane in 0..LANES {
            let right = usize::from(self.right[lane] >= 0.5);
            let lower = if self.lower[lane] >= 0.5 { width } else { 0 };
            values[lane] = plane[self.at[lane] as usize + right + lower].into();
        }
        let mut nearest = [0.0; LANES];
        for lane in 0..LANES {
            nearest[lane] = values[lane] as f32;
        }
        nearest
    }
}

/// Drops the fraction of a number of at most some ten thousand.
#[inline(always)]
pub(super) fn truncated(value: f32) -> i32 {
    // SAFETY: the callers pass positions within a few thousand pixels of a frame: motion is limited to 16 bits.
    unsafe { value.to_int_unchecked() }
}

/// Returns motion in pixels from its packed form.
#[inline(always)]
pub(super) fn unpacked(motion: Words) -> [Floats; 2] {
    const PIXELS: f32 = 1.0 / crate::kernels::shared::MOTION_STEPS;
    let mut moved = [[0.0; LANES]; 2];
    for lane in 0..LANES {
        moved[0][lane] = ((motion[lane] << 16) as i32 >> 16) as f32 * PIXELS;
        moved[1][lane] = (motion[lane] as i32 >> 16) as f32 * PIXELS;
    }
    moved
}

/// Random numbers for tests, always the same.
#[cfg(test)]
pub(super) struct Random(pub(super) u64);

#[cfg(test)]
impl Random {
    /// Returns a number below the limit.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * u64::from(limit)) >> 32) as u32
    }

    /// Returns a number from 0 to 1.
    pub(super) fn share(&mut self) -> f32 {
        self.below(65536) as f32 / 65535.0
    }
}
