//! The statements that read the catalog.

pub(super) mod attributes;
pub(super) mod children;
pub(super) mod collections;
pub(super) mod edits;
pub(super) mod lists;
mod order;
pub(super) mod products;
pub(super) mod reindex;
pub(super) mod rules;
pub(super) mod staff;
pub(super) mod translations;
pub(super) mod variants;

use std::collections::HashMap;
use std::hash::Hash;

use crate::pagination::PageArgs;

/// A list under a parent: which parent, and which part of the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChildPage<Id> {
    /// The parent.
    pub of: Id,
    /// Which part.
    pub page: PageArgs,
}

/// The parents for which the same part is asked: each such group is one statement.
fn by_page<Id: Copy, Key, Part: Eq + Hash>(
    keys: &[Key],
    part: impl Fn(&Key) -> (Id, Part),
) -> HashMap<Part, Vec<Id>> {
    let mut groups: HashMap<Part, Vec<Id>> = HashMap::new();
    for key in keys {
        let (id, part) = part(key);
        groups.entry(part).or_default().push(id);
    }
    groups
}

/// The rows of each parent; a parent without rows has an empty list.
fn by_parent<Id: Copy + Eq + Hash, T>(parents: &[Id], rows: Vec<(Id, T)>) -> HashMap<Id, Vec<T>> {
    let mut lists: HashMap<Id, Vec<T>> = parents.iter().map(|&parent| (parent, Vec::new())).collect();
    for (parent, row) in rows {
        lists.entry(parent).or_default().push(row);
    }
    lists
}
