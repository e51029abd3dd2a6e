//! Builders: the least that a test needs to say about a product.

use ironmonger::catalog::{
    ImageDraft, OptionDraft, ProductDraft, ProductStatus, VariantDraft, Written, create_products,
};
use ironmonger::ids::{ProductId, VariantId};
use ironmonger::money::Money;

use super::Shop;

/// A product to be made. Everything has a default; `slug` is unique by default.
pub struct ProductSpec {
    pub slug: String,
    pub name: String,
    pub description: String,
    pub vendor: String,
    pub product_type: String,
    pub tags: Vec<String>,
    pub status: ProductStatus,
    pub options: Vec<(String, Vec<String>)>,
    pub variants: Vec<VariantSpec>,
    pub images: Vec<String>,
    pub collections: Vec<String>,
}

/// A variant to be made.
#[derive(Clone)]
pub struct VariantSpec {
    pub sku: String,
    pub option_values: Vec<String>,
    pub price: String,
    pub compare_at: Option<String>,
    pub stock: i64,
    pub backorderable: bool,
    pub requires_shipping: bool,
    pub taxable: bool,
}

impl Default for VariantSpec {
    fn default() -> Self {
        Self {
            sku: "SKU".into(),
            option_values: Vec::new(),
            price: "10.00".into(),
            compare_at: None,
            stock: 100,
            backorderable: false,
            requires_shipping: true,
            taxable: true,
        }
    }
}

impl ProductSpec {
    /// With one variant at this price.
    pub fn named(slug: &str, name: &str, price: &str) -> Self {
        let variants = vec![VariantSpec { price: price.into(), ..VariantSpec::default() }];
        Self { slug: slug.into(), name: name.into(), variants, ..Self::default() }
    }
}

impl Default for ProductSpec {
    fn default() -> Self {
        let slug = format!("product-{}", uuid::Uuid::new_v4().simple());
        Self {
            name: "Claw hammer".into(),
            slug,
            description: "A hammer.".into(),
            vendor: "Millbeck".into(),
            product_type: "Hammers".into(),
            tags: Vec::new(),
            status: ProductStatus::Active,
            options: Vec::new(),
            variants: vec![VariantSpec::default()],
            images: Vec::new(),
            collections: Vec::new(),
        }
    }
}

/// A product that was made.
#[derive(Debug, Clone)]
pub struct Product {
    pub id: ProductId,
    pub slug: String,
    /// In display order.
    pub variants: Vec<VariantId>,
}

impl Shop {
    /// Makes a product in the default channel.
    pub async fn product(&self, spec: ProductSpec) -> Product {
        self.products(vec![spec]).await.remove(0)
    }

    /// Makes many at once.
    pub async fn products(&self, specs: Vec<ProductSpec>) -> Vec<Product> {
        let app = self.app();
        let channel = app.channels.get(&app.db, None).await.expect("there is a default channel");
        let minor = |text: &str| Money::parse(text, channel.currency).expect("the price is an amount").minor;
        let drafts: Vec<ProductDraft> = specs.into_iter().map(|spec| draft(spec, &minor)).collect();
        let mut conn = app.db.get().await.unwrap();
        let written = create_products(&mut conn, &channel, &drafts, app.clock.now(), "system")
            .await
            .expect("the products can be written");
        drop(conn);
        assert_eq!(written.len(), drafts.len());
        let (client, connection) =
            tokio_postgres::connect(app.db.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut products = Vec::new();
        for (draft, written) in drafts.iter().zip(written) {
            let Written::Created(id) = written else { panic!("{} exists already", draft.slug) };
            let query =
                format!("SELECT id::text FROM variants WHERE product_id = '{}' ORDER BY position, id", id.0);
            let rows = client.query(&query, &[]).await.unwrap();
            let variants =
                rows.iter().map(|row| VariantId(row.get::<_, String>(0).parse().unwrap())).collect();
            products.push(Product { id, slug: draft.slug.clone(), variants });
        }
        products
    }

    /// A product with one variant; the variant.
    pub async fn variant_with_stock(&self, stock: i64, price: &str) -> VariantId {
        let variant = VariantSpec { stock, price: price.into(), ..VariantSpec::default() };
        self.product(ProductSpec { variants: vec![variant], ..ProductSpec::default() }).await.variants[0]
    }
}

fn draft(spec: ProductSpec, minor: &impl Fn(&str) -> i64) -> ProductDraft {
    let variant = |variant: VariantSpec| VariantDraft {
        sku: variant.sku,
        option_values: variant.option_values,
        price_minor: minor(&variant.price),
        compare_at_minor: variant.compare_at.as_deref().map(minor),
        stock: Some(variant.stock),
        backorderable: variant.backorderable,
        barcode: String::new(),
        weight_grams: Some(500),
        requires_shipping: variant.requires_shipping,
        taxable: variant.taxable,
    };
    ProductDraft {
        slug: spec.slug,
        name: spec.name,
        description: spec.description,
        vendor: spec.vendor,
        product_type: spec.product_type,
        tags: spec.tags,
        status: spec.status,
        options: spec.options.into_iter().map(|(name, values)| OptionDraft { name, values }).collect(),
        variants: spec.variants.into_iter().map(variant).collect(),
        images: spec.images.into_iter().map(|url| ImageDraft { url, alt_text: String::new() }).collect(),
        collections: spec.collections,
    }
}
