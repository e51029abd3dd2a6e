//! Whether two contestants answer the same, so that a ratio compares like with like.

use serde_json::Value;

use super::http::Request;
use super::process::Server;

/// Fails unless both answers are the same but for ids and cursors, which each writes in its own way, and the order of
/// fields.
pub async fn check(
    (one, one_asked): (&Server, &Request),
    (other, other_asked): (&Server, &Request),
) -> anyhow::Result<()> {
    let (one, other) = (without_ids(one.ask(one_asked).await?), without_ids(other.ask(other_asked).await?));
    anyhow::ensure!(one == other, "the contestants answer differently:\n{one}\n{other}");
    Ok(())
}

fn without_ids(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, _)| !matches!(name.as_str(), "id" | "startCursor" | "endCursor"))
                .map(|(name, value)| (name, without_ids(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_ids).collect()),
        value => value,
    }
}
