//! Two control planes on one PostgreSQL.

use std::sync::Arc;

use remora_control::{Insert, Inserted, Quota, Store};
use remora_session::{HostId, LeaseMinutes, Session, Size};

use crate::store::{account, idle_host, session};
use crate::support::{postgres, within};

async fn two_stores() -> Option<[Arc<Store>; 2]> {
    let url = postgres::fresh_database().await?;
    // Both prepare the database at the same time.
    let (one, other) = tokio::join!(Store::open_postgres(&url), Store::open_postgres(&url));
    Some([Arc::new(one.unwrap()), Arc::new(other.unwrap())])
}

/// Runs `count` of each at once and gives back what came of them.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    stores: &[Arc<Store>; 2],
    count: usize,
    change: impl Fn(Arc<Store>, usize) -> F,
) -> Vec<T> {
    let changes: Vec<_> = (0..count).map(|number| tokio::spawn(change(stores[number % 2].clone(), number))).collect();
    let mut answers = Vec::with_capacity(count);
    for one in changes {
        answers.push(within("an answer", one).await.unwrap());
    }
    answers
}

fn done(answers: &[Inserted]) -> usize {
    answers.iter().filter(|answer| **answer == Inserted::Done).count()
}

#[tokio::test]
async fn a_key_is_taken_once_by_one_of_two() {
    let Some(stores) = two_stores().await else { return };
    let account = account(&stores[0]).await;
    let answers = at_once(&stores, 64, |store, number| {
        let new = session(&account, &format!("s{}", number / 8), &format!("h{number}"), 1);
        async move {
            let insert = Insert { session: &new, wake_at: None, quota: Quota::default(), claims_host: false };
            store.insert_session(insert).await.unwrap()
        }
    })
    .await;
    assert_eq!(done(&answers), 8);
    assert_eq!(answers.iter().filter(|answer| **answer == Inserted::KeyTaken).count(), 56);
}

#[tokio::test]
async fn a_quota_holds_for_two() {
    let Some(stores) = two_stores().await else { return };
    let account = account(&stores[0]).await;
    let quota = Quota { live_max: Some(9), live_of_size_max: Some(5), live_of_person_max: None };
    let answers = at_once(&stores, 64, |store, number| {
        let size = Size::ALL[number / 2 % 2];
        let new = Session { size, ..session(&account, &format!("s{number}"), &format!("h{number}"), 1) };
        async move {
            let insert = Insert { session: &new, wake_at: None, quota, claims_host: false };
            store.insert_session(insert).await.unwrap()
        }
    })
    .await;
    assert_eq!(done(&answers), 9);
    let counts = stores[1].live_counts().await.unwrap();
    assert!(counts.iter().all(|count| count.sessions <= 5), "{counts:?}");
}

#[tokio::test]
async fn an_idle_host_is_claimed_by_one_of_two_in_any_order() {
    const HOSTS: usize = 16;
    let Some(stores) = two_stores().await else { return };
    let account = account(&stores[0]).await;
    let host = |number: usize| -> HostId { format!("h{number}").parse().unwrap() };
    for number in 0..HOSTS {
        stores[0].insert_idle_host(&idle_host(host(number).as_str())).await.unwrap();
    }
    let answers = at_once(&stores, 2 * HOSTS, |store, number| {
        // One claims the hosts in ascending order and the other in descending order, so that their batches wait for
        // each other.
        let wanted = if number % 2 == 0 { number / 2 } else { HOSTS - 1 - number / 2 };
        let new = session(&account, &format!("s{number:02}"), host(wanted).as_str(), 1);
        async move {
            let insert = Insert { session: &new, wake_at: None, quota: Quota::default(), claims_host: true };
            store.insert_session(insert).await.unwrap()
        }
    })
    .await;
    assert_eq!(done(&answers), HOSTS, "{answers:?}");
    assert_eq!(stores[1].idle_hosts().await.unwrap(), []);
    assert_eq!(stores[1].live_sessions(&account, None, None, 100).await.unwrap().len(), HOSTS);
}

#[tokio::test]
async fn every_change_is_counted_once() {
    let Some(stores) = two_stores().await else { return };
    let account = account(&stores[0]).await;
    let sessions: Vec<Session> =
        (0..4).map(|number| session(&account, &format!("s{number}"), &format!("h{number}"), 1)).collect();
    for new in &sessions {
        let insert = Insert { session: new, wake_at: None, quota: Quota::default(), claims_host: false };
        stores[0].insert_session(insert).await.unwrap();
    }
    let changes = at_once(&stores, 200, |store, number| {
        let key = sessions[number % 4].key.clone();
        async move {
            loop {
                let stored = store.session(&key).await.unwrap().unwrap();
                let lease = LeaseMinutes::try_from(i64::from(stored.session.lease.get()) + 1).unwrap();
                let next = Session { lease, ..stored.session };
                if store.replace_session(stored.generation, &next, None).await.unwrap() {
                    return;
                }
            }
        }
    })
    .await;
    let mut leases = 0;
    for new in &sessions {
        let stored = stores[1].session(&new.key).await.unwrap().unwrap();
        assert_eq!(stored.generation.get() - 1, u64::from(stored.session.lease.get() - new.lease.get()));
        leases += usize::from(stored.session.lease.get() - new.lease.get());
    }
    assert_eq!(leases, changes.len());
}
