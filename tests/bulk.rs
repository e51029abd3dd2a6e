//! Imports and exports of the catalog, by the API and by the command.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::support::{Client, Shop, binary};

const IMPORT: &str = "mutation CatalogImport($file: Upload!, $input: CatalogImportInput!) {
  catalogImport(file: $file, input: $input) { job { id state } userErrors { code message field } }
}";
const EXPORT: &str = "mutation CatalogExport($input: CatalogExportInput!) {
  catalogExport(input: $input) { job { id } userErrors { code message field } }
}";
const JOB: &str =
    "query Job($id: ID!) { job(id: $id) { state result lastError progress { done total note } } }";

/// Channels beside the default one, before anybody asks for them.
const CHANNELS: &str = "INSERT INTO channels (id, slug, name, currency_code) VALUES
  (gen_random_uuid(), 'japan', 'Japan', 'JPY'), (gen_random_uuid(), 'kuwait', 'Kuwait', 'KWD')";

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// A real export, from beside the project; `None` where it is not there.
fn real(name: &str) -> Option<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let bytes = std::fs::read(&file).ok();
    if bytes.is_none() {
        eprintln!("skipped: {} is not there", file.display());
    }
    bytes
}

async fn upload(client: &Client, format: &str, on_conflict: &str, name: &str, bytes: Vec<u8>) -> Value {
    let input = json!({ "file": null, "input": { "format": format, "onConflict": on_conflict } });
    client.upload(IMPORT, input, "variables.file", name, bytes).await
}

/// Waits for the end of a job and gives it.
async fn finished(shop: &Shop, client: &Client, id: &Value) -> Value {
    shop.wait_until(async || {
        let body = client.send(JOB, json!({ "id": id })).await;
        let job = body["data"]["job"].clone();
        let over = ["SUCCEEDED", "DEAD", "CANCELED"]
            .contains(&job["state"].as_str().unwrap_or_else(|| panic!("{body}")));
        over.then_some(job)
    })
    .await
}

/// Imports a file; the answer is the job's result.
pub async fn import(shop: &Shop, format: &str, on_conflict: &str, bytes: Vec<u8>) -> Value {
    let owner = shop.as_owner();
    let body = upload(&owner, format, on_conflict, "products", bytes).await;
    let payload = &body["data"]["catalogImport"];
    assert_eq!(payload["userErrors"], json!([]), "{body}");
    let job = finished(shop, &owner, &payload["job"]["id"]).await;
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    job["result"].clone()
}

/// Exports the catalog; the answer is the job's result.
async fn export(shop: &Shop, format: &str) -> Value {
    let owner = shop.as_owner();
    let body = owner.send(EXPORT, json!({ "input": { "format": format } })).await;
    let job = finished(shop, &owner, &body["data"]["catalogExport"]["job"]["id"]).await;
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    job["result"].clone()
}

async fn download(shop: &Shop, path: &str) -> reqwest::Response {
    shop.request(reqwest::Method::GET, path).await.send().await.unwrap()
}

fn path_of(url: &Value) -> String {
    let url = url.as_str().unwrap();
    url[url.find("/downloads/").unwrap()..].to_owned()
}

fn counts(result: &Value) -> [i64; 7] {
    ["products", "created", "updated", "unchanged", "skipped", "rows", "rejected"]
        .map(|name| result[name].as_i64().unwrap_or_else(|| panic!("{name} in {result}")))
}

#[tokio::test]
async fn importing_the_same_file_twice_changes_nothing() {
    let shop = Shop::with_worker().await;
    let first = import(&shop, "SHOPIFY_CSV", "UPDATE", sample("oddities.csv")).await;
    assert_eq!(counts(&first), [4, 4, 0, 0, 0, 20, 14]);
    let lines: Vec<_> =
        first["rejections"].as_array().unwrap().iter().map(|row| row["line"].clone()).collect();
    assert_eq!(json!(lines), json!([8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 24, 25]));
    let events = shop.sql_count("select count(*) from events where aggregate = 'product'").await;
    let movements = shop.sql_count("select count(*) from stock_movements").await;

    let second = import(&shop, "SHOPIFY_CSV", "UPDATE", sample("oddities.csv.gz")).await;
    assert_eq!(counts(&second), [4, 0, 0, 4, 0, 20, 14]);
    assert_eq!(shop.sql_count("select max(version) from products").await, 1);
    assert_eq!(shop.sql_count("select count(*) from events where aggregate = 'product'").await, events);
    assert_eq!(shop.sql_count("select count(*) from stock_movements").await, movements);
    assert_eq!(shop.sql_count("select count(*) from import_slugs").await, 0);
    let left = std::fs::read_dir(shop.data_dir().join("storage/imports")).unwrap().count();
    assert_eq!(left, 0, "the files of finished imports are deleted");
}

#[tokio::test]
async fn real_exports_go_in_row_by_row() {
    for (name, expected, variants, images) in [
        ("shopify-apparel.csv", [20, 20, 0, 0, 0, 22, 0], 22, 20),
        ("shopify-home-and-garden.csv", [20, 20, 0, 0, 0, 21, 0], 21, 21),
        ("shopify-sneakers.csv", [30, 30, 0, 0, 0, 173, 0], 147, 137),
    ] {
        let Some(bytes) = real(name) else { return };
        let shop = Shop::with_worker().await;
        let result = import(&shop, "SHOPIFY_CSV", "UPDATE", bytes).await;
        assert_eq!(counts(&result), expected, "{name}");
        assert_eq!(shop.sql_count("select count(*) from variants").await, variants, "{name}");
        assert_eq!(shop.sql_count("select count(*) from product_images").await, images, "{name}");
        assert_eq!(
            shop.sql_count("select count(*) from product_channels where published_at is not null").await,
            expected[0]
        );
    }
}

#[tokio::test]
async fn existing_products_are_made_equal_or_left_alone_as_asked() {
    let shop = Shop::with_worker().await;
    import(&shop, "JSONL", "UPDATE", sample("products.jsonl")).await;
    let changed = br#"{"slug":"minimal","name":"Changed","variants":[{"price":"9"}]}"#.to_vec();
    let skipped = import(&shop, "JSONL", "SKIP", changed.clone()).await;
    assert_eq!(counts(&skipped), [1, 0, 0, 0, 1, 1, 0]);
    assert_eq!(shop.sql_text("select name from products where slug = 'minimal'").await, "Minimal");
    let updated = import(&shop, "JSONL", "UPDATE", changed).await;
    assert_eq!(counts(&updated), [1, 0, 1, 0, 0, 1, 0]);
    assert_eq!(shop.sql_text("select name from products where slug = 'minimal'").await, "Changed");
}

#[tokio::test]
async fn what_was_exported_goes_back_without_a_change() {
    for format in ["JSONL", "SHOPIFY_CSV"] {
        let shop = Shop::with_worker().await;
        import(&shop, "SHOPIFY_CSV", "UPDATE", sample("oddities.csv")).await;
        // As after an edit by hand: no import has seen the products as they are.
        shop.sql("update products set import_fingerprint = null").await;
        let exported = export(&shop, format).await;
        assert_eq!(exported["products"], 4, "{exported}");
        let response = download(&shop, &path_of(&exported["url"])).await;
        assert_eq!(response.status(), 200);
        let disposition = response.headers()["content-disposition"].to_str().unwrap().to_owned();
        let name = if format == "JSONL" { "catalog-" } else { "products-default-" };
        assert!(disposition.starts_with(&format!("attachment; filename=\"{name}")), "{disposition}");
        let bytes = response.bytes().await.unwrap().to_vec();
        if format == "SHOPIFY_CSV" {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains("'=HYPERLINK") && text.contains(",'+1,'@vendor,"), "{text}");
        }

        let same = import(&shop, format, "UPDATE", bytes.clone()).await;
        assert_eq!([same["unchanged"].clone(), same["rejected"].clone()], [json!(4), json!(0)], "{same}");
        assert_eq!(shop.sql_count("select max(version) from products").await, 1);

        let other = Shop::with_worker().await;
        import(&other, format, "UPDATE", bytes.clone()).await;
        let again = export(&other, format).await;
        let again = download(&other, &path_of(&again["url"])).await.bytes().await.unwrap();
        assert_eq!(sorted_lines(&again), sorted_lines(&bytes));
    }
}

async fn exported(shop: &Shop, format: &str) -> Vec<u8> {
    let result = export(shop, format).await;
    download(shop, &path_of(&result["url"])).await.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn our_full_format_comes_back_byte_by_byte() {
    let file = sample("catalog.jsonl");
    let shop = Shop::with_worker().await;
    shop.sql(CHANNELS).await;
    let first = import(&shop, "JSONL", "UPDATE", file.clone()).await;
    assert_eq!(counts(&first), [3, 3, 0, 0, 0, 9, 0], "{first}");
    assert_eq!(first["others"], 6);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(text(&exported(&shop, "JSONL").await), text(&file));

    let again = import(&shop, "JSONL", "UPDATE", file.clone()).await;
    assert_eq!(counts(&again), [3, 0, 0, 3, 0, 9, 0], "{again}");
    // Nor when the source is not recognized: then the product itself is compared.
    shop.sql("UPDATE products SET import_fingerprint = NULL").await;
    let again = import(&shop, "JSONL", "UPDATE", file.clone()).await;
    assert_eq!(counts(&again), [3, 0, 0, 3, 0, 9, 0], "{again}");
    for table in ["products", "variants", "collections", "product_types"] {
        assert_eq!(shop.sql_count(&format!("SELECT max(version) FROM {table}")).await, 1, "{table}");
    }
    // What somebody changed by hand is changed back.
    shop.sql(
        "UPDATE products SET import_fingerprint = NULL, vendor = 'x', metadata = '{}';
         DELETE FROM variant_prices; DELETE FROM product_channels; DELETE FROM product_images;
         DELETE FROM product_options; DELETE FROM product_translations; DELETE FROM collection_products;
         UPDATE variants SET sku = 'x', position = 0; UPDATE collections SET name = 'x'; DELETE FROM collection_channels;",
    )
    .await;
    let repaired = import(&shop, "JSONL", "UPDATE", file.clone()).await;
    assert_eq!(counts(&repaired), [3, 0, 3, 0, 0, 9, 0], "{repaired}");
    assert_eq!(text(&exported(&shop, "JSONL").await), text(&file));
}

#[tokio::test]
async fn the_examples_of_the_guide_are_taken() {
    let guide =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/IMPORT.md")).unwrap();
    let examples: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let examples: Vec<&str> = examples.into_iter().filter(|line| line.starts_with("{\"")).collect();
    assert_eq!(examples.len(), 7);
    let shop = Shop::with_worker().await;
    let result = import(&shop, "JSONL", "UPDATE", examples.join("\n").into_bytes()).await;
    assert_eq!(counts(&result), [4, 4, 0, 0, 0, 7, 0], "{result}");
    // The full ones are as an export writes them.
    let exported = String::from_utf8(exported(&shop, "JSONL").await).unwrap();
    for example in &examples[3..] {
        assert!(exported.contains(&format!("{example}\n")), "{example}");
    }
}

#[tokio::test]
async fn a_partial_line_changes_only_what_it_names() {
    let shop = Shop::with_worker().await;
    import(&shop, "JSONL", "UPDATE", sample("products.jsonl")).await;
    shop.sql("UPDATE products SET metadata = '{\"a\": \"b\"}', import_fingerprint = NULL").await;
    let before = String::from_utf8(exported(&shop, "JSONL").await).unwrap();
    let part = br#"{"slug":"forged-hook","vendor":"Other","tags":null,"variants":[{"optionValues":["S"],"price":"9"},{"optionValues":["L"]}]}
{"slug":"nowhere","vendor":"Other"}"#;
    let result = import(&shop, "JSONL", "UPDATE", part.to_vec()).await;
    assert_eq!(counts(&result), [1, 0, 1, 0, 0, 2, 1], "{result}");
    assert_eq!(result["rejections"][0]["column"], "name");
    let after = String::from_utf8(exported(&shop, "JSONL").await).unwrap();
    let expected = before
        .replace("\"vendor\":\"Smithy\"", "\"vendor\":\"Other\"")
        .replace("\"tags\":[\"iron\",\"wall\"]", "\"tags\":[]")
        .replace("\"amount\":\"12.50\"", "\"amount\":\"9.00\"");
    assert_ne!(before, expected);
    assert_eq!(after, expected);
}

#[tokio::test]
async fn shopify_files_make_equal_products_after_a_round_trip() {
    let real = ["shopify-apparel.csv", "shopify-home-and-garden.csv", "shopify-sneakers.csv"].map(real);
    let ours = ["oddities.csv", "semicolons.csv", "template.csv"].map(|name| Some(sample(name)));
    for file in real.into_iter().chain(ours).flatten() {
        let (shop, other) = (Shop::with_worker().await, Shop::with_worker().await);
        let first = import(&shop, "SHOPIFY_CSV", "UPDATE", file).await;
        let csv = exported(&shop, "SHOPIFY_CSV").await;
        let again = import(&other, "SHOPIFY_CSV", "UPDATE", csv.clone()).await;
        assert_eq!((&again["created"], &again["rejected"]), (&first["created"], &json!(0)), "{again}");
        assert_eq!(exported(&other, "SHOPIFY_CSV").await, csv);
        // Our own format says everything; only the time of publication is that of the import.
        let products = async |shop: &Shop| {
            let text = String::from_utf8(exported(shop, "JSONL").await).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines
                .map(|mut line| {
                    if let Some(at) = line.pointer_mut("/channels/0/publishedAt").filter(|at| at.is_string())
                    {
                        *at = json!("then");
                    }
                    line
                })
                .collect::<Vec<_>>()
        };
        let (ours, theirs) = (products(&shop).await, products(&other).await);
        assert_eq!(ours, theirs);
        assert_eq!(ours.len() as i64, 1 + first["products"].as_i64().unwrap(), "one line is the location");
    }
}

#[tokio::test]
async fn a_csv_without_a_column_leaves_alone_what_the_column_would_say() {
    let shop = Shop::with_worker().await;
    import(&shop, "SHOPIFY_CSV", "UPDATE", sample("template.csv")).await;
    let prices = b"Handle,Title,Option1 Name,Option1 Value,Variant Price\nboot-scraper,Boot scraper,Finish,Raw,1.00\nboot-scraper,,,Oiled,2.00\n";
    let result = import(&shop, "SHOPIFY_CSV", "UPDATE", prices.to_vec()).await;
    assert_eq!(counts(&result), [1, 0, 1, 0, 0, 2, 0], "{result}");
    let told = "SELECT string_agg(concat_ws(' ', p.vendor, p.status, v.sku, v.taxable, vp.amount, vp.compare_at_amount, s.on_hand, \
        s.backorderable), '; ' ORDER BY v.position) FROM products p JOIN variants v ON v.product_id = p.id \
        JOIN variant_prices vp ON vp.variant_id = v.id JOIN stock_levels s ON s.variant_id = v.id";
    assert_eq!(shop.sql_text(told).await, "Smithy ACTIVE BS-1 f 100 3000 7 t; Smithy ACTIVE BS-2 t 200 3 f");
    assert_eq!(shop.sql_count("SELECT count(*) FROM product_images").await, 1);
}

#[tokio::test]
async fn rejected_rows_can_be_downloaded() {
    let shop = Shop::with_worker().await;
    let result = import(&shop, "SHOPIFY_CSV", "UPDATE", sample("oddities.csv")).await;
    let path = path_of(&result["report"]["url"]);
    let response = download(&shop, &path).await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let text = response.text().await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Line,Column,Reason,Row");
    assert_eq!(lines.len(), 15);
    assert!(lines[1].starts_with("8,Variant Price,"), "{}", lines[1]);
    assert!(
        lines[1].ends_with(",\"coat-hook,,,,,,,,Huge,,Black,,,shopify,1,,\"\"12,50\"\",,,,,,,,,,\""),
        "{}",
        lines[1]
    );

    let clean = import(&shop, "SHOPIFY_CSV", "UPDATE", sample("template.csv")).await;
    assert_eq!(clean["report"], Value::Null);
    let result = import(&shop, "JSONL", "UPDATE", sample("products.jsonl")).await;
    let text = download(&shop, &path_of(&result["report"]["url"])).await.text().await.unwrap();
    assert!(
        text.contains("\n6,,The line cannot be used: expected ident at character 2.,not json\n"),
        "{text}"
    );
    // Last, because nobody is signed in after so long.
    shop.app().clock.advance(chrono::TimeDelta::days(8));
    assert_eq!(download(&shop, &path).await.status(), 404);
}

/// Runs `ironmonger` against the shop: exit code, standard output, standard error.
async fn command(shop: &Shop, args: &[&str], stdin: Vec<u8>) -> (Option<i32>, Vec<u8>, String) {
    let mut child = tokio::process::Command::new(binary("ironmonger"))
        .args(args)
        .envs(shop.env())
        .current_dir(shop.data_dir())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // A command that does not want it closes it.
    let _ = pipe.write_all(&stdin).await;
    drop(pipe);
    let output = child.wait_with_output().await.unwrap();
    (output.status.code(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_by_its_exit_code_what_became_of_the_file() {
    let shop = Shop::start().await;
    let file = |name: &str| shop.data_dir().join(name).display().to_string();
    std::fs::write(file("some.jsonl"), sample("products.jsonl")).unwrap();
    std::fs::write(file("wrong.csv"), b"id,name\n").unwrap();

    let (code, out, err) = command(&shop, &["import", &file("some.jsonl"), "--here"], Vec::new()).await;
    assert_eq!(code, Some(3), "{err}");
    let out = String::from_utf8(out).unwrap();
    let says = |out: &str, name: &str, count: &str| {
        out.lines().any(|line| line.split_whitespace().eq([name, count]))
    };
    assert!(says(&out, "rejected", "3") && out.contains("/rejected-rows.csv"), "{out}");
    let (code, _, err) = command(&shop, &["import", &file("wrong.csv"), "--here"], Vec::new()).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("it lacks Handle, Title, Variant Price"), "{err}");
    let (code, _, err) = command(&shop, &["import", "-", "--here"], Vec::new()).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("--format"), "{err}");

    for name in ["all.jsonl", "all.jsonl.gz"] {
        let (code, _, err) = command(&shop, &["export", &file(name), "--here"], Vec::new()).await;
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains("2 products"), "{err}");
    }
    let (code, whole, err) =
        command(&shop, &["export", "-", "--format", "jsonl", "--here"], Vec::new()).await;
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(whole, std::fs::read(file("all.jsonl")).unwrap());
    let packed = std::fs::read(file("all.jsonl.gz")).unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]));
    let args = ["import", "-", "--format", "jsonl", "--here"];
    let (code, out, err) = command(&shop, &args, packed).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(says(&String::from_utf8(out).unwrap(), "unchanged", "2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_command_leaves_its_job_and_says_so() {
    let shop = Shop::start().await;
    let file = shop.data_dir().join("products.jsonl");
    std::fs::write(&file, sample("products.jsonl")).unwrap();
    let mut child = tokio::process::Command::new(binary("ironmonger"))
        .arg("import")
        .arg(&file)
        .envs(shop.env())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // No worker takes it, so it waits.
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("job job_"), "{line}");
    let pid = nix::unistd::Pid::from_raw(child.id().unwrap() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let status = child.wait().await.unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).await.unwrap();
    assert_eq!(status.code(), Some(130), "{rest}");
    assert!(rest.contains("is not canceled: it goes on without this command"), "{rest}");
    assert_eq!(shop.sql_text("SELECT state FROM jobs WHERE kind = 'catalog.import'").await, "READY");
    shop.run_worker();
    shop.wait_until(async || (shop.sql_count("SELECT count(*) FROM products").await == 2).then_some(()))
        .await;
}

/// The order of products is that of their creation, which one batch does not fix.
fn sorted_lines(bytes: &[u8]) -> Vec<&str> {
    let mut lines: Vec<_> = std::str::from_utf8(bytes).unwrap().lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_download_needs_its_token_and_ends_with_its_time() {
    let shop = Shop::with_worker().await;
    import(&shop, "JSONL", "UPDATE", sample("products.jsonl")).await;
    let exported = export(&shop, "JSONL").await;
    let path = path_of(&exported["url"]);
    assert_eq!(download(&shop, &path).await.status(), 200);
    let (folder, file) = path.rsplit_once('/').unwrap();
    assert_eq!(download(&shop, &format!("/downloads/x/{file}")).await.status(), 404);
    assert_eq!(download(&shop, &format!("{folder}/other.jsonl")).await.status(), 404);
    assert_eq!(download(&shop, &format!("{folder}/..%2f..%2fexports")).await.status(), 404);
    shop.app().clock.advance(chrono::TimeDelta::hours(25));
    assert_eq!(download(&shop, &path).await.status(), 404);
}

#[tokio::test]
async fn a_wrong_file_is_refused_at_once_and_nothing_is_kept() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    for (format, bytes, message) in [
        ("SHOPIFY_CSV", b"id,name\n1,A\n".to_vec(), "it lacks Handle, Title, Variant Price"),
        ("SHOPIFY_CSV", sample("latin-1.csv"), "not encoded in UTF-8"),
        ("SHOPIFY_CSV", b"PK\x03\x04 workbook".to_vec(), "Excel"),
        ("JSONL", sample("oddities.csv"), "not a JSON object"),
        ("JSONL", Vec::new(), "empty"),
    ] {
        let body = upload(&owner, format, "UPDATE", "file", bytes).await;
        let error = &body["data"]["catalogImport"]["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!("UNREADABLE_FILE"), &json!(["file"])),
            "{body}"
        );
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
        assert_eq!(body["data"]["catalogImport"]["job"], Value::Null);
    }
    assert_eq!(shop.sql_count("select count(*) from imports").await, 0);
    assert_eq!(shop.sql_count("select count(*) from jobs where queue = 'bulk'").await, 0);
    assert!(!shop.data_dir().join("storage/imports").exists());
}

#[tokio::test]
async fn imports_and_exports_need_their_permissions() {
    let shop = Shop::start().await;
    for (client, code) in [(Client::clone(&shop), "UNAUTHENTICATED"), (shop.as_customer(), "FORBIDDEN")] {
        let body = upload(&client, "JSONL", "UPDATE", "file", sample("products.jsonl")).await;
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{body}");
        let body = client.send(EXPORT, json!({ "input": { "format": "JSONL" } })).await;
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{body}");
    }
    assert_eq!(shop.sql_count("select count(*) from jobs where queue = 'bulk'").await, 0);
}

#[tokio::test]
async fn one_product_that_the_database_refuses_does_not_take_its_batch_along() {
    let shop = Shop::with_worker().await;
    shop.sql("alter table products add constraint products_taboo_check check (name <> 'Minimal')").await;
    let result = import(&shop, "JSONL", "UPDATE", sample("products.jsonl")).await;
    assert_eq!(shop.sql_count("select count(*) from products").await, 1);
    let told = result["rejections"].as_array().unwrap();
    let refused = told.iter().find(|row| row["line"] == 2).unwrap_or_else(|| panic!("{result}"));
    assert!(refused["reason"].as_str().unwrap().contains("products_taboo_check"), "{refused}");
    assert_eq!(result["created"], 1);
}

#[tokio::test]
async fn a_damaged_file_keeps_what_came_before_and_says_where_it_ends() {
    let shop = Shop::with_worker().await;
    let owner = shop.as_owner();
    let mut bytes = b"Handle,Title,Variant Price\n".to_vec();
    for number in 0..450 {
        bytes.extend(format!("p-{number},Product {number},1.00\n").bytes());
    }
    bytes.extend(b"open,\"");
    bytes.resize(bytes.len() + 5 * 1024 * 1024, b'x');
    let body = upload(&owner, "SHOPIFY_CSV", "UPDATE", "file.csv", bytes).await;
    let job = finished(&shop, &owner, &body["data"]["catalogImport"]["job"]["id"]).await;
    assert_eq!(job["state"], "DEAD");
    let error = job["lastError"].as_str().unwrap();
    assert!(error.starts_with("line 452:") && error.contains("quote"), "{error}");
    let products = shop.sql_count("select count(*) from products").await;
    assert!((449..=450).contains(&products), "{products}");
}

#[tokio::test]
async fn an_import_goes_on_where_its_worker_died() {
    let shop = Shop::start().await;
    let collection = "insert into collections (id, slug, name, created_at, updated_at)
        values (gen_random_uuid(), 'all', 'All', now(), now())";
    shop.sql(collection).await;
    let owner = shop.as_owner();
    let line = |n| {
        let product = json!({ "slug": format!("p-{n}"), "name": format!("Product {n}"), "collections": ["all"],
            "variants": [{ "price": "1", "stock": 3 }] });
        format!("{product}\n")
    };
    let lines: String = (0..6_000).map(line).collect();
    let body = upload(&owner, "JSONL", "UPDATE", "file.jsonl", lines.into_bytes()).await;
    let id = &body["data"]["catalogImport"]["job"]["id"];

    // A worker that is stopped hard in the middle: its run ends wherever it is, and its lease stays.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let app = ironmonger::App::new(shop.app().config.clone()).unwrap();
    runtime.spawn(ironmonger::jobs::run_relay(app.clone(), shop.stopping()));
    runtime.spawn(ironmonger::jobs::run_worker(
        app,
        ironmonger::jobs::WorkerOptions::default(),
        shop.stopping(),
    ));
    let at_death = shop
        .wait_until(async || {
            Some(shop.sql_count("select coalesce(max(rows_read), 0) from imports").await).filter(|n| *n > 0)
        })
        .await;
    runtime.shutdown_background();
    assert!(at_death < 6_000, "the worker was too fast for this test");
    // What the reaper waits for is only time.
    shop.sql("update jobs set lease_until = now() - interval '1 second' where state = 'RUNNING'").await;
    shop.run_worker();

    let job = finished(&shop, &owner, id).await;
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    assert_eq!(counts(&job["result"]), [6_000, 6_000, 0, 0, 0, 6_000, 0]);
    assert_eq!(shop.sql_count("select count(*) from products").await, 6_000);
    assert_eq!(shop.sql_count("select count(*) from stock_movements").await, 6_000);
    assert_eq!(shop.sql_count("select max(version) from products").await, 1);
    let misplaced =
        "select count(*) from (select p.name, row_number() over (order by m.position, p.id) - 1 as place
        from collection_products as m join products as p on p.id = m.product_id) as member
        where name <> 'Product ' || place";
    assert_eq!(shop.sql_count(misplaced).await, 0, "a collection has the order of the file");
    assert_eq!(shop.sql_count("select count(*) from collection_products").await, 6_000);
}
