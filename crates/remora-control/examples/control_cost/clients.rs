//! Clients that keep their connection and send the next request as soon as they have an answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Measured {
    pub per_second: f64,
    pub p50_milliseconds: f64,
    pub p99_milliseconds: f64,
}

/// A request and the expected status.
pub(crate) struct Ask {
    pub request: String,
    pub status: u16,
}

/// Measures `count` requests, shared among the clients, after a warm-up of a tenth of that number.
pub(crate) async fn measure(clients: usize, count: usize, address: SocketAddr, ask: impl Fn(usize) -> Ask) -> Measured {
    run(clients, &(0..count / 10).map(&ask).collect::<Vec<_>>(), address).await;
    let asks: Vec<Ask> = (count / 10..count + count / 10).map(&ask).collect();
    let begun = Instant::now();
    let mut times = run(clients, &asks, address).await;
    let elapsed = begun.elapsed();
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    Measured {
        per_second: times.len() as f64 / elapsed.as_secs_f64(),
        p50_milliseconds: at(0.5),
        p99_milliseconds: at(0.99),
    }
}

async fn run(clients: usize, asks: &[Ask], address: SocketAddr) -> Vec<Duration> {
    let mut running = tokio::task::JoinSet::new();
    for client in 0..clients {
        let mine: Vec<(Vec<u8>, u16)> = asks
            .iter()
            .skip(client)
            .step_by(clients)
            .map(|ask| (ask.request.clone().into_bytes(), ask.status))
            .collect();
        running.spawn(async move {
            let mut client = Client::connect(address).await;
            let mut times = Vec::with_capacity(mine.len());
            for (request, status) in mine {
                let begun = Instant::now();
                client.exchange(&request, status).await;
                times.push(begun.elapsed());
            }
            times
        });
    }
    running.join_all().await.concat()
}

pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("a TCP option");
        Self { stream, received: Vec::with_capacity(64 << 10) }
    }

    /// Sends a request and returns the body of the answer.
    pub(crate) async fn exchange(&mut self, request: &[u8], status: u16) -> &[u8] {
        self.stream.write_all(request).await.expect("it listens");
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await.expect("it answers");
            assert!(read > 0, "the connection was closed");
            if let Some((head, length)) = head_and_length(&self.received)
                && self.received.len() >= head + length
            {
                let answer = String::from_utf8_lossy(&self.received[..head]);
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
                return &self.received[head..head + length];
            }
        }
    }
}

/// Returns the lengths of head and body in bytes.
fn head_and_length(received: &[u8]) -> Option<(usize, usize)> {
    const NAME: &[u8] = b"content-length: ";
    let head = received.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    // An answer of 204 has neither length nor body.
    let Some(length) = received[..head].windows(NAME.len()).position(|name| name.eq_ignore_ascii_case(NAME)) else {
        return Some((head, 0));
    };
    let digits = received[length + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    Some((head, digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))))
}
