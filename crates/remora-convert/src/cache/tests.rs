use std::fs;

use remora_engine::EngineDetail;

use super::*;

fn model() -> Model {
    remora_engine::build(EngineDetail { triangles: EngineDetail::TRIANGLES_MIN })
}

/// Returns options with which building is quick.
fn options() -> BuildOptions {
    BuildOptions { detail: Detail::Coarse { primitives_max: 5_000 }, ..BuildOptions::default() }
}

fn build(cache: &Cache, key: &Key) -> Asset {
    cache.build(key, &model(), &options(), &|_| {}, &|| false).expect("it is built")
}

fn used_hours_ago(cache: &Cache, key: &Key, hours: u64) {
    let file = File::options().append(true).open(cache.path(key)).expect("it is there");
    file.set_modified(now() - Duration::from_secs(hours * 3600)).expect("its time can be set");
}

#[test]
fn an_asset_is_found_under_its_own_key_only() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cache = Cache::open(&directory.path().join("deep/cache"), u64::MAX).expect("it can be made");
    let (key, other) = (cache.key(b"one", &options()), cache.key(b"two", &options()));
    assert!(cache.get(&key).is_none());
    let built = build(&cache, &key);
    let found = cache.get(&key).expect("it is there");
    assert_eq!((found.bytes(), found.triangle_count()), (built.bytes(), model().triangles()));
    assert!(cache.get(&other).is_none());
    // A second cache stands for another process, or for the same one after a restart.
    assert!(Cache::open(&cache.directory, u64::MAX).expect("it is there").get(&key).is_some());
}

#[test]
fn a_directory_that_was_deleted_is_created_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cache = Cache::open(&directory.path().join("cache"), u64::MAX).expect("it can be made");
    fs::remove_dir_all(&cache.directory).expect("it is there");
    let key = cache.key(b"one", &options());
    assert!(cache.get(&key).is_none());
    build(&cache, &key);
    assert!(cache.get(&key).is_some());
}

#[test]
fn everything_that_changes_the_result_changes_the_key() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cache = Cache::open(directory.path(), u64::MAX).expect("it can be made");
    let base = options();
    let keys = [
        cache.key(b"one", &base),
        cache.key(b"two", &base),
        cache.key(b"one", &BuildOptions { detail: Detail::Full, ..base.clone() }),
        cache.key(b"one", &BuildOptions { detail: Detail::Coarse { primitives_max: 5_001 }, ..base.clone() }),
        cache.key(b"one", &BuildOptions { compress_textures: true, ..base.clone() }),
        cache.key(b"one", &BuildOptions { texture_dimension_max: 1, ..base.clone() }),
        cache.key(b"one", &BuildOptions { source: "x".into(), ..base.clone() }),
    ];
    for (number, key) in keys.iter().enumerate() {
        assert!(!keys[..number].contains(key), "{number}");
    }
    assert_eq!(cache.key(b"one", &base), keys[0]);
}

#[test]
fn files_beside_a_model_are_part_of_its_key() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("a.gltf");
    let text = r#"{"asset":{"version":"2.0"},"buffers":[{"byteLength":1,"uri":"a%2Ebin"},{"byteLength":1}],
        "images":[{"uri":"b.png"},{"uri":"data:image/png;base64,AA=="},{"uri":"../out.png"},{"uri":"b.png"}]}"#;
    fs::write(&path, text).expect("writable");
    let key = || Source::open(&path).expect("glTF").key(&options()).expect("its parts are known");
    let mut keys = vec![key()];
    for (name, content) in [("a.bin", "1"), ("a.bin", "2"), ("b.png", "1"), ("b.png", "12")] {
        fs::write(directory.path().join(name), content).expect("writable");
        assert!(!keys.contains(&key()), "{name} is {content}");
        keys.push(key());
    }
    fs::write(directory.path().join("c.png"), "the model does not refer to it").expect("writable");
    assert_eq!(keys.last(), Some(&key()));
}

#[test]
fn a_damaged_asset_is_removed_and_can_be_built_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cache = Cache::open(directory.path(), u64::MAX).expect("it can be made");
    let key = cache.key(b"one", &options());
    build(&cache, &key);
    let path = cache.path(&key);
    let bytes = fs::read(&path).expect("it is there");
    let mut flipped = bytes.clone();
    *flipped.last_mut().expect("it has bytes") ^= 1;
    for damaged in [bytes[..bytes.len() / 2].to_vec(), flipped, Vec::new()] {
        fs::write(&path, damaged).expect("writable");
        assert!(cache.get(&key).is_none());
        assert!(!path.exists());
        build(&cache, &key);
        assert!(cache.get(&key).is_some());
    }
}

#[test]
fn the_least_recently_used_asset_is_removed_first() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let roomy = Cache::open(directory.path(), u64::MAX).expect("it can be made");
    let keys = [b"1", b"2", b"3"].map(|content| roomy.key(content, &options()));
    let bytes = build(&roomy, &keys[0]).bytes();
    build(&roomy, &keys[1]);
    used_hours_ago(&roomy, &keys[0], 3);
    used_hours_ago(&roomy, &keys[1], 2);
    assert!(roomy.get(&keys[0]).is_some(), "which makes it the newest");
    fs::write(directory.path().join("note.txt"), "not ours").expect("writable");

    let tight = Cache::open(directory.path(), 2 * bytes + bytes / 2).expect("it is there");
    build(&tight, &keys[2]);
    assert_eq!(keys.each_ref().map(|key| tight.path(key).exists()), [true, false, true]);
    assert!(directory.path().join("note.txt").exists());

    let tiny = Cache::open(directory.path(), 1).expect("it is there");
    let asset = build(&tiny, &keys[1]);
    assert_eq!(keys.each_ref().map(|key| tiny.path(key).exists()), [false; 3]);
    assert!((0..asset.pages().len() as u32).all(|page| asset.page(page).is_ok()), "an open asset lives on");
}

#[test]
fn temporary_files_of_killed_processes_are_removed_after_a_day() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cache = Cache::open(directory.path(), u64::MAX).expect("it can be made");
    let [old, new] = [".remora-old", ".remora-new"].map(|name| directory.path().join(name));
    File::create(&new).expect("writable");
    let file = File::create(&old).expect("writable");
    file.set_modified(now() - ABANDONED_AFTER - Duration::from_mins(1)).expect("its time can be set");
    build(&cache, &cache.key(b"one", &options()));
    assert_eq!((old.exists(), new.exists()), (false, true));
}

/// Runs in the second process of the next test. Without the variable it has nothing to do.
#[test]
fn builds_and_gets_in_a_second_process() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let cache = Cache::open(Path::new(&directory), 1 << 20).expect("it is there");
    churn(&cache);
}

const DIRECTORY: &str = "REMORA_TEST_CACHE";

fn churn(cache: &Cache) {
    let model = model();
    for round in 0..12 {
        let key = cache.key(&[round % 3], &options());
        let asset = match cache.get(&key) {
            Some(asset) => asset,
            None => cache.build(&key, &model, &options(), &|_| {}, &|| false).expect("it is built"),
        };
        // An asset that the other process removes in the meantime can still be read.
        for page in 0..asset.pages().len() as u32 {
            asset.page(page).expect("it is whole");
        }
    }
}

#[test]
fn two_processes_share_a_directory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut other = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "cache::tests::builds_and_gets_in_a_second_process"])
        .env(DIRECTORY, directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let cache = Cache::open(directory.path(), 1 << 20).expect("it is there");
    churn(&cache);
    assert!(other.wait().expect("it ends").success());
    let left = fs::read_dir(directory.path()).expect("it is there").flatten();
    assert!(left.map(|entry| entry.file_name()).all(|name| name.to_string_lossy().ends_with(".arrAsset")));
}
