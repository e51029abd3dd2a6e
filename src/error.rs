//! What a use case answers when it does not do what it was asked.
//!
//! Three kinds, told apart because the API treats them differently: a [`Rejection`] is an outcome that the client
//! acts on and ends in the payload's `userErrors`; a [`Error::Request`] is a top-level error (not signed in, not
//! allowed, beyond a limit); a fault is ours, is logged once with the request id, and is masked.

use std::fmt;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::access::Permission;
use crate::ids::VariantId;

/// The stable codes of `userErrors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "UserErrorCode")]
pub enum Reason {
    /// A value is malformed or out of its range.
    Invalid,
    /// A value that is needed here is missing.
    Required,
    /// Nothing has this id, slug, code or token.
    NotFound,
    /// Something else has this value already.
    Taken,
    /// It was changed by somebody else since `expectedVersion` was read.
    StaleVersion,
    /// The move is not possible in the present state.
    InvalidState,
    /// Fewer units are available than were asked for.
    InsufficientStock,
    /// The cart has no lines.
    CartEmpty,
    /// The variant has no price in this channel or is not published.
    NotPurchasable,
    /// The idempotency key was used with another input.
    IdempotencyMismatch,
    /// Email and password do not belong together, or a token is not valid.
    InvalidCredentials,
    /// Too many tries; wait before the next one.
    RateLimited,
    /// The promotion code cannot be used here or now.
    PromotionNotApplicable,
    /// The payment gateway is not known or does not take this.
    PaymentRefused,
    /// The file is not of the named format.
    UnreadableFile,
    /// Too many lines, too many units, or too large.
    LimitExceeded,
}

/// One thing that the client did wrong, or that stands in the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// The stable code.
    pub reason: Reason,
    /// One plain English sentence for a person.
    pub message: String,
    /// Path into the input, such as `["input", "lines", "0", "quantity"]`; empty where no field is to blame.
    pub field: Vec<String>,
    /// What the code alone does not say.
    pub detail: Detail,
}

/// Typed additions to a [`Rejection`].
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// Nothing more to say.
    None,
    /// With [`Reason::InsufficientStock`].
    Stock {
        /// The variant that is short.
        variant_id: VariantId,
        /// How many units can still be bought.
        available: i64,
    },
    /// With [`Reason::StaleVersion`].
    Version {
        /// The version now.
        current: i64,
    },
}

impl Rejection {
    /// With no field and no detail.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: Vec::new(), detail: Detail::None }
    }

    /// Names the field of the input: `at(["input", "email"])`.
    pub fn at<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.field = path.into_iter().map(Into::into).collect();
        self
    }

    /// An `expectedVersion` that is not the current one.
    pub fn stale(current: i64) -> Self {
        Self {
            reason: Reason::StaleVersion,
            message: format!("It was changed in the meantime and is at version {current} now."),
            field: vec!["input".into(), "expectedVersion".into()],
            detail: Detail::Version { current },
        }
    }
}

/// The codes of top-level errors (`extensions.code`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Not signed in.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// An argument cannot be read.
    BadUserInput,
    /// Beyond a limit of depth, cost, size or rate.
    LimitExceeded,
    /// PostgreSQL cannot be reached or is too busy.
    Unavailable,
}

impl Code {
    /// As it stands in `extensions.code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Forbidden => "FORBIDDEN",
            Code::BadUserInput => "BAD_USER_INPUT",
            Code::LimitExceeded => "LIMIT_EXCEEDED",
            Code::Unavailable => "UNAVAILABLE",
        }
    }
}

/// The `extensions.code` of a masked fault.
pub const INTERNAL: &str = "INTERNAL";

/// What a use case fails with.
#[derive(Debug)]
pub enum Error {
    /// Outcomes for the client, in input order; never empty.
    Rejected(Vec<Rejection>),
    /// A top-level error for the client.
    Request {
        /// Its code.
        code: Code,
        /// One sentence for a person.
        message: String,
    },
    /// Ours. Logged where it is handled, never shown.
    Fault(anyhow::Error),
}

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A top-level error.
    pub fn request(code: Code, message: impl Into<String>) -> Self {
        Error::Request { code, message: message.into() }
    }

    /// The viewer is not signed in.
    pub fn unauthenticated() -> Self {
        Self::request(Code::Unauthenticated, "Sign in first: this needs a valid bearer token.")
    }

    /// The database cannot be reached.
    pub fn unavailable() -> Self {
        Self::request(Code::Unavailable, "The database cannot be reached. Try again shortly.")
    }

    /// The viewer lacks a permission.
    pub fn forbidden(permission: Permission) -> Self {
        Self::request(Code::Forbidden, format!("This needs the permission {permission}."))
    }

    /// A fault from any error.
    pub fn fault(error: impl Into<anyhow::Error>) -> Self {
        Error::Fault(error.into())
    }

    /// True for a conflict that may pass when tried again (serialization failure, deadlock).
    pub fn is_transient_conflict(error: &DieselError) -> bool {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
            DieselError::DatabaseError(_, info) => info.message() == "deadlock detected",
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Rejected(rejections) => {
                let messages: Vec<_> =
                    rejections.iter().map(|rejection| rejection.message.as_str()).collect();
                f.write_str(&messages.join(" "))
            }
            Error::Request { message, .. } => f.write_str(message),
            Error::Fault(fault) => write!(f, "{fault:#}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Error::Rejected(vec![rejection])
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        let unavailable = match &error {
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => true,
            DieselError::DatabaseError(_, info) => {
                let message = info.message();
                ["connection closed", "terminating connection", "error communicating with the server"]
                    .iter()
                    .any(|words| message.contains(words))
            }
            _ => false,
        };
        if unavailable {
            return Self::unavailable();
        }
        Error::Fault(error.into())
    }
}

impl From<diesel_async::pooled_connection::deadpool::PoolError> for Error {
    fn from(error: diesel_async::pooled_connection::deadpool::PoolError) -> Self {
        tracing::warn!(%error, "no database connection");
        Self::request(Code::Unavailable, "The database cannot be reached or is too busy. Try again shortly.")
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Error::Fault(error)
    }
}
