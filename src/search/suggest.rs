//! `searchSuggestions`: what somebody who is typing may mean.

use crate::access::Viewer;
use crate::catalog::terms::{FacetKey, all_of, term};
use crate::catalog::{ProductColumns, Selection, words};
use crate::db::Db;
use crate::error::Result;
use crate::pagination::PageArgs;

use super::queries;
use super::question::Question;
use super::run::{self, Search};

/// So many of a kind come into question.
const MAX_OF_A_KIND: i64 = 6;

/// What a suggestion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
pub enum SuggestionKind {
    /// The question, spelled right.
    Correction,
    /// The question with its last word completed.
    Completion,
    /// A maker.
    Vendor,
    /// A kind of product.
    ProductType,
    /// A collection.
    Collection,
    /// A product.
    Product,
}

/// Something that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What it is.
    pub kind: SuggestionKind,
    /// For people; of a correction or completion the question to ask instead.
    pub text: String,
    /// Of a collection or product.
    pub slug: Option<String>,
}

/// At most `most` suggestions that find something in the channel: a correction, completions, vendors, types, collections, products.
/// Nothing for nothing. Up to eight statements.
pub async fn suggestions(
    db: &Db,
    viewer: &Viewer,
    search: Search,
    typed: &str,
    most: usize,
) -> Result<Vec<Suggestion>> {
    if search.question.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut likely = Vec::new();
    let question = search.question.clone();
    let resolved = run::search(db, viewer, search).await?;
    {
        let mut conn = db.get().await?;
        let selection = &resolved.selection;
        if let Some(corrected) = resolved.corrected() {
            found.push(Suggestion {
                kind: SuggestionKind::Correction,
                text: corrected.to_owned(),
                slug: None,
            });
        }
        likely.extend(completions(&mut conn, &question, selection).await?);
        let beginning: String = typed.chars().take(60).filter(|&c| c != '\0').collect();
        for named in queries::named(&mut conn, selection, &beginning, MAX_OF_A_KIND).await? {
            let (kind, matching) = match named.kind.as_str() {
                "v" => (SuggestionKind::Vendor, FacetKey::Vendor.is_one_of(&[&named.text])),
                "t" => (SuggestionKind::ProductType, FacetKey::ProductType.is_one_of(&[&named.text])),
                _ => {
                    found.push(Suggestion {
                        kind: SuggestionKind::Collection,
                        text: named.text,
                        slug: named.slug,
                    });
                    continue;
                }
            };
            likely.push((matching, Suggestion { kind, text: named.text, slug: None }));
        }
        // Nobody learns of words and vendors that only hidden products have.
        let listed = selection.listed();
        let matching: Vec<String> = likely.iter().map(|(matching, _)| matching.clone()).collect();
        let existing = queries::existing(&mut conn, &matching, listed).await?;
        found.extend(existing.into_iter().map(|place| likely[place].1.clone()));
    }
    let columns = ProductColumns::NONE;
    let products = resolved.page(db, viewer, columns, &PageArgs::first(MAX_OF_A_KIND)).await?;
    found.extend(products.items.into_iter().map(|(_, product)| Suggestion {
        kind: SuggestionKind::Product,
        text: product.name,
        slug: Some(product.slug),
    }));
    found.sort_by_key(|suggestion| suggestion.kind as u8);
    Ok(fair(found, most))
}

/// The question with its last word completed, and what has all its words.
async fn completions(
    conn: &mut crate::db::Conn,
    question: &Question,
    selection: &Selection,
) -> Result<Vec<(String, Suggestion)>> {
    let Some((last, before)) =
        question.words().split_last().filter(|(last, _)| last.chars().nth(1).is_some())
    else {
        return Ok(Vec::new());
    };
    let before = before.join(" ");
    let words = selection.words.clone().unwrap_or_default();
    let begun = queries::begun(conn, &words_in_lower_case(last), MAX_OF_A_KIND).await?;
    Ok(begun
        .into_iter()
        .map(|(word, stem)| {
            let text = if before.is_empty() { word } else { format!("{} {word}", before.to_lowercase()) };
            let matching = all_of([format!("({words})"), term(&stem)]).unwrap_or_default();
            (matching, Suggestion { kind: SuggestionKind::Completion, text, slug: None })
        })
        .collect())
}

fn words_in_lower_case(word: &str) -> String {
    words(word).trim().to_lowercase()
}

/// As many as are wanted, of every kind about the same number, in the order of the kinds.
fn fair(found: Vec<Suggestion>, most: usize) -> Vec<Suggestion> {
    let mut numbered: Vec<(usize, Suggestion)> = Vec::with_capacity(found.len());
    for suggestion in found {
        let same = numbered.iter().filter(|(_, other)| other.kind == suggestion.kind).count();
        numbered.push((same, suggestion));
    }
    numbered.sort_by_key(|(number, _)| *number);
    numbered.truncate(most);
    numbered.sort_by_key(|(_, suggestion)| suggestion.kind as u8);
    numbered.into_iter().map(|(_, suggestion)| suggestion).collect()
}
