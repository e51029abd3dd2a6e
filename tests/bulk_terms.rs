//! Many new products are found by, and tell caches, the same as if triggers had seen each of their rows.

use crate::bulk::import;
use crate::support::{Shop, Value, json};

/// More than it takes to let the triggers stand back, in three batches.
const MANY: usize = 1_200;
const FEW: usize = 40;

/// Notes which products triggers refresh and what caches are told.
const PREPARE: &str = "INSERT INTO channels (id, slug, name, currency_code) VALUES (gen_random_uuid(), 'japan', 'Japan', 'JPY');
    INSERT INTO collections (id, slug, name, created_at, updated_at)
        SELECT gen_random_uuid(), 'c-' || n, 'C ' || n, now(), now() FROM generate_series(0, 4) AS n;
    ALTER FUNCTION search_refresh RENAME TO search_refresh_quietly;
    CREATE TABLE refreshed (id uuid);
    CREATE FUNCTION search_refresh(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO refreshed SELECT unnest(ids);
        PERFORM search_refresh_quietly(ids);
    END $$;
    CREATE TABLE told (kinds integer, due timestamptz, ids uuid[]);
    CREATE FUNCTION note_told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO told VALUES (NEW.kinds, NEW.due, NEW.ids);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_told AFTER INSERT ON catalog_changes FOR EACH ROW EXECUTE FUNCTION note_told();
    ALTER TABLE catalog_changes ENABLE ALWAYS TRIGGER note_told;";

/// Names every product that is found by something else than it would be after [`REBUILD`].
const DIFFERING: &str = "SELECT coalesce(string_agg(p.slug || ': ' || array_to_string(ARRAY(
            SELECT '-' || one FROM unnest(tsvector_to_array(b.terms)) AS one WHERE one <> ALL (tsvector_to_array(a.terms))
            UNION ALL SELECT '+' || one FROM unnest(tsvector_to_array(a.terms)) AS one WHERE one <> ALL (tsvector_to_array(b.terms))
        ), ', ', '?'), E'\\n'), '')
    FROM products AS p LEFT JOIN before AS b ON b.product_id = p.id LEFT JOIN product_terms AS a ON a.product_id = p.id
    WHERE (a.terms, ARRAY(SELECT unnest(a.facets) ORDER BY 1)) IS DISTINCT FROM (b.terms, ARRAY(SELECT unnest(b.facets) ORDER BY 1))";

const REBUILD: &str =
    "CREATE TABLE before AS TABLE product_terms; CREATE TABLE words_before AS TABLE search_words;
    CREATE TABLE values_before AS TABLE search_values; TRUNCATE product_terms, search_words, search_values;
    SELECT search_refresh_quietly(array_agg(id)) FROM products";

fn attributes(number: usize) -> Value {
    match number % 6 {
        0 => json!({}),
        1 => json!({ "material": "oak", "organic": true, "sizes": ["S", "", "L"] }),
        2 => json!({ "weight": 12.5 }),
        3 => json!({ "count": 7, "material": "x".repeat(700) }),
        4 => json!({ "a_long_code": "Ü'\"\\{},\u{1f600}" }),
        _ => json!({ "b": false, "years": ["2024", "2025"] }),
    }
}

/// A product of everything that search looks at.
fn product(number: usize) -> Value {
    let amount = |place: usize| format!("{}.{:02}", (number * 37 + place * 999) % 5_000, number % 100);
    let variant = |place: usize| {
        let stock = match (number + place) % 4 {
            0 => json!([]),
            1 => json!([{ "location": "Main warehouse", "onHand": 0 }]),
            2 => {
                json!([{ "location": "Main warehouse", "onHand": 0, "backorderable": number.is_multiple_of(8) }])
            }
            _ => json!([{ "location": "Main warehouse", "onHand": number }]),
        };
        let mut prices =
            vec![json!({ "channel": "default", "currencyCode": "USD", "amount": amount(place) })];
        if number.is_multiple_of(3) {
            prices.push(json!({ "channel": "japan", "currencyCode": "JPY", "amount": format!("{}", number * place * 7) }));
        }
        if number.is_multiple_of(7) {
            prices[0]["sale"] = json!({ "amount": "0.00", "startsAt": "2090-01-01T00:00:00Z", "endsAt": "2091-01-01T00:00:00Z" });
        }
        if number.is_multiple_of(11) {
            prices.clear();
        }
        json!({ "sku": format!("SKU-{number}-{place}"), "optionValues": [format!("v{place}"), "red, \"dark\""], "prices": prices, "stock": stock })
    };
    let published = ["2026-01-02T03:04:05Z", "2092-01-01T00:00:00Z"][usize::from(number.is_multiple_of(10))];
    let mut line = json!({
        "slug": format!("p-{number}"),
        "name": format!("{} hook {number}", ["Crème", "½", "Oak", "the", "Running runner"][number % 5]),
        "vendor": (["", "Iron & Works", "Straße"][number % 3]),
        "productType": (["Hooks", "", "Coat hooks"][number % 3]),
        "tags": (0..number % 5).map(|tag| format!("tag {tag}")).collect::<Vec<_>>(),
        "description": "<p>Hooks of oak, and of iron.</p>",
        "status": (["ACTIVE", "ACTIVE", "DRAFT", "ARCHIVED"][number % 4]),
        "options": [{ "name": "Size", "values": ["v0", "v1", "v2"] }, { "name": "Color", "values": ["red, \"dark\"", "\\"] }],
        "variants": (0..3).map(variant).collect::<Vec<_>>(),
        "attributes": attributes(number),
        "collections": (0..number % 4).map(|c| json!({ "slug": format!("c-{c}") })).collect::<Vec<_>>(),
    });
    if number.is_multiple_of(6) {
        line["channels"] = json!([{ "channel": "default", "publishedAt": published }, { "channel": "japan", "publishedAt": null }]);
    }
    if number == 9 {
        line["options"][1]["values"] =
            (0..600).map(|value| json!(format!("c{value}"))).chain([json!("red, \"dark\"")]).collect();
    }
    line
}

fn file(numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.map(|number| format!("{}\n", product(number))).collect::<String>().into_bytes()
}

#[tokio::test]
async fn what_triggers_would_have_made_is_made() {
    let shop = Shop::with_worker().await;
    shop.sql(PREPARE).await;
    let result = import(&shop, "JSONL", "UPDATE", file(0..MANY)).await;
    assert_eq!(result["created"], MANY, "{result}");

    // Words that are nothing by themselves, numbers, and more facets than are kept: PostgreSQL looks at these itself.
    let unsure = (0..MANY).filter(|number| number % 5 == 1 || [2, 3].contains(&(number % 6)) || *number == 9);
    assert_eq!(shop.sql_count("SELECT count(DISTINCT id) FROM refreshed").await, unsure.count() as i64);
    shop.sql(REBUILD).await;
    assert_eq!(shop.sql_text(DIFFERING).await, "");
    assert!(shop.sql_count("SELECT count(*) FROM before WHERE cardinality(facets) > 4").await > 200);
    for (table, kept) in [("search_words", "word, lexeme"), ("search_values", "kind, value, folded")] {
        let before = if table == "search_words" { "words_before" } else { "values_before" };
        let differing = format!(
            "SELECT count(*) FROM ((SELECT {kept} FROM {table} EXCEPT SELECT {kept} FROM {before}) \
             UNION ALL (SELECT {kept} FROM {before} EXCEPT SELECT {kept} FROM {table})) AS differing"
        );
        assert_eq!(shop.sql_count(&differing).await, 0, "{table}");
        assert!(shop.sql_count(&format!("SELECT count(*) FROM {before}")).await > 3, "{table}");
    }
    let copied = "SELECT count(*) FROM product_channels AS pc JOIN products AS p ON p.id = pc.product_id \
        WHERE (pc.name, pc.created_at, pc.listed) \
        IS DISTINCT FROM (p.name, p.created_at, p.status = 'ACTIVE' AND pc.published_at IS NOT NULL)";
    assert_eq!(shop.sql_count(copied).await, 0);
    assert!(shop.sql_count("SELECT count(*) FROM product_channels WHERE listed").await > 100);
}

/// What caches are told of products that differ in nothing but their number.
async fn told(products: usize) -> String {
    let shop = Shop::with_worker().await;
    shop.sql(PREPARE).await;
    let line = |number: usize| {
        let mut line = product(210);
        line["slug"] = json!(format!("p-{number}"));
        format!("{line}\n")
    };
    let result =
        import(&shop, "JSONL", "UPDATE", (0..products).map(line).collect::<String>().into_bytes()).await;
    assert_eq!(result["created"], products, "{result}");
    let refreshed = "SELECT count(DISTINCT id) FROM refreshed";
    assert_eq!(shop.sql_count(refreshed).await, if products == FEW { FEW as i64 } else { 0 });
    shop.sql_text(&format!(
        "SELECT string_agg(format('%s at %s of %s', kinds, due, count), ', ' ORDER BY due) FROM \
         (SELECT bit_or(kinds) AS kinds, due, (SELECT count(DISTINCT p.id) FROM told AS same, products AS p \
              WHERE same.due = told.due AND p.id = ANY (same.ids)) / {products} AS count \
          FROM told GROUP BY due) AS told"
    ))
    .await
}

#[tokio::test]
async fn caches_are_told_the_same() {
    let few = told(FEW).await;
    assert!(few.contains(" at 2092-01-01"), "{few}");
    assert_eq!(few.matches("+00 of 1").count(), 3, "{few}");
    assert_eq!(told(MANY).await, few);
}

#[tokio::test]
async fn rules_find_new_products() {
    let shop = Shop::with_worker().await;
    shop.sql(PREPARE).await;
    let owner = shop.as_owner();
    let create = "mutation($input: CollectionCreateInput!) { collectionCreate(input: $input) { collection { id } userErrors { message } } }";
    let rule = json!({ "match": "ALL", "conditions": [{ "field": "NAME", "operator": "CONTAINS", "value": "oak" }] });
    let created = owner.send(create, json!({ "input": { "name": "Oak", "rule": rule } })).await;
    assert_eq!(created["data"]["collectionCreate"]["userErrors"], json!([]), "{created}");
    let result = import(&shop, "JSONL", "UPDATE", file(0..MANY)).await;
    assert_eq!(result["created"], MANY, "{result}");
    let members = "FROM collection_products AS m JOIN collections AS c ON c.id = m.collection_id WHERE c.rule IS NOT NULL";
    let members = shop.sql_count(&format!("SELECT count(*) {members}")).await;
    assert_eq!(members, (MANY / 5) as i64);
    shop.sql(REBUILD).await;
    assert_eq!(shop.sql_text(DIFFERING).await, "");
}
