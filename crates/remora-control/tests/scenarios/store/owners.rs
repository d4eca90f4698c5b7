use super::*;

pub(super) fn person(subject: &str) -> Owner {
    let id = PersonId::new("https://login.example", subject).unwrap();
    Owner::Person(Person::new(id, "Ann \"Ä\""))
}

pub(super) async fn owners_are_kept_and_their_sessions_are_found(store: AnyStore) {
    let account = account(&store).await;
    let owners = [
        ("a1", Some(person("ann"))),
        ("k", Some(Owner::AccountKey)),
        ("b1", Some(person("bob"))),
        ("a2", Some(person("ann"))),
        ("n", None),
        ("a3", Some(person("ann"))),
    ];
    for (time, (id, owner)) in owners.iter().enumerate() {
        let new = session(&account, id, &format!("o{id}"), time as u64).owned_by(owner.clone());
        assert!(insert(&store, &new, None).await);
        let stored = store.session(&new.key).await.unwrap().unwrap();
        assert_eq!(stored.session, new);
        // A change or a list does not lose it either.
        assert!(store.replace_session(generation(1), &ready(&new, 5), None).await.unwrap());
        let host = new.phase.host().unwrap();
        assert_eq!(store.session_of_host(host).await.unwrap().unwrap().session.owner, *owner);
    }
    let ann = person("ann");
    let of = async |owner: &Owner, after: Option<&ListPosition>, limit| {
        ids(store.live_sessions(&account, owner.person(), after, limit).await.unwrap())
    };
    assert_eq!(of(&ann, None, 2).await, "a1 a2");
    let behind = ListPosition { created_at: at(3), session: "a2".parse().unwrap() };
    assert_eq!(of(&ann, Some(&behind), 2).await, "a3");
    assert_eq!(of(&person("bob"), None, 9).await, "b1");
    assert_eq!(of(&person("unknown"), None, 9).await, "");
    assert_eq!(ids(store.live_sessions(&account, None, None, 9).await.unwrap()), "a1 k b1 a2 n a3");

    let done = session(&account, "a2", "oa2", 3).owned_by(Some(person("ann")));
    assert!(store.replace_session(generation(2), &ended(&done, None), None).await.unwrap());
    let used = store.usage(&account, ann.person(), at(0)..at(100), None, 9).await.unwrap();
    let mut used: Vec<_> = used.iter().map(|used| (used.session.as_str(), used.owner.as_ref())).collect();
    used.sort_by_key(|(id, _)| *id);
    assert_eq!(used, ["a1", "a2", "a3"].map(|id| (id, Some(&ann))));
    let all = store.usage(&account, None, at(0)..at(100), None, 9).await.unwrap();
    let found = |id: &str| all.iter().find(|used| used.session.as_str() == id).unwrap().owner.clone();
    assert_eq!((found("k"), found("n")), (Some(Owner::AccountKey), None));
}
