//! Random correlation vectors; see [`remora_protocol::correlation`].

use aws_lc_rs::rand;
use remora_protocol::correlation::VECTOR_BYTES;

/// Returns the random bytes of a new vector.
pub(crate) fn random() -> [u8; VECTOR_BYTES] {
    let mut bytes = [0; VECTOR_BYTES];
    rand::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}
