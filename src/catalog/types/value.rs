//! The values of attributes, and `productAttributesSet`.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::ProductId;

use super::super::edit::{Author, lock_product, queries as edits};
use super::super::rules::{self, Touched};
use super::{Attribute, AttributeKind, queries};

const MAX_TEXT_CHARS: usize = 1_000;

/// A value of the kind that its attribute asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// TEXT and CHOICE.
    Text(String),
    /// NUMBER.
    Number(Decimal),
    /// BOOLEAN.
    Boolean(bool),
    /// DATE.
    Date(NaiveDate),
    /// CHOICES.
    Choices(Vec<String>),
}

impl AttributeValue {
    /// Reads a stored value: the text that `->>` gives. `None` for what does not fit the kind (any more).
    pub fn from_stored(kind: AttributeKind, text: String) -> Option<Self> {
        match kind {
            AttributeKind::Text | AttributeKind::Choice => Some(Self::Text(text)),
            AttributeKind::Number => text.parse().ok().map(Self::Number),
            AttributeKind::Boolean => text.parse().ok().map(Self::Boolean),
            AttributeKind::Date => text.parse().ok().map(Self::Date),
            AttributeKind::Choices => serde_json::from_str(&text).ok().map(Self::Choices),
        }
    }

    /// As JSON; written by hand, because a number is exact.
    fn to_json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Number(number) => number.normalize().to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Date(date) => format!("\"{}\"", date.format("%Y-%m-%d")),
            Self::Choices(choices) => serde_json::Value::from(choices.clone()).to_string(),
        }
    }
}

/// A value as somebody enters it: the one that fits the attribute's kind, or none to take it away.
#[derive(Debug, Clone, Default)]
pub struct ValueDraft {
    /// Which attribute.
    pub code: String,
    /// For TEXT and CHOICE.
    pub text: Option<String>,
    /// For NUMBER.
    pub number: Option<Decimal>,
    /// For BOOLEAN.
    pub boolean: Option<bool>,
    /// For DATE.
    pub date: Option<NaiveDate>,
    /// For CHOICES.
    pub choices: Option<Vec<String>>,
}

impl ValueDraft {
    /// The value, or the message that says why it does not fit; `None` takes it away.
    fn read(&self, attribute: &Attribute) -> Result<Option<AttributeValue>, String> {
        let Self { code: _, text, number, boolean, date, choices } = self;
        let given = [text.is_some(), number.is_some(), boolean.is_some(), date.is_some(), choices.is_some()];
        let value = match given.into_iter().filter(|given| *given).count() {
            0 => return Ok(None),
            1 => match attribute.kind {
                AttributeKind::Text | AttributeKind::Choice => text.clone().map(AttributeValue::Text),
                AttributeKind::Number => number.map(AttributeValue::Number),
                AttributeKind::Boolean => boolean.map(AttributeValue::Boolean),
                AttributeKind::Date => date.map(AttributeValue::Date),
                AttributeKind::Choices => choices.clone().map(AttributeValue::Choices),
            },
            _ => None,
        };
        let field = match attribute.kind {
            AttributeKind::Text | AttributeKind::Choice => "text",
            AttributeKind::Number => "number",
            AttributeKind::Boolean => "boolean",
            AttributeKind::Date => "date",
            AttributeKind::Choices => "choices",
        };
        let known = |choice: &String| attribute.choices.contains(choice);
        match value {
            None => Err(format!(
                "{} is a {}: give its value as `{field}`.",
                attribute.name,
                attribute.kind.as_str()
            )),
            Some(AttributeValue::Text(text)) if attribute.kind == AttributeKind::Choice && !known(&text) => {
                Err(format!("{text:?} is none of the choices of {}.", attribute.name))
            }
            Some(AttributeValue::Text(text))
                if text.is_empty() || text.chars().count() > MAX_TEXT_CHARS || text.contains('\0') =>
            {
                Err("A text has 1 to 1,000 characters.".to_owned())
            }
            Some(AttributeValue::Choices(choices)) => match choices.iter().find(|choice| !known(choice)) {
                Some(unknown) => Err(format!("{unknown:?} is none of the choices of {}.", attribute.name)),
                None => {
                    // In the order of the choices, each once.
                    let chosen = attribute.choices.iter().filter(|choice| choices.contains(choice));
                    Ok(Some(AttributeValue::Choices(chosen.cloned().collect())))
                }
            },
            Some(value) => Ok(Some(value)),
        }
    }
}

/// Sets and takes away attributes of a product; needs CATALOG_WRITE. Locks the product. Attributes that are not named stay.
///
/// Rejects an unknown product, a stale version, a product without a type, attributes that the type does not have, values
/// that do not fit, and a result without a required attribute.
pub async fn attributes_set(
    app: &App,
    viewer: &Viewer,
    id: ProductId,
    expected_version: Option<i64>,
    values: Vec<ValueDraft>,
) -> Result<ProductId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        lock_product(conn, id, expected_version, "productId").await?;
        write(conn, id, &values).await?;
        edits::touch(conn, id, author.now).await?;
        author.record(conn, id, "product.attributes_set", serde_json::json!({})).await?;
        Ok::<_, Error>(id)
    })
    .await
}

/// The same for a product that is locked, in the caller's transaction; paths begin with `["input", "attributes"]`.
pub(in crate::catalog) async fn write(conn: &mut Conn, id: ProductId, values: &[ValueDraft]) -> Result<()> {
    let type_name = queries::type_name(conn, id).await?;
    let attributes = queries::attributes_by_name(conn, &type_name).await?;
    let (mut set, mut removed, mut rejections) = (Vec::new(), Vec::new(), Vec::new());
    for (index, draft) in values.iter().enumerate() {
        let mut reject = |reason, message: String, field: Option<&str>| {
            let path = ["input", "attributes", &index.to_string()].map(str::to_owned);
            let path = path.into_iter().chain(field.map(str::to_owned));
            rejections.push(Rejection::new(reason, message).at(path));
        };
        let Some(attribute) = attributes.iter().find(|attribute| attribute.code == draft.code) else {
            let message = format!("The type {type_name:?} of the product has no attribute {:?}.", draft.code);
            reject(Reason::NotFound, message, Some("code"));
            continue;
        };
        if values[..index].iter().any(|other| other.code == draft.code) {
            reject(Reason::Taken, "The attribute is named twice.".to_owned(), Some("code"));
            continue;
        }
        match draft.read(attribute) {
            Ok(Some(value)) => {
                let code = serde_json::Value::from(draft.code.as_str());
                set.push(format!("{code}:{}", value.to_json()));
            }
            Ok(None) => removed.push(draft.code.clone()),
            Err(message) => reject(Reason::Invalid, message, None),
        }
    }
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let required: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.required)
        .map(|attribute| attribute.code.clone())
        .collect();
    let set = format!("{{{}}}", set.join(","));
    let missing = queries::set_values(conn, id, &set, &removed, &required).await?;
    if !missing.is_empty() {
        let rejection = |code| {
            let message = format!("A product of the type {type_name:?} has to have the attribute {code:?}.");
            Rejection::new(Reason::Required, message).at(["input", "attributes"])
        };
        return Err(Error::Rejected(missing.into_iter().map(rejection).collect()));
    }
    rules::review(conn, &[id], Touched::Attributes).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AttributeId, ProductTypeId};

    fn attribute(kind: AttributeKind, choices: &[&str]) -> Attribute {
        Attribute {
            id: AttributeId::new(),
            product_type_id: ProductTypeId::new(),
            code: "a".into(),
            name: "A".into(),
            kind,
            unit: String::new(),
            choices: choices.iter().map(|choice| choice.to_string()).collect(),
            required: false,
            facet: true,
        }
    }

    #[test]
    fn a_value_has_to_be_of_the_attributes_kind() {
        let number = ValueDraft { number: Some(Decimal::new(125, 1)), ..ValueDraft::default() };
        assert_eq!(
            number.read(&attribute(AttributeKind::Number, &[])),
            Ok(Some(AttributeValue::Number(Decimal::new(125, 1))))
        );
        assert!(number.read(&attribute(AttributeKind::Text, &[])).is_err());
        let both = ValueDraft { boolean: Some(true), ..number };
        assert!(both.read(&attribute(AttributeKind::Number, &[])).is_err());
        assert_eq!(ValueDraft::default().read(&attribute(AttributeKind::Number, &[])), Ok(None));
    }

    #[test]
    fn choices_stand_in_their_order_and_once() {
        let chosen = |choices: &[&str]| ValueDraft {
            choices: Some(choices.iter().map(|choice| choice.to_string()).collect()),
            ..ValueDraft::default()
        };
        let attribute = attribute(AttributeKind::Choices, &["oak", "ash"]);
        let value = chosen(&["ash", "oak", "ash"]).read(&attribute);
        assert_eq!(value, Ok(Some(AttributeValue::Choices(vec!["oak".into(), "ash".into()]))));
        assert!(chosen(&["elm"]).read(&attribute).is_err());
    }

    #[test]
    fn numbers_are_stored_exactly() {
        let number: Decimal = "12345678901234567890.120".parse().unwrap();
        let json = AttributeValue::Number(number).to_json();
        assert_eq!(json, "12345678901234567890.12");
        assert_eq!(
            AttributeValue::from_stored(AttributeKind::Number, json),
            Some(AttributeValue::Number(number))
        );
    }
}
