//! One UDP socket and one TCP listener per local address, on the same port; none of them blocks.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Instant;

use mio::net::{TcpListener, UdpSocket};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};
use str0m::net::{Protocol as IceProtocol, Transmit};

use super::interface::{DATAGRAM_BYTES_MAX, StartError, TransportOptions};
use super::tcp::TcpSockets;
use crate::peer::MappedAddress;

/// Token of the waker, which no socket has.
pub(super) const WAKER: Token = Token(usize::MAX);

/// Requested size of the send buffer: two key frames of 200 kB fit at once. The kernel may grant less.
const SEND_BUFFER_BYTES: usize = 1024 * 1024;
const RECEIVE_BUFFER_BYTES: usize = 512 * 1024;
/// Upper bound on established connections that wait to be accepted.
const BACKLOG: i32 = 64;
/// Attempts to find a port if any will do. A port that is free for UDP may be taken for TCP.
const ANY_PORT_ATTEMPTS_MAX: usize = 16;

/// The sockets of all local addresses.
pub(super) struct Sockets {
    udp: Vec<UdpSocket>,
    tcp: TcpSockets,
    addresses: Vec<SocketAddr>,
    mapped_address: Option<MappedAddress>,
}

/// A received datagram, whose bytes are in the caller's buffer.
pub(super) struct Datagram {
    pub length: usize,
    pub protocol: IceProtocol,
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

impl Sockets {
    /// Binds the sockets and registers them.
    pub(super) fn bind(options: &TransportOptions, registry: &Registry) -> Result<Self, StartError> {
        let tcp = TcpSockets::new(registry.try_clone()?, options.addresses.len());
        let mut this = Self { udp: Vec::new(), tcp, addresses: Vec::new(), mapped_address: None };
        for &ip in &options.addresses {
            let (mut udp, tcp, bound) = bind_both(ip, options.ports.as_ref())?;
            registry.register(&mut udp, Token(this.udp.len()), Interest::READABLE)?;
            this.udp.push(udp);
            this.tcp.add(tcp, bound)?;
            this.addresses.push(bound);
        }
        this.mapped_address = options.external_address.and_then(|external| mapped_address(external, &this.addresses));
        if this.udp.is_empty() { Err(StartError::NoAddress) } else { Ok(this) }
    }

    /// Returns the addresses, each of which is bound for UDP and TCP.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the address under which clients outside of the network reach a socket, if one is configured.
    pub(super) fn mapped_address(&self) -> Option<MappedAddress> {
        self.mapped_address
    }

    /// Returns the next datagram of a token's socket. Returns `None` if there is none.
    pub(super) fn receive(
        &mut self,
        token: Token,
        buffer: &mut [u8; DATAGRAM_BYTES_MAX],
        now: Instant,
    ) -> Option<Datagram> {
        let Some(socket) = self.udp.get(token.0) else {
            let received = self.tcp.receive(token, buffer, now)?;
            let (length, source, destination) = (received.length, received.client, received.local);
            return Some(Datagram { length, protocol: IceProtocol::Tcp, source, destination });
        };
        loop {
            match socket.recv_from(buffer) {
                Ok((length, source)) => {
                    let destination = self.addresses[token.0];
                    return Some(Datagram { length, protocol: IceProtocol::Udp, source, destination });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // Errors of earlier datagrams, such as a closed port at their destination, are reported here.
                Err(error) => tracing::trace!(%error, "receive"),
            }
        }
    }

    /// Notes whether the last datagram of a token's socket was the peer's. A TCP connection whose first datagram is not
    /// ends.
    pub(super) fn note_sender(&mut self, token: Token, is_of_peer: bool) {
        self.tcp.note_sender(token, is_of_peer);
    }

    /// Sends a datagram, or drops it as a network would. Over TCP it waits for [`Self::flush`].
    pub(super) fn send(&mut self, transmit: &Transmit) {
        let Transmit { proto, source, destination, contents } = transmit;
        match proto {
            IceProtocol::Tcp => self.tcp.send(*source, *destination, contents),
            IceProtocol::Udp => self.send_udp(*source, *destination, contents),
            IceProtocol::SslTcp | IceProtocol::Tls => tracing::error!(?proto, "no candidate has this protocol"),
        }
    }

    fn send_udp(&self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let Some(index) = self.addresses.iter().position(|&address| address == source) else {
            tracing::error!(%source, "no socket has this address");
            return;
        };
        if let Err(error) = self.udp[index].send_to(bytes, destination) {
            tracing::trace!(%error, %source, %destination, "send");
        }
    }

    /// Writes what waits for TCP connections.
    pub(super) fn flush(&mut self) {
        self.tcp.flush();
    }

    /// Notes that the peer has left, so nothing more is sent on its connections.
    pub(super) fn release(&mut self, now: Instant) {
        self.tcp.release(now);
    }

    /// Returns when [`Self::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.tcp.poll_timeout()
    }

    /// Ends connections whose deadline has passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.tcp.handle_timeout(now);
    }
}

/// Returns the mapping of a 1:1 NAT with this external address. It forwards to the local address that this machine
/// sends from.
fn mapped_address(external: IpAddr, addresses: &[SocketAddr]) -> Option<MappedAddress> {
    let reachable = |address: &&SocketAddr| address.is_ipv4() == external.is_ipv4() && !address.ip().is_loopback();
    let local = source_towards(external)
        .and_then(|source| addresses.iter().find(|address| address.ip() == source))
        .or_else(|| addresses.iter().find(reachable));
    if local.is_none() {
        tracing::warn!(%external, "the external address is not advertised: no local address is of its family");
    }
    local.map(|&local| MappedAddress { external: SocketAddr::new(external, local.port()), local })
}

/// Returns the address that the routing table chooses. Nothing is sent: connecting a UDP socket only looks up the
/// route.
fn source_towards(destination: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if destination.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect((destination, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Binds a port that is free for both protocols, so that a firewall needs one rule for both.
fn bind_both(
    ip: IpAddr,
    ports: Option<&RangeInclusive<u16>>,
) -> Result<(UdpSocket, TcpListener, SocketAddr), StartError> {
    let candidates: Box<dyn Iterator<Item = u16>> = match ports {
        Some(range) => Box::new(range.clone()),
        None => Box::new(std::iter::repeat_n(0, ANY_PORT_ATTEMPTS_MAX)),
    };
    let mut in_use = io::ErrorKind::AddrInUse.into();
    for port in candidates {
        let bound =
            bind_udp(SocketAddr::new(ip, port)).and_then(|(udp, address)| Ok((udp, listen_tcp(address)?, address)));
        match bound {
            Ok(bound) => return Ok(bound),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => in_use = error,
            Err(source) => return Err(StartError::Bind { address: ip, source }),
        }
    }
    Err(StartError::NoPort { address: ip, source: in_use })
}

fn bind_udp(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = new_socket(address, Type::DGRAM, Protocol::UDP)?;
    for granted in [socket.set_send_buffer_size(SEND_BUFFER_BYTES), socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)] {
        if let Err(error) = granted {
            tracing::debug!(%error, "the socket keeps its buffer size");
        }
    }
    socket.bind(&address.into())?;
    let socket = std::net::UdpSocket::from(socket);
    let bound = socket.local_addr()?;
    Ok((UdpSocket::from_std(socket), bound))
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_socket(address, Type::STREAM, Protocol::TCP)?;
    // Lingering connections of an earlier host do not block the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn new_socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
