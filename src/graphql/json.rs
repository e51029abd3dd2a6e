//! Answers as JSON, parts of which may be written already.

use async_graphql::{Response, Value};
use serde::Serialize;

/// Appends any plain data as JSON.
pub fn push(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(json, value).expect("plain data, into memory");
}

/// Appends a text as JSON. Most have nothing to escape, which is found out several times as fast as they are written byte by
/// byte.
pub fn push_text(json: &mut Vec<u8>, text: &str) {
    let escaped = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |found, byte| found | escaped(byte)) {
        push(json, text);
    } else {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    }
}

/// JSON that is written already, as a value of an answer. [`encode`] takes it as it is. No client can bring such a value:
/// variables come as JSON, which has no bytes, and no scalar of the schema gives any.
pub fn written(json: Vec<u8>) -> Value {
    Value::Binary(json.into())
}

/// [`encode`] as a text.
pub fn encode_text(response: &Response) -> String {
    String::from_utf8(encode(response)).expect("JSON is text")
}

/// A response as the specification of GraphQL has it.
pub fn encode(response: &Response) -> Vec<u8> {
    let mut json = Vec::with_capacity(1024 + written_bytes(&response.data));
    json.extend_from_slice(b"{\"data\":");
    push_value(&mut json, &response.data);
    if !response.extensions.is_empty() {
        json.extend_from_slice(b",\"extensions\":");
        push(&mut json, &response.extensions);
    }
    if !response.errors.is_empty() {
        json.extend_from_slice(b",\"errors\":");
        push(&mut json, &response.errors);
    }
    json.push(b'}');
    json
}

/// How much of the value, or of its fields, is written already.
fn written_bytes(value: &Value) -> usize {
    match value {
        Value::Binary(written) => written.len(),
        Value::Object(fields) => fields.values().map(written_bytes).sum(),
        _ => 0,
    }
}

fn push_value(json: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Binary(written) => json.extend_from_slice(written),
        Value::List(items) => {
            let mut before = b'[';
            for item in items {
                json.push(before);
                push_value(json, item);
                before = b',';
            }
            if items.is_empty() {
                json.push(before);
            }
            json.push(b']');
        }
        Value::Object(fields) => {
            let mut before = b'{';
            for (name, field) in fields {
                json.push(before);
                push(json, name.as_str());
                json.push(b':');
                push_value(json, field);
                before = b',';
            }
            if fields.is_empty() {
                json.push(before);
            }
            json.push(b'}');
        }
        plain => push(json, plain),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{ServerError, value};

    use super::*;

    #[test]
    fn an_answer_is_what_the_library_would_write() {
        let data =
            value!({ "a": [1, 2.5, null, true, "\"\u{1}é"], "b": {}, "c": [], "d": { "e": [{ "f": "g" }] } });
        let mut response = Response::new(data).extension("x", value!({ "y": 1 }));
        response.errors.push(ServerError::new("It failed.", None));
        let library = serde_json::to_value(&response).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&encode(&response)).unwrap(), library);
    }

    #[test]
    fn a_text_is_escaped_where_it_has_to_be() {
        for text in ["", "plain é ✓", "a \"b\" \\ c", "line\nbreak", "\u{1f}", "\u{7f}"] {
            let mut json = Vec::new();
            push_text(&mut json, text);
            assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn what_is_written_already_is_taken_as_it_is() {
        let mut data = value!({ "list": [] });
        if let Value::Object(fields) = &mut data {
            fields.insert(async_graphql::Name::new("node"), written(b"{\"a\":[1]}".to_vec()));
        }
        assert_eq!(encode_text(&Response::new(data)), r#"{"data":{"list":[],"node":{"a":[1]}}}"#);
    }
}
