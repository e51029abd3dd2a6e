//! The statements that write options, images and translations.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Nullable, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::{ImageDraft, OptionDraft, Translation};
use crate::db::Conn;
use crate::ids::{ImageId, OptionId, ProductId};
use crate::media;
use crate::sql::{Sql, array_literal};

use super::Target;

/// A child, its product and its place.
type Placed<'a, T> = (ProductId, i32, &'a T);

pub(super) fn place(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn placed<'a, T>(targets: &[&Target<'a>], children: impl Fn(&Target<'a>) -> &'a [T]) -> Vec<Placed<'a, T>> {
    targets
        .iter()
        .flat_map(|target| children(target).iter().enumerate().map(|(i, child)| (target.id, place(i), child)))
        .collect()
}

fn options<'a>(targets: &[&Target<'a>]) -> Vec<Placed<'a, OptionDraft>> {
    placed(targets, |target| &target.record.options)
}

/// Each image once, however its address is written.
fn images<'a>(targets: &[&Target<'a>]) -> Vec<Placed<'a, ImageDraft>> {
    let mut images = placed(targets, |target| &target.record.images);
    let mut seen = HashSet::new();
    images.retain(|it| seen.insert((it.0, stored_path(it.2).unwrap_or_else(|| it.2.url.clone()))));
    images
}

/// How a row would name the image if it is one of our own storage.
fn stored_path(image: &ImageDraft) -> Option<String> {
    media::read_url(&image.url).map(|stored| stored.path)
}

fn translations<'a>(targets: &[&Target<'a>]) -> Vec<Placed<'a, Translation>> {
    placed(targets, |target| &target.record.translations)
}

const INSERT_OPTIONS: &str = "INSERT INTO product_options AS o (id, product_id, name, \"values\", position) \
    SELECT t.id, t.product_id, t.name, t.choices::text[], t.position \
    FROM (SELECT unnest(?) AS id, unnest(?) AS product_id, unnest(?) AS name, unnest(?) AS choices, \
    unnest(?) AS position) AS t";

// Foreign keys need not be asked about stored images: they are locked.
const INSERT_IMAGES: &str = "WITH t AS (SELECT unnest(?) AS id, unnest(?) AS product_id, unnest(?) AS url, \
         unnest(?) AS alt_text, unnest(?) AS position, unnest(?) AS media_id, unnest(?) AS stored_path), \
    stored AS MATERIALIZED (SELECT id FROM media_images \
         WHERE id = ANY(ARRAY(SELECT media_id FROM t WHERE media_id IS NOT NULL)) AND state = 'STORED' FOR KEY SHARE) \
    INSERT INTO product_images AS i (id, product_id, url, alt_text, position, media_id) \
    SELECT t.id, t.product_id, CASE WHEN m.id IS NULL THEN t.url ELSE t.stored_path END, t.alt_text, t.position, m.id \
    FROM t LEFT JOIN stored AS m ON m.id = t.media_id";

const INSERT_TRANSLATIONS: &str = "INSERT INTO product_translations AS r (product_id, locale, name, description) \
    SELECT * FROM unnest(?, ?, ?, ?)";

/// Writes the children of new products.
pub(super) async fn insert(conn: &mut Conn, new: &[&Target<'_>]) -> QueryResult<()> {
    write_options(conn, INSERT_OPTIONS.to_owned(), options(new)).await?;
    write_images(conn, INSERT_IMAGES.to_owned(), images(new)).await?;
    write_translations(conn, INSERT_TRANSLATIONS.to_owned(), translations(new)).await
}

/// Makes the children of known products equal to their records.
pub(super) async fn replace(conn: &mut Conn, known: &[&Target<'_>]) -> QueryResult<()> {
    let (options, images, translations) = (options(known), images(known), translations(known));
    keep(conn, known, "product_options", "name", options.iter().map(|it| (it.0, it.2.name.as_str()))).await?;
    let paths: Vec<(ProductId, String)> =
        images.iter().filter_map(|it| Some((it.0, stored_path(it.2)?))).collect();
    let urls = images.iter().map(|it| (it.0, it.2.url.as_str()));
    let urls = urls.chain(paths.iter().map(|(id, path)| (*id, path.as_str())));
    keep(conn, known, "product_images", "url", urls).await?;
    let locales = translations.iter().map(|it| (it.0, it.2.locale.as_str()));
    keep(conn, known, "product_translations", "locale", locales).await?;
    let upsert = format!(
        "{INSERT_OPTIONS} ON CONFLICT (product_id, name) DO UPDATE SET \"values\" = excluded.\"values\", \
         position = excluded.position \
         WHERE (o.\"values\", o.position) IS DISTINCT FROM (excluded.\"values\", excluded.position)"
    );
    write_options(conn, upsert, options).await?;
    let upsert = format!(
        "{INSERT_IMAGES} ON CONFLICT (product_id, url) DO UPDATE SET alt_text = excluded.alt_text, \
         position = excluded.position \
         WHERE (i.alt_text, i.position) IS DISTINCT FROM (excluded.alt_text, excluded.position)"
    );
    write_images(conn, upsert, images).await?;
    let upsert = format!(
        "{INSERT_TRANSLATIONS} ON CONFLICT (product_id, locale) DO UPDATE SET name = excluded.name, \
         description = excluded.description \
         WHERE (r.name, r.description) IS DISTINCT FROM (excluded.name, excluded.description)"
    );
    write_translations(conn, upsert, translations).await
}

/// Deletes the children of the products but for those that have one of the keys.
async fn keep<'a>(
    conn: &mut Conn,
    known: &[&Target<'_>],
    table: &'static str,
    key: &'static str,
    kept: impl Iterator<Item = (ProductId, &'a str)>,
) -> QueryResult<()> {
    let (ids, keys): (Vec<ProductId>, Vec<&str>) = kept.unzip();
    Sql::<Uuid>::new(format!(
        "DELETE FROM {table} AS c WHERE c.product_id = ANY(?) AND NOT EXISTS \
         (SELECT FROM unnest(?, ?) AS t(product_id, key) WHERE t.product_id = c.product_id AND t.key = c.{key})"
    ))
    .bind::<Array<Uuid>, _>(known.iter().map(|target| target.id).collect::<Vec<_>>())
    .bind::<Array<Uuid>, _>(ids)
    .bind::<Array<Text>, _>(keys)
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_options(
    conn: &mut Conn,
    text: String,
    options: Vec<Placed<'_, OptionDraft>>,
) -> QueryResult<()> {
    if options.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(text)
        .bind::<Array<Uuid>, _>(options.iter().map(|_| OptionId::new()).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(options.iter().map(|it| it.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(options.iter().map(|it| it.2.name.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(options.iter().map(|it| array_literal(&it.2.values)).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(options.iter().map(|it| it.1).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

async fn write_images(conn: &mut Conn, text: String, images: Vec<Placed<'_, ImageDraft>>) -> QueryResult<()> {
    if images.is_empty() {
        return Ok(());
    }
    let stored: Vec<_> = images.iter().map(|it| media::read_url(&it.2.url)).collect();
    Sql::<Uuid>::new(text)
        .bind::<Array<Uuid>, _>(images.iter().map(|_| ImageId::new()).collect::<Vec<_>>())
        .bind::<Array<Uuid>, _>(images.iter().map(|it| it.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(images.iter().map(|it| it.2.url.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(images.iter().map(|it| it.2.alt_text.as_str()).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(images.iter().map(|it| it.1).collect::<Vec<_>>())
        .bind::<Array<Nullable<Uuid>>, _>(
            stored.iter().map(|stored| stored.as_ref().map(|one| one.id)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            stored.iter().map(|stored| stored.as_ref().map(|one| one.path.as_str())).collect::<Vec<_>>(),
        )
        .execute(conn)
        .await?;
    Ok(())
}

async fn write_translations(
    conn: &mut Conn,
    text: String,
    translations: Vec<Placed<'_, Translation>>,
) -> QueryResult<()> {
    if translations.is_empty() {
        return Ok(());
    }
    Sql::<Uuid>::new(text)
        .bind::<Array<Uuid>, _>(translations.iter().map(|it| it.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(translations.iter().map(|it| it.2.locale.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            translations.iter().map(|it| it.2.name.as_deref()).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            translations.iter().map(|it| it.2.description.as_deref()).collect::<Vec<_>>(),
        )
        .execute(conn)
        .await?;
    Ok(())
}
