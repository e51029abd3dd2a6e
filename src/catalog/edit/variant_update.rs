//! `variantUpdate`: an edit of the variant's own columns. Prices and stock have mutations of their own.

use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::VariantId;
use crate::schema::variants;

use super::variant_create::{check_texts, combination_taken};
use super::{Author, combination, lock_variant, queries};

/// What changes; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct VariantChange {
    /// At most 255 characters.
    pub sku: Option<String>,
    /// At most 255 characters.
    pub barcode: Option<String>,
    /// In grams; `Some(None)` makes it unknown.
    pub weight_grams: Option<Option<i64>>,
    /// False for what is not sent.
    pub requires_shipping: Option<bool>,
    /// Whether tax is charged.
    pub taxable: Option<bool>,
    /// Option and value, for every option.
    pub selected_options: Option<Vec<(String, String)>>,
}

#[derive(AsChangeset)]
#[diesel(table_name = variants)]
struct Columns {
    sku: Option<String>,
    barcode: Option<String>,
    weight_grams: Option<Option<i64>>,
    requires_shipping: Option<bool>,
    taxable: Option<bool>,
}

/// Edits a variant; needs CATALOG_WRITE. Locks its product. Rejects an unknown variant, a stale version, malformed texts, option
/// values that the product does not have, and a combination that another variant has.
pub async fn variant_update(
    app: &App,
    viewer: &Viewer,
    id: VariantId,
    expected_version: Option<i64>,
    change: VariantChange,
) -> Result<VariantId> {
    let author = Author::with(app, viewer, Permission::CatalogWrite)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    check_texts(&text(&change.sku), &text(&change.barcode))?;
    let mut conn = app.db.get().await?;
    conn.transaction(async |conn| {
        let current = lock_variant(conn, id, expected_version, "id").await?;
        let VariantChange { sku, barcode, weight_grams, requires_shipping, taxable, selected_options } =
            change;
        let new_sku = sku.as_ref().is_some_and(|sku| *sku != current.sku);
        let columns = Columns { sku, barcode, weight_grams, requires_shipping, taxable };
        diesel::update(variants::table.find(id))
            .set((columns, variants::version.eq(variants::version + 1), variants::updated_at.eq(author.now)))
            .execute(conn)
            .await?;
        if let Some(selected) = selected_options {
            let options = queries::options(conn, current.product_id).await?;
            let values = combination(&options, selected)?;
            let others = queries::combinations(conn, current.product_id).await?;
            if others.iter().any(|other| other.0 != id && other.1 == values) {
                return Err(combination_taken().into());
            }
            diesel::update(variants::table.find(id))
                .set((variants::name.eq(super::variant_name(&values)), variants::option_values.eq(values)))
                .execute(conn)
                .await?;
        }
        if new_sku {
            queries::refresh_search(conn, current.product_id).await?;
        }
        queries::touch(conn, current.product_id, author.now).await?;
        let payload = serde_json::json!({ "variant": id });
        author.record(conn, current.product_id, "product.variant_updated", payload).await?;
        Ok::<_, Error>(id)
    })
    .await
}
