//! What changed, and what an answer depends on.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Kinds of change, as bits; the triggers of the migration `catalog_changes` write the same numbers.
pub mod kind {
    /// What a product says of itself: texts, images, options, variants.
    pub const CONTENT: u32 = 1;
    /// A price.
    pub const PRICE: u32 = 2;
    /// How many can be bought.
    pub const STOCK: u32 = 4;
    /// Whether any can be bought.
    pub const AVAILABILITY: u32 = 8;
    /// What decides which products a list has, and in which order.
    pub const LIST: u32 = 16;
    /// The words that a product is found by.
    pub const SEARCH: u32 = 32;
    /// A collection.
    pub const COLLECTION: u32 = 64;
    /// The shop, a channel, a language, a product type: everything may look different.
    pub const EVERYTHING: u32 = 128;
    /// Every kind.
    pub const ALL: u32 = 255;
}

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    kinds: u32,
    /// Of the products and collections, sorted; none for any.
    ids: Option<Box<[Uuid]>>,
}

impl Change {
    /// Of these kinds, to these products and collections; `None` for any.
    pub fn new(kinds: u32, ids: Option<Vec<Uuid>>) -> Self {
        let sorted = |mut ids: Vec<Uuid>| {
            ids.sort_unstable();
            ids.into_boxed_slice()
        };
        Self { kinds, ids: ids.map(sorted) }
    }

    /// Whether it is of everything.
    pub fn is_of_everything(&self) -> bool {
        self.kinds & kind::EVERYTHING != 0
    }

    /// How many ids it names.
    pub fn len(&self) -> usize {
        self.ids.as_ref().map_or(0, |ids| ids.len())
    }
}

/// What an answer was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependencies {
    /// Kinds of change that matter whatever product or collection they are of.
    pub any: u32,
    /// Kinds of change that matter when they are of one of `ids`.
    pub own: u32,
    /// The products and collections that the answer shows, sorted.
    pub ids: Box<[Uuid]>,
}

impl Dependencies {
    /// Whether the answer may look different after the change.
    pub fn touched_by(&self, change: &Change) -> bool {
        if change.kinds & (self.any | kind::EVERYTHING) != 0 {
            return true;
        }
        if change.kinds & self.own == 0 {
            return false;
        }
        match &change.ids {
            None => true,
            Some(changed) if changed.len() < self.ids.len() => intersects(changed, &self.ids),
            Some(changed) => intersects(&self.ids, changed),
        }
    }
}

fn intersects(few: &[Uuid], many: &[Uuid]) -> bool {
    few.iter().any(|id| many.binary_search(id).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn an_answer_is_touched_by_its_own_and_by_what_its_lists_look_at() {
        let own = kind::ALL & !(kind::STOCK | kind::AVAILABILITY);
        let answer = Dependencies { any: kind::LIST, own, ids: [id(2), id(4), id(6)].into() };
        let touched = |kinds, ids: Option<Vec<Uuid>>| answer.touched_by(&Change::new(kinds, ids));
        assert!(touched(kind::PRICE, Some(vec![id(9), id(4)])));
        assert!(touched(kind::PRICE, Some((0..50).map(id).collect())));
        assert!(touched(kind::PRICE, None));
        assert!(!touched(kind::PRICE, Some(vec![id(9), id(3)])));
        assert!(!touched(kind::PRICE, Some(Vec::new())));
        assert!(!touched(kind::STOCK | kind::AVAILABILITY, Some(vec![id(4)])), "it shows no stock");
        assert!(touched(kind::LIST, Some(Vec::new())));
        assert!(touched(kind::EVERYTHING, Some(Vec::new())));
    }
}
