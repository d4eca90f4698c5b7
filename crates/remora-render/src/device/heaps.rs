//! The memory of a graphics card.

/// `VK_MEMORY_HEAP_DEVICE_LOCAL_BIT`
const DEVICE_LOCAL: u32 = 1;

/// Returns the size in bytes of the largest memory heap that belongs to the graphics device.
///
/// A card with a small window into its memory reports the window as a second heap, so heaps are not added. The result
/// is `None` for adapters that do not use Vulkan.
pub(super) fn device_local_bytes(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the adapter is not destroyed, and its handle is used only while the guard lives.
    let adapter = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = adapter.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to this instance, which the guard keeps alive.
    let properties = unsafe { instance.get_physical_device_memory_properties(adapter.raw_physical_device()) };
    let heaps = properties.memory_heaps.iter().take(properties.memory_heap_count as usize);
    heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::graphics::enumerate;

    #[test]
    fn every_adapter_tells_how_much_memory_it_has() {
        let adapters = enumerate();
        assert!(!adapters.is_empty(), "tests need a Vulkan driver");
        for adapter in adapters {
            let bytes = device_local_bytes(&adapter);
            assert!(bytes.is_some_and(|bytes| bytes >= 64 << 20), "{}: {bytes:?}", adapter.get_info().name);
        }
    }
}
