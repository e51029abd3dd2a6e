//! Finding products by words: relevance, misspellings, facets, suggestions.
//!
//! What a product is found by is kept by the database (see docs/SEARCH.md); this module understands questions, asks and ranks.

mod facets;
pub mod graphql;
mod meaning;
mod queries;
mod question;
mod rebuild;
mod run;
mod spelling;
mod suggest;

pub use facets::{Facet, FacetSource, FacetValue, facets, in_stock, prices};
pub use question::Question;
pub use rebuild::{CountWords, count_words, rebuild, settle};
pub use run::{Found, Search, search};
pub use suggest::{Suggestion, SuggestionKind, suggestions};
