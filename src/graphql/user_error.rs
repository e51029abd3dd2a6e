//! `userErrors`, and how the errors of use cases reach a client.

use async_graphql::{Interface, ServerError, SimpleObject};

use crate::error::{Detail, Error, INTERNAL, Reason, Rejection};
use crate::ids::VariantId;

/// Something in the input, or in the present state of things, stands in the way.
#[derive(Debug, Clone, Interface)]
#[graphql(
    field(name = "code", ty = "&Reason", desc = "Stable, for programs."),
    field(name = "message", ty = "&String", desc = "One plain English sentence for a person."),
    field(
        name = "field",
        ty = "&Option<Vec<String>>",
        desc = "Path into the input, such as `[\"input\", \"lines\", \"0\", \"quantity\"]`, or null."
    )
)]
pub enum UserError {
    /// Any other.
    General(GeneralError),
    /// Fewer units are available.
    InsufficientStock(InsufficientStockError),
    /// Changed in the meantime.
    StaleVersion(StaleVersionError),
}

/// A user error that its code describes fully.
#[derive(Debug, Clone, SimpleObject)]
pub struct GeneralError {
    /// Stable, for programs.
    code: Reason,
    /// One plain English sentence for a person.
    message: String,
    /// Path into the input, or null.
    field: Option<Vec<String>>,
}

/// Fewer units can be bought than were asked for.
#[derive(Debug, Clone, SimpleObject)]
pub struct InsufficientStockError {
    /// Stable, for programs.
    code: Reason,
    /// One plain English sentence for a person.
    message: String,
    /// Path into the input, or null.
    field: Option<Vec<String>>,
    /// The variant that is short.
    variant_id: VariantId,
    /// How many units can still be bought.
    quantity_available: i64,
}

/// `expectedVersion` is not the current version.
#[derive(Debug, Clone, SimpleObject)]
pub struct StaleVersionError {
    /// Stable, for programs.
    code: Reason,
    /// One plain English sentence for a person.
    message: String,
    /// Path into the input, or null.
    field: Option<Vec<String>>,
    /// The version now.
    current_version: i64,
}

impl From<Rejection> for UserError {
    fn from(rejection: Rejection) -> Self {
        let Rejection { reason: code, message, field, detail } = rejection;
        let field = (!field.is_empty()).then_some(field);
        match detail {
            Detail::None => UserError::General(GeneralError { code, message, field }),
            Detail::Stock { variant_id, available } => UserError::InsufficientStock(InsufficientStockError {
                code,
                message,
                field,
                variant_id,
                quantity_available: available,
            }),
            Detail::Version { current } => {
                UserError::StaleVersion(StaleVersionError { code, message, field, current_version: current })
            }
        }
    }
}

/// Parts a use case's result into what a payload holds: the value, or the user errors. Other errors are top-level.
pub fn outcome<T>(result: Result<T, Error>) -> async_graphql::Result<(Option<T>, Vec<UserError>)> {
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(Error::Rejected(rejections)) => Ok((None, rejections.into_iter().map(Into::into).collect())),
        Err(error) => Err(error.into()),
    }
}

/// Prepares a top-level error for the client: gives it its `extensions.code`, and masks what is not the client's
/// business. Returns the text of a fault, to be logged once, with the request id.
///
/// A resolver's `?` keeps the use case's error as the source of the GraphQL error; this is where it is read.
pub fn present(error: &mut ServerError) -> Option<String> {
    let set_code = |error: &mut ServerError, code: &str| {
        error.extensions.get_or_insert_default().set("code", code);
    };
    let source = error.source.take()?;
    match source.downcast_ref::<Error>() {
        Some(Error::Request { code, .. }) => {
            set_code(error, code.as_str());
            None
        }
        Some(Error::Rejected(rejections)) => {
            let reason = rejections.first().map_or(Reason::Invalid, |rejection| rejection.reason);
            if let async_graphql::Value::Enum(name) = async_graphql::resolver_utils::enum_value(reason) {
                set_code(error, &name);
            }
            None
        }
        fault => {
            let text = match fault {
                Some(fault) => fault.to_string(),
                None => error.message.clone(),
            };
            error.message = "Something went wrong on our side.".into();
            error.extensions = None;
            set_code(error, INTERNAL);
            Some(text)
        }
    }
}
