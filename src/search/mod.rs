//! Finding products by words: full-text search, and likeness where the words are misspelled.
//!
//! What a product is found by is written with it (see `catalog`); this module asks and ranks.

mod facets;
pub mod graphql;
mod queries;
mod question;
mod run;

pub use facets::{Facet, FacetValue, facets};
pub use question::Question;
pub use run::{Found, Match, Search, count, search};
