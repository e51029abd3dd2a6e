//! What of a product is at hand once its row is read: nearly all that lists ask for.

use crate::catalog::model::Product as Row;
use crate::graphql::{Asked, HasAtHand, Writer};

use super::product::Product;

impl HasAtHand for Product {
    fn write<'a>(&self, field: &Asked<'a>, to: &mut Writer<'a>) -> Option<()> {
        let Row { id, slug, name, details, description, tags, prices, image, .. } = &self.0;
        // Texts in another language come by a batch of their own.
        let as_written = field.locale.tag().is_none();
        match field.name() {
            "id" => to.display(id),
            "name" if as_written => to.text(name),
            "slug" => to.text(slug),
            "vendor" => to.text(&details.as_ref()?.vendor),
            "productType" => to.text(&details.as_ref()?.product_type),
            "description" if as_written => to.text(description.as_ref()?),
            "tags" => to.texts(tags.as_ref()?),
            "priceRange" => match *prices.as_ref()? {
                Some((min, max)) => to.object(field, "PriceRange", |to, bound| {
                    let minor = match bound.name() {
                        "min" => min,
                        "max" => max,
                        _ => return None,
                    };
                    to.whole(bound, &bound.channel.money(minor))
                }),
                None => to.null(),
            },
            "featuredImage" => match image.as_ref()? {
                Some(image) => to.object(field, "Image", |to, field| match field.name() {
                    "id" => to.display(image.id),
                    "url" => to.text(&image.url),
                    "altText" => to.text(&image.alt_text),
                    _ => None,
                }),
                None => to.null(),
            },
            _ => None,
        }
    }
}
