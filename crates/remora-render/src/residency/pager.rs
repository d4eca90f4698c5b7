//! Reads pages on a thread of its own, so that a frame waits for no disk: bytes are brought into memory and compared
//! with their checksum; uploading them is then a copy.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use remora_asset::{Asset, AssetError};

use crate::residency::page_cache::PageCache;

/// Pages that are asked for and not there yet: what a second of reading brings from a slow disk.
pub(crate) const IN_FLIGHT_MAX: usize = 128;

/// Which page is meant. Serials are never used twice, so that what was asked for a model that is gone is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub serial: u64,
    pub page: u32,
}

#[derive(Debug)]
pub(crate) struct FetchedPage {
    pub ticket: Ticket,
    /// Whether the page is sound.
    pub outcome: Result<(), AssetError>,
}

type Listener = Box<dyn Fn() + Send>;

enum Job {
    Fetch { asset: Asset, ticket: Ticket },
    Listen(Listener),
    TellAgain,
}

#[derive(Debug)]
pub(crate) struct Pager {
    jobs: SyncSender<Job>,
    fetched: Receiver<FetchedPage>,
    in_flight: usize,
}

impl Pager {
    /// Of what it has read, `memory_bytes_max` stay in memory.
    pub(crate) fn start(memory_bytes_max: u64) -> Self {
        let (jobs, inbox) = sync_channel::<Job>(IN_FLIGHT_MAX + 2);
        let (outbox, fetched) = sync_channel(IN_FLIGHT_MAX);
        thread::Builder::new()
            .name("pager".to_owned())
            .spawn(move || {
                let mut listener: Listener = Box::new(|| {});
                let mut kept = PageCache::new(memory_bytes_max);
                for job in inbox {
                    match job {
                        Job::Listen(new) => listener = new,
                        Job::TellAgain => listener(),
                        Job::Fetch { asset, ticket } => {
                            let outcome = asset.page(ticket.page).map(|_| ());
                            kept.keep(asset.page_memory(ticket.page));
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

    /// `listener` is called on the pager's thread whenever a page has been read.
    pub(crate) fn listen(&self, listener: Listener) {
        // The queue has room for more jobs than pages may be in flight.
        let _ = self.jobs.try_send(Job::Listen(listener));
    }

    /// Calls the listener, because pages were left for another frame.
    pub(crate) fn tell_again(&self) {
        // Where the queue is full, pages are still to come, and the listener is called for them.
        let _ = self.jobs.try_send(Job::TellAgain);
    }

    pub(crate) fn room(&self) -> usize {
        IN_FLIGHT_MAX - self.in_flight
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// There must be room.
    pub(crate) fn fetch(&mut self, asset: &Asset, ticket: Ticket) {
        self.in_flight += 1;
        // A pager that has ended takes the pages with it; the frames go on with what is there.
        let _ = self.jobs.try_send(Job::Fetch { asset: asset.clone(), ticket });
    }

    /// The next page that has been read, waited for at most so long; not at all if none is on its way.
    pub(crate) fn receive(&mut self, wait: Duration) -> Option<FetchedPage> {
        let fetched = match wait.is_zero() || self.in_flight == 0 {
            true => self.fetched.try_recv().ok(),
            false => self.fetched.recv_timeout(wait).ok(),
        }?;
        self.in_flight -= 1;
        Some(fetched)
    }
}
