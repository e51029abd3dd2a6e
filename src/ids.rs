//! Identifiers: UUIDs inside, type-tagged TypeIDs outside.
//!
//! The text form follows the TypeID specification 0.3: a prefix that names the type, `_`, and the 128 bits in
//! lower-case Crockford base32 (26 characters, the first one at most `7`). Clients treat it as opaque.

use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LEN: usize = 26;

/// Why a text is not an id of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It is an id, but of something else.
    #[error("this is the id of a {found}, not of a {wanted}")]
    WrongType {
        /// The prefix that the caller expected.
        wanted: &'static str,
        /// The prefix that the text has.
        found: String,
    },
    /// It is no id at all.
    #[error("this is not a valid {wanted} id")]
    Malformed {
        /// The prefix that the caller expected.
        wanted: &'static str,
    },
}

/// Writes `prefix_` and the base32 form of `uuid`.
pub fn encode(prefix: &str, uuid: Uuid) -> String {
    format!("{prefix}_{}", Digits::of(uuid).as_str())
}

/// The base32 form of a UUID.
struct Digits([u8; ENCODED_LEN]);

impl Digits {
    fn of(uuid: Uuid) -> Self {
        let value = uuid.as_u128();
        let digit = |index| (value >> (5 * (ENCODED_LEN - 1 - index))) & 31;
        Self(std::array::from_fn(|index| ALPHABET[digit(index) as usize]))
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

/// Takes a TypeID apart; `None` when it is malformed.
pub fn decode(text: &str) -> Option<(&str, Uuid)> {
    let (prefix, digits) = text.rsplit_once('_')?;
    let well_formed = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !well_formed || digits.len() != ENCODED_LEN || digits.as_bytes()[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for byte in digits.bytes() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some((prefix, Uuid::from_u128(value)))
}

fn parse_as(wanted: &'static str, text: &str) -> Result<Uuid, IdError> {
    match decode(text) {
        Some((prefix, uuid)) if prefix == wanted => Ok(uuid),
        Some((prefix, _)) => Err(IdError::WrongType { wanted, found: prefix.to_owned() }),
        None => Err(IdError::Malformed { wanted }),
    }
}

/// Declares an id type: a UUID in the database, a TypeID in text, JSON and GraphQL (scalar `ID`).
macro_rules! id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
                 diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What the text form begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new time-ordered id (UUIDv7).
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(Digits::of(self.0).as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_as($prefix, text).map(Self)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl diesel::serialize::ToSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<diesel::sql_types::Uuid, diesel::pg::Pg>::to_sql(&self.0, out)
            }
        }

        impl diesel::deserialize::FromSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                diesel::deserialize::FromSql::<diesel::sql_types::Uuid, diesel::pg::Pg>::from_sql(bytes).map(Self)
            }
        }

        impl async_graphql::InputType for $name {
            type RawValueType = Self;
            fn type_name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed("ID")
            }
            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <async_graphql::ID as async_graphql::InputType>::create_type_info(registry)
            }
            fn parse(value: Option<async_graphql::Value>) -> async_graphql::InputValueResult<Self> {
                match value.unwrap_or_default() {
                    async_graphql::Value::String(text) => text.parse().map_err(async_graphql::InputValueError::custom),
                    other => Err(async_graphql::InputValueError::expected_type(other)),
                }
            }
            fn to_value(&self) -> async_graphql::Value {
                async_graphql::Value::String(self.to_string())
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl async_graphql::OutputType for $name {
            fn type_name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed("ID")
            }
            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <async_graphql::ID as async_graphql::OutputType>::create_type_info(registry)
            }
            async fn resolve(
                &self,
                _: &async_graphql::ContextSelectionSet<'_>,
                _: &async_graphql::Positioned<async_graphql::parser::types::Field>,
            ) -> async_graphql::ServerResult<async_graphql::Value> {
                Ok(async_graphql::Value::String(self.to_string()))
            }
        }
    )*};
}

id! {
    /// A sales channel: a currency, prices and publication of its own.
    ChannelId = "channel";
    /// A person who signs in.
    UserId = "user";
    /// A buyer.
    CustomerId = "customer";
    /// A named set of permissions.
    RoleId = "role";
    /// One sign-in and the tokens that follow from it.
    SessionId = "session";
    /// A product.
    ProductId = "product";
    /// An option of a product, such as its size.
    OptionId = "option";
    /// What is bought: a product in one combination of its options.
    VariantId = "variant";
    /// A product's image.
    ImageId = "image";
    /// An image in the storage, which products and collections show.
    MediaId = "media";
    /// A kind of product.
    ProductTypeId = "producttype";
    /// An attribute of a kind of product.
    AttributeId = "attribute";
    /// A set of products.
    CollectionId = "collection";
    /// A place that holds stock.
    LocationId = "location";
    /// An entry in the stock book.
    StockMovementId = "movement";
    /// A cart; random, so that holding the id is the right to use it.
    CartId = "cart";
    /// A line of a cart.
    CartLineId = "cartline";
    /// A way to ship.
    ShippingMethodId = "shipping";
    /// A tax rate.
    TaxRateId = "taxrate";
    /// A promotion.
    PromotionId = "promotion";
    /// An order.
    OrderId = "order";
    /// A line of an order.
    OrderLineId = "orderline";
    /// A payment.
    PaymentId = "payment";
    /// A call to a payment gateway.
    PaymentOperationId = "paymentop";
    /// A refund.
    RefundId = "refund";
    /// A parcel.
    FulfillmentId = "fulfillment";
    /// A mail that was sent.
    MailId = "mail";
    /// A job in the ledger.
    JobId = "job";
    /// A file of products that is being imported, or was.
    ImportId = "import";
}

impl CartId {
    /// A new unguessable id (UUIDv4).
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_typeid_specification_hold() {
        for (text, uuid) in [
            ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
            ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
            ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ("01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ] {
            let uuid: Uuid = uuid.parse().unwrap();
            assert_eq!(encode("product", uuid), format!("product_{text}"));
            assert_eq!(format!("product_{text}").parse(), Ok(ProductId(uuid)));
        }
    }

    #[test]
    fn an_id_of_another_type_says_so() {
        let id = ProductId::new().to_string();
        let error = id.parse::<VariantId>().unwrap_err();
        assert_eq!(error.to_string(), "this is the id of a product, not of a variant");
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in [
            "",
            "product",
            "product_",
            "product_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "product_01H455VB4PEX5VSKNK084SN02Q",
            "PRODUCT_01h455vb4pex5vsknk084sn02q",
            "product_01h455vb4pex5vsknk084sn02u",
            "product_01h455vb4pex5vsknk084sn02",
            "_01h455vb4pex5vsknk084sn02q",
        ] {
            assert!(text.parse::<ProductId>().is_err(), "{text}");
        }
    }
}
