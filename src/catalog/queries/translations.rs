//! Texts in other languages. Nothing is read for requests that get texts as they were written.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use diesel::sql_types::{Array, Nullable, Text, Uuid};
use diesel_async::RunQueryDsl;

use crate::catalog::translations::{Texts, Translated};
use crate::error::Result;
use crate::graphql::BatchReader;
use crate::ids::{CollectionId, ProductId};
use crate::sql::Sql;

/// The texts of something in the language of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TranslationOf(pub Translated);

/// All translations of something, by language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TranslationsOf(pub Translated);

type Row = (uuid::Uuid, String, Option<String>, Option<String>);

impl BatchReader {
    /// The translations of these, in these languages or (empty) in all; one statement for each kind.
    async fn translations(
        &self,
        keys: impl Iterator<Item = Translated>,
        tags: &[String],
    ) -> Result<Vec<(Translated, String, Texts)>> {
        let mut by_kind: [Vec<Translated>; 2] = Default::default();
        for key in keys {
            by_kind[usize::from(matches!(key, Translated::Collection(_)))].push(key);
        }
        let mut found = Vec::new();
        for kind in by_kind {
            let [first, ..] = kind.as_slice() else { continue };
            let (table, column, ..) = first.tables();
            let rows: Vec<Row> = Sql::<(Uuid, Text, Nullable<Text>, Nullable<Text>)>::new(format!(
                "SELECT {column}, locale, name, description FROM {table}, (SELECT ?::text[] AS tags) AS asked \
                 WHERE {column} = ANY((SELECT ?)::uuid[]) AND (asked.tags = '{{}}' OR locale = ANY(asked.tags)) ORDER BY {column}, locale"
            ))
            .bind::<Array<Text>, _>(tags)
            .bind::<Array<Uuid>, _>(kind.iter().map(|key| key.id()).collect::<Vec<_>>())
            .load(&mut self.app.db.get().await?)
            .await?;
            found.extend(rows.into_iter().map(|(id, locale, name, description)| {
                let of = match first {
                    Translated::Product(_) => Translated::Product(ProductId(id)),
                    Translated::Collection(_) => Translated::Collection(CollectionId(id)),
                };
                (of, locale, Texts { name, description })
            }));
        }
        Ok(found)
    }
}

impl Loader<TranslationOf> for BatchReader {
    type Value = Texts;
    type Error = async_graphql::Error;

    /// Each text in the best language that has it.
    async fn load(&self, keys: &[TranslationOf]) -> Result<HashMap<TranslationOf, Texts>, Self::Error> {
        let candidates = self.locale.candidates();
        if candidates.is_empty() {
            return Ok(HashMap::new());
        }
        let mut rows = self.translations(keys.iter().map(|key| key.0), &candidates).await?;
        // The longest tag is the best one.
        rows.sort_by_key(|(_, locale, _)| std::cmp::Reverse(locale.len()));
        let mut found: HashMap<TranslationOf, Texts> = HashMap::new();
        for (of, _, texts) in rows {
            let best = found.entry(TranslationOf(of)).or_default();
            best.name = best.name.take().or(texts.name);
            best.description = best.description.take().or(texts.description);
        }
        Ok(found)
    }
}

impl Loader<TranslationsOf> for BatchReader {
    type Value = Vec<(String, Texts)>;
    type Error = async_graphql::Error;

    async fn load(
        &self,
        keys: &[TranslationsOf],
    ) -> Result<HashMap<TranslationsOf, Vec<(String, Texts)>>, Self::Error> {
        let mut found: HashMap<TranslationsOf, Vec<(String, Texts)>> = HashMap::new();
        for (of, locale, texts) in self.translations(keys.iter().map(|key| key.0), &[]).await? {
            found.entry(TranslationsOf(of)).or_default().push((locale, texts));
        }
        Ok(found)
    }
}
