//! Imports of new products leave out the checks of foreign keys; what they refer to is there all the same, and stays.

use tokio_postgres::NoTls;

use crate::bulk::import;
use crate::support::{Shop, binary};

/// More than it takes to leave the checks out.
const PRODUCTS: usize = 60;

/// Notes the role in which rows are written. It always fires, as every trigger has to.
const NOTE_ROLE: &str = "CREATE TABLE noted (role text);
    CREATE FUNCTION note_role() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO noted VALUES (TG_TABLE_NAME || ': ' || current_setting('session_replication_role'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_role AFTER INSERT ON stock_levels FOR EACH STATEMENT EXECUTE FUNCTION note_role();
    CREATE TRIGGER note_role AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION note_role();
    ALTER TABLE stock_levels ENABLE ALWAYS TRIGGER note_role; ALTER TABLE events ENABLE ALWAYS TRIGGER note_role;
    INSERT INTO channels (id, slug, name, currency_code) VALUES (gen_random_uuid(), 'japan', 'Japan', 'JPY');
    INSERT INTO collections (id, slug, name, created_at, updated_at) VALUES (gen_random_uuid(), 'hooks', 'Hooks', now(), now());
    INSERT INTO media_images (id, state, sha256, format, width, height, frames, size_bytes, file_name, created_at)
    VALUES ('01900000-0000-7000-8000-000000000001', 'STORED', sha256('a'), 'JPEG', 1, 1, 1, 1, 'a.jpg', now());
";

const NOTED: &str = "SELECT string_agg(DISTINCT role, ', ' ORDER BY role) FROM noted";

/// Products with something in every table that belongs to products.
fn file() -> Vec<u8> {
    let line = |number: usize| {
        format!(
            r#"{{"slug":"hook-{number}","name":"Hook {number}","status":"ACTIVE","translations":[{{"locale":"de","name":"Haken"}}],
            "channels":[{{"channel":"default","publishedAt":"2026-01-02T03:04:05Z"}},{{"channel":"japan","publishedAt":null}}],
            "options":[{{"name":"Size","values":["S","L"]}}],
            "variants":[{{"sku":"H{number}-S","optionValues":["S"],
                "prices":[{{"channel":"default","currencyCode":"USD","amount":"12.50","sale":{{"amount":"10.00"}}}},
                          {{"channel":"japan","currencyCode":"JPY","amount":"1200"}}],
                "stock":[{{"location":"Main warehouse","onHand":5}}]}}],
            "images":[{{"url":"https://example.com/{number}.jpg"}},
                {{"url":"/media/images/01900000000070008000000000000001.jpg"}}],"collections":[{{"slug":"hooks"}},{{"slug":"missing"}}]}}"#
        )
        .replace('\n', " ")
    };
    (0..PRODUCTS).map(|number| line(number) + "\n").collect::<String>().into_bytes()
}

/// The foreign keys that some row breaks.
async fn broken(shop: &Shop) -> String {
    let keys = shop
        .sql_text(
            "SELECT string_agg(format('SELECT %L AS name FROM %s AS c WHERE c.%I IS NOT NULL AND NOT EXISTS \
                 (SELECT FROM %s AS p WHERE p.%I = c.%I)', k.conname, k.conrelid::regclass, child.attname, \
                 k.confrelid::regclass, parent.attname, child.attname), ' UNION ALL ') \
             FROM pg_constraint AS k \
             JOIN pg_attribute AS child ON child.attrelid = k.conrelid AND child.attnum = k.conkey[1] \
             JOIN pg_attribute AS parent ON parent.attrelid = k.confrelid AND parent.attnum = k.confkey[1] \
             WHERE k.contype = 'f' AND cardinality(k.conkey) = 1",
        )
        .await;
    shop.sql_text(&format!("SELECT coalesce(string_agg(DISTINCT name, ', '), '') FROM ({keys}) AS broken"))
        .await
}

#[tokio::test]
async fn what_new_products_refer_to_is_there() {
    let shop = Shop::with_worker().await;
    shop.sql(NOTE_ROLE).await;
    let result = import(&shop, "JSONL", "UPDATE", file()).await;
    assert_eq!(result["created"], PRODUCTS, "{result}");
    assert_eq!(shop.sql_text(NOTED).await, "events: origin, stock_levels: replica");
    assert_eq!(broken(&shop).await, "");
    // Triggers have done their part.
    let listed =
        "SELECT count(*) FROM product_channels WHERE listed AND name LIKE 'Hook %' AND min_price = 1000";
    assert_eq!(shop.sql_count(listed).await, PRODUCTS as i64);
    let found = "SELECT count(*) FROM product_terms WHERE terms @@ '''=i'' & hook'::tsquery \
                 AND facets @> ARRAY[E'o\\x1fSize\\x1fS']";
    assert_eq!(shop.sql_count(found).await, PRODUCTS as i64);
    for rows in ["collection_products", "product_translations", "product_images WHERE media_id IS NOT NULL"] {
        assert_eq!(shop.sql_count(&format!("SELECT count(*) FROM {rows}")).await, PRODUCTS as i64, "{rows}");
    }
    // Written again, they are known, and what goes takes with it what hangs on it.
    let shorter =
        String::from_utf8(file()).unwrap().replace(r#""S","L""#, r#""XL""#).replace(r#"["S"]"#, r#"["XL"]"#);
    let again = import(&shop, "JSONL", "UPDATE", shorter.into_bytes()).await;
    assert_eq!(again["updated"], PRODUCTS, "{again}");
    assert_eq!(broken(&shop).await, "");
    shop.sql("DELETE FROM collections; DELETE FROM products").await;
    assert_eq!(shop.sql_count("SELECT count(*) FROM variants").await, 0);
    assert_eq!(broken(&shop).await, "");
}

#[tokio::test]
async fn what_an_import_refers_to_cannot_go_meanwhile() {
    let shop = Shop::with_worker().await;
    shop.sql(NOTE_ROLE).await;
    let (mut barrier, connection) = tokio_postgres::connect(shop.app().db.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let held = barrier.transaction().await.unwrap();
    // The import waits here with its memberships and prices written.
    held.batch_execute("LOCK TABLE stock_levels IN SHARE MODE").await.unwrap();
    let check = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'stock_levels'::regclass \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        shop.wait_until(async || (shop.sql_count(waiting).await > 0).then_some(())).await;
        let (client, connection) = tokio_postgres::connect(shop.app().db.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        for table in
            ["collections WHERE slug = 'hooks'", "channels WHERE slug = 'japan'", "locations", "media_images"]
        {
            let delete = format!("SET lock_timeout = '300ms'; DELETE FROM {table}");
            let error = client.batch_execute(&delete).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "55P03", "{table}: {error:?}");
        }
        held.rollback().await.unwrap();
    };
    let (result, ()) = tokio::join!(import(&shop, "JSONL", "UPDATE", file()), check);
    assert_eq!(result["created"], PRODUCTS, "{result}");
    assert_eq!(shop.sql_text(NOTED).await, "events: origin, stock_levels: replica");
    assert_eq!(broken(&shop).await, "");
}

#[tokio::test]
async fn a_product_that_somebody_makes_meanwhile_is_updated() {
    let shop = Shop::with_worker().await;
    shop.sql(NOTE_ROLE).await;
    let (mut other, connection) = tokio_postgres::connect(shop.app().db.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let made = other.transaction().await.unwrap();
    let make = "INSERT INTO products (id, slug, name, status, created_at, updated_at) \
                VALUES (gen_random_uuid(), 'hook-7', 'Theirs', 'DRAFT', now(), now())";
    made.batch_execute(make).await.unwrap();
    let commit = async {
        let waiting = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) \
                       WHERE NOT granted AND locktype = 'transactionid' AND datname = current_database()";
        shop.wait_until(async || (shop.sql_count(waiting).await > 0).then_some(())).await;
        made.commit().await.unwrap();
    };
    let (result, ()) = tokio::join!(import(&shop, "JSONL", "UPDATE", file()), commit);
    assert_eq!(result["created"], PRODUCTS - 1, "{result}");
    assert_eq!(result["updated"], 1, "{result}");
    assert_eq!(broken(&shop).await, "");
    let found = "SELECT count(*) FROM product_terms WHERE terms @@ '''=i'' & hook & ''=sACTIVE'''::tsquery";
    assert_eq!(shop.sql_count(found).await, PRODUCTS as i64);
}

#[tokio::test]
async fn a_role_without_the_right_imports_the_same() {
    let shop = Shop::start().await;
    shop.sql(NOTE_ROLE).await;
    let role = format!("plain_{}", uuid::Uuid::new_v4().simple());
    shop.sql(&format!(
        "CREATE ROLE {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; \
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}; \
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET role = {role}', current_database()); END $$"
    ))
    .await;
    let path = shop.data_dir().join("hooks.jsonl");
    std::fs::create_dir_all(shop.data_dir()).unwrap();
    std::fs::write(&path, file()).unwrap();
    let mut command = tokio::process::Command::new(binary("ironmonger"));
    command.args(["import", "--here"]).arg(&path).envs(shop.env());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(shop.sql_text(NOTED).await, "events: origin, stock_levels: origin");
    assert_eq!(shop.sql_count("SELECT count(*) FROM collection_products").await, PRODUCTS as i64);
    assert_eq!(broken(&shop).await, "");
    shop.sql(&format!("SET ROLE NONE; DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn every_trigger_always_fires() {
    let shop = Shop::start().await;
    let others = "SELECT coalesce(string_agg(tgrelid::regclass || '.' || tgname, ', '), '') FROM pg_trigger AS t \
                  JOIN pg_class AS c ON c.oid = t.tgrelid \
                  WHERE NOT t.tgisinternal AND t.tgenabled <> 'A' AND c.relnamespace = 'public'::regnamespace";
    assert_eq!(
        shop.sql_text(others).await,
        "",
        "ENABLE ALWAYS them: imports write rows in the role `replica`"
    );
    let deferrable = "SELECT count(*) FROM pg_constraint WHERE condeferrable AND contype <> 't'";
    assert_eq!(
        shop.sql_count(deferrable).await,
        0,
        "their checks are triggers, which imports would pass over"
    );
}
