//! Sending mutations of the usual shape: one input, a payload with `userErrors`.

use serde_json::{Value, json};

use super::client::Client;

impl Client {
    /// Runs a mutation that has to succeed; the payload.
    pub async fn mutate(&self, name: &str, selection: &str, input: Value) -> Value {
        let payload = self.attempt(name, selection, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}: {payload}");
        payload
    }

    /// Runs a mutation that has to be refused; each user error as `CODE at.the.field`.
    pub async fn refused(&self, name: &str, input: Value) -> Vec<String> {
        let payload = self.attempt(name, "", input).await;
        let errors = payload["userErrors"].as_array().expect("a list").clone();
        assert!(!errors.is_empty(), "{name} was not refused: {payload}");
        let path = |error: &Value| match error["field"].as_array() {
            Some(path) => path.iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join("."),
            None => "-".to_owned(),
        };
        errors.iter().map(|error| format!("{} {}", error["code"].as_str().unwrap(), path(error))).collect()
    }

    /// Runs a mutation that ends in a top-level error; its code.
    pub async fn error_code(&self, name: &str, input: Value) -> String {
        let answer = self.send(&document(name, ""), json!({ "input": input })).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("{name}: {answer}")).to_owned()
    }

    /// Reads something that has to be there; the data.
    pub async fn read(&self, document: &str, variables: Value) -> Value {
        let mut answer = self.send(document, variables).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].take()
    }

    async fn attempt(&self, name: &str, selection: &str, input: Value) -> Value {
        let mut answer = self.send(&document(name, selection), json!({ "input": input })).await;
        assert!(answer.get("errors").is_none(), "{name}: {answer}");
        answer["data"][name].take()
    }
}

fn document(name: &str, selection: &str) -> String {
    let type_name = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    format!(
        "mutation($input: {type_name}!) {{ {name}(input: $input) {{ {selection} userErrors {{ code message field }} }} }}"
    )
}
