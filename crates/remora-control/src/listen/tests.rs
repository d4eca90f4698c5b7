use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use super::*;

const MAX: SlotLimits = SlotLimits { others: 8, subscriber: 4, own: 8, hosts: 4 };
const OWN: [u8; 4] = [127, 0, 0, 1];
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const REPORT: &[u8] = b"POST /report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
const LARGE_REQUEST: &[u8] = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// More than the pipe between the test's client and the server holds.
const LARGE: usize = 64 * 1_024;

/// A router that responds with `yes` at `/`, marks the connection as a render host's at `/report`, and sends a large
/// response at `/large`.
fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "yes" }))
        .route("/large", get(|| async { "x".repeat(LARGE) + "yes" }))
        .route(
            "/report",
            post(|request: axum::extract::Request| async move {
                request.extensions().get::<Arc<ConnectionSlot>>().unwrap().assign_to_host();
                "yes"
            }),
        )
}

struct Served {
    address: std::net::SocketAddr,
    _closing: watch::Sender<bool>,
    _server: JoinHandle<()>,
}

async fn served() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (closing, closed) = watch::channel(false);
    let server = tokio::spawn(serve_within(MAX, listener, None, router(), closed));
    Served { address, _closing: closing, _server: server }
}

impl Served {
    async fn connect(&self, from: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Opens a connection that has received a response and is kept alive.
    async fn kept_alive(&self, from: [u8; 4]) -> TcpStream {
        let mut stream = self.connect(from).await;
        assert!(ask(&mut stream, REQUEST).await, "{from:?} gets a response");
        stream
    }
}

/// Sends a request and returns whether a response arrives before the end of the connection.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8]) -> bool {
    let mut answer = Vec::new();
    if stream.write_all(request).await.is_err() {
        return false;
    }
    while !answer.ends_with(b"yes") {
        match stream.read_buf(&mut answer).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
    true
}

async fn has_ended(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn one_address_cannot_shut_out_the_others() {
    let served = served().await;
    let mut flood = Vec::new();
    for _ in 0..3 * MAX.others {
        flood.push(served.kept_alive([127, 0, 0, 2]).await);
    }
    served.kept_alive([127, 0, 0, 3]).await;
    assert!(has_ended(&mut flood[0]).await, "the connection that has been idle for longest");
    assert!(ask(flood.last_mut().unwrap(), REQUEST).await, "the newest one stays open");
}

#[tokio::test]
async fn idle_connections_of_many_addresses_are_closed_for_new_ones() {
    let served = served().await;
    let mut first = served.kept_alive([127, 0, 0, 2]).await;
    let mut others = Vec::new();
    for last in 3..3 + u8::try_from(MAX.others).unwrap() {
        others.push(served.kept_alive([127, 0, 0, last]).await);
    }
    assert!(has_ended(&mut first).await);
    assert!(ask(&mut others[0], REQUEST).await);
}

#[tokio::test]
async fn a_flood_from_this_machine_neither_closes_a_hosts_connection_nor_keeps_a_new_host_out() {
    let served = served().await;
    let mut host = served.connect(OWN).await;
    assert!(ask(&mut host, REPORT).await);
    let mut flood = Vec::new();
    for _ in 0..3 * MAX.own {
        flood.push(served.kept_alive(OWN).await);
    }
    let mut halves = Vec::new();
    for _ in 0..MAX.own {
        let mut half = served.connect(OWN).await;
        half.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        halves.push(half);
    }
    let mut newcomer = served.connect(OWN).await;
    assert!(ask(&mut newcomer, REPORT).await);
    assert!(ask(&mut host, REPORT).await);
}

/// Returns the client's end of a connection whose pipe holds less than the large response.
fn connection(sending_max: Duration) -> (DuplexStream, JoinHandle<()>, watch::Sender<bool>) {
    let (client, server) = duplex(1_024);
    let (closing, closed) = watch::channel(false);
    let (slot, lost) = ConnectionSlots::new(MAX).take(Party::Own).unwrap();
    let peer = Peer(IpAddr::from(OWN));
    let connection = HttpConnection { peer, slot, lost, router: router(), closing: closed, sending_max };
    (client, tokio::spawn(connection.run(server)), closing)
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped() {
    let (mut client, server, _closing) = connection(Duration::from_millis(20));
    client.write_all(LARGE_REQUEST).await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_client_that_reads_single_bytes_slowly_is_dropped() {
    let pause = Duration::from_millis(1);
    let (mut client, server, _closing) = connection(20 * pause);
    client.write_all(LARGE_REQUEST).await.unwrap();
    let mut read = 0;
    while !server.is_finished() {
        tokio::time::sleep(pause).await;
        read += client.read(&mut [0]).await.unwrap();
        assert!(read < LARGE, "at this pace the response takes a minute");
    }
}

#[tokio::test]
async fn a_client_that_reads_in_time_receives_everything_and_stays_connected() {
    let (mut client, server, _closing) = connection(SENDING_MAX);
    for _ in 0..3 {
        client.write_all(LARGE_REQUEST).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"yes") {
            client.read_buf(&mut answer).await.unwrap();
        }
        assert!(answer.len() > LARGE);
    }
    assert!(ask(&mut client, REQUEST).await);
    assert!(!server.is_finished());
}
