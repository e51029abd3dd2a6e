//! Parsed documents. Clients send the same few texts again and again, and parsing one costs more than running many.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::sync::{Arc, OnceLock, RwLock};

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Value, Variables};
use sha2::{Digest, Sha256};

use crate::cache::{Plan, Types};

use super::limits;
use super::refusal::{PARSE_FAILED, Refusal, VALIDATION_FAILED};

/// How much text a generation of remembered documents holds. A parsed document takes about twenty times its text, so
/// that somebody who sends a new one every time fills 10 MB, not the memory.
const GENERATION_BYTES: usize = 256 * 1024;

/// Longer documents are not remembered: one of them would drive out many.
const MAX_REMEMBERED_BYTES: usize = 16 * 1024;

const POISON: &str = "never poisoned: no code panics in it";

/// A document within the limits of [`limits`].
pub struct Document {
    parsed: ExecutableDocument,
    /// SHA-256 of its text.
    pub digest: [u8; 32],
    /// Whether it selects an object twice in one place, so that the executor has to put it together.
    pub in_parts: bool,
    /// By operation, what the cache makes of it.
    plans: OnceLock<HashMap<Option<String>, Arc<Plan>>>,
    /// The requests that it was valid for.
    passed: RwLock<Vec<Shape>>,
}

/// The most shapes that a document remembers; storefronts send few.
const MAX_SHAPES: usize = 32;

/// What of a request decides whether its document is valid: the operation, which variables there are, and in objects which
/// fields; not the values themselves, which whoever reads an argument checks. As a hash: two of the same would only
/// let somebody send a field that nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape(u64);

impl Shape {
    /// That of a request.
    pub fn of(operation: &Operation, variables: &Variables) -> Self {
        let mut hasher = DefaultHasher::new();
        operation.name.hash(&mut hasher);
        for (name, value) in variables.iter() {
            name.hash(&mut hasher);
            hash_shape(value, &mut hasher);
        }
        Self(hasher.finish())
    }
}

fn hash_shape(value: &Value, hasher: &mut impl Hasher) {
    discriminant(value).hash(hasher);
    match value {
        Value::List(items) => {
            items.len().hash(hasher);
            items.iter().for_each(|item| hash_shape(item, hasher));
        }
        Value::Object(fields) => {
            fields.len().hash(hasher);
            for (name, field) in fields {
                name.hash(hasher);
                hash_shape(field, hasher);
            }
        }
        _ => {}
    }
}

/// Which operation of a document runs.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// None when anonymous.
    pub name: Option<String>,
}

impl Operation {
    /// For logs and metrics.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        }
    }
}

impl Document {
    /// Within the limits and parsed, or why not.
    fn read(text: &str) -> Result<Self, Refusal> {
        limits::scan(text)?;
        let parsed = parse_query(text).map_err(into_refusal)?;
        let in_parts = limits::measure(&parsed)?;
        let digest = Sha256::digest(text).into();
        Ok(Self { parsed, digest, in_parts, plans: OnceLock::new(), passed: RwLock::default() })
    }

    /// Whether it was valid for such a request before.
    pub fn passed(&self, shape: Shape) -> bool {
        self.passed.read().expect(POISON).contains(&shape)
    }

    /// It was valid for such a request.
    pub fn pass(&self, shape: Shape) {
        let mut passed = self.passed.write().expect(POISON);
        if passed.len() < MAX_SHAPES && !passed.contains(&shape) {
            passed.push(shape);
        }
    }

    /// What the cache makes of an operation of it; none when it is not for the cache.
    pub fn plan(&self, operation: &Operation, types: &Types) -> Option<&Arc<Plan>> {
        let plans = self.plans.get_or_init(|| {
            let names = self.parsed.operations.iter().map(|(name, _)| name.map(|name| name.as_str()));
            let plan = |name| Some((name, Plan::of(&self.parsed, name, types)?));
            names.filter_map(plan).map(|(name, plan)| (name.map(str::to_owned), Arc::new(plan))).collect()
        });
        plans.get(&operation.name)
    }

    /// A copy for the executor, which consumes it.
    pub fn parsed(&self) -> ExecutableDocument {
        self.parsed.clone()
    }

    /// The operation that a request names, or the only one.
    pub fn operation(&self, name: Option<&str>) -> Result<Operation, Refusal> {
        match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => {
                return Ok(Operation { kind: operation.node.ty, name: None });
            }
            (DocumentOperations::Multiple(operations), None) => {
                let mut all = operations.iter();
                if let (Some((name, operation)), None) = (all.next(), all.next()) {
                    return Ok(Operation { kind: operation.node.ty, name: Some(name.to_string()) });
                }
            }
            (DocumentOperations::Multiple(operations), Some(name)) => {
                if let Some(operation) = operations.get(name) {
                    return Ok(Operation { kind: operation.node.ty, name: Some(name.to_owned()) });
                }
            }
            (DocumentOperations::Single(_), Some(_)) => {}
        }
        let message = match name {
            Some(name) => format!("The document has no operation named \"{name}\"."),
            None => "The document has several operations: `operationName` has to name one.".to_owned(),
        };
        Err(Refusal::document(VALIDATION_FAILED, message, Vec::new()))
    }
}

/// The parser's own message shows the source; only its last line says what was expected.
fn into_refusal(error: parser::Error) -> Refusal {
    let locations = error.positions().collect();
    let message = match &error {
        parser::Error::Syntax { message, .. } => {
            let expected = message.rsplit_once("= ").map_or("", |(_, expected)| expected.trim());
            format!("Syntax error: {expected}.")
        }
        other => format!("Syntax error: {other}."),
    };
    Refusal::document(PARSE_FAILED, message, locations)
}

/// Documents by their text, in two generations: what was not used while the young one filled up is forgotten.
#[derive(Default)]
pub struct Documents(RwLock<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Box<str>, Arc<Document>>,
    young_bytes: usize,
    old: HashMap<Box<str>, Arc<Document>>,
}

impl Documents {
    /// The document with this text.
    pub fn get(&self, text: &str) -> Result<Arc<Document>, Refusal> {
        let old = {
            let generations = self.0.read().expect(POISON);
            if let Some(document) = generations.young.get(text) {
                return Ok(document.clone());
            }
            generations.old.get(text).cloned()
        };
        let document = match old {
            Some(document) => document,
            None => Arc::new(Document::read(text)?),
        };
        if text.len() <= MAX_REMEMBERED_BYTES {
            self.remember(text, document.clone());
        }
        Ok(document)
    }

    fn remember(&self, text: &str, document: Arc<Document>) {
        let mut generations = self.0.write().expect(POISON);
        if generations.young_bytes + text.len() > GENERATION_BYTES {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_bytes = 0;
        }
        if generations.young.insert(text.into(), document).is_none() {
            generations.young_bytes += text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_parsed_once_and_forgotten_when_others_come() {
        let documents = Documents::default();
        let first = documents.get("{ a }").unwrap();
        assert!(Arc::ptr_eq(&first, &documents.get("{ a }").unwrap()));
        for number in 0..3 * GENERATION_BYTES / 1_000 {
            documents.get(&format!("{{ a{number} }} #{}", "x".repeat(1_000))).unwrap();
        }
        assert!(!Arc::ptr_eq(&first, &documents.get("{ a }").unwrap()));
        let generations = documents.0.read().unwrap();
        assert!(generations.young.len() + generations.old.len() < 2 * GENERATION_BYTES / 1_000 + 2);
    }

    #[test]
    fn an_operation_is_chosen_by_name_or_because_it_is_the_only_one() {
        let documents = Documents::default();
        let two = documents.get("query A { a } mutation B { b }").unwrap();
        assert_eq!(two.operation(Some("B")).unwrap().kind, OperationType::Mutation);
        assert!(two.operation(None).is_err());
        assert!(two.operation(Some("C")).is_err());
        let one = documents.get("subscription S { s }").unwrap();
        assert_eq!(one.operation(None).unwrap().name.as_deref(), Some("S"));
        assert!(documents.get("{ a }").unwrap().operation(Some("A")).is_err());
    }

    #[test]
    fn a_syntax_error_does_not_echo_the_document() {
        let Err(refusal) = Documents::default().get("{ secret(password: hunter2 }") else {
            panic!("it has no end")
        };
        let error = &refusal.errors[0];
        assert!(error.message.starts_with("Syntax error: expected"), "{}", error.message);
        assert!(!error.message.contains("hunter2"));
        assert_eq!(error.locations.len(), 1);
    }
}
