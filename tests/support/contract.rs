//! The documents that clients send, where the folder with them is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Shop;

impl Shop {
    /// See [`contract`].
    pub fn contract(&self, file: &str, operation: &str) -> Option<String> {
        contract(file, operation)
    }
}

/// One operation of `../shared/contract/<file>.graphql` with the fragments that it needs; `None` without the folder.
pub fn contract(file: &str, operation: &str) -> Option<String> {
    let text = std::fs::read_to_string(contract_folder()?.join(format!("{file}.graphql"))).ok()?;
    let definitions = definitions(&text);
    let find = |wanted: &str| definitions.iter().find(|definition| definition.name == wanted);
    let mut wanted = vec![operation.to_owned()];
    let mut taken = BTreeSet::new();
    let mut document = String::new();
    while let Some(name) = wanted.pop() {
        if !taken.insert(name.clone()) {
            continue;
        }
        let definition = find(&name).unwrap_or_else(|| panic!("{file}.graphql has no {name}"));
        document.push_str(definition.text);
        document.push('\n');
        wanted.extend(spreads(definition.text));
    }
    Some(document)
}

/// The folder of the documents, if it is there.
pub fn contract_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/contract");
    folder.is_dir().then_some(folder)
}

/// The names of a file's operations.
pub fn contract_operations(file: &str) -> Vec<String> {
    let path = contract_folder().expect("the folder is there").join(format!("{file}.graphql"));
    let text = std::fs::read_to_string(path).unwrap();
    let definitions = definitions(&text);
    let operations = definitions.iter().filter(|definition| !definition.is_fragment);
    operations.map(|definition| definition.name.to_owned()).collect()
}

struct Definition<'a> {
    is_fragment: bool,
    name: &'a str,
    text: &'a str,
}

/// Cuts a document at the braces that close its top-level definitions.
fn definitions(text: &str) -> Vec<Definition<'_>> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0);
    let mut in_comment = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'#' => in_comment = true,
            b'\n' => in_comment = false,
            _ if in_comment => {}
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    let text = &text[start..=at];
                    let (keyword, name) = heading(text);
                    found.push(Definition { is_fragment: keyword == "fragment", name, text });
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    found
}

/// `query`, `mutation`, `subscription` or `fragment`, and the name after it.
fn heading(definition: &str) -> (&str, &str) {
    let code =
        definition.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or("");
    let mut words = code.split_whitespace();
    let keyword = words.next().unwrap_or("");
    let name = words.next().unwrap_or("");
    (keyword, name.split(['(', '{']).next().unwrap_or(""))
}

fn spreads(definition: &str) -> Vec<String> {
    let rest = definition.split("...").skip(1);
    let names = rest.map(|text| text.chars().take_while(|c| c.is_alphanumeric()).collect::<String>());
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn documents_bring_the_fragments_they_need() {
    let text = "# A comment { with a brace\nfragment A on T { x ...B }\nfragment B on T { y }\n\n\
                query Q($a: Int) { # why\n  q { ...A ... on T { z } } }\nquery R { r }\n";
    let definitions = definitions(text);
    let names: Vec<_> = definitions.iter().map(|definition| definition.name).collect();
    assert_eq!(names, ["A", "B", "Q", "R"]);
    assert_eq!(spreads(definitions[2].text), ["A"]);
}
