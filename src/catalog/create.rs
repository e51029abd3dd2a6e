//! `productCreate`: a whole product by hand.

use diesel_async::AsyncConnection;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::channels::Channel;
use crate::error::{Error, Reason, Rejection, Result};
use crate::ids::ProductId;

use super::types::{ValueDraft, write_values};
use super::{ProductDraft, VariantDraft, Written, create_products};

/// A product that somebody enters.
pub struct NewProduct {
    /// The product; its slug may be empty and is then made from the name. The option values of its variants are in
    /// `selected_options` instead.
    pub draft: ProductDraft,
    /// Per variant of the draft: option and value.
    pub selected_options: Vec<Vec<(String, String)>>,
    /// Values of its type's attributes.
    pub attributes: Vec<ValueDraft>,
}

/// Creates a product with everything that belongs to it; needs CATALOG_WRITE, and INVENTORY_WRITE where a variant has
/// stock. Rejects a slug that exists, and what [`ProductDraft::check`] finds.
pub async fn create(app: &App, viewer: &Viewer, channel: &Channel, new: NewProduct) -> Result<ProductId> {
    viewer.require(Permission::CatalogWrite)?;
    if new.draft.variants.iter().any(|variant| variant.stock.is_some_and(|stock| stock != 0)) {
        viewer.require(Permission::InventoryWrite)?;
    }
    let NewProduct { mut draft, selected_options, attributes } = new;
    let mut rejections = Vec::new();
    select_options(&mut draft, selected_options, &mut rejections);
    if draft.slug.is_empty() {
        draft.slug = slug_of(&draft.name);
    }
    draft.tags.sort();
    draft.tags.dedup();
    // What an option value is missing from is better said once, with the option that does not exist.
    if rejections.is_empty() {
        rejections.extend(draft.check().into_iter().map(under_input));
    }
    if !rejections.is_empty() {
        return Err(Error::Rejected(rejections));
    }
    let (actor, now) = (viewer.actor(), app.clock.now());
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let drafts = std::slice::from_ref(&draft);
        let written = create_products(conn, channel, drafts, now, &actor).await?;
        match written.as_slice() {
            [Written::Created(id)] => {
                if !attributes.is_empty() {
                    write_values(conn, *id, &attributes).await?;
                }
                Ok::<_, Error>(*id)
            }
            _ => Err(slug_taken().into()),
        }
    })
    .await
}

/// That another product has the slug.
pub(super) fn slug_taken() -> Rejection {
    Rejection::new(Reason::Taken, "Another product has this slug.").at(["input", "slug"])
}

/// Gives the path of a rejection the root that clients know.
fn under_input(mut rejection: Rejection) -> Rejection {
    rejection.field.insert(0, "input".into());
    rejection
}

/// Puts the values that a variant selects in the order of the options.
fn select_options(
    draft: &mut ProductDraft,
    selected: Vec<Vec<(String, String)>>,
    rejections: &mut Vec<Rejection>,
) {
    let names: Vec<String> = draft.options.iter().map(|option| option.name.clone()).collect();
    for (index, (variant, mut selected)) in draft.variants.iter_mut().zip(selected).enumerate() {
        let VariantDraft { option_values, .. } = variant;
        for name in &names {
            if let Some(place) = selected.iter().position(|(option, _)| option == name) {
                option_values.push(selected.remove(place).1);
            }
        }
        if let Some((option, _)) = selected.first() {
            let message = format!("The product has no option {option:?}, or it is selected twice.");
            let path = ["input", "variants", &index.to_string(), "selectedOptions"];
            rejections.push(Rejection::new(Reason::Invalid, message).at(path));
        }
    }
}

/// A slug from a name: its letters and digits in lower case, joined by hyphens.
pub(super) fn slug_of(name: &str) -> String {
    let lower = name.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::slug_of;

    #[test]
    fn slugs_are_words_with_hyphens() {
        assert_eq!(slug_of("  Ball-Peen Hammer, 16 oz! "), "ball-peen-hammer-16-oz");
        assert_eq!(slug_of("Crème Brûlée"), "crème-brûlée");
        assert_eq!(slug_of("!!!"), "");
    }
}
