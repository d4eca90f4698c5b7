//! The page cache: the most recently read pages of mapped files stay in main memory, up to a budget. A page that was
//! evicted from the device then loads faster.

use std::collections::VecDeque;

use remora_asset::PartMemory;

#[derive(Default)]
pub(crate) struct PageCache {
    bytes_max: u64,
    bytes: u64,
    /// Least recently read first.
    parts: VecDeque<PartMemory>,
}

impl PageCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    /// Adds a page that has just been read.
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
    use crate::renderer::warm_up::models;

    /// Records released ranges.
    struct ReleaseRecorder {
        words: Vec<u128>,
        released: Mutex<Vec<Range<usize>>>,
    }

    impl Content for ReleaseRecorder {
        fn bytes(&self) -> &[u8] {
            bytemuck::cast_slice(&self.words)
        }

        fn release(&self, range: Range<usize>) {
            self.released.lock().unwrap().push(range);
        }
    }

    fn asset() -> (Asset, Arc<ReleaseRecorder>) {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let built =
            remora_build::build_into(&models::kinds(), &BuildOptions::default(), &|_| {}, &|| false, &mut bytes);
        built.expect("the asset is built");
        let mut words = vec![0_u128; bytes.get_ref().len().div_ceil(16)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.get_ref().len()].copy_from_slice(bytes.get_ref());
        let content = Arc::new(ReleaseRecorder { words, released: Mutex::default() });
        (Asset::open(content.clone()).expect("a new asset is sound"), content)
    }

    #[test]
    fn the_least_recently_read_page_is_released_first() {
        let (asset, content) = asset();
        let bytes = asset.page_memory(0).bytes();
        let released = || content.released.lock().unwrap().len() as u64;
        let mut cache = PageCache::new(bytes * 3);
        for read in 1..=10_u64 {
            cache.keep(asset.page_memory(0));
            assert_eq!(released(), read.saturating_sub(3));
        }
    }

    #[test]
    fn the_cache_does_not_keep_an_asset_alive() {
        let (asset, content) = asset();
        let mut cache = PageCache::new(1 << 30);
        cache.keep(asset.page_memory(0));
        drop(asset);
        assert_eq!(Arc::strong_count(&content), 1);
    }
}
