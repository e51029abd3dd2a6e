//! What a rule is.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::channels::Channel;
use crate::error::{Reason, Rejection};
use crate::ids::ChannelId;
use crate::money::Money;
use crate::text_enum::text_enum;

use super::super::check::is_bad_text;

/// More conditions than this are a mistake.
const MAX_CONDITIONS: usize = 50;

text_enum! {
    /// How the conditions of a rule go together.
    #[graphql(name = "CollectionRuleMatch")]
    Match {
        /// A product fulfills every condition.
        All = "ALL",
        /// A product fulfills at least one condition.
        Any = "ANY",
    }
}

text_enum! {
    /// What a condition looks at.
    #[graphql(name = "CollectionRuleField")]
    Field {
        /// The tags: one of them fulfills the condition.
        Tag = "TAG",
        /// The maker.
        Vendor = "VENDOR",
        /// The kind of product.
        ProductType = "PRODUCT_TYPE",
        /// The name.
        Name = "NAME",
        /// The lowest price in a channel at the moment, sales included.
        Price = "PRICE",
        /// Whether some variant can be ordered now; the value is `true` or `false`.
        Available = "AVAILABLE",
        /// An attribute; `attribute` names its code.
        Attribute = "ATTRIBUTE",
    }
}

text_enum! {
    /// How a condition compares.
    #[graphql(name = "CollectionRuleOperator")]
    Operator {
        /// It is the value; upper and lower case differ.
        Equals = "EQUALS",
        /// It is not the value, or there is none.
        NotEquals = "NOT_EQUALS",
        /// The value occurs in it, in upper or lower case.
        Contains = "CONTAINS",
        /// The value does not occur in it, or there is none.
        NotContains = "NOT_CONTAINS",
        /// It begins with the value, in upper or lower case.
        StartsWith = "STARTS_WITH",
        /// It ends with the value, in upper or lower case.
        EndsWith = "ENDS_WITH",
        /// It is more than the value: prices, and attributes that are numbers or dates.
        GreaterThan = "GREATER_THAN",
        /// It is less than the value: prices, and attributes that are numbers or dates.
        LessThan = "LESS_THAN",
    }
}

/// Which products are members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// How the conditions go together.
    #[serde(rename = "match")]
    pub matching: Match,
    /// At least one.
    pub conditions: Vec<Condition>,
}

/// One condition, in the form that is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What it looks at.
    pub field: Field,
    /// How it compares.
    pub operator: Operator,
    /// With what, as it was entered.
    pub value: String,
    /// The value as a number: minor units of a price, the decimal number that an attribute is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The code of the attribute, or the channel of the price as a UUID; empty for the others.
    #[serde(default)]
    pub key: String,
}

impl Condition {
    /// Checks a condition and brings it into the form that is stored. A price is in the channel's currency. Paths begin at the
    /// condition.
    pub fn new(
        field: Field,
        operator: Operator,
        value: String,
        attribute: Option<String>,
        channel: &Channel,
    ) -> Result<Self, Rejection> {
        use Operator::{Equals, GreaterThan, LessThan, NotEquals};
        let invalid = |message: &str, field: &str| Rejection::new(Reason::Invalid, message).at([field]);
        if value.is_empty() || is_bad_text(&value) {
            return Err(invalid("The value has 1 to 255 characters.", "value"));
        }
        let possible = match field {
            Field::Available => matches!(operator, Equals),
            Field::Price => matches!(operator, Equals | NotEquals | GreaterThan | LessThan),
            Field::Attribute => true,
            Field::Tag | Field::Vendor | Field::ProductType | Field::Name => {
                !matches!(operator, GreaterThan | LessThan)
            }
        };
        if !possible {
            return Err(invalid("The field cannot be compared like this.", "operator"));
        }
        let (number, key) = match field {
            Field::Price => {
                let money = Money::parse(&value, channel.currency).map_err(|error| {
                    invalid(&format!("The value is an amount of money: {error}."), "value")
                })?;
                (Some(money.minor.to_string()), channel.id.0.to_string())
            }
            Field::Available if value != "true" && value != "false" => {
                return Err(invalid("The value is `true` or `false`.", "value"));
            }
            Field::Attribute => {
                let Some(code) = attribute.filter(|code| !code.is_empty() && !is_bad_text(code)) else {
                    let message = "A condition on an attribute names its code.";
                    return Err(Rejection::new(Reason::Required, message).at(["attribute"]));
                };
                (Decimal::from_str_exact(&value).ok().map(|number| number.to_string()), code)
            }
            _ => (None, String::new()),
        };
        Ok(Self { field, operator, value, number, key })
    }

    /// The channel of a price.
    pub fn channel_id(&self) -> Option<ChannelId> {
        (self.field == Field::Price).then(|| self.key.parse::<uuid::Uuid>().ok().map(ChannelId)).flatten()
    }
}

impl Rule {
    /// A rule of checked conditions. Paths begin at the rule.
    pub fn new(matching: Match, conditions: Vec<Condition>) -> Result<Self, Rejection> {
        if conditions.is_empty() || conditions.len() > MAX_CONDITIONS {
            let message = "A rule has 1 to 50 conditions.";
            return Err(Rejection::new(Reason::Invalid, message).at(["conditions"]));
        }
        Ok(Self { matching, conditions })
    }

    /// The fields that its conditions look at, as they are stored.
    pub fn fields(&self) -> Vec<&'static str> {
        let mut fields: Vec<&'static str> =
            self.conditions.iter().map(|condition| condition.field.as_str()).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}
