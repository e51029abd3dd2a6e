//! Which products and collections an answer shows. The document that is executed asks for their ids under an alias of ours,
//! and [`take`] removes them from the answer again: so no resolver has to report what it read.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned, Value};
use uuid::Uuid;

use super::types::Types;

/// The alias; a document that uses it itself is not cached.
pub const ALIAS: &str = "_cacheId";

/// The types whose ids are in the log; a node may be one of them.
const MARKED: [&str; 3] = ["Product", "Collection", "Node"];

/// A copy of the document that asks for the ids.
pub fn document(document: &ExecutableDocument, types: &Types) -> ExecutableDocument {
    let mut document = document.clone();
    match &mut document.operations {
        DocumentOperations::Single(operation) => {
            mark(&mut operation.node.selection_set.node, "Query", types);
        }
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                mark(&mut operation.node.selection_set.node, "Query", types);
            }
        }
    }
    for fragment in document.fragments.values_mut() {
        let on = fragment.node.type_condition.node.on.node.to_string();
        mark(&mut fragment.node.selection_set.node, &on, types);
    }
    document
}

fn mark(set: &mut SelectionSet, type_name: &str, types: &Types) {
    let mut pos = Pos::default();
    for selection in &mut set.items {
        pos = selection.pos;
        match &mut selection.node {
            Selection::Field(field) => {
                let below = &mut field.node.selection_set.node;
                if !below.items.is_empty()
                    && let Some(output) = types.output(type_name, &field.node.name.node)
                {
                    mark(below, output, types);
                }
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(type_name, |condition| condition.node.on.node.as_str()).to_owned();
                mark(&mut fragment.node.selection_set.node, &on, types);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    if MARKED.contains(&type_name) {
        let at = |name: &str| Positioned::new(Name::new(name), pos);
        let field = Field {
            alias: Some(at(ALIAS)),
            name: at("id"),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::new(SelectionSet::default(), pos),
        };
        set.items.push(Positioned::new(Selection::Field(Positioned::new(field, pos)), pos));
    }
}

/// Removes the ids from an answer and returns them.
pub fn take(data: &mut Value) -> Vec<Uuid> {
    let mut ids = Vec::new();
    collect(data, &mut ids);
    ids
}

fn collect(value: &mut Value, ids: &mut Vec<Uuid>) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| collect(item, ids)),
        Value::Object(fields) => {
            if let Some(Value::String(id)) = fields.shift_remove(ALIAS) {
                ids.extend(crate::ids::decode(&id).map(|(_, id)| id));
            }
            fields.values_mut().for_each(|field| collect(field, ids));
        }
        _ => {}
    }
}

/// Whether something at the root was not there.
pub fn is_incomplete(data: &Value) -> bool {
    let missing = |value: &Value| match value {
        Value::Null => true,
        Value::List(items) => items.contains(&Value::Null),
        _ => false,
    };
    matches!(data, Value::Object(fields) if fields.values().any(missing))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::value;

    use super::*;

    #[test]
    fn every_product_and_collection_is_asked_for_its_id() {
        let types = Types::of(&crate::graphql::schema().sdl());
        let text = "{ a: products(first: 1) { nodes { ...p } } node(id: 1) { ... on Collection { name } } shop { name } } \
                    fragment p on Product { name collections(first: 1) { edges { node { slug } } } }";
        let marked = document(&parse_query(text).unwrap(), &types);
        let written = format!("{marked:?}");
        // The product where the list names it and in its fragment, its collections, the node, and the node as a collection.
        assert_eq!(written.matches(ALIAS).count(), 5, "{written}");
    }

    #[test]
    fn the_ids_are_taken_out_again() {
        let id = crate::ids::ProductId::new();
        let text = id.to_string();
        let mut data = value!({ "p": [{ "_cacheId": text.clone(), "name": "a" }, null], "s": { "x": 1 } });
        assert_eq!(take(&mut data), [id.0]);
        assert_eq!(data, value!({ "p": [{ "name": "a" }, null], "s": { "x": 1 } }));
        assert!(is_incomplete(&data));
        assert!(!is_incomplete(&value!({ "p": { "image": null } })));
    }
}
