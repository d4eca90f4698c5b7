//! Random correlation vectors; see [`remora_protocol::correlation`].

use remora_protocol::correlation::VECTOR_BYTES;
use rustix::rand::{GetRandomFlags, getrandom};

/// Returns the random bytes of a new vector.
///
/// They come from the kernel. The first number from the generator of the TLS library delayed the start of a host by
/// some 30 ms.
pub(crate) fn random() -> [u8; VECTOR_BYTES] {
    let mut bytes = [0; VECTOR_BYTES];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty()).expect("the kernel has random numbers");
    assert_eq!(filled, VECTOR_BYTES, "up to 256 bytes are never cut short");
    bytes
}
