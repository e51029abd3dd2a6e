//! A product that a file has in two places counts in the first, however far apart they are, unless it was rejected there.

use crate::bulk::import;
use crate::support::{Shop, Value};

/// More products than are written at once.
const BETWEEN: usize = 600;

fn line(slug: &str, name: &str) -> String {
    format!("{{\"slug\":\"{slug}\",\"name\":\"{name}\",\"variants\":[{{\"price\":\"1\"}}]}}\n")
}

fn between(prefix: &str) -> String {
    (0..BETWEEN).map(|number| line(&format!("{prefix}-{number}"), "Between")).collect()
}

fn told(result: &Value) -> (Value, Vec<(i64, String)>) {
    let counts = ["created", "updated", "unchanged", "skipped"].map(|name| result[name].clone());
    let rejections = result["rejections"].as_array().unwrap();
    let rejected = rejections.iter().map(|it| (it["line"].as_i64().unwrap(), it["reason"].as_str().unwrap()));
    (counts.into_iter().collect(), rejected.map(|(line, reason)| (line, reason.to_owned())).collect())
}

#[tokio::test]
async fn the_first_place_counts() {
    let shop = Shop::with_worker().await;
    let before = line("same", "Same") + &line("other", "Other");
    import(&shop, "JSONL", "UPDATE", before.clone().into_bytes()).await;

    let odd = r#"{"slug":"odd","name":"Odd","variants":[{"price":"1"},{"price":"2"}]}"#;
    let file = before.replace("\"Other\"", "\"Another\"")
        + &line("new", "New")
        + &format!("{odd}\n")
        + &line("new", "New in the same batch")
        + &between("a")
        + &line("same", "Late")
        + &line("other", "Late")
        + &line("new", "Late")
        + &line("odd", "Taken now");
    let (counts, rejected) = told(&import(&shop, "JSONL", "UPDATE", file.into_bytes()).await);
    assert_eq!(counts, Value::from(vec![BETWEEN + 2, 1, 1, 0]), "{rejected:?}");
    let repeated = "The file has this product in an earlier place already.".to_owned();
    let late = BETWEEN as i64 + 6;
    assert_eq!(rejected.len(), 5, "{rejected:?}");
    assert_eq!(rejected[0].0, 4, "{rejected:?}");
    for (index, line) in [5, late, late + 1, late + 2].into_iter().enumerate() {
        assert_eq!(rejected[index + 1], (line, repeated.clone()));
    }
    let names = "SELECT string_agg(name, ', ' ORDER BY slug) FROM products WHERE slug IN ('same', 'other', 'new', 'odd')";
    assert_eq!(shop.sql_text(names).await, "New, Taken now, Another, Same");

    // What exists is left alone, but not without a word in its second place.
    let file = line("same", "Skipped") + &between("b") + &line("same", "Late");
    let (counts, rejected) = told(&import(&shop, "JSONL", "SKIP", file.into_bytes()).await);
    assert_eq!(counts, Value::from(vec![BETWEEN, 0, 0, 1]), "{rejected:?}");
    assert_eq!(rejected, [(BETWEEN as i64 + 2, repeated)]);
    assert_eq!(shop.sql_count("SELECT count(*) FROM import_slugs").await, 0);
}
