//! Reads pages on a thread of its own, so that no frame waits for a disk. Reading a page brings its bytes into memory
//! and verifies its checksum; the upload is then a copy.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use remora_asset::{Asset, AssetError};

use crate::residency::page_cache::PageCache;

/// Largest number of requested pages that have not arrived: about one second of reading from a slow disk.
pub(crate) const IN_FLIGHT_MAX: usize = 128;

/// Number of an addition of a model to the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModelSerial(pub u64);

/// Identifies a requested page. Serials are never reused, so requests for a removed model are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub serial: ModelSerial,
    pub page: u32,
}

#[derive(Debug)]
pub(crate) struct FetchedPage {
    pub ticket: Ticket,
    /// Success, or the damage found in the page.
    pub outcome: Result<(), AssetError>,
}

type Listener = Box<dyn Fn() + Send>;

enum Job {
    Fetch { asset: Asset, ticket: Ticket },
    SetListener(Listener),
    Notify,
}

#[derive(Debug)]
pub(crate) struct Pager {
    jobs: SyncSender<Job>,
    fetched: Receiver<FetchedPage>,
    in_flight: usize,
}

impl Pager {
    /// Starts the thread. The page cache keeps up to `memory_bytes_max` bytes.
    pub(crate) fn start(memory_bytes_max: u64) -> Self {
        let (jobs, inbox) = sync_channel::<Job>(IN_FLIGHT_MAX + 2);
        let (outbox, fetched) = sync_channel(IN_FLIGHT_MAX);
        thread::Builder::new()
            .name("pager".to_owned())
            .spawn(move || {
                let mut listener: Listener = Box::new(|| {});
                let mut cache = PageCache::new(memory_bytes_max);
                for job in inbox {
                    match job {
                        Job::SetListener(new) => listener = new,
                        Job::Notify => listener(),
                        Job::Fetch { asset, ticket } => {
                            let outcome = asset.page(ticket.page).map(|_| ());
                            cache.keep(asset.page_memory(ticket.page));
                            if outbox.send(FetchedPage { ticket, outcome }).is_err() {
                                return;
                            }
                            listener();
                        }
                    }
                }
            })
            .expect("a thread can be started at the renderer's start");
        Self { jobs, fetched, in_flight: 0 }
    }

    /// Sets the listener, which the pager's thread calls whenever it has read a page.
    pub(crate) fn listen(&self, listener: Listener) {
        // The queue has room for more jobs than pages may be in flight.
        let _ = self.jobs.try_send(Job::SetListener(listener));
    }

    /// Calls the listener because pages were left for another frame.
    pub(crate) fn notify(&self) {
        // If the queue is full, more pages follow, and the listener is called for them.
        let _ = self.jobs.try_send(Job::Notify);
    }

    pub(crate) fn room(&self) -> usize {
        IN_FLIGHT_MAX - self.in_flight
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Requests a page; [`Self::room`] must be above 0.
    pub(crate) fn fetch(&mut self, asset: &Asset, ticket: Ticket) {
        self.in_flight += 1;
        // If the thread has ended, the page never arrives, and frames keep using what is loaded.
        let _ = self.jobs.try_send(Job::Fetch { asset: asset.clone(), ticket });
    }

    /// Returns the next page that has been read. Waits at most `wait`, and not at all if no page is in flight.
    pub(crate) fn receive(&mut self, wait: Duration) -> Option<FetchedPage> {
        let fetched = match wait.is_zero() || self.in_flight == 0 {
            true => self.fetched.try_recv().ok(),
            false => self.fetched.recv_timeout(wait).ok(),
        }?;
        self.in_flight -= 1;
        Some(fetched)
    }
}
