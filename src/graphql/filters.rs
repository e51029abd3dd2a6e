//! The operators that `where` inputs share.

use std::str::FromStr;

use async_graphql::{ID, InputObject};

use crate::error::{Code, Error, Result};
use crate::ids::IdError;

/// More values than this are a job for an export.
const MAX_VALUES: usize = 100;

/// A text is one of some.
#[derive(Debug, Clone, Default, InputObject)]
pub struct StringFilter {
    /// Equals this.
    pub eq: Option<String>,
    /// Equals one of these, at most 100.
    #[graphql(name = "in")]
    pub in_: Option<Vec<String>>,
}

/// An id is one of some.
#[derive(Debug, Clone, Default, InputObject)]
#[graphql(name = "IDFilter")]
pub struct IdFilter {
    /// Equals this.
    pub eq: Option<ID>,
    /// Equals one of these, at most 100.
    #[graphql(name = "in")]
    pub in_: Option<Vec<ID>>,
}

impl StringFilter {
    /// The texts that pass; `None` when every one does.
    pub fn one_of(self) -> Result<Option<Vec<String>>> {
        let mut texts = one_of(self.eq, self.in_)?;
        if let Some(texts) = &mut texts {
            // PostgreSQL cannot store such a text, so nothing equals it, and it cannot be sent.
            texts.retain(|text| !text.contains('\0'));
        }
        Ok(texts)
    }
}

impl IdFilter {
    /// The ids that pass; `None` when every one does. An id of another type is the client's mistake.
    pub fn one_of<T: FromStr<Err = IdError>>(self) -> Result<Option<Vec<T>>> {
        let Some(ids) = one_of(self.eq, self.in_)? else { return Ok(None) };
        let parse = |id: ID| {
            id.parse().map_err(|error: IdError| Error::request(Code::BadUserInput, format!("{error}")))
        };
        ids.into_iter().map(parse).collect::<Result<_>>().map(Some)
    }
}

/// The values that pass both operators; `None` when neither is given.
pub fn one_of<T: PartialEq>(eq: Option<T>, in_: Option<Vec<T>>) -> Result<Option<Vec<T>>> {
    if in_.as_ref().is_some_and(|values| values.len() > MAX_VALUES) {
        return Err(Error::request(Code::BadUserInput, "A filter takes at most 100 values."));
    }
    Ok(match (eq, in_) {
        (Some(value), Some(values)) => Some(if values.contains(&value) { vec![value] } else { Vec::new() }),
        (Some(value), None) => Some(vec![value]),
        (None, values) => values,
    })
}
