//! The sockets of a client: UDP, and one TCP connection for each address that it sends to over TCP.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use str0m::Candidate;
use str0m::net::{Protocol, TcpType, Transmit};

/// The protocols that the client's network allows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NetworkProtocols {
    Udp,
    Tcp,
    Both,
}

/// The port that browsers advertise for TCP, because they only connect.
const DISCARD_PORT: u16 = 9;

pub(crate) struct Network {
    udp: Option<UdpSocket>,
    tcp: Option<HashMap<SocketAddr, Stream>>,
    received: Vec<Protocol>,
}

struct Stream {
    stream: TcpStream,
    unread: Vec<u8>,
}

type Datagram = (Protocol, SocketAddr, SocketAddr, Vec<u8>);

impl Network {
    pub(crate) fn new(protocols: NetworkProtocols) -> Self {
        let udp = (protocols != NetworkProtocols::Tcp).then(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        Self { udp, tcp: (protocols != NetworkProtocols::Udp).then(HashMap::new), received: Vec::new() }
    }

    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let udp = self.udp.as_ref().map(|socket| Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        let tcp = self
            .tcp
            .as_ref()
            .map(|_| Candidate::builder().tcp().host(tcp_address()).tcptype(TcpType::Active).build().unwrap());
        udp.into_iter().chain(tcp).collect()
    }

    pub(crate) fn received(&self) -> &[Protocol] {
        &self.received
    }

    pub(crate) fn send(&mut self, transmit: &Transmit) {
        match (transmit.proto, &self.udp, &mut self.tcp) {
            (Protocol::Udp, Some(socket), _) => {
                socket.send_to(&transmit.contents, transmit.destination).unwrap();
            }
            (Protocol::Tcp, _, Some(streams)) => {
                let stream = streams.entry(transmit.destination).or_insert_with_key(|&host| {
                    let stream = TcpStream::connect(host).unwrap();
                    Stream { stream, unread: Vec::new() }
                });
                let length = u16::try_from(transmit.contents.len()).unwrap().to_be_bytes();
                // Reading detects a connection that the host has closed.
                let _ = stream.stream.write_all(&[&length[..], &transmit.contents].concat());
            }
            (protocol, ..) => panic!("no candidate of this client is {protocol}"),
        }
    }

    /// Waits for a datagram on any socket. With several sockets the wait is a little longer.
    pub(crate) fn receive(&mut self, wait: Duration) -> Option<Datagram> {
        let wait_tcp = if self.udp.is_some() { Duration::from_millis(1) } else { wait };
        let by_tcp = self
            .tcp
            .iter_mut()
            .flatten()
            .find_map(|(&host, stream)| Some((Protocol::Tcp, host, tcp_address(), stream.receive(wait_tcp)?)));
        let datagram = by_tcp.or_else(|| {
            let socket = self.udp.as_ref()?;
            let mut buffer = vec![0; 2048];
            socket.set_read_timeout(Some(wait)).unwrap();
            let (length, host) = nothing_in_time(socket.recv_from(&mut buffer))?;
            buffer.truncate(length);
            Some((Protocol::Udp, host, socket.local_addr().unwrap(), buffer))
        })?;
        self.received.push(datagram.0);
        Some(datagram)
    }
}

impl Stream {
    fn receive(&mut self, wait: Duration) -> Option<Vec<u8>> {
        loop {
            if let Some((length, rest)) = self.unread.split_first_chunk::<2>()
                && let Some(datagram) = rest.get(..usize::from(u16::from_be_bytes(*length)))
            {
                let datagram = datagram.to_vec();
                self.unread.drain(..2 + datagram.len());
                return Some(datagram);
            }
            let mut buffer = [0; 4096];
            self.stream.set_read_timeout(Some(wait)).unwrap();
            let length = nothing_in_time(self.stream.read(&mut buffer)).filter(|&length| length > 0)?;
            self.unread.extend_from_slice(&buffer[..length]);
        }
    }
}

fn tcp_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, DISCARD_PORT))
}

fn nothing_in_time<T>(received: io::Result<T>) -> Option<T> {
    match received {
        Ok(received) => Some(received),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => None,
        Err(error) => panic!("{error}"),
    }
}
