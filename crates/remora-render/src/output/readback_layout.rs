//! The layout of a readback: the frame, followed by what is reported about it.

use crate::passes::profile::Profile;
use crate::passes::targets::PICK_BYTES;

/// Bytes of the totals of occlusion culling.
const TOTALS_BYTES: u64 = 8;
/// Bytes of the number of pixels without history, which are padded.
const MISSING_BYTES: u64 = 8;

/// Sizes of the parts. All parts but the frame begin at multiples of 8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadbackLayout {
    pub frame_bytes: u64,
    /// Bytes of the depths that are read back.
    pub depths_bytes: u64,
    /// Bytes of the guide of a frame of the history.
    pub guide_bytes: u64,
    /// Bytes of the mask of selected pixels of a frame of the history.
    pub mask_bytes: u64,
}

impl ReadbackLayout {
    pub(crate) fn marks(&self) -> u64 {
        self.frame_bytes.next_multiple_of(8)
    }

    pub(crate) fn totals(&self) -> u64 {
        self.marks() + Profile::bytes()
    }

    pub(crate) fn missing(&self) -> u64 {
        self.totals() + TOTALS_BYTES
    }

    pub(crate) fn pick(&self) -> u64 {
        self.missing() + MISSING_BYTES
    }

    pub(crate) fn depths(&self) -> u64 {
        self.pick() + PICK_BYTES
    }

    pub(crate) fn guide(&self) -> u64 {
        (self.depths() + self.depths_bytes).next_multiple_of(8)
    }

    pub(crate) fn mask(&self) -> u64 {
        (self.guide() + self.guide_bytes).next_multiple_of(8)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.mask() + self.mask_bytes
    }

    /// Returns frame, timestamps, totals, number of missing pixels, pick, depths, guide and mask.
    pub(crate) fn split<'a>(&self, bytes: &'a [u8]) -> [&'a [u8]; 8] {
        let part = |from: u64, length: u64| &bytes[from as usize..(from + length) as usize];
        [
            part(0, self.frame_bytes),
            part(self.marks(), Profile::bytes()),
            part(self.totals(), TOTALS_BYTES),
            part(self.missing(), 4),
            part(self.pick(), PICK_BYTES),
            part(self.depths(), self.depths_bytes),
            part(self.guide(), self.guide_bytes),
            part(self.mask(), self.mask_bytes),
        ]
    }
}
