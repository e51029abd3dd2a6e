//! What a shop has beside products: collections, ways to ship, a tax.

use tokio_postgres::Client;
use uuid::Uuid;

/// How many collections there are.
pub const COLLECTIONS: usize = 60;

/// The collection of this place in URLs; the first one is the largest.
pub fn slug_of(place: usize) -> String {
    format!("collection-{:02}", place + 1)
}

/// Which share of `products` products is in the collection of this place: half of them in the first one, a quarter in the
/// second, a sixth in the third, and so on. The last ten hold about 24, whatever the size of the shop.
pub fn share_of(place: usize, products: u64) -> f64 {
    if place >= COLLECTIONS - 10 {
        return (24.0 / products.max(1) as f64).min(1.0);
    }
    0.5 / (place + 1) as f64
}

/// Writes them into a shop that has none. Safe to do again.
pub async fn write(client: &Client) -> anyhow::Result<()> {
    for place in 0..COLLECTIONS {
        client
            .execute(
                "INSERT INTO collections (id, slug, name, description, created_at, updated_at) \
                 VALUES ($1, $2, $3, 'Picked by hand.', now(), now()) ON CONFLICT (slug) DO NOTHING",
                &[&Uuid::now_v7(), &slug_of(place), &format!("Collection {:02}", place + 1)],
            )
            .await?;
    }
    client
        .execute(
            "WITH method AS (INSERT INTO shipping_methods (id, name, created_at) VALUES ($1, 'Standard', now()) \
             ON CONFLICT (name) DO NOTHING RETURNING id) \
             INSERT INTO shipping_method_channels (shipping_method_id, channel_id, price, free_above) \
             SELECT method.id, channels.id, 590, 10000 FROM method, channels WHERE is_default",
            &[&Uuid::now_v7()],
        )
        .await?;
    client
        .execute(
            "INSERT INTO tax_rates (id, channel_id, name, rate_ppm, created_at) \
             SELECT $1, id, 'Sales tax', 80000, now() FROM channels WHERE is_default ON CONFLICT DO NOTHING",
            &[&Uuid::now_v7()],
        )
        .await?;
    Ok(())
}
