//! TCP for clients whose network blocks UDP: one listener per local address, and the connections that clients have
//! opened to it (RFC 6544, passive side).
//!
//! ```text
//!   accept ──► Unproven ──first datagram is of the peer──► Proven ──the peer has left──► Leaving ──► closed
//!                  └─ any other datagram, or UNPROVEN_MAX ─► closed        LEAVING_MAX or its end ─┘
//! ```
//!
//! A stranger costs little: without a valid first datagram a connection ends after [`UNPROVEN_MAX`], and where there is
//! no place left, the oldest one that has not proven itself makes room. So a client that knows the secrets of the
//! handshake, and proves it with its first message, finds a place however many strangers knock.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use remora_protocol::subscriber::subscriber_of;
use socket2::SockRef;

use super::DATAGRAM_BYTES_MAX;
use super::framing::{FrameQueue, FrameReader};

/// A browser opens one connection per network interface of its own and candidate of the host.
const CONNECTIONS_MAX: usize = 128;
/// Limit for one IPv4 address, or one IPv6 network of 64 bits.
const CONNECTIONS_PER_SUBSCRIBER_MAX: usize = 32;
/// From the connection to the client's first connectivity check, which browsers send at once.
const UNPROVEN_MAX: Duration = Duration::from_secs(5);
/// For the last datagrams to arrive: a connection that is closed while something is unread takes them with it.
const LEAVING_MAX: Duration = Duration::from_secs(1);
/// With [`FrameQueue`]'s own limit, what may wait for a slow path. Without a limit of its own, the kernel would keep
/// several megabytes, which are seconds.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Connections that are accepted before anything else has its turn.
const ACCEPT_BATCH_MAX: usize = 32;

pub(super) struct TcpSockets {
    registry: Registry,
    /// Tokens of listeners start here, those of connections follow.
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

/// A datagram in the caller's buffer.
pub(super) struct Received {
    pub length: usize,
    pub client: SocketAddr,
    pub local: SocketAddr,
}

impl TcpSockets {
    pub(super) fn new(registry: Registry, first_token: usize) -> Self {
        Self { registry, first_token, listeners: Vec::new(), connections: Vec::new() }
    }

    /// All listeners are added before the first connection is accepted.
    pub(super) fn add(&mut self, mut listener: TcpListener, address: SocketAddr) -> io::Result<()> {
        let token = Token(self.first_token + self.listeners.len());
        self.registry.register(&mut listener, token, Interest::READABLE)?;
        self.listeners.push(Listener { listener, address });
        Ok(())
    }

    /// The next datagram of a connection. `None` when there is none for now, and for listeners, which accept what
    /// waits instead.
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

    /// Tells whether the datagram that was received last on this connection was the peer's. If it was the first one
    /// and was not, the connection ends.
    pub(super) fn judge(&mut self, token: Token, is_of_peer: bool) {
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

    /// Queues a datagram, or drops it: when the queue is full, or the client has no such connection.
    pub(super) fn send(&mut self, local: SocketAddr, client: SocketAddr, datagram: &[u8]) {
        let found = self
            .connections
            .iter_mut()
            .flatten()
            .find(|connection| connection.client == client && connection.local == local);
        // Connectivity checks to candidates of a browser, which only ever connects itself, find no connection.
        if !found.is_some_and(|connection| connection.queue.push(datagram)) {
            tracing::trace!(%local, %client, "a datagram is dropped");
        }
    }

    /// Writes what the kernel takes. The rest follows when a connection is writable again.
    pub(super) fn flush(&mut self) {
        for connection in &mut self.connections {
            if let Some(Err(error)) = connection.as_mut().map(write) {
                tracing::debug!(%error, "a TCP connection ended");
                *connection = None;
            }
        }
    }

    /// The peer has left. Its connections end once the client has read everything, or after a moment.
    pub(super) fn release(&mut self, now: Instant) {
        for connection in self.connections.iter_mut().flatten() {
            if connection.state == ConnectionState::Proven {
                connection.state = ConnectionState::Leaving { deadline: now + LEAVING_MAX };
                // An error means that there is nothing left to be shut down.
                let _ = connection.stream.shutdown(Shutdown::Write);
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.connections.iter().flatten().filter_map(Connection::deadline).min()
    }

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
        // Edge-triggered: those that still wait are announced again.
        let token = Token(self.first_token + index);
        if let Err(error) = self.registry.reregister(&mut self.listeners[index].listener, token, Interest::READABLE) {
            tracing::error!(%error, "a TCP listener ends");
        }
    }

    fn admit(&mut self, mut stream: TcpStream, local: SocketAddr, client: SocketAddr, now: Instant) -> io::Result<()> {
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES)?;
        let Some(slot) = self.make_room(client.ip()) else {
            return Err(io::Error::other("all places are taken by connections of the client"));
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

    /// A free slot. Where there is none, or the subscriber has its share, the oldest connection that is not proven ends.
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

    /// Connections with their slots, of one subscriber or of all.
    fn connections_of(&self, of: Option<IpAddr>) -> impl Iterator<Item = (usize, &Connection)> {
        self.connections
            .iter()
            .enumerate()
            .filter_map(|(slot, place)| Some((slot, place.as_ref()?)))
            .filter(move |(_, connection)| of.is_none_or(|of| subscriber_of(connection.client.ip()) == of))
    }
}

/// The next datagram's length; `None` when the stream has none for now. Errors end the connection.
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
