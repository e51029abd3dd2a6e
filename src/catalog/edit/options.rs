//! `productOptionsUpdate`: the whole list of options as it shall be; the variants follow.

use std::collections::{HashMap, HashSet};

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::{OptionId, ProductId, VariantId};

use super::super::check::is_bad_text;
use super::queries::{self, StoredOption};
use super::{Author, lock_product};

/// An option as it shall be.
#[derive(Debug, Clone)]
pub struct OptionEdit {
    /// The option that it is; a new one when `None`.
    pub id: Option<OptionId>,
    /// 1 to 255 characters.
    pub name: String,
    /// In display order; at least one.
    pub values: Vec<ValueEdit>,
}

/// A value as it shall be.
#[derive(Debug, Clone)]
pub struct ValueEdit {
    /// 1 to 255 characters.
    pub value: String,
    /// The value that it replaces, in variants too.
    pub renames: Option<String>,
}

/// Makes the options of a product these, in this order; needs CATALOG_WRITE. Locks the product. Options that are not named go.
///
/// Every variant keeps its values, under their new names; of a new option it has the first value. Rejects malformed and
/// repeated names and values, an unknown option or renamed value, values that go although variants have them, and
/// lists under which two variants would be the same.
pub async fn options_update(
    app: &App,
    viewer: &Viewer,
    id: ProductId,
    expected_version: Option<i64>,
    options: Vec<OptionEdit>,
) -> Result<ProductId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let rejections = check(&options);
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        lock_product(conn, id, expected_version, "productId").await?;
        let stored = queries::options(conn, id).await?;
        let variants = queries::combinations(conn, id).await?;
        let plan = plan(&stored, &variants, &options).map_err(Error::Rejected)?;
        queries::set_options(conn, id, &plan.options).await?;
        if !plan.changed.is_empty() {
            queries::set_combinations(conn, &plan.changed, author.now).await?;
        }
        queries::touch(conn, id, author.now).await?;
        author.record(conn, id, "product.options_updated", serde_json::json!({})).await?;
        Ok::<_, Error>(id)
    })
    .await
}

fn at(option: usize, rest: &[&str]) -> Vec<String> {
    let start = ["input".to_owned(), "options".to_owned(), option.to_string()];
    start.into_iter().chain(rest.iter().map(|part| (*part).to_owned())).collect()
}

fn check(options: &[OptionEdit]) -> Vec<Rejection> {
    let mut rejections = Vec::new();
    let mut names = HashSet::new();
    let bad = |text: &str| text.trim().is_empty() || is_bad_text(text) || text.contains('\u{1}');
    for (index, option) in options.iter().enumerate() {
        if bad(&option.name) || !names.insert(&option.name) {
            let message = "An option has a name of 1 to 255 characters that no other one has.";
            rejections.push(Rejection::new(Reason::Invalid, message).at(at(index, &["name"])));
        }
        let mut values = HashSet::new();
        let good = option.values.iter().all(|value| !bad(&value.value) && values.insert(&value.value));
        if !good || option.values.is_empty() {
            let message = "An option has values of 1 to 255 characters, at least one and none of them twice.";
            rejections.push(Rejection::new(Reason::Invalid, message).at(at(index, &["values"])));
        }
    }
    rejections
}

/// What is to be written.
#[derive(Debug, PartialEq)]
struct Plan {
    options: Vec<StoredOption>,
    /// The variants whose option values become others.
    changed: Vec<(VariantId, Vec<String>)>,
}

/// Where the values of an option come from.
struct Source<'a> {
    /// The place of the option that it was, and its old values by their new names' sources.
    old: Option<usize>,
    renamed: HashMap<&'a str, &'a str>,
}

fn plan(
    stored: &[StoredOption],
    variants: &[(VariantId, Vec<String>)],
    edits: &[OptionEdit],
) -> Result<Plan, Vec<Rejection>> {
    let mut rejections = Vec::new();
    let mut sources = Vec::with_capacity(edits.len());
    let mut taken = HashSet::new();
    for (index, edit) in edits.iter().enumerate() {
        let old = edit.id.and_then(|id| stored.iter().position(|option| option.id == id));
        if edit.id.is_some() && !old.is_some_and(|old| taken.insert(old)) {
            let message = "The product has no such option, or it is named twice.";
            rejections.push(Rejection::new(Reason::NotFound, message).at(at(index, &["id"])));
            continue;
        }
        sources.push(Source {
            old,
            renamed: renamed(index, edit, old.map(|old| &stored[old]), &mut rejections),
        });
    }
    if !rejections.is_empty() {
        return Err(rejections);
    }
    let mut all = HashSet::new();
    let mut changed = Vec::new();
    for (id, current) in variants {
        let mut values = Vec::with_capacity(edits.len());
        for (index, (edit, source)) in edits.iter().zip(&sources).enumerate() {
            let was = source.old.and_then(|old| current.get(old));
            let value = match was {
                None => Some(edit.values[0].value.as_str()),
                Some(was) => source.renamed.get(was.as_str()).copied().or_else(|| {
                    edit.values.iter().map(|value| value.value.as_str()).find(|value| value == was)
                }),
            };
            match value {
                Some(value) => values.push(value.to_owned()),
                None => {
                    let was = was.map_or("", String::as_str);
                    let message =
                        format!("Variants have the value {was:?}: rename it, or change them first.");
                    let rejection = Rejection::new(Reason::InvalidState, message).at(at(index, &["values"]));
                    if !rejections.contains(&rejection) {
                        rejections.push(rejection);
                    }
                }
            }
        }
        if values.len() == edits.len() && !all.insert(values.clone()) {
            let message = "Two variants would have the same option values: delete one of them first.";
            return Err(vec![Rejection::new(Reason::InvalidState, message).at(["input", "options"])]);
        }
        if values != *current {
            changed.push((*id, values));
        }
    }
    if !rejections.is_empty() {
        return Err(rejections);
    }
    let options = edits
        .iter()
        .map(|edit| StoredOption {
            id: edit.id.unwrap_or_else(OptionId::new),
            name: edit.name.clone(),
            values: edit.values.iter().map(|value| value.value.clone()).collect(),
        })
        .collect();
    Ok(Plan { options, changed })
}

/// The new names of old values.
fn renamed<'a>(
    index: usize,
    edit: &'a OptionEdit,
    stored: Option<&StoredOption>,
    rejections: &mut Vec<Rejection>,
) -> HashMap<&'a str, &'a str> {
    let mut renamed = HashMap::new();
    for (place, value) in edit.values.iter().enumerate() {
        let Some(old) = value.renames.as_deref() else { continue };
        let known = stored.is_some_and(|option| option.values.iter().any(|value| value == old));
        if !known || renamed.insert(old, value.value.as_str()).is_some() {
            let message = format!("The option has no value {old:?}, or it is renamed twice.");
            let path = at(index, &["values", &place.to_string(), "renames"]);
            rejections.push(Rejection::new(Reason::NotFound, message).at(path));
        }
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &str, values: &[&str]) -> StoredOption {
        let values = values.iter().map(|value| value.to_string()).collect();
        StoredOption { id: OptionId::new(), name: name.into(), values }
    }

    fn edit(id: Option<OptionId>, name: &str, values: &[(&str, Option<&str>)]) -> OptionEdit {
        let value = |(value, renames): &(&str, Option<&str>)| ValueEdit {
            value: value.to_string(),
            renames: renames.map(str::to_owned),
        };
        OptionEdit { id, name: name.into(), values: values.iter().map(value).collect() }
    }

    fn variants(combinations: &[&[&str]]) -> Vec<(VariantId, Vec<String>)> {
        let values = |values: &&[&str]| values.iter().map(|value| value.to_string()).collect();
        combinations.iter().map(|combination| (VariantId::new(), values(combination))).collect()
    }

    #[test]
    fn variants_follow_renamed_swapped_and_new_options() {
        let stored = [option("Size", &["S", "M"]), option("Color", &["red", "blue"])];
        let variants = variants(&[&["S", "red"], &["M", "blue"]]);
        let edits = [
            edit(
                Some(stored[1].id),
                "Colour",
                &[("blue", Some("red")), ("red", Some("blue")), ("green", None)],
            ),
            edit(None, "Material", &[("oak", None), ("pine", None)]),
            edit(Some(stored[0].id), "Size", &[("Small", Some("S")), ("M", None)]),
        ];
        let plan = plan(&stored, &variants, &edits).unwrap();
        let values: Vec<&[String]> = plan.changed.iter().map(|variant| variant.1.as_slice()).collect();
        assert_eq!(values, [["blue", "oak", "Small"], ["red", "oak", "M"]]);
        assert_eq!(plan.options[0].id, stored[1].id);
        assert_eq!(plan.options[2].values, ["Small", "M"]);
    }

    #[test]
    fn a_value_that_variants_have_cannot_go() {
        let stored = [option("Size", &["S", "M"])];
        let edits = [edit(Some(stored[0].id), "Size", &[("S", None)])];
        let rejections = plan(&stored, &variants(&[&["S"], &["M"]]), &edits).unwrap_err();
        assert_eq!(rejections[0].reason, Reason::InvalidState);
        assert!(plan(&stored, &variants(&[&["S"]]), &edits).unwrap().changed.is_empty());
    }

    #[test]
    fn an_option_that_tells_variants_apart_cannot_go() {
        let stored = [option("Size", &["S", "M"])];
        let rejections = plan(&stored, &variants(&[&["S"], &["M"]]), &[]).unwrap_err();
        assert_eq!(rejections[0].field, ["input", "options"]);
    }
}
