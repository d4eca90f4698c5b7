//! Which pages stay in main memory after they have been read: the last ones, up to a budget. What the device holds is a copy,
//! and a page that it gave up comes back sooner if it is still there.

use std::collections::VecDeque;

use remora_asset::PartMemory;

#[derive(Default)]
pub(crate) struct PageCache {
    bytes_max: u64,
    bytes: u64,
    /// Read longest ago first.
    parts: VecDeque<PartMemory>,
}

impl PageCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    /// This one has just been read.
    pub(crate) fn keep(&mut self, part: PartMemory) {
        self.bytes += part.bytes();
        self.parts.push_back(part);
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.parts.pop_front()
        {
            self.bytes -= oldest.bytes();
            oldest.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::{Arc, Mutex};

    use remora_asset::{Asset, Content};
    use remora_build::BuildOptions;

    use super::*;
    use crate::renderer::warm_up;

    /// Notes what is given up.
    struct Noting {
        words: Vec<u128>,
        released: Mutex<Vec<Range<usize>>>,
    }

    impl Content for Noting {
        fn bytes(&self) -> &[u8] {
            bytemuck::cast_slice(&self.words)
        }

        fn release(&self, range: Range<usize>) {
            self.released.lock().unwrap().push(range);
        }
    }

    fn asset() -> (Asset, Arc<Noting>) {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let built =
            remora_build::build_into(&warm_up::model(), &BuildOptions::default(), &|_| {}, &|| false, &mut bytes);
        built.expect("a small model of our own is built");
        let mut words = vec![0_u128; bytes.get_ref().len().div_ceil(16)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.get_ref().len()].copy_from_slice(bytes.get_ref());
        let content = Arc::new(Noting { words, released: Mutex::default() });
        (Asset::open(content.clone()).expect("what has just been built is sound"), content)
    }

    #[test]
    fn what_was_read_longest_ago_goes_first_and_the_budget_is_kept() {
        let (asset, content) = asset();
        let bytes = asset.page_memory(0).bytes();
        let released = || content.released.lock().unwrap().len() as u64;
        let mut kept = PageCache::new(bytes * 3);
        for read in 1..=10_u64 {
            kept.keep(asset.page_memory(0));
            assert_eq!(released(), read.saturating_sub(3));
        }
    }

    #[test]
    fn what_is_gone_is_not_held_by_what_might_be_released() {
        let (asset, content) = asset();
        let mut kept = PageCache::new(1 << 30);
        kept.keep(asset.page_memory(0));
        drop(asset);
        assert_eq!(Arc::strong_count(&content), 1);
    }
}
