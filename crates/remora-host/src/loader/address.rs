//! Addresses of models.

use super::failure::LoadFailure;

/// Decodes percent escapes (RFC 3986). A percent sign that begins no escape stands for itself. Returns `None` if the
/// result is not UTF-8.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Returns the failure of an address with a scheme that the loader does not know.
pub(super) fn unknown_scheme(uri: &str) -> LoadFailure {
    LoadFailure::Refused(format!(
        "{uri:?} is not an address of a model; accepted are builtin://Engine, http:// and https:// addresses of a \
         model, and the files that this service was started with"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_addresses_are_decoded() {
        assert_eq!(percent_decoded("/a%20b%C3%A9%").as_deref(), Some("/a bé%"));
        assert_eq!(percent_decoded("%FF"), None);
    }
}
