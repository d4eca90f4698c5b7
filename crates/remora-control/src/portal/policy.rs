//! The content security policy of the page.
//!
//! The page carries its style sheet and a short script, so that it can be used after one round trip. The policy admits
//! them by their digests; it admits no other code that is part of a document.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

/// Sources for the scripts and style sheets that are part of the page.
pub(super) struct Inline {
    scripts: String,
    styles: String,
}

impl Inline {
    /// Takes the contents of every `<script>` and `<style>` without attributes. The build of the pages writes them so.
    pub(super) fn of(page: &[u8]) -> Self {
        let page = std::str::from_utf8(page).unwrap_or_default();
        Self { scripts: sources(page, "script"), styles: sources(page, "style") }
    }
}

fn sources(page: &str, tag: &str) -> String {
    let (opening, closing) = (format!("<{tag}>"), format!("</{tag}>"));
    let contents = page.split(&opening).skip(1).filter_map(|rest| Some(rest.split_once(&closing)?.0));
    contents.fold("'self'".to_owned(), |sources, content| {
        let digest = digest::digest(&digest::SHA256, content.as_bytes());
        format!("{sources} 'sha256-{}'", STANDARD.encode(digest))
    })
}

pub(super) fn content_security_policy<'a>(inline: &Inline, connect: impl Iterator<Item = &'a str>) -> HeaderValue {
    let Inline { scripts, styles } = inline;
    let policy = format!(
        "default-src 'self'; script-src {scripts}; style-src {styles}; connect-src 'self' {}; \
         img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; object-src 'none'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        connect.collect::<Vec<_>>().join(" ")
    );
    HeaderValue::from_str(&policy).expect("host names and digests are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_code_of_the_page_itself_is_admitted() {
        let page = b"<style>a{}</style><script>start()</script><script src=\"x.js\"></script><script>a</script>";
        let policy = content_security_policy(&Inline::of(page), ["https://localhost:*"].into_iter());
        let policy = policy.to_str().unwrap();
        // echo -n 'start()' | openssl dgst -sha256 -binary | base64
        let start = "DIm7WJS6ZKDYe5qFLPy+h4JFI9Bol5QmYC57mt3Fb00=";
        let a = "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=";
        assert!(policy.contains(&format!("script-src 'self' 'sha256-{start}' 'sha256-{a}';")), "{policy}");
        let style = "X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk=";
        assert!(policy.contains(&format!("style-src 'self' 'sha256-{style}';")), "{policy}");
        let bare = content_security_policy(&Inline::of(b"<!doctype html>"), std::iter::empty());
        assert!(bare.to_str().unwrap().contains("script-src 'self'; style-src 'self';"), "{bare:?}");
    }
}
