//! Random correlation vectors; see [`remora_protocol::correlation`].

use remora_protocol::correlation::VECTOR_BYTES;
use rustix::rand::{GetRandomFlags, getrandom};

/// Returns the random bytes of a new vector.
///
/// They come from the kernel. The generator of the TLS library takes some 30 ms to seed itself at its first use, which
/// would delay the start of a host.
pub(crate) fn random() -> [u8; VECTOR_BYTES] {
    let mut bytes = [0; VECTOR_BYTES];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty()).expect("the kernel has random numbers");
    assert_eq!(filled, VECTOR_BYTES, "up to 256 bytes are never cut short");
    bytes
}
