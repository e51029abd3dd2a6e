//! What the database refuses: whether the data is to blame, and what a person is told.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::Error;

/// Whether the products are to blame, rather than the connection, a lock or the server: then trying each alone tells
/// which.
pub fn is_about_data(error: &Error) -> bool {
    match error {
        Error::Rejected(_) => true,
        Error::Request { .. } => false,
        Error::Fault(fault) => match fault.downcast_ref::<DieselError>() {
            Some(DieselError::DatabaseError(kind, info)) => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::ExclusionViolation => true,
                DatabaseErrorKind::Unknown => {
                    let passing = [
                        "deadlock detected",
                        "canceling statement",
                        "lock timeout",
                        "terminating",
                        "connection",
                    ];
                    let message = info.message();
                    !passing.iter().any(|text| message.contains(text)) && !out_of_resources(message)
                }
                _ => false,
            },
            _ => false,
        },
    }
}

fn out_of_resources(message: &str) -> bool {
    ["No space left", "out of memory", "out of shared memory", "disk full", "too many clients"]
        .iter()
        .any(|text| message.contains(text))
}

/// The reason for a person. What PostgreSQL says about its tables stays in the log.
pub fn refusal(error: &Error) -> String {
    match error {
        Error::Rejected(_) => error.to_string(),
        Error::Fault(fault) => match fault.downcast_ref::<DieselError>() {
            Some(DieselError::DatabaseError(_, info)) if info.constraint_name().is_some() => {
                format!("It breaks the rule {}.", info.constraint_name().unwrap_or_default())
            }
            _ => "The database refused it.".to_owned(),
        },
        Error::Request { .. } => "It could not be stored.".to_owned(),
    }
}
