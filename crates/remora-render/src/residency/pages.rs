//! Residency: which pages of a model are on the device. Pure: it is told which pages a frame used, and decides which
//! ones to fetch and which ones may be evicted.
//!
//! ```text
//!   selection ── touch, require ──▶ ┌───────┐ ── missing ──▶ pager (reads, checks) ──▶ loaded
//!                                   │ Pages │
//!   selection ◀── is it usable? ─── └───────┘ ── evictable ──▶ the slot on the device is freed
//! ```
//!
//! A page is *usable* when it and all pages that it depends on are loaded, because its clusters fit only next to those
//! coarser ones. Pages are therefore evicted finest first. A page that a loaded page depends on, a root page, and a
//! page that the current frame used are never evicted.

use std::sync::atomic::{AtomicU64, Ordering};

use remora_asset::Asset;
use remora_asset::layout::PAGE_ROOT;

/// Number of a frame, counted by the selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameNumber(pub u64);

/// A page of a model, which is named by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageId {
    pub model: usize,
    pub page: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PageState {
    #[default]
    Absent,
    /// Requested but not loaded.
    Fetching,
    Loaded,
    /// Damaged; never requested again.
    Lost,
}

#[derive(Debug, Default)]
struct Page {
    state: PageState,
    usable: bool,
    /// The page or one that it depends on is lost, so it can never become usable.
    never_usable: bool,
    is_root: bool,
    /// Number of loaded pages that depend on this one.
    children_loaded: u32,
    /// Frame that used the page last. All selecting threads write it.
    touched_at: AtomicU64,
    /// Frame that last found the page missing.
    missed_at: FrameNumber,
}

/// The pages of one model.
#[derive(Debug)]
pub(crate) struct Pages {
    pages: Vec<Page>,
    /// Pages that each page depends on.
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

    /// Takes a list that states of each page whether it is a root, and its parents, which precede it.
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
        // All threads read the same few pages, and a redundant store would take the cache line away from the others.
        let touched_at = &self.pages[page as usize].touched_at;
        if touched_at.load(Ordering::Relaxed) != frame.0 {
            touched_at.store(frame.0, Ordering::Relaxed);
        }
    }

    /// Returns whether the page may be requested.
    pub(crate) fn is_absent(&self, page: u32) -> bool {
        self.pages[page as usize].state == PageState::Absent
    }

    /// Returns whether the page is usable or can still become usable.
    pub(crate) fn can_become_usable(&self, page: u32) -> bool {
        !self.pages[page as usize].never_usable
    }

    /// Appends the pages that `page` lacks to become usable, parents first, each page once per frame. The loaded pages
    /// among its ancestors are marked as used; otherwise they could be evicted for a page that is useless without them.
    pub(crate) fn require(&mut self, page: u32, frame: FrameNumber, missing: &mut Vec<u32>) {
        let first = missing.len();
        let mut open = vec![page];
        while let Some(number) = open.pop() {
            let entry = &mut self.pages[number as usize];
            if entry.state == PageState::Loaded {
                *entry.touched_at.get_mut() = frame.0;
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
        // Parents have lower numbers.
        missing[first..].sort_unstable();
    }

    pub(crate) fn fetching(&mut self, page: u32) {
        self.pages[page as usize].state = PageState::Fetching;
    }

    /// Records a failed request. The page may be requested again unless it is damaged.
    pub(crate) fn fetch_failed(&mut self, page: u32, damaged: bool) {
        self.pages[page as usize].state = if damaged { PageState::Lost } else { PageState::Absent };
        let mut open = if damaged { vec![page] } else { Vec::new() };
        while let Some(number) = open.pop() {
            if !std::mem::replace(&mut self.pages[number as usize].never_usable, true) {
                open.extend(self.children.of(number));
            }
        }
    }

    /// Records that the page is on the device.
    pub(crate) fn loaded(&mut self, page: u32, frame: FrameNumber) {
        self.pages[page as usize].state = PageState::Loaded;
        *self.pages[page as usize].touched_at.get_mut() = frame.0;
        for &parent in self.parents.of(page) {
            self.pages[parent as usize].children_loaded += 1;
        }
        self.derive_usable(page);
    }

    /// Records that the page is no longer on the device. No loaded page may depend on it.
    pub(crate) fn evicted(&mut self, page: u32) {
        debug_assert_eq!(self.pages[page as usize].children_loaded, 0);
        let entry = &mut self.pages[page as usize];
        (entry.state, entry.usable) = (PageState::Absent, false);
        for &parent in self.parents.of(page) {
            self.pages[parent as usize].children_loaded -= 1;
        }
    }

    /// Returns the frame that used the page last, if the page may be evicted in `frame`.
    fn evictable(&self, page: u32, frame: FrameNumber) -> Option<FrameNumber> {
        let page = &self.pages[page as usize];
        let free = page.state == PageState::Loaded && !page.is_root && page.children_loaded == 0;
        let touched_at = FrameNumber(page.touched_at.load(Ordering::Relaxed));
        (free && touched_at < frame).then_some(touched_at)
    }

    /// Lists the pages that may be evicted, with the frame that used each one last.
    pub(crate) fn all_evictable(&self, frame: FrameNumber) -> impl Iterator<Item = (FrameNumber, u32)> + '_ {
        (0..self.pages.len() as u32).filter_map(move |page| Some((self.evictable(page, frame)?, page)))
    }

    /// Updates the usability of the page and of those that depend on it.
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

/// A page that a frame lacked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRequest {
    pub page: PageId,
    /// Error in pixels of the coarser clusters that are drawn instead.
    pub error_pixels: f32,
}

/// Sorts requests by urgency and removes duplicates.
pub(crate) fn most_urgent(requests: &mut Vec<PageRequest>) -> &[PageRequest] {
    requests.sort_unstable_by(|one, other| {
        let key = |request: &PageRequest| (request.page.model, request.page.page);
        key(one).cmp(&key(other)).then(other.error_pixels.total_cmp(&one.error_pixels))
    });
    requests.dedup_by_key(|request| (request.page.model, request.page.page));
    requests.sort_by(|one, other| other.error_pixels.total_cmp(&one.error_pixels));
    requests
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
    fn a_page_is_usable_once_all_that_it_depends_on_is_loaded() {
        let mut pages = chain();
        for page in [3, 2, 1] {
            pages.loaded(page, FrameNumber(1));
            assert!(!pages.is_usable(page));
        }
        pages.loaded(0, FrameNumber(1));
        assert!((0..4).all(|page| pages.is_usable(page)));
    }

    #[test]
    fn the_finest_unused_pages_are_evicted_first_and_roots_stay() {
        let mut pages = chain();
        (0..4).for_each(|page| pages.loaded(page, FrameNumber(1)));
        let evictable = |pages: &Pages, frame| pages.all_evictable(frame).collect::<Vec<_>>();
        assert_eq!(evictable(&pages, FrameNumber(2)), [(FrameNumber(1), 3)]);
        pages.touch(3, FrameNumber(2));
        assert_eq!(evictable(&pages, FrameNumber(2)), []);
        for page in [3, 2, 1] {
            assert_eq!(evictable(&pages, FrameNumber(3)).iter().map(|&(_, page)| page).collect::<Vec<_>>(), [page]);
            pages.evicted(page);
        }
        assert_eq!(evictable(&pages, FrameNumber(9)), []);
    }

    #[test]
    fn a_damaged_page_is_not_requested_again() {
        let mut pages = chain();
        pages.fetching(1);
        assert!(!pages.is_absent(1));
        pages.fetch_failed(1, false);
        assert!(pages.is_absent(1));
        pages.fetch_failed(1, true);
        assert!(!pages.is_absent(1));
        assert_eq!(
            [0, 1, 2, 3].map(|page| pages.can_become_usable(page)),
            [true, false, false, false],
            "nor pages that depend on it"
        );
    }

    #[test]
    fn requiring_a_page_lists_missing_ancestors_and_keeps_loaded_ones() {
        let mut pages =
            Pages::of(vec![(true, vec![]), (false, vec![0]), (false, vec![0]), (false, vec![2]), (false, vec![1, 3])]);
        pages.loaded(0, FrameNumber(1));
        let mut missing = Vec::new();
        pages.require(4, FrameNumber(2), &mut missing);
        pages.require(3, FrameNumber(2), &mut missing);
        assert_eq!(missing, [1, 2, 3, 4]);
        pages.loaded(1, FrameNumber(2));
        pages.loaded(4, FrameNumber(2));
        missing.clear();
        pages.require(4, FrameNumber(3), &mut missing);
        assert_eq!(missing, [2, 3]);
        assert_eq!(pages.all_evictable(FrameNumber(3)).count(), 0, "the page and its ancestors were used");
        assert_eq!(pages.all_evictable(FrameNumber(4)).map(|(_, page)| page).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn requests_are_sorted_by_urgency_and_unique() {
        let request = |model, page, error_pixels| PageRequest { page: PageId { model, page }, error_pixels };
        let mut requests = vec![request(1, 5, 2.0), request(0, 5, 3.0), request(1, 5, 9.0), request(0, 1, 4.0)];
        let found: Vec<_> =
            most_urgent(&mut requests).iter().map(|request| (request.page.model, request.page.page)).collect();
        assert_eq!(found, [(1, 5), (0, 1), (0, 5)]);
    }

    proptest! {
        /// In any order of loading and eviction, a page is usable exactly if it and all of its ancestors are loaded.
        #[test]
        fn usable_pages_depend_on_usable_pages(
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
                    pages.loaded(page, FrameNumber(frame));
                    loaded.insert(page);
                } else if let Some((_, page)) = pages.all_evictable(FrameNumber(frame)).min() {
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
