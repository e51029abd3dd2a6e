//! `productSearch`.

use serde::{Deserialize, Serialize};

use crate::access::{Permission, Viewer};
use crate::catalog::{
    self, About, Matching, Product, ProductColumns, ProductFilter, ProductSort, ProductSortField, Scope,
    Selection, SortDirection, level_for,
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

/// What a search is about, before a page of it is read.
pub struct Found {
    /// What was selected: the whole list and its facets are about the same.
    pub selection: Selection,
    /// What is asked; `None` when nothing is.
    meaning: Option<Meaning>,
    /// About how many products have every word in the name.
    in_name: About,
    sort: Vec<ProductSort>,
}

/// Up to so many matches are ranked at once; more are ranked a part of the catalog after the other.
const MAX_RANKED: i64 = 4_000;

/// A part has about so many matches.
const MAX_IN_PART: i64 = 2_000;

/// The same where conditions that the index cannot tell leave few of them.
const MAX_IN_PART_WITH_CONDITIONS: i64 = 4_000;

/// Finds products that have every word of the question, whose last word may be a beginning. Where nothing in the channel
/// has them, words that nobody uses are taken for ones that are spelled alike. By relevance, those that have every word in the
/// name come first; then a word counts most in the name, then in vendor and SKUs, type and tags, description.
///
/// Two statements, up to four with a correction, none when nothing is asked.
pub async fn search(db: &Db, viewer: &Viewer, search: Search) -> Result<Found> {
    if search.filter.statuses.is_some() {
        viewer.require(Permission::CatalogRead)?;
    }
    let Search { question, filter, scope, sort } = search;
    let selection = Selection::new(scope, filter);
    if question.is_empty() {
        return Ok(Found { selection, meaning: None, in_name: About::NOTHING, sort });
    }
    let mut conn = db.get().await?;
    let mut meaning = Meaning::of(&mut conn, &question).await?;
    let mut extent = Extent::of(&mut conn, &selection, &meaning).await?;
    if !extent.exists
        && let Some(corrected) = meaning.corrected(&mut conn).await?
    {
        let of_corrected = Extent::of(&mut conn, &selection, &corrected).await?;
        if of_corrected.exists {
            (meaning, extent) = (corrected, of_corrected);
        }
    }
    let Extent { selection, in_name, .. } = extent;
    Ok(Found { selection, meaning: Some(meaning), in_name, sort })
}

/// How much words find.
struct Extent {
    /// What they select, with about how much that is.
    selection: Selection,
    /// About how much has every word in the name.
    in_name: About,
    /// Whether they find anything in the channel, whatever the filter.
    exists: bool,
}

impl Extent {
    /// One statement.
    async fn of(conn: &mut Conn, selection: &Selection, meaning: &Meaning) -> Result<Self> {
        let mut selection = selection.with_words(meaning.anywhere());
        let sampled = selection.sampled(None);
        let counts =
            queries::extent(conn, meaning.anywhere(), selection.listed(), sampled, meaning.in_name()).await?;
        selection.about = Some(About::sampled(counts.here, counts.everywhere));
        let in_name = About::sampled(counts.named_here, counts.named_everywhere);
        Ok(Self { selection, in_name, exists: counts.exists })
    }
}

impl Found {
    fn about(&self) -> About {
        self.selection.about.unwrap_or(About::NOTHING)
    }

    /// The question as it was understood, when words were taken for misspelled.
    pub fn corrected(&self) -> Option<&str> {
        self.meaning.as_ref()?.corrected.as_deref()
    }

    /// A page of what was found: the best first, unless another order is wanted; by name when nothing was asked.
    ///
    /// Of more than 4,000 matches a part of the catalog is ranked after the other, by chance but always the same: see
    /// docs/SEARCH.md. Two statements mostly.
    pub async fn page(
        &self,
        db: &Db,
        viewer: &Viewer,
        columns: ProductColumns,
        page: &PageArgs,
    ) -> Result<Page<Product>> {
        let by_name = [ProductSort { field: ProductSortField::Name, direction: SortDirection::Asc }];
        let sort = match (self.sort.is_empty(), &self.meaning) {
            (true, Some(meaning)) => {
                return by_relevance(&mut *db.get().await?, self, meaning, columns, page).await;
            }
            (true, None) => by_name.as_slice(),
            (false, _) => self.sort.as_slice(),
        };
        catalog::list_products(db, viewer, &self.selection, sort, columns, page).await
    }
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
    fn of(found: &Found) -> Self {
        let anywhere = found.about().here;
        if anywhere <= MAX_RANKED {
            return Self { names: 0, others: 0 };
        }
        let most = if found.selection.has_conditions() { MAX_IN_PART_WITH_CONDITIONS } else { MAX_IN_PART };
        Self { names: level_for(found.in_name.here, most), others: level_for(anywhere, most) }
    }

    fn is_sound(self) -> bool {
        self.names <= 10 && self.others <= 10
    }

    fn parts(self) -> u32 {
        if self.others == 0 { 1 } else { (1 << self.names) + (1 << self.others) }
    }

    /// The candidates of a part.
    fn matching(self, part: u32, found: &Found, meaning: &Meaning) -> Matching {
        let Found { selection, in_name, .. } = found;
        if self.others == 0 {
            return selection.matching(None, found.about());
        }
        let names = 1 << self.names;
        if part < names {
            // What has the words in its name has them anywhere.
            let named = selection.with_words(meaning.in_name());
            named.matching(None, *in_name).in_part(self.names, part)
        } else {
            let mut others = selection.matching(None, found.about());
            others.query = format!("{} & !({})", others.query, meaning.in_name());
            others.in_part(self.others, part - names)
        }
    }
}

async fn by_relevance(
    conn: &mut Conn,
    found: &Found,
    meaning: &Meaning,
    columns: ProductColumns,
    page: &PageArgs,
) -> Result<Page<Product>> {
    let cursor: Option<Cursor> = page.cursor()?;
    let parting = cursor.map_or_else(|| Parting::of(found), |cursor| cursor.parting);
    if !parting.is_sound() || cursor.is_some_and(|cursor| cursor.part >= parting.parts()) {
        return Err(Error::request(Code::BadUserInput, "The cursor does not belong to this list."));
    }
    let first = cursor.map_or(if page.backward { parting.parts() - 1 } else { 0 }, |cursor| cursor.part);
    let parts: Vec<u32> =
        if page.backward { (0..=first).rev().collect() } else { (first..parting.parts()).collect() };
    let selection = &found.selection;
    let wanted = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let mut hits: Vec<(u32, Hit)> = Vec::with_capacity(wanted);
    for part in parts {
        let ranking = Ranking {
            selection,
            matching: parting.matching(part, found, meaning),
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
