//! A fence cannot be removed, so each test raises it around a thread of its own.

use std::{
    fs,
    io::ErrorKind,
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixDatagram, UnixStream},
    },
    process::Command,
};

use remora_protocol::link::Placement;

use super::*;

/// Runs `inside` within the fence of a host that has this cache. Returns `None`, with a message, where the kernel has
/// no fence.
fn fenced<T: Send>(cache: &std::path::Path, inside: impl FnOnce() -> T + Send) -> Option<T> {
    let mut access = files::Access::of_the_system();
    access.allow_own(cache);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let report = raise_around_this_thread(&access);
            if !report.is_whole() {
                eprintln!("skipped: {report}");
                return None;
            }
            Some(inside())
        });
        thread.join().expect("nothing panics inside")
    })
}

#[test]
fn a_host_reads_no_secret_and_writes_only_its_own_files() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let (key, cache) = (data.path().join("account.json"), data.path().join("cache"));
    fs::write(&key, "secret").expect("it is writable");
    fs::create_dir(&cache).expect("it is new");
    let mode = fs::metadata(&key).expect("it is there").permissions().mode();
    let found = fenced(&cache, || {
        let asset = cache.join("a.arrAsset");
        (
            fs::read(&key).map_err(|error| error.kind()),
            fs::read_dir(data.path()).map(drop).map_err(|error| error.kind()),
            fs::write(data.path().join("new"), "x").map_err(|error| error.kind()),
            fs::write(&asset, "x")
                .and_then(|()| fs::rename(&asset, cache.join("b")))
                .and_then(|()| fs::read(cache.join("b"))),
            fs::read("/proc/self/status").is_ok(),
            fs::read("/proc/1/environ").is_ok(),
            fs::set_permissions(&key, fs::Permissions::from_mode(0o666)).map_err(|error| error.kind()),
            rustix::fs::setxattr(&key, "user.note", b"x", rustix::fs::XattrFlags::empty())
                .map_err(rustix::io::Errno::kind),
        )
    });
    let Some((read, list, new, own, status, environment, open, note)) = found else { return };
    assert_eq!((open, note), (Err(ErrorKind::PermissionDenied), Err(ErrorKind::PermissionDenied)));
    assert_eq!(fs::metadata(&key).expect("it is there").permissions().mode(), mode);
    assert_eq!(read, Err(ErrorKind::PermissionDenied));
    assert_eq!(list, Err(ErrorKind::PermissionDenied));
    assert_eq!(new, Err(ErrorKind::PermissionDenied));
    assert_eq!(own.expect("its own files are its own"), b"x");
    assert!(status && !environment);
}

#[test]
fn a_host_starts_no_program_and_talks_to_no_daemon_but_to_the_network() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let socket = data.path().join("daemon");
    let _daemon = std::os::unix::net::UnixListener::bind(&socket).expect("it is new");
    let log = data.path().join("log");
    let _log = UnixDatagram::bind(&log).expect("it is new");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let parent = rustix::process::getppid();
    let found = fenced(data.path(), || {
        (
            Command::new("/bin/true").status().map_err(|error| error.kind()),
            UnixStream::connect(&socket).map(drop).map_err(|error| error.kind()),
            UnixDatagram::pair().and_then(|(one, _)| one.connect(&log)).map_err(|error| error.kind()),
            parent.map(|parent| rustix::process::test_kill_process(parent).is_ok()),
            TcpStream::connect(address).is_ok(),
            UdpSocket::bind("127.0.0.1:0").is_ok(),
            UnixStream::pair().is_ok(),
            std::thread::spawn(|| true).join().is_ok(),
        )
    });
    let Some((program, daemon, log, signal, tcp, udp, pair, thread)) = found else { return };
    assert_eq!(program.map(|_| ()), Err(ErrorKind::PermissionDenied));
    assert_eq!((daemon, log), (Err(ErrorKind::PermissionDenied), Err(ErrorKind::PermissionDenied)));
    assert_eq!(signal, Some(false));
    assert!(tcp && udp && pair && thread);
}

/// Makes a system call whose arguments are numbers, and returns its error.
fn error_of(call: libc::c_long, arguments: [libc::c_long; 5]) -> Option<i32> {
    let [a, b, c, d, e] = arguments;
    // SAFETY: no argument is an address. A process that `clone` starts ends at once.
    let result = unsafe { libc::syscall(call, a, b, c, d, e) };
    if result == 0 && call == libc::SYS_clone {
        // SAFETY: it runs nothing of this process on its way out.
        unsafe { libc::_exit(0) };
    }
    (result < 0).then(|| std::io::Error::last_os_error().raw_os_error()).flatten()
}

#[test]
fn a_host_enters_no_namespace_and_cannot_use_the_x32_calls() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let found = fenced(data.path(), || {
        let in_user_namespace = i64::from(libc::CLONE_NEWUSER | libc::SIGCHLD);
        let x32_getpid = 0x4000_0000 + 39;
        [
            error_of(libc::SYS_clone, [in_user_namespace, 0, 0, 0, 0]),
            error_of(libc::SYS_clone3, [0; 5]),
            error_of(x32_getpid, [0; 5]),
            error_of(libc::SYS_fcntl, [0, i64::from(libc::F_SETOWN), 1, 0, 0]),
        ]
    });
    let Some(found) = found else { return };
    assert_eq!(found, [libc::EPERM, libc::ENOSYS, libc::EPERM, libc::EPERM].map(Some));
}

#[test]
fn a_frame_is_drawn_within_the_fence() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let asset = remora_build::build_asset(
        &remora_engine::build(remora_engine::EngineDetail::default()),
        &Default::default(),
        &|_| {},
        &|| false,
    )
    .expect("the engine is a model");
    let drawn = fenced(data.path(), || crate::thumbnail(&asset, 64, 64, &crate::HostOptions::default()));
    let Some(drawn) = drawn else { return };
    let pixels = drawn.expect("the driver works within the fence");
    assert!(pixels.chunks_exact(4).any(|pixel| pixel != &pixels[..4]), "the frame has only one colour");
}

#[test]
fn the_report_says_which_parts_of_the_fence_stand() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let report = try_fence();
    assert!(fs::write(data.path().join("x"), "x").is_ok(), "trying it leaves this thread as it is");
    assert!(report.is_whole() || report.to_string().contains("NOT"), "{report}");
}

#[test]
fn a_deleted_cache_directory_is_created_again_while_the_host_still_may() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let cache = data.path().join("cache");
    let placement = Placement {
        control_urls: Vec::new(),
        hostname: "localhost".into(),
        listen_address: [127, 0, 0, 1].into(),
        certificate_pem: String::new(),
        certificate_key_pem: String::new(),
        media: Default::default(),
        model_files: Vec::new(),
        cache_directory: Some(cache.display().to_string()),
        scratch_directory: None,
    };
    let _ = files::Access::of(&placement);
    assert!(cache.is_dir());
}
