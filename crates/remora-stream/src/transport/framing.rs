//! Datagrams on a TCP stream, framed as in RFC 4571: each follows its length, two bytes, big-endian.
//!
//! Pure: bytes go in and out, and the caller owns the stream. Both directions are bounded.

use super::interface::DATAGRAM_BYTES_MAX;

const LENGTH_BYTES: usize = 2;
/// Room for several datagrams, so that one read takes a whole burst.
const READ_BYTES: usize = 16 * 1024;
/// Upper bound on framed datagrams that the kernel has not accepted yet. A key frame of 200 kB fits. A full queue means
/// that the path has been too slow for a while.
const QUEUED_BYTES_MAX: usize = 256 * 1024;

/// A length that no datagram of WebRTC has: the stream is not framed as in RFC 4571. Nothing after such a length can be
/// read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Oversized {
    pub bytes: usize,
}

/// Splits a stream into datagrams.
pub(super) struct FrameReader {
    buffer: Box<[u8]>,
    /// Bytes before `start` were returned, bytes from `end` on were not read yet.
    start: usize,
    end: usize,
}

impl FrameReader {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; READ_BYTES].into_boxed_slice(), start: 0, end: 0 }
    }

    /// Returns the space for the next bytes of the stream. It is never empty after [`Self::next`] has found no whole
    /// datagram.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        &mut self.buffer[self.end..]
    }

    /// Notes how much of [`Self::space`] was filled.
    pub(super) fn fill(&mut self, bytes: usize) {
        self.end += bytes;
    }

    /// Copies the next whole datagram and returns its length. Empty frames carry nothing and are skipped.
    pub(super) fn next(&mut self, datagram: &mut [u8; DATAGRAM_BYTES_MAX]) -> Result<Option<usize>, Oversized> {
        loop {
            let unread = &self.buffer[self.start..self.end];
            let Some((length, rest)) = unread.split_first_chunk::<LENGTH_BYTES>() else {
                return Ok(None);
            };
            let bytes = usize::from(u16::from_be_bytes(*length));
            if bytes > DATAGRAM_BYTES_MAX {
                return Err(Oversized { bytes });
            }
            let Some(payload) = rest.get(..bytes) else {
                return Ok(None);
            };
            datagram[..bytes].copy_from_slice(payload);
            self.start += LENGTH_BYTES + bytes;
            if bytes > 0 {
                return Ok(Some(bytes));
            }
        }
    }
}

/// Framed datagrams on their way into a stream. A datagram that finds the queue full is dropped, as a router would drop
/// it, so that no datagram waits longer than the queue is long.
#[derive(Default)]
pub(super) struct FrameQueue {
    buffer: Vec<u8>,
    /// Bytes before this were written.
    start: usize,
}

impl FrameQueue {
    /// Queues a datagram. Returns `false` if the queue is full.
    pub(super) fn push(&mut self, datagram: &[u8]) -> bool {
        let Ok(length) = u16::try_from(datagram.len()) else {
            return false;
        };
        if self.unwritten().len() + LENGTH_BYTES + datagram.len() > QUEUED_BYTES_MAX {
            return false;
        }
        if self.start >= QUEUED_BYTES_MAX {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(datagram);
        true
    }

    /// Returns the bytes that are to be written.
    pub(super) fn unwritten(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Notes how much of [`Self::unwritten`] was written.
    pub(super) fn written(&mut self, bytes: usize) {
        self.start += bytes;
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn feed(reader: &mut FrameReader, bytes: &[u8]) {
        reader.space()[..bytes.len()].copy_from_slice(bytes);
        reader.fill(bytes.len());
    }

    fn take(reader: &mut FrameReader) -> Result<Option<Vec<u8>>, Oversized> {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let length = reader.next(&mut datagram)?;
        Ok(length.map(|length| datagram[..length].to_vec()))
    }

    #[test]
    fn a_datagram_is_whole_only_with_its_last_byte() {
        let mut reader = FrameReader::new();
        for byte in [0, 3, b'a', b'b'] {
            feed(&mut reader, &[byte]);
            assert_eq!(take(&mut reader), Ok(None));
        }
        feed(&mut reader, b"c\0\x01d\0");
        assert_eq!(take(&mut reader), Ok(Some(b"abc".to_vec())));
        assert_eq!(take(&mut reader), Ok(Some(b"d".to_vec())));
        assert_eq!(take(&mut reader), Ok(None), "half a length");
    }

    #[test]
    fn empty_frames_are_skipped() {
        let mut reader = FrameReader::new();
        feed(&mut reader, &[0, 0, 0, 0, 0, 1, 7, 0, 0]);
        assert_eq!(take(&mut reader), Ok(Some(vec![7])));
        assert_eq!(take(&mut reader), Ok(None));
    }

    #[test]
    fn a_length_that_no_datagram_has_is_refused_before_its_bytes_are_read() {
        let mut reader = FrameReader::new();
        feed(&mut reader, &(DATAGRAM_BYTES_MAX as u16 + 1).to_be_bytes());
        assert_eq!(take(&mut reader), Err(Oversized { bytes: DATAGRAM_BYTES_MAX + 1 }));
        // "GET" of a client that expects a web server.
        let mut reader = FrameReader::new();
        feed(&mut reader, b"GET / HTTP/1.1\r\n");
        assert_eq!(take(&mut reader), Err(Oversized { bytes: 0x4745 }));
    }

    #[test]
    fn a_full_queue_drops_datagrams_until_something_was_written() {
        let mut queue = FrameQueue::default();
        let datagram = [5; 1200];
        let mut taken = 0;
        while queue.push(&datagram) {
            taken += 1;
        }
        assert_eq!(taken, QUEUED_BYTES_MAX / (datagram.len() + LENGTH_BYTES));
        queue.written(datagram.len() + LENGTH_BYTES);
        assert!(queue.push(&datagram) && !queue.push(&datagram));
        assert!(!FrameQueue::default().push(&vec![0; 65_536]), "longer than a length can say");
    }

    #[test]
    fn a_queue_that_is_written_slowly_stays_small() {
        let mut queue = FrameQueue::default();
        assert!(queue.push(&[1; 1000]));
        for _ in 0..10_000 {
            assert!(queue.push(&[2; 1000]));
            queue.written(1002);
            assert!(queue.buffer.len() <= 2 * QUEUED_BYTES_MAX);
        }
    }

    proptest! {
        #[test]
        fn datagrams_arrive_however_the_stream_is_cut(
            datagrams in vec(vec(any::<u8>(), 1..DATAGRAM_BYTES_MAX), 0..40),
            cuts in vec(1..3000_usize, 1..20),
        ) {
            let mut queue = FrameQueue::default();
            for datagram in &datagrams {
                prop_assert!(queue.push(datagram));
            }
            let (mut reader, mut arrived) = (FrameReader::new(), Vec::new());
            let mut cuts = cuts.iter().cycle();
            while !queue.unwritten().is_empty() {
                let bytes = queue.unwritten().len().min(*cuts.next().expect("a cycle")).min(reader.space().len());
                prop_assert!(bytes > 0);
                let cut = queue.unwritten()[..bytes].to_vec();
                queue.written(bytes);
                feed(&mut reader, &cut);
                while let Some(datagram) = take(&mut reader).expect("nothing is oversized") {
                    arrived.push(datagram);
                }
            }
            prop_assert_eq!(arrived, datagrams);
        }

        #[test]
        fn hostile_streams_end_in_an_error_or_in_datagrams(bytes in vec(any::<u8>(), 0..READ_BYTES)) {
            let mut reader = FrameReader::new();
            feed(&mut reader, &bytes);
            while let Ok(Some(datagram)) = take(&mut reader) {
                prop_assert!(!datagram.is_empty() && datagram.len() <= DATAGRAM_BYTES_MAX);
            }
        }
    }
}
