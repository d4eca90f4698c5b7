use super::owners::person;
use super::*;

pub(super) async fn quotas_count_live_sessions_only(store: AnyStore) {
    let account = account(&store).await;
    let insert = async |id: &str, size, live_max, live_of_size_max| {
        let new = Session { size, ..session(&account, id, &format!("h{id}"), 5) };
        let quota = Quota { live_max, live_of_size_max, live_of_person_max: None };
        store.insert_session(Insert { session: &new, wake_at: None, quota, claims_host: false }).await.unwrap()
    };
    assert_eq!(insert("a", Size::Premium, Some(2), Some(1)).await, Inserted::Done);
    let over = Inserted::OverQuota { max: 1, share: Share::Size(Size::Premium) };
    assert_eq!(insert("b", Size::Premium, Some(2), Some(1)).await, over);
    assert_eq!(insert("c", Size::Standard, Some(2), Some(1)).await, Inserted::Done);
    assert_eq!(insert("d", Size::Standard, Some(2), None).await, Inserted::OverQuota { max: 2, share: Share::Account });
    assert_eq!(
        insert("a", Size::Premium, Some(2), Some(1)).await,
        Inserted::KeyTaken,
        "an existing session needs no room"
    );
    store.replace_session(generation(1), &ended(&session(&account, "a", "ha", 5), None), None).await.unwrap();
    assert_eq!(insert("e", Size::Premium, Some(2), Some(1)).await, Inserted::Done);
    assert_eq!(insert("f", Size::Premium, Some(0), None).await, Inserted::OverQuota { max: 0, share: Share::Account });
    assert_eq!(insert("g", Size::Premium, None, None).await, Inserted::Done);
}

pub(super) async fn a_person_has_a_quota_of_their_own(store: AnyStore) {
    let account = account(&store).await;
    let quota = Quota { live_of_person_max: Some(1), ..Quota::default() };
    let insert = async |id: &str, owner: Option<Owner>| {
        let new = session(&account, id, &format!("q{id}"), 1).owned_by(owner);
        store.insert_session(Insert { session: &new, wake_at: None, quota, claims_host: false }).await.unwrap()
    };
    let over = Inserted::OverQuota { max: 1, share: Share::Person };
    assert_eq!(insert("a1", Some(person("ann"))).await, Inserted::Done);
    assert_eq!(insert("a2", Some(person("ann"))).await, over);
    assert_eq!(insert("b1", Some(person("bob"))).await, Inserted::Done);
    for (id, owner) in [("k1", Some(Owner::AccountKey)), ("k2", Some(Owner::AccountKey)), ("n1", None), ("n2", None)] {
        assert_eq!(insert(id, owner).await, Inserted::Done, "{id}");
    }
    let done = session(&account, "a1", "qa1", 1).owned_by(Some(person("ann")));
    assert!(store.replace_session(generation(1), &ended(&done, None), None).await.unwrap());
    assert_eq!(insert("a2", Some(person("ann"))).await, Inserted::Done);
}
