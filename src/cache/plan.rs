//! Whether a document may be answered from the cache, by whose changes its answers are touched, and their keys. Found out
//! once for each operation of a document, by a walk with its fragments expanded.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType,
    Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::change::{Dependencies, kind};
use super::mark;
use super::types::Types;

/// Identifies an answer.
pub type Key = [u8; 32];

/// The types that are the same for all shoppers of a channel and a language. Whatever else a document selects keeps its
/// answers out of the cache, so a new type has to be put here first.
const PUBLIC: &[&str] = &[
    "Node",
    "Shop",
    "Product",
    "ProductConnection",
    "ProductEdge",
    "ProductSearchConnection",
    "Facet",
    "FacetValue",
    "ProductVariant",
    "ProductVariantConnection",
    "ProductVariantEdge",
    "Availability",
    "SelectedOption",
    "ProductOption",
    "Image",
    "ImageRendition",
    "PriceRange",
    "Money",
    "Collection",
    "CollectionConnection",
    "CollectionEdge",
    "PageInfo",
    "ProductAttribute",
    "MetadataEntry",
];

/// The root fields that are.
const ROOTS: &[&str] =
    &["shop", "node", "nodes", "product", "products", "productSearch", "collection", "collections"];

/// The fields of products and variants that say nothing about stock. A field that is not known here is taken to.
const STOCK_FREE: &[&str] = &[
    "__typename",
    "id",
    "name",
    "slug",
    "description",
    "vendor",
    "productType",
    "tags",
    "status",
    "priceRange",
    "featuredImage",
    "images",
    "options",
    "collections",
    "variants",
    "version",
    "createdAt",
    "updatedAt",
    "sku",
    "price",
    "compareAtPrice",
    "selectedOptions",
    "product",
    "barcode",
    "weightGrams",
    "requiresShipping",
    "taxable",
    "attributes",
    "metadata",
];

/// What a search result may select without looking at more than its page.
const PAGE: &[&str] = &["__typename", "edges", "nodes", "pageInfo", "totalCount"];

/// The arguments of a list that do not decide which products it has.
const PAGING: &[&str] = &["first", "after", "last", "before", "query"];

/// What stands in a filter or a sort order, and the kinds of change that move products in or out, or up or down, by it.
/// What is not known here is taken to look at everything.
const FILTERS: &[(&str, u32)] = &[
    ("where", 0),
    ("sort", 0),
    ("ids", 0),
    ("slug", 0),
    ("vendor", 0),
    ("productType", 0),
    ("tag", 0),
    ("collection", 0),
    ("status", 0),
    ("eq", 0),
    ("in", 0),
    ("field", 0),
    ("direction", 0),
    ("NAME", 0),
    ("CREATED_AT", 0),
    ("ASC", 0),
    ("DESC", 0),
    ("price", kind::PRICE),
    ("gte", kind::PRICE),
    ("lte", kind::PRICE),
    ("PRICE", kind::PRICE),
    ("available", kind::AVAILABILITY),
];

/// How the answers of one operation are kept.
pub struct Plan {
    /// The operation's variables in their order; what else a request sends makes no difference.
    variables: Vec<Name>,
    /// Those that a filter or a sort order is given by.
    filters: Vec<Name>,
    any: u32,
    own: u32,
    /// The document, changed to tell which products and collections its answers show.
    marked: ExecutableDocument,
}

impl Plan {
    /// None when the operation is not for the cache.
    pub fn of(document: &ExecutableDocument, name: Option<&str>, types: &Types) -> Option<Self> {
        let operation = operation(document, name)?;
        if operation.ty != OperationType::Query || !operation.directives.is_empty() {
            return None;
        }
        let mut walk = Walk { types, fragments: &document.fragments, any: 0, own: 0, filters: Vec::new() };
        walk.visit(&operation.selection_set.node, "Query", Place::default())?;
        for definition in &operation.variable_definitions {
            if let Some(default) = &definition.node.default_value
                && walk.filters.contains(&definition.node.name.node)
            {
                walk.any |= kinds_of(&default.node);
            }
        }
        let Walk { any, own, filters, .. } = walk;
        let variables = operation.variable_definitions.iter().map(|it| it.node.name.node.clone()).collect();
        let own = own | kind::ALL & !(kind::STOCK | kind::AVAILABILITY);
        Some(Self { variables, filters, any, own, marked: mark::document(document, types) })
    }

    /// A copy for the executor.
    pub fn marked(&self) -> ExecutableDocument {
        self.marked.clone()
    }

    /// The key of an answer: of this document and operation (`of`), for these variables, in this view.
    pub fn key(
        &self,
        types: &Types,
        of: (&[u8; 32], Option<&str>),
        variables: &Variables,
        view: &[&[u8]],
    ) -> Key {
        let mut hash = Sha256::new();
        hash.update(types.digest);
        hash.update(of.0);
        update(&mut hash, of.1.unwrap_or_default().as_bytes());
        for part in view {
            update(&mut hash, part);
        }
        for name in &self.variables {
            match variables.get(name) {
                None => hash.update([0]),
                Some(value) => {
                    hash.update([1]);
                    update_value(&mut hash, value);
                }
            }
        }
        hash.finalize().into()
    }

    /// What an answer depends on that shows these products and collections. `incomplete`: something that was asked for
    /// was not there.
    pub fn dependencies(&self, variables: &Variables, mut ids: Vec<Uuid>, incomplete: bool) -> Dependencies {
        ids.sort_unstable();
        ids.dedup();
        let given = self.filters.iter().filter_map(|name| variables.get(name));
        let mut any = given.fold(self.any, |any, value| any | kinds_of(value));
        if incomplete {
            any |= kind::LIST | kind::COLLECTION;
        }
        Dependencies { any, own: self.own, ids: ids.into_boxed_slice() }
    }
}

/// The operation of this name, or the only one.
fn operation<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => operation,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name)?,
        _ => return None,
    };
    Some(&operation.node)
}

/// Where a selection stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Inside of a product, whose changes are known by its id.
    of_product: bool,
}

struct Walk<'a> {
    types: &'a Types,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    any: u32,
    own: u32,
    filters: Vec<Name>,
}

impl Walk<'_> {
    /// None when something is not for the cache. The document has passed [`crate::http::limits::measure`], so fragments end.
    fn visit(&mut self, set: &SelectionSet, type_name: &str, place: Place) -> Option<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.enter(&field.node, type_name, place)?,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(type_name, |condition| condition.node.on.node.as_str());
                    self.visit_fragment(&fragment.node.selection_set.node, on, place)?;
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.fragments.get(&spread.node.fragment_name.node)?;
                    let on = fragment.node.type_condition.node.on.node.as_str();
                    self.visit_fragment(&fragment.node.selection_set.node, on, place)?;
                }
            }
        }
        Some(())
    }

    fn visit_fragment(&mut self, set: &SelectionSet, on: &str, place: Place) -> Option<()> {
        if on != "Query" && !PUBLIC.contains(&on) {
            return None;
        }
        // A node may turn out to be one.
        self.meet(on, place);
        self.visit(set, on, Place { of_product: place.of_product || on == "Product" })
    }

    fn enter(&mut self, field: &Field, type_name: &str, place: Place) -> Option<()> {
        let name = field.name.node.as_str();
        if field.response_key().node == mark::ALIAS {
            return None;
        }
        if name == "__typename" {
            return Some(());
        }
        if type_name == "Query" && !ROOTS.contains(&name) {
            return None;
        }
        let output = self.types.output(type_name, name)?;
        if matches!(type_name, "Product" | "ProductVariant") && !STOCK_FREE.contains(&name) {
            self.own |= kind::STOCK | kind::AVAILABILITY;
            if !place.of_product {
                self.any |= kind::STOCK | kind::AVAILABILITY;
            }
        }
        if type_name == "ProductSearchConnection" && !PAGE.contains(&name) {
            // Facets look at everything that was found.
            self.any |= kind::ALL & !kind::STOCK;
        }
        if matches!(output, "ProductConnection" | "ProductSearchConnection") {
            self.list(field);
        }
        if output == "ProductSearchConnection" {
            self.any |= kind::SEARCH;
        }
        if output == "CollectionConnection" {
            self.any |= kind::COLLECTION;
        }
        if field.selection_set.node.items.is_empty() {
            // A scalar: the objects around it are public.
            return Some(());
        }
        if !PUBLIC.contains(&output) {
            return None;
        }
        self.meet(output, place);
        let of_product = place.of_product || output == "Product";
        self.visit(&field.selection_set.node, output, Place { of_product })
    }

    /// A variant without its product: the log knows the change of a variant by its product only.
    fn meet(&mut self, type_name: &str, place: Place) {
        if type_name == "ProductVariant" && !place.of_product {
            self.any |= kind::CONTENT | kind::PRICE | kind::LIST;
        }
    }

    /// A list of products.
    fn list(&mut self, field: &Field) {
        self.any |= kind::LIST;
        for (name, value) in &field.arguments {
            let name = name.node.as_str();
            if !PAGING.contains(&name) {
                self.any |= kinds_of_word(name);
                self.filter(&value.node);
            }
        }
    }

    fn filter(&mut self, value: &Value) {
        match value {
            Value::Variable(name) => self.filters.push(name.clone()),
            Value::Enum(word) => self.any |= kinds_of_word(word),
            Value::List(items) => items.iter().for_each(|item| self.filter(item)),
            Value::Object(fields) => {
                for (word, value) in fields {
                    self.any |= kinds_of_word(word);
                    self.filter(value);
                }
            }
            _ => {}
        }
    }
}

fn kinds_of_word(word: &str) -> u32 {
    FILTERS.iter().find(|(known, _)| *known == word).map_or(kind::ALL, |(_, kinds)| *kinds)
}

/// Of a variable's value. An enum comes as a string there, and a string that is none may stand anywhere, so strings count
/// by themselves only where they are the words of a sort order.
fn kinds_of(value: &ConstValue) -> u32 {
    match value {
        ConstValue::Enum(word) => kinds_of_word(word),
        ConstValue::String(text) => {
            FILTERS.iter().find(|(known, _)| known == text).map_or(0, |(_, kinds)| *kinds)
        }
        ConstValue::List(items) => items.iter().fold(0, |kinds, item| kinds | kinds_of(item)),
        ConstValue::Object(fields) => fields.iter().fold(0, |kinds, (word, value)| {
            // A sort key that is new here may look at anything.
            let by_new_key = word == "field"
                && matches!(value, ConstValue::String(text) if !FILTERS.iter().any(|(known, _)| known == text));
            kinds | kinds_of_word(word) | kinds_of(value) | if by_new_key { kind::ALL } else { 0 }
        }),
        _ => 0,
    }
}

fn update(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// The fields of an object count in the order of their names, whatever order they were sent in.
fn update_value(hash: &mut Sha256, value: &ConstValue) {
    match value {
        ConstValue::Null => hash.update([0]),
        ConstValue::Number(number) => {
            hash.update([1]);
            update(hash, number.to_string().as_bytes());
        }
        ConstValue::String(text) => {
            hash.update([2]);
            update(hash, text.as_bytes());
        }
        ConstValue::Boolean(value) => hash.update([3, u8::from(*value)]),
        ConstValue::Enum(word) => {
            hash.update([4]);
            update(hash, word.as_bytes());
        }
        ConstValue::List(items) => {
            hash.update([5]);
            hash.update((items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| update_value(hash, item));
        }
        ConstValue::Object(fields) => {
            hash.update([6]);
            hash.update((fields.len() as u64).to_le_bytes());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| name.as_str());
            for (name, value) in fields {
                update(hash, name.as_bytes());
                update_value(hash, value);
            }
        }
        ConstValue::Binary(bytes) => {
            hash.update([7]);
            update(hash, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn types() -> Types {
        Types::of(&crate::graphql::schema().sdl())
    }

    fn plan(document: &str) -> Option<Plan> {
        Plan::of(&parse_query(document).unwrap(), None, &types())
    }

    fn any(document: &str, variables: serde_json::Value) -> u32 {
        let variables = Variables::from_json(variables);
        plan(document).unwrap().dependencies(&variables, Vec::new(), false).any
    }

    #[test]
    fn only_what_is_the_same_for_every_shopper_is_cached() {
        for document in [
            "{ shop { name } }",
            "{ __typename products(first: 3) { nodes { ...p } } } fragment p on Product { name variants(first: 1) { nodes { price { amount } } } }",
            "{ node(id: 1) { id ... on Product { name } ... on Collection { products(first: 1) { totalCount } } } }",
            "{ productSearch(query: \"a\", first: 1) { facets { name values { value count } } } }",
        ] {
            assert!(plan(document).is_some(), "{document}");
        }
        for document in [
            "{ viewer { id } }",
            "{ shop { name } viewer { id } }",
            "{ cart(id: 1) { id } }",
            "{ ...q } fragment q on Query { cart(id: 1) { id } }",
            "{ orderByToken(token: \"x\") { id } }",
            "{ jobs(first: 1) { nodes { id } } }",
            "{ __schema { types { name } } }",
            "{ __type(name: \"Product\") { name } }",
            "{ node(id: 1) { ... on Order { id } } }",
            "{ nothing }",
            "{ shop { nothing } }",
            "{ shop { _cacheId: name } }",
            "mutation { sessionRevoke { userErrors { code } } }",
            "subscription { __typename }",
        ] {
            assert!(plan(document).is_none(), "{document}");
        }
    }

    #[test]
    fn no_public_type_leads_to_a_person() {
        let types = types();
        for public in PUBLIC {
            let fields = types.fields_of(public);
            assert!(!fields.is_empty(), "{public} is no type of the schema");
        }
        for private in ["Viewer", "Cart", "Order", "Customer", "Job", "Payment", "StockLevel"] {
            assert!(types.names().any(|name| name == private), "{private}");
            assert!(!PUBLIC.contains(&private));
        }
    }

    #[test]
    fn a_list_is_touched_by_what_it_looks_at() {
        let none = || serde_json::json!({});
        let all = kind::ALL;
        assert_eq!(any("{ product(slug: \"a\") { name } }", none()), 0);
        assert_eq!(any("{ products(first: 1) { nodes { id } } }", none()), kind::LIST);
        let by_price = "{ products(first: 1, sort: [{ field: PRICE, direction: ASC }]) { nodes { id } } }";
        assert_eq!(any(by_price, none()), kind::LIST | kind::PRICE);
        let by_variable = "query($w: ProductWhereInput, $s: [ProductSortInput!]) { products(first: 1, where: $w, sort: $s) { nodes { id } } }";
        for (variables, expected) in [
            (none(), 0),
            (serde_json::json!({ "w": { "vendor": { "eq": "PRICE" } } }), kind::PRICE),
            (serde_json::json!({ "w": { "vendor": { "eq": "Hobb" } } }), 0),
            (serde_json::json!({ "w": { "available": true } }), kind::AVAILABILITY),
            (serde_json::json!({ "w": { "somethingNew": true } }), all),
            (serde_json::json!({ "s": [{ "field": "PRICE" }] }), kind::PRICE),
            (serde_json::json!({ "s": [{ "field": "NAME" }] }), 0),
            (serde_json::json!({ "s": [{ "field": "NEW" }] }), all),
        ] {
            assert_eq!(any(by_variable, variables.clone()), kind::LIST | expected, "{variables}");
        }
        let default = "query($w: ProductWhereInput = { available: true }) { products(first: 1, where: $w) { nodes { id } } }";
        assert_eq!(any(default, none()), kind::LIST | kind::AVAILABILITY);
        let facets = any("{ productSearch(query: \"a\", first: 1) { facets { name } } }", none());
        assert_eq!(facets & kind::CONTENT, kind::CONTENT);
        assert_eq!(any("{ collections(first: 1) { nodes { name } } }", none()), kind::COLLECTION);
        let variant = any("{ node(id: 1) { ... on ProductVariant { availability { inStock } } } }", none());
        assert_eq!(variant, kind::CONTENT | kind::PRICE | kind::LIST | kind::STOCK | kind::AVAILABILITY);
    }

    #[test]
    fn stock_touches_only_answers_that_show_it() {
        let own = |document| plan(document).unwrap().own;
        let stock = kind::STOCK | kind::AVAILABILITY;
        assert_eq!(
            own("{ product(slug: \"a\") { name priceRange { min { amount } } } }"),
            kind::ALL & !stock
        );
        let shown = "{ product(slug: \"a\") { variants(first: 1) { nodes { availability { inStock } } } } }";
        assert_eq!(own(shown), kind::ALL);
    }

    #[test]
    fn the_key_is_of_what_the_operation_uses() {
        let types = types();
        let document =
            "query($a: ProductWhereInput, $n: Int) { products(first: $n, where: $a) { totalCount } }";
        let plan = plan(document).unwrap();
        let key = |variables, view: &[&[u8]]| {
            plan.key(&types, (&[7; 32], None), &Variables::from_json(variables), view)
        };
        let one = serde_json::json!({ "n": 1, "a": { "vendor": { "eq": "x" }, "available": true } });
        let same =
            serde_json::json!({ "a": { "available": true, "vendor": { "eq": "x" } }, "unused": 3, "n": 1 });
        assert_eq!(key(one.clone(), &[b"de"]), key(same, &[b"de"]));
        assert_ne!(key(one.clone(), &[b"de"]), key(one.clone(), &[b"fr"]));
        assert_ne!(key(one.clone(), &[b"de", b""]), key(one.clone(), &[b"", b"de"]));
        assert_ne!(key(one, &[b"de"]), key(serde_json::json!({ "n": 1 }), &[b"de"]));
        assert_ne!(key(serde_json::json!({ "n": 1 }), &[]), key(serde_json::json!({ "n": null }), &[]));
    }
}
