//! Geometry on the device: banks of slots that hold one page of an asset each.

use std::ops::Range;

use remora_asset::layout::PAGE_BYTES_MAX;

use crate::device::graphics::Graphics;
use crate::device::ranges::RangeAllocator;
use crate::frame::RenderError;
use crate::kernels::groups::{Group, bind_buffers};

/// Initial slots of a bank: 4 MiB.
const BANK_SLOTS_MIN: u32 = 16;
/// Largest number of banks. Each bank needs draws of its own.
pub(crate) const BANKS_MAX: usize = 16;
/// Kernels address words by 32-bit indices, and growing copies a bank at once.
const BANK_BYTES_MAX: u64 = 4 << 30;

/// Position of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub bank: u8,
    pub number: u32,
}

#[derive(Debug)]
struct Bank {
    buffer: wgpu::Buffer,
    slots: RangeAllocator,
    bind_group: wgpu::BindGroup,
}

#[derive(Debug)]
pub(crate) struct Geometry {
    banks: Vec<Bank>,
    layout: wgpu::BindGroupLayout,
    /// Largest number of slots in one bank.
    bank_slots_max: u32,
    /// Budget of slots in all banks.
    slots_max: u32,
}

impl Slot {
    /// Returns the offset of the first byte within the bank.
    pub(crate) fn offset(self) -> u64 {
        u64::from(self.number) * PAGE_BYTES_MAX as u64
    }
}

impl Geometry {
    /// Makes an empty store. `bytes_max` is the budget of all pages; a few slots are always available.
    pub(crate) fn new(graphics: &Graphics, layout: wgpu::BindGroupLayout, bytes_max: u64) -> Result<Self, RenderError> {
        let limits = &graphics.limits;
        let bank_bytes_max = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(BANK_BYTES_MAX);
        let slots = |bytes: u64| u32::try_from(bytes / PAGE_BYTES_MAX as u64).unwrap_or(u32::MAX);
        let bank_slots_max = slots(bank_bytes_max);
        let bank = Bank::new(graphics, &layout, BANK_SLOTS_MIN.min(bank_slots_max))?;
        Ok(Self { banks: vec![bank], layout, bank_slots_max, slots_max: slots(bytes_max).max(BANK_SLOTS_MIN) })
    }

    /// Returns an empty store with the same budget and a bank of the initial size.
    pub(crate) fn emptied(&self, graphics: &Graphics) -> Result<Self, RenderError> {
        Self::new(graphics, self.layout.clone(), self.bytes_max())
    }

    pub(crate) fn bank_count(&self) -> usize {
        self.banks.len()
    }

    pub(crate) fn bind_group(&self, bank: u8) -> &wgpu::BindGroup {
        &self.banks[bank as usize].bind_group
    }

    /// Returns the size of all banks in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.banks.iter().map(|bank| bank.buffer.size()).sum()
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        u64::from(self.slots_max) * PAGE_BYTES_MAX as u64
    }

    /// Returns the number of pages that fit without evicting another one.
    pub(crate) fn slots_left(&self) -> u32 {
        self.slots_max.saturating_sub(self.taken())
    }

    pub(crate) fn set_bytes_max(&mut self, bytes: u64) {
        self.slots_max = u32::try_from(bytes / PAGE_BYTES_MAX as u64).unwrap_or(u32::MAX).max(BANK_SLOTS_MIN);
    }

    fn taken(&self) -> u32 {
        self.banks.iter().map(|bank| bank.slots.taken()).sum()
    }

    /// Uploads a page, even if that exceeds the budget.
    pub(crate) fn insert(&mut self, graphics: &Graphics, page: &[u8]) -> Result<Slot, RenderError> {
        let slot = match self.free_slot() {
            Some(slot) => slot,
            None => {
                self.grow(graphics)?;
                self.free_slot().ok_or_else(|| RenderError::OutOfMemory("geometry".into()))?
            }
        };
        graphics.queue.write_buffer(&self.banks[slot.bank as usize].buffer, slot.offset(), page);
        Ok(slot)
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        self.banks[slot.bank as usize].slots.free(slot.number..slot.number + 1);
    }

    fn free_slot(&mut self) -> Option<Slot> {
        self.banks.iter_mut().enumerate().find_map(|(bank, entry)| {
            let Range { start, .. } = entry.slots.take(1)?;
            Some(Slot { bank: bank as u8, number: start })
        })
    }

    /// Grows the last bank, or adds one.
    fn grow(&mut self, graphics: &Graphics) -> Result<(), RenderError> {
        let all: u32 = self.banks.iter().map(|bank| bank.slots.length()).sum();
        let last = self.banks.last_mut().expect("there is always a bank");
        let length = last.slots.length();
        if length < self.bank_slots_max {
            return last.grow(graphics, &self.layout, grown(length, all, self.slots_max).min(self.bank_slots_max));
        }
        if self.banks.len() == BANKS_MAX {
            return Err(RenderError::OutOfMemory(format!("geometry beyond {BANKS_MAX} buffers")));
        }
        let slots = self.slots_max.saturating_sub(all).clamp(BANK_SLOTS_MIN, self.bank_slots_max.max(BANK_SLOTS_MIN));
        self.banks.push(Bank::new(graphics, &self.layout, slots.min(self.bank_slots_max))?);
        Ok(())
    }
}

impl Bank {
    fn new(graphics: &Graphics, layout: &wgpu::BindGroupLayout, slots: u32) -> Result<Self, RenderError> {
        let buffer = buffer(graphics, slots)?;
        let mut ranges = RangeAllocator::default();
        ranges.extend_to(slots);
        Ok(Self { bind_group: bind(graphics, layout, &buffer), buffer, slots: ranges })
    }

    fn grow(&mut self, graphics: &Graphics, layout: &wgpu::BindGroupLayout, slots: u32) -> Result<(), RenderError> {
        let grown = buffer(graphics, slots)?;
        let mut encoder = graphics.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.buffer, 0, &grown, 0, self.buffer.size());
        graphics.queue.submit([encoder.finish()]);
        self.bind_group = bind(graphics, layout, &grown);
        self.buffer = grown;
        self.slots.extend_to(slots);
        Ok(())
    }
}

/// Returns the new length of a bank that has `length` of `all` slots: twice the length, limited by the budget. Root
/// pages may exceed the budget, in small steps.
fn grown(length: u32, all: u32, slots_max: u32) -> u32 {
    let left = slots_max.saturating_sub(all);
    length + left.max(BANK_SLOTS_MIN.max(length / 8)).min(length)
}

fn buffer(graphics: &Graphics, slots: u32) -> Result<wgpu::Buffer, RenderError> {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
    graphics.buffer("geometry", u64::from(slots) * PAGE_BYTES_MAX as u64, usage)
}

/// Binds the same buffer three times, as kernels read it as pairs, words and quads.
fn bind(graphics: &Graphics, layout: &wgpu::BindGroupLayout, buffer: &wgpu::Buffer) -> wgpu::BindGroup {
    bind_buffers(&graphics.device, Group::Bank, layout, &[buffer, buffer, buffer])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banks_double_up_to_the_budget_and_grow_slowly_beyond_it() {
        assert_eq!(grown(16, 16, 1000), 32);
        assert_eq!(grown(512, 512, 1000), 1000);
        assert_eq!(grown(512, 900, 1000), 612, "other banks count");
        assert_eq!(grown(1000, 1000, 1000), 1125);
        assert_eq!(grown(16, 16, 16), 32);
        assert_eq!(grown(64, 64, 16), 80);
    }
}
