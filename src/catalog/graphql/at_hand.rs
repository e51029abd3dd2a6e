//! What of a product is at hand once its row is read: nearly all that lists ask for.

use async_graphql::Value;

use crate::catalog::model::{Details, Fetched};
use crate::graphql::{Asked, HasAtHand};

use super::product::Product;

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

impl HasAtHand for Product {
    fn at_hand(&self, field: &Asked<'_>) -> Option<Value> {
        let product = &self.0;
        let details = || match &product.details {
            Fetched::Yes(details) => Some(details),
            Fetched::No => None,
        };
        // Texts in another language come by a batch of their own.
        let as_written = field.locale.tag().is_none();
        Some(match field.name() {
            "name" | "description" if !as_written => return None,
            "id" => text(product.id.to_string()),
            "name" => text(&product.name),
            "slug" => text(&product.slug),
            "vendor" => text(&product.vendor),
            "productType" => text(&product.product_type),
            "description" => text(&details()?.description),
            "tags" => {
                let Details { tags, .. } = details()?;
                Value::List(tags.iter().map(text).collect())
            }
            "priceRange" => match product.prices {
                Fetched::Yes(Some((min, max))) => field.object("PriceRange", |bound| {
                    let minor = match bound.name() {
                        "min" => min,
                        "max" => max,
                        _ => return None,
                    };
                    let money = bound.channel.money(minor);
                    bound.object("Money", |field| money.at_hand(field))
                })?,
                Fetched::Yes(None) => Value::Null,
                Fetched::No => return None,
            },
            "featuredImage" => match &product.image {
                Fetched::Yes(Some(image)) => field.object("Image", |field| match field.name() {
                    "id" => Some(text(image.id.to_string())),
                    "url" => Some(text(&image.url)),
                    "altText" => Some(text(&image.alt_text)),
                    _ => None,
                })?,
                Fetched::Yes(None) => Value::Null,
                Fetched::No => return None,
            },
            _ => return None,
        })
    }
}
