//! The channel.

use diesel::prelude::*;

use crate::error::Error;
use crate::ids::ChannelId;
use crate::money::{Currency, Money};
use crate::schema::channels;

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = channels)]
pub(super) struct ChannelRow {
    pub id: ChannelId,
    pub slug: String,
    pub name: String,
    pub currency_code: String,
    pub is_default: bool,
    pub version: i64,
}

impl TryFrom<ChannelRow> for Channel {
    type Error = Error;

    fn try_from(row: ChannelRow) -> Result<Self, Error> {
        let ChannelRow { id, slug, name, currency_code, is_default, version } = row;
        let currency = currency_code.parse().map_err(Error::fault)?;
        Ok(Self { id, slug, name, currency, is_default, version })
    }
}

/// A sales channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What the header `Ironmonger-Channel` names.
    pub slug: String,
    /// For people.
    pub name: String,
    /// The currency of every price in it.
    pub currency: Currency,
    /// Used when a request names none.
    pub is_default: bool,
    /// Grows by one with every change.
    pub version: i64,
}

impl Channel {
    /// An amount in the channel's currency, from minor units.
    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}
