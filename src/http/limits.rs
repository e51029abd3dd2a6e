//! What a GraphQL document may cost, found out before it is executed.
//!
//! [`scan`] reads the text once, without allocating, and refuses what a parser should not even see: the parser recurses
//! and is fifty times slower. [`measure`] walks the parsed document with its fragments expanded, within a budget, so that
//! fragments which double at every level are refused after a thousand steps. What remains is charged by the schema's own
//! complexity, see [`MAX_COMPLEXITY`].

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned};

use super::refusal::{Refusal, VALIDATION_FAILED};

/// Longest document. Commas and comments are free for the scanner, but not for the parser.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// Most lexical tokens; the introspection query of GraphiQL has about 330.
pub const MAX_TOKENS: usize = 2_000;
/// Deepest nesting of brackets of any kind; the parser recurses once or twice for each.
pub const MAX_NESTING: usize = 40;
/// Most aliases in a document.
pub const MAX_ALIASES: usize = 30;
/// Most directives in a document.
pub const MAX_DIRECTIVES: usize = 50;
/// Deepest field, counted from 1 at the root.
pub const MAX_DEPTH: usize = 15;
/// The same below `__schema` and `__type`: wrapped types nest deep there and cost nothing.
pub const MAX_INTROSPECTION_DEPTH: usize = 20;
/// How often the lists of introspection may nest: `types { fields { type { fields { …` would multiply without end.
pub const MAX_INTROSPECTION_LISTS: usize = 2;
/// Most fields of one operation at the root.
pub const MAX_ROOT_FIELDS: usize = 20;
/// Most selections of a document once its fragments are expanded.
pub const MAX_SELECTIONS: usize = 1_000;
/// Most points by the schema's cost: a field is one, a connection what it may fetch.
pub const MAX_COMPLEXITY: usize = 5_000;
/// Deepest nesting of fields and fragments together; below the limit of 32 that the executor has for itself.
const MAX_LEVELS: usize = 30;

/// The code of a document beyond a limit.
pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";

/// Counts the tokens, the nesting, the aliases and the directives of a text that may not even be GraphQL.
pub fn scan(document: &str) -> Result<(), Refusal> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(exceeded(format!(
            "The document is longer than {MAX_DOCUMENT_BYTES} bytes. Pass long values as variables."
        )));
    }
    let mut scanner = Scanner { rest: document.as_bytes(), ..Scanner::default() };
    while let Some(&byte) = scanner.rest.first() {
        scanner.step(byte);
        scanner.check()?;
    }
    Ok(())
}

/// Where the scanner is, and what it has counted.
#[derive(Default)]
struct Scanner<'a> {
    rest: &'a [u8],
    tokens: usize,
    nesting: usize,
    parentheses: usize,
    aliases: usize,
    directives: usize,
    after_name: bool,
}

impl Scanner<'_> {
    /// Consumes one token, or one piece of what lies between tokens.
    fn step(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x80.. => return self.skip(1),
            b'#' => return self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
            _ => {}
        }
        self.tokens += 1;
        let after_name = std::mem::take(&mut self.after_name);
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                self.after_name = true;
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            }
            b'0'..=b'9' | b'-' => {
                self.skip(1);
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-'));
            }
            b'"' => self.skip_string(),
            b'.' => self.skip_while(|byte| byte == b'.'),
            b'{' | b'[' | b'(' => {
                self.nesting += 1;
                self.parentheses += usize::from(byte == b'(');
                self.skip(1);
            }
            b'}' | b']' | b')' => {
                self.nesting = self.nesting.saturating_sub(1);
                self.parentheses = self.parentheses.saturating_sub(usize::from(byte == b')'));
                self.skip(1);
            }
            b':' => {
                // Inside parentheses a name before a colon is an argument, a variable's type or a field of an object.
                self.aliases += usize::from(after_name && self.parentheses == 0);
                self.skip(1);
            }
            b'@' => {
                self.directives += 1;
                self.skip(1);
            }
            _ => self.skip(1),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let over =
            |limit: usize, what: &str| Err(exceeded(format!("The document has more than {limit} {what}.")));
        if self.tokens > MAX_TOKENS {
            return over(MAX_TOKENS, "tokens");
        }
        if self.nesting > MAX_NESTING {
            return over(MAX_NESTING, "levels of brackets");
        }
        if self.aliases > MAX_ALIASES {
            return over(MAX_ALIASES, "aliases");
        }
        if self.directives > MAX_DIRECTIVES {
            return over(MAX_DIRECTIVES, "directives");
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes.min(self.rest.len())..];
    }

    fn skip_while(&mut self, inside: impl Fn(u8) -> bool) {
        let end = self.rest.iter().position(|&byte| !inside(byte));
        self.skip(end.unwrap_or(self.rest.len()));
    }

    /// A string ends at its quote or at the end of its line, a block string at its three quotes; one that does not
    /// end takes the rest, and the parser will say so.
    fn skip_string(&mut self) {
        let block = self.rest.starts_with(br#"""""#);
        self.skip(if block { 3 } else { 1 });
        while let Some(&byte) = self.rest.first() {
            if block && self.rest.starts_with(br#"\""""#) {
                self.skip(4);
            } else if block && self.rest.starts_with(br#"""""#) {
                return self.skip(3);
            } else if !block && byte == b'\\' {
                self.skip(2);
            } else if !block && (byte == b'"' || byte == b'\n' || byte == b'\r') {
                return self.skip(1);
            } else {
                self.skip(1);
            }
        }
    }
}

/// Walks every operation with its fragments expanded. Takes [`MAX_SELECTIONS`] steps at most. Says whether an object is
/// selected twice in one place, in parts that belong together.
pub fn measure(document: &ExecutableDocument) -> Result<bool, Refusal> {
    let mut walk = Walk {
        fragments: &document.fragments,
        spreads: Vec::new(),
        objects: Vec::new(),
        in_parts: false,
        selections: 0,
        root_fields: 0,
    };
    for (_, operation) in document.operations.iter() {
        walk.root_fields = 0;
        walk.objects.clear();
        let root = Place { depth: 1, levels: 0, siblings: 0, lists: None };
        walk.visit(&operation.node.selection_set.node, root)?;
    }
    Ok(walk.in_parts)
}

struct Walk<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// The fragments that the walk is inside of.
    spreads: Vec<&'a str>,
    /// The response keys of the objects selected so far, in every selection set around the walk.
    objects: Vec<&'a str>,
    /// Whether one of them was selected twice in one place.
    in_parts: bool,
    selections: usize,
    root_fields: usize,
}

/// Where a selection stands.
#[derive(Clone, Copy)]
struct Place {
    /// Of the fields in this selection set, 1 at the root.
    depth: usize,
    /// Fields and fragments around it.
    levels: usize,
    /// Where in [`Walk::objects`] those of the same selection set begin.
    siblings: usize,
    /// How many lists of introspection lie around it; none outside of `__schema` and `__type`.
    lists: Option<usize>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, set: &'a SelectionSet, place: Place) -> Result<(), Refusal> {
        if place.levels > MAX_LEVELS {
            return Err(exceeded(format!(
                "Fields and fragments are nested deeper than {MAX_LEVELS} levels."
            )));
        }
        for selection in &set.items {
            self.selections += 1;
            if self.selections > MAX_SELECTIONS {
                return Err(exceeded(format!(
                    "The document selects more than {MAX_SELECTIONS} fields once its fragments are expanded."
                )));
            }
            let inside = Place { levels: place.levels + 1, ..place };
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let below = self.enter(name, place, field.pos)?;
                    let set = &field.node.selection_set.node;
                    if !set.items.is_empty() {
                        let key = field.node.response_key().node.as_str();
                        self.in_parts |= self.objects[place.siblings..].contains(&key);
                        self.objects.push(key);
                        let siblings = self.objects.len();
                        self.visit(set, Place { siblings, ..below })?;
                        self.objects.truncate(siblings);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.visit(&fragment.node.selection_set.node, inside)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if self.spreads.contains(&name) {
                        let message = format!("The fragment \"{name}\" contains itself.");
                        return Err(Refusal::document(VALIDATION_FAILED, message, vec![spread.pos]));
                    }
                    // A fragment that is not there is the validator's to name.
                    if let Some(fragment) = self.fragments.get(name) {
                        self.spreads.push(name);
                        self.visit(&fragment.node.selection_set.node, inside)?;
                        self.spreads.pop();
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks a field; says where its own selections stand.
    fn enter(&mut self, name: &str, place: Place, pos: Pos) -> Result<Place, Refusal> {
        if place.depth == 1 {
            self.root_fields += 1;
            if self.root_fields > MAX_ROOT_FIELDS {
                return Err(exceeded(format!(
                    "An operation selects more than {MAX_ROOT_FIELDS} fields at its root."
                )));
            }
        }
        let lists = match (name, place.lists) {
            ("__schema" | "__type", None) => Some(0),
            ("fields" | "inputFields" | "interfaces" | "possibleTypes", Some(lists)) => Some(lists + 1),
            (_, lists) => lists,
        };
        if lists.is_some_and(|lists| lists > MAX_INTROSPECTION_LISTS) {
            return Err(exceeded("Introspection is nested too deep.".into()).at(pos));
        }
        let deepest = if lists.is_some() { MAX_INTROSPECTION_DEPTH } else { MAX_DEPTH };
        if place.depth > deepest {
            return Err(exceeded(format!("Fields are nested deeper than {deepest} levels.")).at(pos));
        }
        Ok(Place { depth: place.depth + 1, levels: place.levels + 1, lists, ..place })
    }
}

fn exceeded(message: String) -> Refusal {
    Refusal::document(LIMIT_EXCEEDED, message, Vec::new())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::{Duration, Instant};

    use async_graphql::parser::parse_query;

    use super::*;

    fn check(document: &str) -> Result<(), String> {
        scan(document).map_err(|refusal| refusal.errors[0].message.clone())?;
        let parsed = parse_query(document).map_err(|error| format!("parser: {error}"))?;
        measure(&parsed).map(|_| ()).map_err(|refusal| refusal.errors[0].message.clone())
    }

    fn refused(document: &str, reason: &str) {
        let started = Instant::now();
        let message = check(document).expect_err("it is beyond a limit");
        assert!(message.contains(reason), "{message}");
        assert!(started.elapsed() < Duration::from_millis(250), "refusing took {:?}", started.elapsed());
    }

    #[test]
    fn common_documents_pass() {
        check("query Q($id: ID!, $n: Int = 3) { product(id: $id) { ...F variants(first: $n) { nodes { sku } } } } fragment F on Product { id a: name @include(if: true) }").unwrap();
        check("# a comment with { ( [ and \" in it\n{ a(text: \"{{{{ \\\" \", block: \"\"\"a \\\"\"\" {\"\"\") }").unwrap();
    }

    #[test]
    fn a_document_at_the_limit_of_aliases_passes_and_one_beyond_does_not() {
        let aliased = |count: usize| {
            let fields: String = (0..count).map(|i| format!("a{i}: x(y: 1, z: {{k: 2}}) ")).collect();
            format!("{{ p {{ {fields} }} }}")
        };
        check(&aliased(MAX_ALIASES)).unwrap();
        refused(&aliased(MAX_ALIASES + 1), "aliases");
    }

    #[test]
    fn thousands_of_aliases_are_refused() {
        let fields: String = (0..2_000).map(|i| format!("a{i}: __typename ")).collect();
        refused(&format!("{{ {fields} }}"), "aliases");
    }

    #[test]
    fn thousands_of_equal_fields_are_refused() {
        refused(&format!("{{ {} }}", "x ".repeat(50_000)), "bytes");
        refused(&format!("{{ {} }}", "x ".repeat(20_000)), "tokens");
        refused(&format!("{{ p {{ {} }} }}", "x ".repeat(1_500)), "1000 fields");
        refused(&format!("{{ {} }}", "x ".repeat(MAX_ROOT_FIELDS + 1)), "root");
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_parsed() {
        refused(&format!("{}{}", "{ a ".repeat(10_000), "}".repeat(10_000)), "levels of brackets");
        refused(&format!("{{ a(x: {}1{}) }}", "[".repeat(5_000), "]".repeat(5_000)), "levels of brackets");
        refused(&format!("{{ a(x: {}1{}) }}", "{k:".repeat(5_000), "}".repeat(5_000)), "levels of brackets");
        refused("[".repeat(60_000).as_str(), "levels of brackets");
        refused(&format!("{}{}", "{ a ".repeat(MAX_DEPTH + 1), "}".repeat(MAX_DEPTH + 1)), "deeper than 15");
        check(&format!("{}{}", "{ a ".repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH))).unwrap();
    }

    #[test]
    fn fragments_that_double_at_every_level_are_refused() {
        let mut bomb = String::from("{ p { ...f0 } }");
        for level in 0..24 {
            write!(bomb, " fragment f{level} on Query {{ ...f{0} ...f{0} }}", level + 1).unwrap();
        }
        bomb.push_str(" fragment f24 on Query { x }");
        refused(&bomb, "once its fragments are expanded");
    }

    #[test]
    fn a_chain_of_fragments_is_refused() {
        let mut chain = String::from("{ ...f0 }");
        for level in 0..100 {
            write!(chain, " fragment f{level} on Query {{ ...f{} }}", level + 1).unwrap();
        }
        chain.push_str(" fragment f100 on Query { x }");
        refused(&chain, "nested deeper than 30");
    }

    #[test]
    fn fragments_that_contain_themselves_are_refused() {
        refused(
            "{ ...a } fragment a on Query { ...b } fragment b on Query { x { ...a } }",
            "contains itself",
        );
        refused("{ ...a } fragment a on Query { ...a }", "contains itself");
    }

    #[test]
    fn long_documents_are_refused() {
        refused(&format!("{{ x }}{}", ",".repeat(1_000_000)), "bytes");
        refused(&format!("{{ x(y: \"{}\") }}", "a".repeat(1_000_000)), "bytes");
        check(&format!("{{ x(y: \"{}\") }}", "a".repeat(40_000))).unwrap();
    }

    #[test]
    fn brackets_and_quotes_inside_strings_do_not_count() {
        check(&format!("{{ x(y: \"{}\") }}", "{".repeat(1_000))).unwrap();
        check(&format!("{{ x(y: \"\"\"{} \" \\\"\"\" \n \"\"\") }}", "{ a: ".repeat(1_000))).unwrap();
    }

    #[test]
    fn unterminated_strings_are_the_parsers_to_refuse() {
        for text in
            ["{ x(y: \"abc) }", "{ x(y: \"\"\"abc) }", "{ x(y: \"abc\\", "\"", "\"\"\"", "{ x(y: \"a\nb\") }"]
        {
            scan(text).unwrap();
            assert!(check(text).unwrap_err().starts_with("parser"), "{text}");
        }
    }

    #[test]
    fn an_object_that_is_selected_twice_in_one_place_is_noticed() {
        let in_parts = |document: &str| measure(&parse_query(document).unwrap()).unwrap();
        assert!(in_parts("{ a { b } a { c } }"));
        assert!(in_parts("{ a { b { c } ...f } } fragment f on A { b { d } }"));
        assert!(in_parts("{ ... on Query { a: x { b } } ...f } fragment f on Query { a: x { c } }"));
        assert!(!in_parts("{ a { b b c } d { b { c } } e: a { b { c } } }"));
        assert!(!in_parts("query A { a { b } } query B { a { c } }"));
    }

    #[test]
    fn many_directives_are_refused() {
        refused(&format!("{{ x {} }}", "@a ".repeat(MAX_DIRECTIVES + 1)), "directives");
    }

    #[test]
    fn introspection_may_nest_its_types_but_not_its_lists() {
        let types = format!("{}kind{}", "ofType { ".repeat(9), " }".repeat(9));
        check(&format!("{{ __schema {{ types {{ fields {{ args {{ type {{ {types} }} }} }} }} }} }}"))
            .unwrap();
        let lists = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
        refused(lists, "Introspection");
        let hidden = "{ __schema { ...s } } fragment s on __Schema { types { ...t } } \
                      fragment t on __Type { fields { type { interfaces { possibleTypes { name } } } } }";
        refused(hidden, "Introspection");
    }
}
