//! Behaviour that the store must show on every database.

mod owners;
mod quotas;

use std::sync::Arc;

use remora_control::{
    Account, Generation, IdleHost, Insert, Inserted, KeyHash, ListPosition, Quota, Share, Store, StoreError, Stored,
    Usage, new_account_id, new_key,
};
use remora_session::{
    AccountId, Address, Ending, HostId, Launch, LeaseMinutes, Owner, Person, PersonId, Phase, Session, SessionKey,
    Size, Timestamp,
};

use crate::support::postgres::fresh_database;
use crate::support::within;

use owners::owners_are_kept_and_their_sessions_are_found;
use quotas::{a_person_has_a_quota_of_their_own, quotas_count_live_sessions_only};

macro_rules! on_every_database {
    ($($behaviour:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $behaviour() {
                let directory = tempfile::tempdir().unwrap();
                let store = super::Store::open_sqlite(&directory.path().join("remora.db")).await.unwrap();
                super::$behaviour(std::sync::Arc::new(store)).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $behaviour() {
                let Some(url) = super::fresh_database().await else { return };
                let store = super::Store::open_postgres(&url).await.unwrap();
                super::$behaviour(std::sync::Arc::new(store)).await;
            })*
        }
    };
}

on_every_database! {
    a_key_is_taken_once,
    a_session_is_replaced_only_if_it_was_read,
    a_session_is_forgotten_only_if_it_was_read,
    a_host_leads_to_its_session,
    live_sessions_are_listed_in_order_and_in_parts,
    due_sessions_come_in_the_order_of_their_time,
    accounts_keep_their_keys,
    accounts_are_listed_oldest_first_and_deleted_for_ever,
    quotas_count_live_sessions_only,
    an_idle_host_is_claimed_once,
    usage_outlives_the_session,
    owners_are_kept_and_their_sessions_are_found,
    a_person_has_a_quota_of_their_own,
    live_sessions_are_counted_by_size_and_state,
    hosts_are_counted_with_and_without_a_session,
    changes_at_once_are_all_made_and_answered_each_for_itself,
    replaced_sessions_are_never_read,
    nothing_is_written_after_the_close,
}

type AnyStore = Arc<Store>;

pub(crate) fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

pub(crate) fn session(account: &AccountId, id: &str, host: &str, created_at: u64) -> Session {
    let key = SessionKey { account: account.clone(), session: id.parse().unwrap() };
    let lease = LeaseMinutes::try_from(4).unwrap();
    Session::create(key, Size::Premium, lease, vec!["builtin://Engine".into()], host.parse().unwrap(), at(created_at))
}

fn ended(session: &Session, host: Option<&str>) -> Session {
    let phase = Phase::Ended {
        how: Ending::Failed { why: "ä \"quoted\" reason".into() },
        at: at(9),
        ready_since: Some(at(5)),
        host: host.map(|host| host.parse().unwrap()),
    };
    Session { phase, changed_at: at(9), ..session.clone() }
}

fn address() -> Address {
    Address { hostname: "localhost".into(), handshake_port: 50_000, inspector_port: 50_001 }
}

pub(crate) fn idle_host(id: &str) -> IdleHost {
    IdleHost {
        id: id.parse().unwrap(),
        size: Size::Premium,
        specification: "digest".into(),
        created_at: at(3),
        heard_at: at(3),
        address: None,
    }
}

fn ready(session: &Session, since: u64) -> Session {
    let host = session.phase.host().unwrap().clone();
    let phase = Phase::Ready { host, address: address(), since: at(since), heard_at: at(since) };
    Session { phase, changed_at: at(since), ..session.clone() }
}

pub(crate) async fn account(store: &Store) -> AccountId {
    let id = new_account_id();
    let account = Account { id: id.clone(), name: "test".into(), created_at: at(1), keys: vec![] };
    assert!(store.insert_account(&account).await.unwrap());
    id
}

async fn try_insert(store: &Store, session: &Session, wake_at: Option<Timestamp>) -> Result<Inserted, StoreError> {
    store.insert_session(Insert { session, wake_at, quota: Quota::default(), claims_host: false }).await
}

/// Returns the generation after `number - 1` changes.
fn generation(number: u64) -> Generation {
    (1..number).fold(Generation::FIRST, |generation, _| generation.next())
}

/// Returns whether the session was new.
async fn insert(store: &Store, session: &Session, wake_at: Option<Timestamp>) -> bool {
    try_insert(store, session, wake_at).await.unwrap() == Inserted::Done
}

fn ids(found: Vec<Stored>) -> String {
    found.into_iter().map(|stored| stored.session.key.session.to_string()).collect::<Vec<_>>().join(" ")
}

async fn a_key_is_taken_once(store: AnyStore) {
    let account = account(&store).await;
    let first = session(&account, "s", "a1", 5);
    assert_eq!(store.session(&first.key).await.unwrap(), None);
    assert!(insert(&store, &first, Some(at(7))).await);
    assert_eq!(try_insert(&store, &session(&account, "s", "a2", 6), None).await.unwrap(), Inserted::KeyTaken);
    let stored = store.session(&first.key).await.unwrap().unwrap();
    assert_eq!((stored.session, stored.generation, stored.wake_at), (first, generation(1), Some(at(7))));
    let other = session(&account, "S", "a3", 5);
    assert_eq!(store.session(&other.key).await.unwrap(), None);
    assert!(insert(&store, &other, None).await);
    let stranger = session(&new_account_id(), "s", "a4", 5);
    assert_eq!(try_insert(&store, &stranger, None).await.unwrap(), Inserted::NoAccount);
}

async fn a_session_is_replaced_only_if_it_was_read(store: AnyStore) {
    let first = session(&account(&store).await, "s", "b1", 5);
    insert(&store, &first, Some(at(7))).await;
    let next = ready(&first, 6);
    assert!(store.replace_session(generation(1), &next, Some(at(8))).await.unwrap());
    assert!(!store.replace_session(generation(1), &first, Some(at(9))).await.unwrap(), "another writer was quicker");
    let stored = store.session(&first.key).await.unwrap().unwrap();
    assert_eq!((stored.session, stored.generation, stored.wake_at), (next, generation(2), Some(at(8))));
    let last = ended(&first, Some("b1"));
    assert!(store.replace_session(generation(2), &last, None).await.unwrap());
    let stored = store.session(&first.key).await.unwrap().unwrap();
    assert_eq!((stored.session, stored.generation, stored.wake_at), (last, generation(3), None));
}

async fn a_session_is_forgotten_only_if_it_was_read(store: AnyStore) {
    let first = session(&account(&store).await, "s", "f1", 5);
    insert(&store, &first, None).await;
    assert!(!store.forget_session(&first.key, generation(2)).await.unwrap());
    assert!(store.session(&first.key).await.unwrap().is_some());
    assert!(store.forget_session(&first.key, generation(1)).await.unwrap());
    assert_eq!(store.session(&first.key).await.unwrap(), None);
    assert!(insert(&store, &first, None).await, "the id is free again");
}

async fn a_host_leads_to_its_session(store: AnyStore) {
    let host: HostId = "c1".parse().unwrap();
    let (mine, other) = (account(&store).await, account(&store).await);
    let first = session(&mine, "s", "c1", 5);
    insert(&store, &first, None).await;
    assert_eq!(store.session_of_host(&host).await.unwrap().unwrap().session, first);
    assert!(try_insert(&store, &session(&other, "s", "c1", 5), None).await.is_err(), "two with one host");
    store.replace_session(generation(1), &ended(&first, None), None).await.unwrap();
    assert_eq!(store.session_of_host(&host).await.unwrap(), None);
}

async fn live_sessions_are_listed_in_order_and_in_parts(store: AnyStore) {
    let account_id = account(&store).await;
    for (id, created_at) in [("z", 1), ("b", 2), ("a", 2), ("B", 2), ("dead", 3), ("c", 4)] {
        let host = format!("d{}", id.replace('B', "b2"));
        let new = session(&account_id, id, &host, created_at);
        insert(&store, &new, None).await;
        if id == "dead" {
            store.replace_session(generation(1), &ended(&new, None), None).await.unwrap();
        }
    }
    insert(&store, &session(&account(&store).await, "x", "dx", 1), None).await;
    let list = async |after: Option<(u64, &str)>, limit| {
        let after = after.map(|(time, id)| ListPosition { created_at: at(time), session: id.parse().unwrap() });
        ids(store.live_sessions(&account_id, None, after.as_ref(), limit).await.unwrap())
    };
    assert_eq!(list(None, 10).await, "z B a b c", "in the order of their bytes where times are equal");
    assert_eq!(list(None, 2).await, "z B");
    assert_eq!(list(Some((2, "a")), 2).await, "b c");
    assert_eq!(list(Some((4, "c")), 2).await, "");
    assert_eq!(store.any_live_sessions(10).await.unwrap().len(), 6);
    assert_eq!(store.any_live_sessions(5).await.unwrap().len(), 5);
}

async fn due_sessions_come_in_the_order_of_their_time(store: AnyStore) {
    let account = account(&store).await;
    assert_eq!(store.next_wake().await.unwrap(), None);
    for (id, wake_at) in [("late", Some(30)), ("first", Some(10)), ("never", None), ("then", Some(20))] {
        let new = session(&account, id, &format!("e{id}"), 1);
        insert(&store, &new, wake_at.map(at)).await;
    }
    assert_eq!(ids(store.due_sessions(at(20), None, 100).await.unwrap()), "first then");
    let all = store.due_sessions(at(30), None, 100).await.unwrap();
    assert_eq!(ids(store.due_sessions(at(30), Some(&all[0]), 100).await.unwrap()), "then late");
    assert_eq!(ids(store.due_sessions(at(30), Some(&all[0]), 1).await.unwrap()), "then");
    assert_eq!(store.next_wake().await.unwrap(), Some(at(10)));
}

async fn accounts_keep_their_keys(store: AnyStore) {
    let (first, second, third) = (new_key(), new_key(), new_key());
    let keys = vec![KeyHash::of(&first), KeyHash::of(&second)];
    let account = Account { id: new_account_id(), name: "test".into(), created_at: at(5), keys };
    assert_eq!(store.account(&account.id).await.unwrap(), None);
    assert!(store.insert_account(&account).await.unwrap());
    let other = Account { keys: vec![KeyHash::of("x")], ..account.clone() };
    assert!(!store.insert_account(&other).await.unwrap());
    assert_eq!(store.account(&account.id).await.unwrap(), Some(account.clone()));
    let rotated = KeyHash::of(&third);
    assert!(store.set_account_key(&account.id, 0, &rotated).await.unwrap());
    let expected = vec![rotated.clone(), account.keys[1].clone()];
    assert_eq!(store.account(&account.id).await.unwrap().unwrap().keys, expected);
    assert!(!store.set_account_key(&new_account_id(), 0, &rotated).await.unwrap());
}

async fn accounts_are_listed_oldest_first_and_deleted_for_ever(store: AnyStore) {
    let accounts: Vec<Account> = (1..=3)
        .map(|number| {
            let keys = (0..number % 3).map(|_| KeyHash::of("k")).collect();
            Account { id: new_account_id(), name: format!("number {number}"), created_at: at(10 - number), keys }
        })
        .collect();
    for account in &accounts {
        store.insert_account(account).await.unwrap();
    }
    let [third, second, first] = &accounts[..] else { unreachable!("three were made") };
    assert_eq!(store.accounts(None, 10).await.unwrap(), [first.clone(), second.clone(), third.clone()]);
    assert_eq!(store.accounts(None, 2).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.accounts(Some((first.created_at, &first.id)), 1).await.unwrap(), std::slice::from_ref(second));
    let stays = session(&second.id, "s", "g1", 5);
    insert(&store, &stays, None).await;
    let over = session(&second.id, "over", "g3", 5);
    insert(&store, &over, None).await;
    store.replace_session(generation(1), &ended(&over, None), None).await.unwrap();
    insert(&store, &session(&first.id, "s", "g4", 5), None).await;
    assert_eq!(store.orphaned_sessions(10).await.unwrap(), []);
    assert!(store.delete_account(&second.id).await.unwrap());
    let orphans = store.orphaned_sessions(10).await.unwrap();
    assert_eq!(orphans.iter().map(|orphan| &orphan.session.key).collect::<Vec<_>>(), [&stays.key]);
    assert_eq!(store.orphaned_sessions(0).await.unwrap(), []);
    assert!(!store.delete_account(&second.id).await.unwrap());
    assert_eq!(store.account(&second.id).await.unwrap(), None);
    assert_eq!(store.session(&stays.key).await.unwrap().unwrap().session, stays);
    let late = session(&second.id, "late", "g2", 5);
    assert_eq!(try_insert(&store, &late, None).await.unwrap(), Inserted::NoAccount);
}

async fn an_idle_host_is_claimed_once(store: AnyStore) {
    let account = account(&store).await;
    let idle = idle_host("i1");
    store.insert_idle_host(&idle).await.unwrap();
    assert_eq!(store.idle_hosts().await.unwrap(), std::slice::from_ref(&idle));
    let listening = IdleHost { heard_at: at(8), address: Some(address()), ..idle.clone() };
    assert!(store.replace_idle_host(&listening).await.unwrap());
    assert_eq!(store.idle_hosts().await.unwrap(), std::slice::from_ref(&listening));
    let claim = async |id: &str, quota| {
        let new = session(&account, id, "i1", 5).claiming(idle.id.clone(), address());
        store.insert_session(Insert { session: &new, wake_at: None, quota, claims_host: true }).await.unwrap()
    };
    insert(&store, &session(&account, "taken", "i2", 5), None).await;
    assert_eq!(claim("taken", Quota::default()).await, Inserted::KeyTaken);
    let full = Quota { live_max: Some(1), ..Quota::default() };
    assert_eq!(claim("one", full).await, Inserted::OverQuota { max: 1, share: Share::Account });
    assert_eq!(store.idle_hosts().await.unwrap(), [listening], "a refused insert claims nothing");
    assert_eq!(claim("one", Quota::default()).await, Inserted::Done);
    assert_eq!(store.idle_hosts().await.unwrap(), []);
    assert_eq!(claim("two", Quota::default()).await, Inserted::HostTaken);
    assert!(!store.replace_idle_host(&idle).await.unwrap());
    assert!(!store.remove_idle_host(&idle.id).await.unwrap());
    let Phase::Starting { launch, .. } = store.session_of_host(&idle.id).await.unwrap().unwrap().session.phase else {
        panic!("it has just been created");
    };
    assert_eq!(launch, Launch::Claimed { address: address(), at: at(5) });
}

async fn usage_outlives_the_session(store: AnyStore) {
    let account = account(&store).await;
    for (id, host) in [("done", "j1"), ("unready", "j2"), ("live", "j3")] {
        insert(&store, &session(&account, id, host, 1), None).await;
    }
    let done = session(&account, "done", "j1", 1);
    store.replace_session(generation(1), &ended(&done, None), None).await.unwrap();
    store.forget_session(&done.key, generation(2)).await.unwrap();
    store.replace_session(generation(1), &ready(&session(&account, "live", "j3", 1), 7), None).await.unwrap();
    let usage = |id: &str, ready_at, ended_at: Option<u64>| Usage {
        session: id.parse().unwrap(),
        size: Size::Premium,
        owner: None,
        ready_at: at(ready_at),
        ended_at: ended_at.map(at),
    };
    let (first, second) = (usage("done", 5, Some(9)), usage("live", 7, None));
    let used = async |from, to, limit| store.usage(&account, None, at(from)..at(to), None, limit).await.unwrap();
    assert_eq!(used(0, 100, 10).await, [first.clone(), second.clone()]);
    assert_eq!(used(0, 100, 1).await, std::slice::from_ref(&first));
    assert_eq!(used(8, 100, 10).await, [first.clone(), second.clone()]);
    assert_eq!(used(9, 100, 10).await, std::slice::from_ref(&second), "it ended just before");
    assert_eq!(used(0, 7, 10).await, std::slice::from_ref(&first), "it began just after");
    assert_eq!(used(0, 5, 10).await, []);
    let behind = store.usage(&account, None, at(0)..at(100), Some((first.ready_at, &first.session)), 10).await.unwrap();
    assert_eq!(behind, [second]);
    assert_eq!(store.usage(&new_account_id(), None, at(0)..at(100), None, 10).await.unwrap(), []);
}

async fn live_sessions_are_counted_by_size_and_state(store: AnyStore) {
    let account = account(&store).await;
    for (id, size) in [("a", Size::Premium), ("b", Size::Standard), ("c", Size::Standard), ("d", Size::Standard)] {
        insert(&store, &Session { size, ..session(&account, id, &format!("k{id}"), 1) }, None).await;
    }
    let standard = |id: &str| Session { size: Size::Standard, ..session(&account, id, &format!("k{id}"), 1) };
    store.replace_session(generation(1), &ready(&standard("c"), 7), None).await.unwrap();
    store.replace_session(generation(1), &ended(&standard("d"), None), None).await.unwrap();
    let counts = store.live_counts().await.unwrap();
    let mut counts: Vec<_> = counts.iter().map(|count| (count.size, count.ready, count.sessions)).collect();
    counts.sort();
    assert_eq!(counts, [(Size::Standard, false, 1), (Size::Standard, true, 1), (Size::Premium, false, 1)]);
}

async fn hosts_are_counted_with_and_without_a_session(store: AnyStore) {
    let account = account(&store).await;
    insert(&store, &session(&account, "waits", "p1", 1), None).await;
    let granted = Session {
        phase: Phase::Starting {
            host: "p2".parse().unwrap(),
            attempt: 1,
            launch: Launch::Granted { since: at(1), at: at(2) },
        },
        ..session(&account, "granted", "p2", 1)
    };
    insert(&store, &granted, None).await;
    assert_eq!(store.hosts_of(Size::Premium).await.unwrap(), 1);
    store.insert_idle_host(&idle_host("p3")).await.unwrap();
    assert_eq!(store.hosts_of(Size::Premium).await.unwrap(), 2);
    assert_eq!(store.hosts_of(Size::Standard).await.unwrap(), 0);
    store.replace_session(generation(1), &ended(&granted, None), None).await.unwrap();
    assert_eq!(store.hosts_of(Size::Premium).await.unwrap(), 1);
}

async fn changes_at_once_are_all_made_and_answered_each_for_itself(store: AnyStore) {
    let account = account(&store).await;
    insert(&store, &session(&account, "before", "taken", 1), None).await;
    let changes: Vec<_> = (0..600)
        .map(|number| {
            let (store, account) = (store.clone(), account.clone());
            tokio::spawn(async move {
                let (id, host) = match number % 100 {
                    0 => (format!("bad-{number}"), "taken".to_owned()),
                    1 => ("before".to_owned(), format!("m{number}")),
                    _ => (format!("good-{number}"), format!("m{number}")),
                };
                let answer = try_insert(&store, &session(&account, &id, &host, 1), None).await;
                (number, answer)
            })
        })
        .collect();
    for change in changes {
        let (number, answer) = within("the answer", change).await.unwrap();
        match number % 100 {
            0 => assert!(matches!(answer, Err(StoreError::Database(_))), "{number}: {answer:?}"),
            1 => assert_eq!(answer.unwrap(), Inserted::KeyTaken),
            _ => assert_eq!(answer.unwrap(), Inserted::Done),
        }
    }
    assert_eq!(store.live_sessions(&account, None, None, 1_000).await.unwrap().len(), 1 + 600 - 12);
}

async fn replaced_sessions_are_never_read(store: AnyStore) {
    let first = session(&account(&store).await, "s", "n1", 1);
    insert(&store, &first, None).await;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, key) = (store.clone(), first.key.clone());
            tokio::spawn(async move {
                let mut newest = Generation::FIRST;
                while newest < generation(101) {
                    let stored = store.session(&key).await.unwrap().unwrap();
                    assert!(stored.generation >= newest, "{:?} after {newest:?}", stored.generation);
                    newest = stored.generation;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 1..=100 {
        // Ended sessions are not cached, so the readers see both the cache and the database.
        let next = if number % 2 == 0 { ready(&first, number) } else { ended(&first, Some("n1")) };
        assert!(store.replace_session(generation(number), &next, None).await.unwrap());
        let stored = store.session(&first.key).await.unwrap().unwrap();
        assert_eq!(
            (stored.generation, &stored.session),
            (generation(number + 1), &next),
            "readers see the acknowledged session"
        );
    }
    for reader in readers {
        within("a reader seeing the last one", reader).await.unwrap();
    }
}

async fn nothing_is_written_after_the_close(store: AnyStore) {
    let first = session(&account(&store).await, "s", "o1", 1);
    let writing = tokio::spawn({
        let (store, first) = (store.clone(), first.clone());
        async move { try_insert(&store, &first, None).await }
    });
    tokio::task::yield_now().await;
    within("the close", store.close()).await;
    assert_eq!(writing.await.unwrap().unwrap(), Inserted::Done, "earlier changes are written");
    let late = session(&first.key.account, "late", "o2", 1);
    assert!(matches!(try_insert(&store, &late, None).await, Err(StoreError::Closed)));
    within("a second close", store.close()).await;
}
