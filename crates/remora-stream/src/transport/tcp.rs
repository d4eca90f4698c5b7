//! TCP for clients whose network blocks UDP: one listener per local address, and the connections that clients open to
//! it (RFC 6544, passive side).
//!
//! ```text
//!   accept ──► Unproven ──first datagram is of the peer──► Proven ──the peer has left──► Leaving ──► closed
//!                  └─ any other datagram, or UNPROVEN_MAX ─► closed        LEAVING_MAX or its end ─┘
//! ```
//!
//! Strangers cost little: a connection without a valid first datagram ends after [`UNPROVEN_MAX`], and if no slot is
//! free, the oldest unproven connection is closed. So a client that proves with its first message that it knows the
//! secrets of the handshake gets a slot, however many strangers connect.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use remora_protocol::subscriber::subscriber_of;
use socket2::SockRef;

use super::framing::{FrameQueue, FrameReader};
use super::interface::DATAGRAM_BYTES_MAX;

/// Upper bound on connections. A browser opens one for each pair of its own network interface and a candidate of the
/// host.
const CONNECTIONS_MAX: usize = 128;
/// Limit for one IPv4 address, or one IPv6 network of 64 bits.
const CONNECTIONS_PER_SUBSCRIBER_MAX: usize = 32;
/// The time from the connection to the client's first connectivity check, which browsers send at once.
const UNPROVEN_MAX: Duration = Duration::from_secs(5);
/// The time for the last datagrams to arrive. A connection that is closed while something is unread discards them.
const LEAVING_MAX: Duration = Duration::from_secs(1);
/// The kernel's share of what may wait for a slow path, beside [`FrameQueue`]'s limit. By default the kernel would keep
/// several megabytes, which take seconds.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Upper bound on connections that are accepted before other work is done.
const ACCEPT_BATCH_MAX: usize = 32;

/// The listeners and connections of all local addresses.
pub(super) struct TcpSockets {
    registry: Registry,
    /// The token of the first listener. Tokens of connections follow those of listeners.
    first_token: usize,
    listeners: Vec<Listener>,
    connections: Vec<Option<Connection>>,
}

struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

struct Connection {
    stream: TcpStream,
    local: SocketAddr,
    client: SocketAddr,
    opened: Instant,
    state: ConnectionState,
    reader: FrameReader,
    queue: FrameQueue,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    Unproven { deadline: Instant },
    Proven,
    Leaving { deadline: Instant },
}

impl Connection {
    fn deadline(&self) -> Option<Instant> {
        match self.state {
            ConnectionState::Unproven { deadline } | ConnectionState::Leaving { deadline } => Some(deadline),
            ConnectionState::Proven => None,
        }
    }
}

/// A received datagram, whose bytes are in the caller's buffer.
pub(super) struct Received {
    pub length: usize,
    pub client: SocketAddr,
    pub local: SocketAddr,
}

impl TcpSockets {
    pub(super) fn new(registry: Registry, first_token: usize) -> Self {
        Self { registry, first_token, listeners: Vec::new(), connections: Vec::new() }
    }

    /// Adds a listener. All listeners are added before the first connection is accepted.
    pub(super) fn add(&mut self, mut listener: TcpListener, address: SocketAddr) -> io::Result<()> {
        let token = Token(self.first_token + self.listeners.len());
        self.registry.register(&mut listener, token, Interest::READABLE)?;
        self.listeners.push(Listener { listener, address });
        Ok(())
    }

    /// Returns the next datagram of a connection. Returns `None` if there is none for now, and for a listener, which
    /// accepts waiting connections instead.
    pub(super) fn receive(
        &mut self,
        token: Token,
        datagram: &mut [u8; DATAGRAM_BYTES_MAX],
        now: Instant,
    ) -> Option<Received> {
        if let Some(index) = token.0.checked_sub(self.first_token).filter(|&index| index < self.listeners.len()) {
            self.accept(index, now);
            return None;
        }
        let slot = self.slot(token)?;
        let connection = self.connections.get_mut(slot)?.as_mut()?;
        match read(connection, datagram) {
            Ok(length) => length.map(|length| Received { length, client: connection.client, local: connection.local }),
            Err(error) => {
                tracing::debug!(%error, client = %connection.client, "a TCP connection ended");
                self.connections[slot] = None;
                None
            }
        }
    }

    /// Notes whether the last datagram of this connection was the peer's. If the first one is not, the connection ends.
    pub(super) fn note_sender(&mut self, token: Token, is_of_peer: bool) {
        let Some(slot) = self.slot(token) else { return };
        let Some(Some(connection)) = self.connections.get_mut(slot) else { return };
        if matches!(connection.state, ConnectionState::Unproven { .. }) {
            if is_of_peer {
                connection.state = ConnectionState::Proven;
            } else {
                tracing::debug!(client = %connection.client, "a TCP connection is not the client's");
                self.connections[slot] = None;
            }
        }
    }

    /// Queues a datagram. Drops it if the queue is full or the client has no such connection.
    pub(super) fn send(&mut self, local: SocketAddr, client: SocketAddr, datagram: &[u8]) {
        let found = self
            .connections
            .iter_mut()
            .flatten()
            .find(|connection| connection.client == client && connection.local == local);
        // There is no connection for connectivity checks to candidates of a browser, which only connects itself.
        if !found.is_some_and(|connection| connection.queue.push(datagram)) {
            tracing::trace!(%local, %client, "a datagram is dropped");
        }
    }

    /// Writes what the kernel accepts. The rest follows when a connection is writable again.
    pub(super) fn flush(&mut self) {
        for connection in &mut self.connections {
            if let Some(Err(error)) = connection.as_mut().map(write) {
                tracing::debug!(%error, "a TCP connection ended");
                *connection = None;
            }
        }
    }

    /// Notes that the peer has left. Its connections end when the client has read everything, or after [`LEAVING_MAX`].
    pub(super) fn release(&mut self, now: Instant) {
        for connection in self.connections.iter_mut().flatten() {
            if connection.state == ConnectionState::Proven {
                connection.state = ConnectionState::Leaving { deadline: now + LEAVING_MAX };
                // An error means that the connection is shut down already.
                let _ = connection.stream.shutdown(Shutdown::Write);
            }
        }
    }

    /// Returns the first deadline of a connection.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.connections.iter().flatten().filter_map(Connection::deadline).min()
    }

    /// Ends connections whose deadline has passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for connection in &mut self.connections {
            if connection.as_ref().and_then(Connection::deadline).is_some_and(|deadline| deadline <= now) {
                *connection = None;
            }
        }
    }

    fn slot(&self, token: Token) -> Option<usize> {
        token.0.checked_sub(self.first_token + self.listeners.len())
    }

    fn accept(&mut self, index: usize, now: Instant) {
        for _ in 0..ACCEPT_BATCH_MAX {
            let Listener { listener, address } = &self.listeners[index];
            match listener.accept() {
                Ok((stream, client)) => {
                    if let Err(error) = self.admit(stream, *address, client, now) {
                        tracing::debug!(%error, %client, "a TCP connection cannot be used");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::debug!(%error, "a TCP connection could not be accepted");
                    return;
                }
            }
        }
        // Events are edge-triggered. Registering again announces the connections that still wait.
        let token = Token(self.first_token + index);
        if let Err(error) = self.registry.reregister(&mut self.listeners[index].listener, token, Interest::READABLE) {
            tracing::error!(%error, "a TCP listener ends");
        }
    }

    fn admit(&mut self, mut stream: TcpStream, local: SocketAddr, client: SocketAddr, now: Instant) -> io::Result<()> {
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES)?;
        let Some(slot) = self.make_room(client.ip()) else {
            return Err(io::Error::other("all slots are taken by connections of the client"));
        };
        let token = Token(self.first_token + self.listeners.len() + slot);
        self.registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.connections[slot] = Some(Connection {
            stream,
            local,
            client,
            opened: now,
            state: ConnectionState::Unproven { deadline: now + UNPROVEN_MAX },
            reader: FrameReader::new(),
            queue: FrameQueue::default(),
        });
        Ok(())
    }

    /// Returns a free slot. If there is none, or the subscriber has its share, the oldest unproven connection ends.
    fn make_room(&mut self, client: IpAddr) -> Option<usize> {
        let subscriber = subscriber_of(client);
        let has_share = self.connections_of(Some(subscriber)).count() >= CONNECTIONS_PER_SUBSCRIBER_MAX;
        if !has_share {
            if let Some(free) = self.connections.iter().position(Option::is_none) {
                return Some(free);
            }
            if self.connections.len() < CONNECTIONS_MAX {
                self.connections.push(None);
                return Some(self.connections.len() - 1);
            }
        }
        let (slot, _) = self
            .connections_of(has_share.then_some(subscriber))
            .filter(|(_, connection)| connection.state != ConnectionState::Proven)
            .min_by_key(|(_, connection)| connection.opened)?;
        self.connections[slot] = None;
        Some(slot)
    }

    /// Returns connections with their slots, of one subscriber or of all.
    fn connections_of(&self, of: Option<IpAddr>) -> impl Iterator<Item = (usize, &Connection)> {
        self.connections
            .iter()
            .enumerate()
            .filter_map(|(slot, place)| Some((slot, place.as_ref()?)))
            .filter(move |(_, connection)| of.is_none_or(|of| subscriber_of(connection.client.ip()) == of))
    }
}

/// Reads the next datagram and returns its length; `None` if the stream has none for now. Errors end the connection.
fn read(connection: &mut Connection, datagram: &mut [u8; DATAGRAM_BYTES_MAX]) -> io::Result<Option<usize>> {
    loop {
        match connection.reader.next(datagram) {
            Ok(Some(length)) => return Ok(Some(length)),
            Ok(None) => {}
            Err(oversized) => {
                let text =
                    format!("a datagram of {} bytes; accepted are at most {DATAGRAM_BYTES_MAX}", oversized.bytes);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        match connection.stream.read(connection.reader.space()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => connection.reader.fill(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn write(connection: &mut Connection) -> io::Result<()> {
    while !connection.queue.unwritten().is_empty() {
        match connection.stream.write(connection.queue.unwritten()) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => connection.queue.written(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
