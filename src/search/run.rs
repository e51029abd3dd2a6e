//! `productSearch`.

use serde::{Deserialize, Serialize};

use crate::access::{Permission, Viewer};
use crate::catalog::terms::all_of;
use crate::catalog::{
    self, Matching, Product, ProductColumns, ProductFilter, ProductSort, ProductSortField, Scope, Selection,
    SortDirection, in_part, level_for,
};
use crate::db::{Conn, Db};
use crate::error::{Code, Error, Result};
use crate::ids::ProductId;
use crate::pagination::{Page, PageArgs};

use super::meaning::Meaning;
use super::queries::{self, Hit, Ranking};
use super::question::Question;

/// What is looked for, by whom.
#[derive(Debug, Clone)]
pub struct Search {
    /// What was typed.
    pub question: Question,
    /// Which products come into question.
    pub filter: ProductFilter,
    /// Whose view of the catalog.
    pub scope: Scope,
    /// The order; by relevance when empty.
    pub sort: Vec<ProductSort>,
}

/// A page of what was found.
pub struct Found {
    /// The best first; by name when nothing was asked.
    pub page: Page<Product>,
    /// What was selected: the whole list and its facets are about the same.
    pub selection: Selection,
    /// The question as it was understood, when words were taken for misspelled.
    pub corrected: Option<String>,
}

/// Up to so many matches are ranked at once; more are ranked a part of the catalog after the other.
const MAX_RANKED: i64 = 4_000;

/// A part has about so many matches.
const MAX_IN_PART: i64 = 2_000;

/// The same where conditions that the index cannot tell leave few of them.
const MAX_IN_PART_WITH_CONDITIONS: i64 = 4_000;

/// A question that was looked up.
pub(super) struct Resolved {
    pub selection: Selection,
    /// `None` when nothing is asked.
    pub meaning: Option<Meaning>,
    /// About how many products are selected, and how many of them have every word in the name.
    about: (i64, i64),
}

/// Finds products that have every word of the question, whose last word may be a beginning. Where nothing in the channel
/// has them, words that nobody uses are taken for ones that are spelled alike. By relevance, those that have every word in the
/// name come first; then a word counts most in the name, then in vendor and SKUs, type and tags, description.
///
/// Of more than 4,000 matches a part of the catalog is ranked after the other, by chance but always the same: see
/// docs/SEARCH.md. Four statements mostly, one when nothing is asked.
pub async fn search(
    db: &Db,
    viewer: &Viewer,
    search: Search,
    columns: ProductColumns,
    page: &PageArgs,
) -> Result<Found> {
    if search.filter.statuses.is_some() {
        viewer.require(Permission::CatalogRead)?;
    }
    let resolved = resolve(&mut *db.get().await?, &search).await?;
    let corrected = resolved.meaning.as_ref().and_then(|meaning| meaning.corrected.clone());
    let sort = match (search.sort.is_empty(), &resolved.meaning) {
        (true, Some(meaning)) => {
            let mut conn = db.get().await?;
            let page = by_relevance(&mut conn, &resolved, meaning, columns, page).await?;
            return Ok(Found { page, selection: resolved.selection, corrected });
        }
        (true, None) => vec![ProductSort { field: ProductSortField::Name, direction: SortDirection::Asc }],
        (false, _) => search.sort,
    };
    let page = catalog::list_products(db, viewer, &resolved.selection, &sort, columns, page).await?;
    Ok(Found { page, selection: resolved.selection, corrected })
}

/// Looks the question up; corrects it where nothing in the channel has its words. Two statements, up to four with a
/// correction, none when nothing is asked.
pub(super) async fn resolve(conn: &mut Conn, search: &Search) -> Result<Resolved> {
    let mut selection = Selection::new(search.scope, search.filter.clone());
    if search.question.is_empty() {
        return Ok(Resolved { selection, meaning: None, about: (0, 0) });
    }
    let mut meaning = Meaning::of(conn, &search.question).await?;
    let (mut exists, mut about) = extent(conn, &mut selection, &meaning).await?;
    if !exists && let Some(corrected) = meaning.corrected(conn).await? {
        let before = std::mem::replace(&mut meaning, corrected);
        (exists, about) = extent(conn, &mut selection, &meaning).await?;
        if !exists {
            meaning = before;
            selection.words = Some(meaning.anywhere());
        }
    }
    Ok(Resolved { selection, meaning: Some(meaning), about })
}

/// Puts the words into the selection; whether they find anything in the channel, and about how much with the filter.
async fn extent(conn: &mut Conn, selection: &mut Selection, meaning: &Meaning) -> Result<(bool, (i64, i64))> {
    selection.words = Some(meaning.in_name());
    let in_name = selection.sampled(None);
    selection.words = Some(meaning.anywhere());
    let anywhere = selection.sampled(None);
    let only_words = Selection { filter: ProductFilter::default(), ..selection.clone() };
    let words = only_words.matching(None).unwrap_or_default();
    let (exists, anywhere, in_name) =
        queries::extent(conn, words, selection.sample(), anywhere, in_name).await?;
    let whole = |count: i64| count << catalog::SAMPLE_LEVEL;
    Ok((exists, (whole(anywhere), whole(in_name))))
}

/// A place in the list: how its matches are parted, in which part, rank, id.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "p")]
    parting: Parting,
    #[serde(rename = "n")]
    part: u32,
    #[serde(rename = "r")]
    rank: f32,
    #[serde(rename = "i")]
    id: ProductId,
}

/// How the matches are parted, that no part is too large to be ranked: first those that have every word in the name,
/// part by part, then the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Parting {
    /// There are `2^n` parts of those with the words in the name; meaningless when all are ranked at once.
    #[serde(rename = "n")]
    names: u8,
    /// The same of the others; 0: all are ranked at once.
    #[serde(rename = "o")]
    others: u8,
}

impl Parting {
    fn of(resolved: &Resolved) -> Self {
        let (anywhere, in_name) = resolved.about;
        if anywhere <= MAX_RANKED {
            return Self { names: 0, others: 0 };
        }
        let most =
            if resolved.selection.has_conditions() { MAX_IN_PART_WITH_CONDITIONS } else { MAX_IN_PART };
        Self { names: level_for(in_name, most), others: level_for(anywhere, most).max(2) }
    }

    fn is_sound(self) -> bool {
        self.names <= 10 && self.others <= 10
    }

    fn parts(self) -> u32 {
        if self.others == 0 { 1 } else { (1 << self.names) + (1 << self.others) }
    }

    /// The candidates of a part.
    fn matching(self, part: u32, selection: &Selection, meaning: &Meaning) -> Matching {
        let whole = selection.matching(None).unwrap_or_default();
        if self.others == 0 {
            return Matching::anywhere(whole);
        }
        let names = 1 << self.names;
        if part < names {
            // What has the words in its name has them anywhere.
            let named = Selection { words: Some(meaning.in_name()), ..selection.clone() };
            let named = named.matching(None).unwrap_or_default();
            in_part(named, self.names, part)
        } else {
            let others = all_of([whole, format!("!({})", meaning.in_name())]).unwrap_or_default();
            in_part(others, self.others, part - names)
        }
    }
}

async fn by_relevance(
    conn: &mut Conn,
    resolved: &Resolved,
    meaning: &Meaning,
    columns: ProductColumns,
    page: &PageArgs,
) -> Result<Page<Product>> {
    let cursor: Option<Cursor> = page.cursor()?;
    let parting = cursor.map_or_else(|| Parting::of(resolved), |cursor| cursor.parting);
    if !parting.is_sound() || cursor.is_some_and(|cursor| cursor.part >= parting.parts()) {
        return Err(Error::request(Code::BadUserInput, "The cursor does not belong to this list."));
    }
    let first = cursor.map_or(if page.backward { parting.parts() - 1 } else { 0 }, |cursor| cursor.part);
    let parts: Vec<u32> =
        if page.backward { (0..=first).rev().collect() } else { (first..parting.parts()).collect() };
    let selection = &resolved.selection;
    let wanted = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let mut hits: Vec<(u32, Hit)> = Vec::with_capacity(wanted);
    for part in parts {
        let ranking = Ranking {
            selection,
            matching: parting.matching(part, selection, meaning),
            anywhere: meaning.anywhere(),
            in_name: meaning.in_name(),
        };
        let after = cursor.filter(|cursor| cursor.part == part).map(|cursor| (cursor.rank, cursor.id));
        let missing = (wanted - hits.len()) as i64;
        let more = queries::ranked(conn, ranking, after, page.backward, missing).await?;
        hits.extend(more.into_iter().map(|hit| (part, hit)));
        if hits.len() >= wanted {
            break;
        }
    }
    let hits = Page::new(hits, page, |&(part, Hit { rank, id })| Cursor { parting, part, rank, id });
    let ids: Vec<_> = hits.items.iter().map(|(_, (_, hit))| hit.id).collect();
    let products = catalog::products_in_order(conn, &selection.scope, &ids, columns).await?;
    // A product that was unpublished between the two statements is left out.
    let mut products = products.into_iter().peekable();
    let items = hits.items.into_iter().filter_map(|(cursor, (_, hit))| {
        products.next_if(|product| product.id == hit.id).map(|product| (cursor, product))
    });
    Ok(Page { items: items.collect(), has_next: hits.has_next, has_previous: hits.has_previous })
}
