//! One non-blocking UDP socket per local address.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::StartError;

pub(super) const WAKER: Token = Token(usize::MAX);

/// A key frame of 200 kB has to fit at once, twice. The kernel may grant less.
const SEND_BUFFER_BYTES: usize = 1024 * 1024;
const RECEIVE_BUFFER_BYTES: usize = 512 * 1024;

/// Every address of this machine that another one, or a browser on this one, can send to: loopback included,
/// link-local excluded.
pub fn local_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces are unknown; only loopback is used");
        Vec::new()
    });
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up() && !interface.is_link_local())
        .map(if_addrs::Interface::ip)
        .collect();
    if !addresses.iter().any(IpAddr::is_loopback) {
        addresses.push(IpAddr::from([127, 0, 0, 1]));
    }
    addresses.sort();
    addresses.dedup();
    addresses
}

pub(super) struct Sockets {
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
}

impl Sockets {
    pub(super) fn bind(addresses: &[IpAddr], port: u16, registry: &Registry) -> Result<Self, StartError> {
        let mut this = Self { sockets: Vec::new(), addresses: Vec::new() };
        for &ip in addresses {
            let address = SocketAddr::new(ip, port);
            let (mut socket, bound) = bind(address).map_err(|source| StartError::Bind { address, source })?;
            registry.register(&mut socket, Token(this.sockets.len()), Interest::READABLE)?;
            this.sockets.push(socket);
            this.addresses.push(bound);
        }
        if this.sockets.is_empty() { Err(StartError::NoAddress) } else { Ok(this) }
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next datagram of a socket: length, sender, own address. `None` when there is none, or the token is
    /// none of a socket.
    pub(super) fn receive(&self, token: Token, buffer: &mut [u8]) -> Option<(usize, SocketAddr, SocketAddr)> {
        let socket = self.sockets.get(token.0)?;
        loop {
            match socket.recv_from(buffer) {
                Ok((length, source)) => return Some((length, source, self.addresses[token.0])),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // What an earlier datagram met at its destination (a port that was closed) is reported here.
                Err(error) => tracing::trace!(%error, "receive"),
            }
        }
    }

    /// Sends or drops, as the network itself would.
    pub(super) fn send(&self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let Some(index) = self.addresses.iter().position(|&address| address == source) else {
            tracing::error!(%source, "no socket has this address");
            return;
        };
        if let Err(error) = self.sockets[index].send_to(bytes, destination) {
            tracing::trace!(%error, %source, %destination, "send");
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
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
