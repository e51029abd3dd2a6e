//! The schema as a text: up to date, and described for newcomers.

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition};

#[test]
fn schema_graphql_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == ironmonger::graphql::schema().sdl(),
        "schema.graphql is out of date: run `cargo run -- schema > schema.graphql` and look at the difference"
    );
}

#[test]
fn everything_in_the_schema_is_described() {
    let undescribed = undescribed(&ironmonger::graphql::schema().sdl());
    assert!(undescribed.is_empty(), "without a description:\n{}", undescribed.join("\n"));
}

#[test]
fn what_is_not_described_is_found() {
    let sdl = r#"
        type Query { field(argument: Int, "Told." other: Int): Int }
        "Told." input Input { value: Int }
        "Told." enum Enum { VALUE }
        "Told." interface Interface { "Told." told: Int field: Int }
    "#;
    let found =
        ["Query", "Query.field", "Query.field(argument)", "Input.value", "Enum.VALUE", "Interface.field"];
    assert_eq!(undescribed(sdl), found);
}

/// The types, fields, arguments, input fields and enum values without a description.
fn undescribed(sdl: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |described: bool, name: String| {
        if !described {
            found.push(name);
        }
    };
    for definition in parse_schema(sdl).expect("the schema can be parsed").definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = definition.node;
        let name = definition.name.node.as_str();
        check(definition.description.is_some(), name.to_owned());
        match definition.kind {
            TypeKind::Object(object) => fields(&mut check, name, object.fields),
            TypeKind::Interface(interface) => fields(&mut check, name, interface.fields),
            TypeKind::InputObject(input) => {
                for field in input.fields {
                    let described = field.node.description.is_some();
                    check(described, format!("{name}.{}", field.node.name.node));
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values {
                    check(value.node.description.is_some(), format!("{name}.{}", value.node.value.node));
                }
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    found
}

fn fields(check: &mut impl FnMut(bool, String), type_name: &str, fields: Vec<Positioned<FieldDefinition>>) {
    for field in fields {
        let name = format!("{type_name}.{}", field.node.name.node);
        check(field.node.description.is_some(), name.clone());
        for argument in field.node.arguments {
            let InputValueDefinition { description, name: argument, .. } = argument.node;
            check(description.is_some(), format!("{name}({})", argument.node));
        }
    }
}
