//! The stable codes that programs compare: error codes of replies and handshakes, notice codes and load stages.
//!
//! The schema in `proto/` carries them as strings, so that an older client can receive a code that it does not know.
//! A code never changes its text.

use std::fmt;

/// Defines an enum whose variants have stable texts.
macro_rules! codes {
    (
        $(#[$documentation:meta])*
        $name:ident { $($(#[$variant_documentation:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_documentation])* $variant,)*
        }

        impl $name {
            /// All codes, in the order of their definition.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the text that is sent.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.as_str().to_owned()
            }
        }
    };
}

codes! {
    /// Why a command was refused: `Error.code` in `proto/`.
    ErrorCode {
        /// The command is malformed or out of range, or does not fit the state of the session.
        BadCommand = "BadCommand",
        /// Too many such commands are being executed already.
        Busy = "Busy",
        /// The scene has no entity with this id.
        EntityNotFound = "EntityNotFound",
        /// The model is damaged, or not in a supported format.
        ModelInvalid = "ModelInvalid",
        /// There is no model at the address.
        ModelNotFound = "ModelNotFound",
        /// Importing the model takes more memory than the host may use.
        ModelTooLarge = "ModelTooLarge",
        /// The model does not fit into graphics memory.
        OutOfMemory = "OutOfMemory",
        /// The operator does not allow models from this address.
        UriRefused = "UriRefused",
    }
}

codes! {
    /// Information for the user that does not belong to a command: `Notice.code` in `proto/`.
    NoticeCode {
        /// The graphics device failed and was started again.
        DeviceRestarted = "DeviceRestarted",
        /// The model is shown differently from what its file says.
        ModelDiffers = "ModelDiffers",
        /// The full detail of a model could not be built; its coarse form stays.
        NotRefined = "NotRefined",
        /// The full detail of a model does not fit into graphics memory; its coarse form stays.
        OutOfMemory = "OutOfMemory",
        /// More triangles and points are drawn than the size of the session allows.
        PrimitiveLimit = "PrimitiveLimit",
    }
}

codes! {
    /// A stage of loading a model: `LoadProgress.stage` in `proto/`.
    LoadStage {
        /// The file is fetched or opened.
        Fetching = "fetching",
        /// The importer reads the file.
        Decoding = "decoding",
        /// The form that is shown first is built.
        Clustering = "clustering",
        /// The model is prepared for the graphics device.
        Uploading = "uploading",
        /// The model is shown, and its levels of detail are being built.
        Refining = "refining",
    }
}

codes! {
    /// Why an offer was refused: `error.code` in the body of the answer.
    HandshakeErrorCode {
        /// The body is not an SDP offer that the host can answer (400).
        BadOffer = "BadOffer",
        /// There is no access token, or it is forged or expired (401).
        Unauthorized = "Unauthorized",
        /// The token, the origin or the host name is not allowed (403).
        Forbidden = "Forbidden",
        /// Another client holds the session (409).
        SessionInUse = "SessionInUse",
        /// The offer is too large (413).
        TooLarge = "TooLarge",
        /// The host failed to answer (500).
        InternalServerError = "InternalServerError",
        /// The host cannot answer now; ask again (503).
        Unavailable = "Unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_every_code() {
        let schema = include_str!("../../../proto/remora/v1/connection.proto");
        let errors = ErrorCode::ALL.iter().map(|code| code.as_str());
        let notices = NoticeCode::ALL.iter().map(|code| code.as_str());
        let stages = LoadStage::ALL.iter().map(|code| code.as_str());
        for code in errors.chain(notices).chain(stages) {
            assert!(schema.contains(&format!("\"{code}\"")), "{code} is missing in the schema");
        }
    }

    #[test]
    fn a_code_is_written_as_its_text() {
        assert_eq!(ErrorCode::EntityNotFound.to_string(), "EntityNotFound");
        assert_eq!(String::from(LoadStage::Refining), "refining");
        assert_eq!(HandshakeErrorCode::ALL.len(), 7);
    }
}
