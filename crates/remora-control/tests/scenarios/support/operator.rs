//! Operations of an operator directly on the database.

use remora_control::{Account, KeyHash, Store, new_account_id, new_key};
use remora_session::Timestamp;

/// Creates an account with one key in the database, as the command line does. Returns its id and the key.
pub(crate) async fn make_account(store: Store) -> (String, String) {
    let (id, key) = (new_account_id(), new_key());
    let created_at = Timestamp::from_milliseconds(1);
    let account = Account { id: id.clone(), name: "test".into(), created_at, keys: vec![KeyHash::of(&key)] };
    assert!(store.insert_account(&account).await.unwrap());
    store.close().await;
    (id.to_string(), key)
}
