//! A list whose elements keep their place, and whose free places are used again.

/// Elements in numbered slots. When the last element is removed, all slots end.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Option<T>>,
    /// Free slots; the last one is used next.
    free: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Arena<T> {
    /// Adds an element and returns its slot.
    pub(crate) fn add(&mut self, element: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(element);
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).expect("a scene of 4 billion entities does not fit into memory");
        self.slots.push(Some(element));
        slot
    }

    /// Removes an element; `None` if the slot is free.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let removed = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        if self.free.len() == self.slots.len() {
            self.clear();
        }
        Some(removed)
    }

    /// Removes all elements and frees their memory.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns the number of elements.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Returns all slots.
    pub(crate) fn slots(&self) -> &[Option<T>] {
        &self.slots
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Iterates over the elements in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_slots_and_free_ones_are_used_again() {
        let mut arena = Arena::default();
        let slots: Vec<u32> = (0..4).map(|element| arena.add(element)).collect();
        assert_eq!(slots, [0, 1, 2, 3]);
        assert_eq!((arena.remove(1), arena.remove(1), arena.remove(9)), (Some(1), None, None));
        assert_eq!((arena.len(), arena.get(1), arena.get(2)), (3, None, Some(&2)));
        assert_eq!((arena.add(7), arena.add(8)), (1, 4));
        assert_eq!(arena.iter().copied().collect::<Vec<_>>(), [0, 7, 2, 3, 8]);
    }

    #[test]
    fn slots_end_with_the_last_element() {
        let mut arena = Arena::default();
        (0..3).for_each(|element| assert_eq!(arena.add(element), element));
        for slot in [1, 0, 2] {
            arena.remove(slot);
        }
        assert_eq!((arena.len(), arena.slots().len(), arena.add(5)), (0, 0, 0));
    }
}
