//! Content negotiation for files of the page, which its build has compressed, see `precompress.ts` of the pages.

use http::{HeaderMap, header};

/// A content coding of the precompressed files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
    /// No compression.
    Identity,
}

impl Coding {
    /// All codings, the one with the best compression first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Returns the name of the coding in HTTP.
    pub(super) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    /// Returns the suffix of the names of files in this coding.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    /// Returns the codings that a request accepts, the best first. `Identity` is always among them, because some files
    /// have no other form.
    pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Self> {
        let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let listed = listed.collect::<Vec<_>>().join(",").to_ascii_lowercase();
        Self::ALL.into_iter().filter(move |coding| *coding == Self::Identity || accepts(&listed, coding.token()))
    }
}

/// Returns whether an `Accept-Encoding` in lower case, such as `gzip, br;q=0.5, *;q=0`, accepts the coding.
fn accepts(listed: &str, coding: &str) -> bool {
    let weight = |wanted: &str| {
        listed.split(',').find_map(|entry| {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, "q=1"));
            let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
            (name.trim() == wanted).then_some(weight.unwrap_or(0.0))
        })
    };
    weight(coding).or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_best_accepted_coding_comes_first() {
        let best = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
            Coding::accepted(&headers).next().unwrap()
        };
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("gzip;q=1.0, br;q=0.5", Coding::Brotli),
            ("GZIP", Coding::Gzip),
            ("gzip, br;q=0", Coding::Gzip),
            ("br ; q=0.000, *", Coding::Gzip),
            ("*", Coding::Brotli),
            ("*;q=0", Coding::Identity),
            ("br;q=nonsense", Coding::Identity),
            ("brotli, xgzip", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(best(accept), expected, "{accept}");
        }
        assert_eq!(Coding::accepted(&HeaderMap::new()).next(), Some(Coding::Identity));
    }
}
