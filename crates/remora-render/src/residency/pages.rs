//! Which pages of which models are on the device. Pure: told what a frame looked at, it says what to fetch and what to
//! give up.
//!
//! ```text
//!   selection ── touch, want ──▶ ┌───────────┐ ── fetch ──▶ pager (reads, checks) ──▶ arrived
//!                                │ Residency │ ── evict ──▶ the page's place on the device is free
//!   selection ◀── is it usable ─ └───────────┘
//! ```
//!
//! A page is *usable* when it and all pages that it depends on are loaded: whatever is drawn of it then has something
//! coarser around it that fits. So pages are given up finest first: never one that a loaded page depends on, never a
//! root, and never one that the current frame looked at.

use std::sync::atomic::{AtomicU64, Ordering};

use remora_asset::Asset;
use remora_asset::layout::PAGE_ROOT;

/// Frames, counted by the selection.
pub(crate) type FrameNumber = u64;

/// A page of the model of that index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageId {
    pub model: usize,
    pub page: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PageState {
    #[default]
    Absent,
    /// Asked for and not there yet.
    Fetching,
    Loaded,
    /// Its bytes are damaged: not asked for again.
    Lost,
}

#[derive(Debug, Default)]
struct Page {
    state: PageState,
    usable: bool,
    /// It is lost, or depends on one that is: it will never be usable.
    hopeless: bool,
    is_root: bool,
    /// Loaded pages that depend on it.
    children_loaded: u32,
    /// Noted by all threads that look for what to draw.
    touched_at: AtomicU64,
    /// When it was last found to be missing.
    missed_at: FrameNumber,
}

/// The pages of one model.
#[derive(Debug)]
pub(crate) struct Pages {
    pages: Vec<Page>,
    /// Pages that each depends on, and those that depend on each, behind one another.
    parents: Adjacency,
    children: Adjacency,
}

#[derive(Clone, Debug, Default)]
struct Adjacency {
    firsts: Vec<u32>,
    others: Vec<u32>,
}

impl Adjacency {
    fn new(lists: impl Iterator<Item = Vec<u32>>) -> Self {
        let mut adjacency = Self { firsts: vec![0], others: Vec::new() };
        for list in lists {
            adjacency.others.extend(list);
            adjacency.firsts.push(adjacency.others.len() as u32);
        }
        adjacency
    }

    fn of(&self, page: u32) -> &[u32] {
        &self.others[self.firsts[page as usize] as usize..self.firsts[page as usize + 1] as usize]
    }
}

impl Pages {
    pub(crate) fn new(asset: &Asset) -> Self {
        let records = asset.pages();
        Self::of(records.iter().map(|page| (page.flags & PAGE_ROOT != 0, asset.page_parents(page).to_vec())).collect())
    }

    /// Each page: whether it is a root, and its parents, which stand before it.
    fn of(list: Vec<(bool, Vec<u32>)>) -> Self {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); list.len()];
        for (page, (_, parents)) in (0..).zip(&list) {
            for &parent in parents {
                children[parent as usize].push(page);
            }
        }
        let pages = list.iter().map(|&(is_root, _)| Page { is_root, ..Default::default() }).collect();
        let parents = Adjacency::new(list.into_iter().map(|(_, parents)| parents));
        Self { pages, parents, children: Adjacency::new(children.into_iter()) }
    }

    pub(crate) fn is_usable(&self, page: u32) -> bool {
        self.pages[page as usize].usable
    }

    #[cfg(test)]
    pub(crate) fn is_loaded(&self, page: u32) -> bool {
        self.pages[page as usize].state == PageState::Loaded
    }

    pub(crate) fn touch(&self, page: u32, frame: FrameNumber) {
        // All threads look at the same few pages: what is written in vain takes the line away from the others.
        let touched_at = &self.pages[page as usize].touched_at;
        if touched_at.load(Ordering::Relaxed) != frame {
            touched_at.store(frame, Ordering::Relaxed);
        }
    }

    /// Whether asking for it makes sense.
    pub(crate) fn is_absent(&self, page: u32) -> bool {
        self.pages[page as usize].state == PageState::Absent
    }

    /// Whether it is of use or could still be.
    pub(crate) fn can_come(&self, page: u32) -> bool {
        !self.pages[page as usize].hopeless
    }

    /// Lists what has to come before `page` is of use, parents first, each page once a frame. A page depends on more than
    /// the frame looks at: what is there of that stays, or it would be given up for what cannot be used without it.
    pub(crate) fn require(&mut self, page: u32, frame: FrameNumber, missing: &mut Vec<u32>) {
        let first = missing.len();
        let mut open = vec![page];
        while let Some(number) = open.pop() {
            let entry = &mut self.pages[number as usize];
            if entry.state == PageState::Loaded {
                *entry.touched_at.get_mut() = frame;
            }
            if entry.usable || entry.missed_at == frame {
                continue;
            }
            entry.missed_at = frame;
            if entry.state != PageState::Loaded {
                missing.push(number);
            }
            open.extend(self.parents.of(number));
        }
        // Parents have the lower numbers.
        missing[first..].sort_unstable();
    }

    pub(crate) fn fetching(&mut self, page: u32) {
        self.pages[page as usize].state = PageState::Fetching;
    }

    /// It came to nothing; it may be asked for again, unless its bytes are damaged.
    pub(crate) fn fetch_failed(&mut self, page: u32, damaged: bool) {
        self.pages[page as usize].state = if damaged { PageState::Lost } else { PageState::Absent };
        let mut open = if damaged { vec![page] } else { Vec::new() };
        while let Some(number) = open.pop() {
            if !std::mem::replace(&mut self.pages[number as usize].hopeless, true) {
                open.extend(self.children.of(number));
            }
        }
    }

    /// The page is on the device.
    pub(crate) fn loaded(&mut self, page: u32, frame: FrameNumber) {
        self.pages[page as usize].state = PageState::Loaded;
        *self.pages[page as usize].touched_at.get_mut() = frame;
        for &parent in self.parents.of(page) {
            self.pages[parent as usize].children_loaded += 1;
        }
        self.derive_usable(page);
    }

    /// The page is not on the device any more. Nothing that is loaded may depend on it.
    pub(crate) fn evicted(&mut self, page: u32) {
        debug_assert_eq!(self.pages[page as usize].children_loaded, 0);
        let entry = &mut self.pages[page as usize];
        (entry.state, entry.usable) = (PageState::Absent, false);
        for &parent in self.parents.of(page) {
            self.pages[parent as usize].children_loaded -= 1;
        }
    }

    /// When it was looked at last, if it may be given up in this frame.
    fn evictable(&self, page: u32, frame: FrameNumber) -> Option<FrameNumber> {
        let page = &self.pages[page as usize];
        let free = page.state == PageState::Loaded && !page.is_root && page.children_loaded == 0;
        let touched_at = page.touched_at.load(Ordering::Relaxed);
        (free && touched_at < frame).then_some(touched_at)
    }

    /// Pages that may be given up, with when they were looked at last.
    pub(crate) fn all_evictable(&self, frame: FrameNumber) -> impl Iterator<Item = (FrameNumber, u32)> + '_ {
        (0..self.pages.len() as u32).filter_map(move |page| Some((self.evictable(page, frame)?, page)))
    }

    /// Of the page, and of those that waited for it.
    fn derive_usable(&mut self, page: u32) {
        let mut open = vec![page];
        while let Some(page) = open.pop() {
            let ready = |&parent: &u32| self.pages[parent as usize].usable;
            let entry = &self.pages[page as usize];
            if entry.state == PageState::Loaded && !entry.usable && self.parents.of(page).iter().all(ready) {
                self.pages[page as usize].usable = true;
                open.extend(self.children.of(page));
            }
        }
    }
}

/// What a frame would have liked to draw and could not; most urgent first when sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRequest {
    pub page: PageId,
    /// Error in pixels of what is drawn instead.
    pub error_pixels: f32,
}

/// Sorts by urgency, each page once.
pub(crate) fn most_urgent(wishes: &mut Vec<PageRequest>) -> &[PageRequest] {
    wishes.sort_unstable_by(|one, other| {
        let key = |wish: &PageRequest| (wish.page.model, wish.page.page);
        key(one).cmp(&key(other)).then(other.error_pixels.total_cmp(&one.error_pixels))
    });
    wishes.dedup_by_key(|wish| (wish.page.model, wish.page.page));
    wishes.sort_by(|one, other| other.error_pixels.total_cmp(&one.error_pixels));
    wishes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    fn chain() -> Pages {
        Pages::of(vec![(true, vec![]), (false, vec![0]), (false, vec![0, 1]), (false, vec![2])])
    }

    #[test]
    fn a_page_is_of_use_when_all_it_depends_on_is_there_in_whatever_order_they_come() {
        let mut pages = chain();
        for page in [3, 2, 1] {
            pages.loaded(page, 1);
            assert!(!pages.is_usable(page));
        }
        pages.loaded(0, 1);
        assert!((0..4).all(|page| pages.is_usable(page)));
    }

    #[test]
    fn the_finest_that_nobody_looked_at_goes_first_and_roots_stay() {
        let mut pages = chain();
        (0..4).for_each(|page| pages.loaded(page, 1));
        let evictable = |pages: &Pages, frame| pages.all_evictable(frame).collect::<Vec<_>>();
        assert_eq!(evictable(&pages, 2), [(1, 3)]);
        pages.touch(3, 2);
        assert_eq!(evictable(&pages, 2), []);
        for page in [3, 2, 1] {
            assert_eq!(evictable(&pages, 3).iter().map(|&(_, page)| page).collect::<Vec<_>>(), [page]);
            pages.evicted(page);
        }
        assert_eq!(evictable(&pages, 9), []);
    }

    #[test]
    fn a_damaged_page_is_not_asked_for_again() {
        let mut pages = chain();
        pages.fetching(1);
        assert!(!pages.is_absent(1));
        pages.fetch_failed(1, false);
        assert!(pages.is_absent(1));
        pages.fetch_failed(1, true);
        assert!(!pages.is_absent(1));
        assert_eq!(
            [0, 1, 2, 3].map(|page| pages.can_come(page)),
            [true, false, false, false],
            "nor what depends on it"
        );
    }

    #[test]
    fn a_page_is_required_with_all_that_it_depends_on_and_what_is_there_of_it_stays() {
        let mut pages =
            Pages::of(vec![(true, vec![]), (false, vec![0]), (false, vec![0]), (false, vec![2]), (false, vec![1, 3])]);
        pages.loaded(0, 1);
        let mut missing = Vec::new();
        pages.require(4, 2, &mut missing);
        pages.require(3, 2, &mut missing);
        assert_eq!(missing, [1, 2, 3, 4]);
        pages.loaded(1, 2);
        pages.loaded(4, 2);
        missing.clear();
        pages.require(4, 3, &mut missing);
        assert_eq!(missing, [2, 3]);
        assert_eq!(pages.all_evictable(3).count(), 0, "what the page needs was looked at, and so was it");
        assert_eq!(pages.all_evictable(4).map(|(_, page)| page).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn wishes_are_sorted_by_urgency_and_unique() {
        let wish = |model, page, error_pixels| PageRequest { page: PageId { model, page }, error_pixels };
        let mut wishes = vec![wish(1, 5, 2.0), wish(0, 5, 3.0), wish(1, 5, 9.0), wish(0, 1, 4.0)];
        let found: Vec<_> = most_urgent(&mut wishes).iter().map(|wish| (wish.page.model, wish.page.page)).collect();
        assert_eq!(found, [(1, 5), (0, 1), (0, 5)]);
    }

    proptest! {
        /// Whatever comes and goes: usable means that it and all above it are loaded, and eviction never breaks that.
        #[test]
        fn usable_pages_stand_on_usable_pages(
            links in prop::collection::vec(prop::collection::hash_set(0u32..20, 0..3), 1..20),
            steps in prop::collection::vec((any::<bool>(), 0u32..20), 1..200),
        ) {
            let list: Vec<(bool, Vec<u32>)> = links
                .iter()
                .enumerate()
                .map(|(page, parents)| {
                    let parents: Vec<u32> = parents.iter().copied().filter(|&parent| (parent as usize) < page).collect();
                    (parents.is_empty(), parents)
                })
                .collect();
            let count = list.len() as u32;
            let mut pages = Pages::of(list.clone());
            let mut loaded: HashSet<u32> = HashSet::new();
            for (frame, (loads, page)) in (1..).zip(steps) {
                let page = page % count;
                if loads && !loaded.contains(&page) {
                    pages.loaded(page, frame);
                    loaded.insert(page);
                } else if let Some((_, page)) = pages.all_evictable(frame).min() {
                    pages.evicted(page);
                    loaded.remove(&page);
                }
                for page in 0..count {
                    prop_assert_eq!(pages.is_loaded(page), loaded.contains(&page));
                    let stands = list[page as usize].1.iter().all(|&parent| pages.is_usable(parent));
                    prop_assert_eq!(pages.is_usable(page), loaded.contains(&page) && stands);
                }
            }
        }
    }
}
