//! Product types and attributes.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::error::{Reason, Rejection};
use crate::ids::{AttributeId, ProductTypeId};
use crate::text_enum::text_enum;

use super::super::check::is_bad_text;

/// More attributes than this are a mistake.
const MAX_ATTRIBUTES: usize = 200;
const MAX_CHOICES: usize = 500;
const MAX_CODE_BYTES: usize = 63;

text_enum! {
    /// What the values of an attribute are.
    AttributeKind {
        /// Any text of at most 1,000 characters.
        Text = "TEXT",
        /// An exact decimal number, perhaps with a unit.
        Number = "NUMBER",
        /// Yes or no.
        Boolean = "BOOLEAN",
        /// A day, such as `2026-12-01`.
        Date = "DATE",
        /// One of the choices.
        Choice = "CHOICE",
        /// Any of the choices.
        Choices = "CHOICES",
    }
}

/// A kind of product.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = crate::schema::product_types)]
pub struct ProductType {
    /// Its id.
    pub id: ProductTypeId,
    /// What products name it by.
    pub name: String,
    /// Grows by one with every change.
    pub version: i64,
}

/// Something that products of a type have.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = crate::schema::attributes)]
pub struct Attribute {
    /// Its id.
    pub id: AttributeId,
    /// Of which type.
    pub product_type_id: ProductTypeId,
    /// The key of its values.
    pub code: String,
    /// For people.
    pub name: String,
    /// What its values are.
    pub kind: AttributeKind,
    /// Of a number; may be empty.
    pub unit: String,
    /// In display order.
    pub choices: Vec<String>,
    /// Whether every product of the type has to have it.
    pub required: bool,
    /// Whether search counts and filters by it.
    pub facet: bool,
}

/// An attribute as somebody enters it.
#[derive(Debug, Clone)]
pub struct AttributeDraft {
    /// A lower-case letter, then lower-case letters, digits and underscores.
    pub code: String,
    /// 1 to 255 characters.
    pub name: String,
    /// What its values are.
    pub kind: AttributeKind,
    /// Of a number; may be empty.
    pub unit: String,
    /// Of CHOICE and CHOICES, in display order.
    pub choices: Vec<String>,
    /// Whether every product of the type has to have it.
    pub required: bool,
    /// Whether search counts and filters by it.
    pub facet: bool,
}

/// What keeps attributes from being written, with paths that begin at the input.
pub(super) fn check(attributes: &[AttributeDraft]) -> Vec<Rejection> {
    let mut rejections = Vec::new();
    if attributes.len() > MAX_ATTRIBUTES {
        let message = "A type has at most 200 attributes.";
        rejections.push(Rejection::new(Reason::LimitExceeded, message).at(["input", "attributes"]));
    }
    let mut codes = HashSet::new();
    for (index, attribute) in attributes.iter().enumerate() {
        let mut reject = |message: &str, field: &str| {
            let path = ["input", "attributes", &index.to_string(), field];
            rejections.push(Rejection::new(Reason::Invalid, message).at(path));
        };
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let code = &attribute.code;
        if code.len() > MAX_CODE_BYTES
            || !code.starts_with(|first: char| first.is_ascii_lowercase())
            || !code.bytes().all(good)
            || !codes.insert(code)
        {
            let message = "A code begins with a lower-case letter, goes on with lower-case letters, digits and \
                           underscores, has at most 63 of them, and is used once.";
            reject(message, "code");
        }
        if attribute.name.trim().is_empty() || is_bad_text(&attribute.name) {
            reject("The name has 1 to 255 characters.", "name");
        }
        if is_bad_text(&attribute.unit)
            || (!attribute.unit.is_empty() && attribute.kind != AttributeKind::Number)
        {
            reject("Only a NUMBER has a unit, of at most 255 characters.", "unit");
        }
        let chooses = matches!(attribute.kind, AttributeKind::Choice | AttributeKind::Choices);
        let distinct: HashSet<&String> = attribute.choices.iter().collect();
        let good_choices = distinct.len() == attribute.choices.len()
            && attribute.choices.len() <= MAX_CHOICES
            && attribute.choices.iter().all(|choice| !choice.trim().is_empty() && !is_bad_text(choice));
        if chooses == attribute.choices.is_empty() || !good_choices {
            let message = "CHOICE and CHOICES have 1 to 500 choices of 1 to 255 characters, none of them twice; the other \
                           kinds have none.";
            reject(message, "choices");
        }
    }
    rejections
}
