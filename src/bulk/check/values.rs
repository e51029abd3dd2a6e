//! Values of our own format that Shopify's does not have: attributes, metadata, locales.

use serde_json::Value;

use crate::bulk::entry::Problem;
use crate::bulk::patch::Attributes;
use crate::catalog::{AttributeRecord, OptionDraft, Texts};

use super::{MAX_DESCRIPTION_BYTES, limited, required, short};

/// An attribute's code: what stands in a query.
const MAX_CODE_BYTES: usize = 63;

/// Values of attributes: texts, numbers, true or false, lists of texts.
pub fn attributes(column: &str, attributes: Attributes) -> Result<Attributes, Problem> {
    for (code, value) in &attributes {
        let column = format!("{column}.{code}");
        if !is_code(code) {
            return Err(Problem::new(column, CODE_RULE));
        }
        match value {
            Value::String(text) => {
                limited(&column, text, MAX_DESCRIPTION_BYTES)?;
            }
            Value::Bool(_) => {}
            Value::Number(number) => {
                let exact = number.is_i64() || number.is_u64();
                if !exact && number.to_string().bytes().filter(u8::is_ascii_digit).count() > 15 {
                    return Err(Problem::new(column, "A decimal number has at most 15 digits."));
                }
            }
            Value::Array(values) => {
                for value in values {
                    let Value::String(text) = value else {
                        return Err(Problem::new(column, "A list holds texts."));
                    };
                    short(&column, text)?;
                }
            }
            Value::Null | Value::Object(_) => {
                let reason = "It is none of a text, a number, true, false, a list of texts.";
                return Err(Problem::new(column, reason));
            }
        }
    }
    Ok(attributes)
}

const CODE_RULE: &str = "A code begins with a small letter and goes on with small letters, digits and _.";

fn is_code(code: &str) -> bool {
    code.len() <= MAX_CODE_BYTES
        && code.starts_with(|c: char| c.is_ascii_lowercase())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// An attribute of a product type; `path` begins the names of its fields.
pub fn attribute(path: &str, attribute: &AttributeRecord) -> Result<(), Problem> {
    let at = |field: &str| format!("{path}{field}");
    if !is_code(&attribute.code) {
        return Err(Problem::new(at("code"), CODE_RULE));
    }
    required(&at("name"), &attribute.name)?;
    if !["TEXT", "NUMBER", "BOOLEAN", "DATE", "CHOICE", "CHOICES"].contains(&attribute.kind.as_str()) {
        let reason = "The kind is none of TEXT, NUMBER, BOOLEAN, DATE, CHOICE, CHOICES.";
        return Err(Problem::new(at("kind"), reason));
    }
    short(&at("unit"), &attribute.unit)?;
    attribute.choices.iter().try_for_each(|choice| required(&at("choices"), choice).map(|_| ()))
}

/// Metadata: texts by name.
pub fn metadata(column: &str, texts: Texts) -> Result<Texts, Problem> {
    for (key, text) in &texts {
        required(column, key)?;
        limited(&format!("{column}.{key}"), text, MAX_DESCRIPTION_BYTES)?;
    }
    Ok(texts)
}

/// A BCP 47 tag, such as `de` or `pt-BR`, in the form that is stored.
pub fn locale(column: &str, locale: &str) -> Result<String, Problem> {
    let fault = || Problem::new(column, "A locale is a BCP 47 tag, such as de or pt-BR.");
    crate::locale::normalize(locale).ok_or_else(fault)
}

/// Whether a variant has one of the values of every option.
pub fn fits(column: &str, options: &[OptionDraft], values: &[String]) -> Result<(), Problem> {
    let fits = values.len() == options.len()
        && options.iter().zip(values).all(|(option, value)| option.values.contains(value));
    if fits {
        return Ok(());
    }
    let reason = "There must be one of the option's values for every option, in the order of options.";
    Err(Problem::new(column, reason))
}
