//! The schema as the cache needs it: which type a field has.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use sha2::{Digest, Sha256};

/// The named types of the fields of every object and interface.
pub struct Types {
    fields: HashMap<String, HashMap<String, String>>,
    /// Of the schema and this version of the program: answers are shared only by processes that agree on it.
    pub digest: [u8; 32],
}

impl Types {
    /// From the schema in its definition language.
    pub fn of(sdl: &str) -> Self {
        let mut fields = HashMap::new();
        let definitions = parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default();
        for definition in definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => fields.insert(name, outputs(object.fields)),
                TypeKind::Interface(interface) => fields.insert(name, outputs(interface.fields)),
                _ => None,
            };
        }
        let version = env!("CARGO_PKG_VERSION");
        Self { fields, digest: Sha256::digest(format!("{version}\n{sdl}")).into() }
    }

    /// The named type of a field; none when there is no such field.
    pub fn output(&self, type_name: &str, field: &str) -> Option<&str> {
        Some(self.fields.get(type_name)?.get(field)?.as_str())
    }

    /// The object and interface types.
    #[cfg(test)]
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.fields.keys()
    }

    /// The fields of a type.
    #[cfg(test)]
    pub fn fields_of(&self, type_name: &str) -> Vec<&str> {
        self.fields
            .get(type_name)
            .map(|fields| fields.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }
}

fn outputs(fields: Vec<Positioned<FieldDefinition>>) -> HashMap<String, String> {
    let output = |field: Positioned<FieldDefinition>| {
        (field.node.name.node.to_string(), named(&field.node.ty.node).to_owned())
    };
    fields.into_iter().map(output).collect()
}

fn named(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}
