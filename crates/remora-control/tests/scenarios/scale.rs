//! Many sessions at the same time. These tests check the results; `docs/benchmarks.md` measures the time.

use std::time::Duration;

use remora_control::{Insert, Inserted, Quota};
use remora_session::{Address, Ending, LeaseMinutes, Phase, Session, SessionKey, Size};

use crate::support::plane::{Plane, START};

const SESSIONS: u64 = 10_000;

/// Returns a session that has been Ready since that time, with a lease of one minute and a host that never falls
/// silent.
fn ready_since(plane: &Plane, number: u64, milliseconds: u64) -> Session {
    let key = SessionKey { account: plane.account.clone(), session: format!("s{number}").parse().unwrap() };
    let since = START + Duration::from_millis(milliseconds);
    let host = format!("h{number}").parse().unwrap();
    let lease = LeaseMinutes::try_from(1).unwrap();
    let mut session = Session::create(key, Size::Standard, lease, vec![], host, since);
    let host = session.phase.host().expect("a new session has one").clone();
    let address = Address { hostname: "localhost".into(), handshake_port: 50_000, inspector_port: 50_001 };
    let heard_at = since + Duration::from_mins(1);
    session.phase = Phase::Ready { host, address, since, heard_at };
    session
}

async fn live(plane: &Plane) -> u64 {
    plane.store.live_counts().await.unwrap().iter().map(|count| count.sessions).sum()
}

#[tokio::test]
async fn ten_thousand_leases_end_at_their_instant_in_one_pass() {
    let plane = Plane::start().await.without_loop().await;
    let inserts = (0..SESSIONS).map(|number| {
        // Half of them are over a second after the others.
        let session = ready_since(&plane, number, 1_000 * (number % 2));
        let plane = &plane;
        async move {
            let wake_at = session.wake_at(plane.policy());
            let insert = Insert { session: &session, wake_at, quota: Quota::default(), claims_host: false };
            assert_eq!(plane.store.insert_session(insert).await.unwrap(), Inserted::Done);
        }
    });
    futures_util::future::join_all(inserts).await;
    plane.hand.advance(Duration::from_millis(59_999));
    let next = plane.pass().await;
    assert_eq!((live(&plane).await, next), (SESSIONS, Some(plane.clock.now() + Duration::from_millis(20))));
    plane.hand.advance(Duration::from_millis(1));
    let next = plane.pass().await;
    assert_eq!(live(&plane).await, SESSIONS / 2);
    assert_eq!(next, Some(START + Duration::from_secs(61)), "it sleeps until exactly then");
    plane.hand.advance(Duration::from_secs(1));
    plane.pass().await;
    assert_eq!(live(&plane).await, 0);
    for number in [0, 1, SESSIONS - 2, SESSIONS - 1] {
        let ended = plane.store.session(&ready_since(&plane, number, 0).key).await.unwrap().unwrap().session;
        let Phase::Ended { how: Ending::Expired, at, .. } = ended.phase else { panic!("{ended:?}") };
        assert_eq!(at, START + Duration::from_secs(60 + number % 2));
    }
}
