//! PEM with a single block (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const LINE_LENGTH: usize = 64;

/// Encodes a block.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for start in (0..text.len()).step_by(LINE_LENGTH) {
        pem.push_str(&text[start..text.len().min(start + LINE_LENGTH)]);
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// Decodes a text. Returns `None` unless it is exactly one block with that label.
pub(crate) fn decode(label: &str, pem: &str) -> Option<Vec<u8>> {
    let inner = pem
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))?
        .strip_suffix(&format!("-----END {label}-----"))?;
    let text: String = inner.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_encoded_block_is_decoded(der: Vec<u8>) {
            let pem = encode("PRIVATE KEY", &der);
            prop_assert!(pem.lines().all(|line| line.len() <= LINE_LENGTH));
            prop_assert_eq!(decode("PRIVATE KEY", &pem), Some(der));
            prop_assert_eq!(decode("PUBLIC KEY", &pem), None);
        }
    }
}
