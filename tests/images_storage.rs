//! Where images lie and how they are served: from a folder, from a bucket, by a CDN.

use reqwest::{Method, StatusCode};

use crate::support::pictures::{gif_that_is_a_script, jpeg};
use crate::support::s3::Bucket;
use crate::support::{Client, ProductSpec, Shop, Value, json};

const EXPORT: &str = "mutation { catalogExport(input: { format: JSONL }) { job { id } } }";
const IMPORT: &str =
    "mutation($file: Upload!) { catalogImport(file: $file, input: { format: JSONL }) { job { id } } }";

async fn image_of_new_product(shop: &Shop, bytes: Vec<u8>) -> Value {
    let id = shop.product(ProductSpec::default()).await.id;
    shop.as_owner().add_image(id, "a", bytes).await["images"][0].clone()
}

/// Asks for an address with one header.
async fn ask(shop: &Shop, method: Method, url: &Value, name: &str, value: &str) -> reqwest::Response {
    shop.request(method, &shop.path_of(url)).await.header(name, value).send().await.unwrap()
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// What is asked of every way to store files.
async fn check_serving(shop: &Shop, url: &Value, bytes: &[u8]) {
    let whole = shop.get(url).await;
    assert_eq!(whole.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "image/jpeg"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "inline"),
        ("accept-ranges", "bytes"),
        ("content-length", &bytes.len().to_string()),
    ] {
        assert_eq!(header(&whole, name), value, "{name}");
    }
    assert!(header(&whole, "content-security-policy").contains("sandbox"));
    let etag = header(&whole, "etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 2, "a strong tag: {etag}");
    assert!(whole.bytes().await.unwrap() == bytes);

    let unchanged = ask(shop, Method::GET, url, "if-none-match", &format!("\"x\", {etag}")).await;
    assert_eq!((unchanged.status(), header(&unchanged, "etag")), (StatusCode::NOT_MODIFIED, etag.as_str()));
    assert_eq!(header(&unchanged, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(unchanged.bytes().await.unwrap().len(), 0);
    assert_eq!(ask(shop, Method::GET, url, "if-none-match", "\"x\"").await.status(), StatusCode::OK);

    let head = ask(shop, Method::HEAD, url, "accept", "*/*").await;
    assert_eq!(
        (head.status(), header(&head, "content-length")),
        (StatusCode::OK, bytes.len().to_string().as_str())
    );
    assert_eq!(header(&head, "etag"), etag);

    let part = ask(shop, Method::GET, url, "range", "bytes=100-199").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-range"), format!("bytes 100-199/{}", bytes.len()));
    assert!(part.bytes().await.unwrap() == bytes[100..200]);
    let end = ask(shop, Method::GET, url, "range", "bytes=-10").await;
    assert!(end.bytes().await.unwrap() == bytes[bytes.len() - 10..]);
    let beyond = ask(shop, Method::GET, url, "range", "bytes=99999999-").await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&beyond, "content-range"), format!("bytes */{}", bytes.len()));
    let several = ask(shop, Method::GET, url, "range", "bytes=0-1,5-6").await;
    assert_eq!(several.status(), StatusCode::OK);
    let path = shop.path_of(url);
    let changed =
        shop.request(Method::GET, &path).await.header("range", "bytes=0-9").header("if-range", "\"old\"");
    assert_eq!(changed.send().await.unwrap().status(), StatusCode::OK);

    let missing = format!("/media/images/{}.jpg", uuid::Uuid::new_v4().simple());
    let missing = shop.request(Method::GET, &missing).await.send().await.unwrap();
    assert_eq!((missing.status(), header(&missing, "cache-control")), (StatusCode::NOT_FOUND, "no-store"));
}

#[tokio::test]
async fn images_are_served_for_ever_in_parts_and_conditionally() {
    let shop = Shop::start().await;
    let bytes = jpeg(600, 400);
    let image = image_of_new_product(&shop, bytes.clone()).await;
    check_serving(&shop, &image["url"], &bytes).await;
}

#[tokio::test]
async fn nothing_but_images_is_served_from_the_storage() {
    let shop = Shop::start().await;
    let image = image_of_new_product(&shop, jpeg(60, 40)).await;
    let path = shop.path_of(&image["url"]);
    let name = path.rsplit('/').next().unwrap();
    let secret = format!("{}.jpg", uuid::Uuid::new_v4().simple());
    for folder in ["exports", "imports"] {
        let folder = shop.data_dir().join("storage").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(&secret), "secret").unwrap();
    }
    for path in [
        format!("/media/exports/{secret}"),
        format!("/media/imports/{secret}"),
        format!("/media/images/..%2Fexports%2F{secret}"),
        format!("/media/images%2F..%2Fexports/{secret}"),
        "/media/..%2F..%2Fetc/passwd".to_owned(),
        format!("/media/images/{}", name.replace(".jpg", "")),
        format!("/media/images/{}", name.replace(".jpg", ".png")),
        format!("/media/images/{}", name.replace(".jpg", ".svg")),
        format!("/media/images/{}", name.to_uppercase()),
        format!("/media/images/{name}%00"),
        "/media/images/".to_owned(),
    ] {
        let response = shop.request(Method::GET, &path).await.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_image_that_is_a_script_too_is_served_as_an_image_only() {
    let shop = Shop::start().await;
    let image = image_of_new_product(&shop, gif_that_is_a_script()).await;
    let response = shop.get(&image["url"]).await;
    assert_eq!(
        (header(&response, "content-type"), header(&response, "x-content-type-options")),
        ("image/gif", "nosniff")
    );
    assert_eq!(
        header(&response, "content-security-policy"),
        "default-src 'none'; sandbox; frame-ancestors 'none'"
    );
}

#[tokio::test]
async fn addresses_can_begin_with_those_of_a_cdn() {
    let shop = Shop::start_with(&[("IRONMONGER_MEDIA_URL", "https://cdn.example.com/shop/")]).await;
    let url = image_of_new_product(&shop, jpeg(60, 40)).await["url"].clone();
    let url = url.as_str().unwrap();
    let name = url.strip_prefix("https://cdn.example.com/shop/images/").unwrap_or_else(|| panic!("{url}"));
    // What the CDN fetches.
    let response = shop.request(Method::GET, &format!("/media/images/{name}")).await.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn everything_can_lie_in_a_bucket() {
    let bucket = Bucket::default();
    let endpoint = bucket.serve().await;
    let shop = Shop::start_with(&[
        ("IRONMONGER_STORAGE_URL", "s3://shop/live"),
        ("IRONMONGER_S3_ENDPOINT", &endpoint),
        ("IRONMONGER_S3_ACCESS_KEY_ID", "test-key"),
        ("IRONMONGER_S3_SECRET_ACCESS_KEY", "test-secret"),
    ])
    .await;
    // Larger than a part of a multipart upload.
    let mut bytes = jpeg(600, 400);
    let comment = [vec![0xff, 0xfe, 0xff, 0xff], vec![7; 65_533]].concat();
    bytes.splice(2..2, comment.repeat(100));
    let image = image_of_new_product(&shop, bytes.clone()).await;
    check_serving(&shop, &image["url"], &bytes).await;

    shop.run_worker();
    shop.wait_until(async || (bucket.keys().len() == 3).then_some(())).await;
    let keys = bucket.keys();
    let names: Vec<&str> = keys.iter().map(|key| &key[key.len() - 8..]).collect();
    assert!(keys.iter().all(|key| key.starts_with("live/images/")), "{keys:?}");
    assert!(names[0].ends_with("-160.jpg") && names[1].ends_with("-480.jpg"), "{keys:?}");
    for key in &keys {
        // What a CDN in front of the bucket tells browsers.
        let object = bucket.object(key).unwrap();
        assert_eq!(object.content_type, "image/jpeg");
        assert_eq!(object.cache_control, "public, max-age=31536000, immutable");
    }
    let exported = export(&shop).await;
    product_line(&exported);
    let result = import(&shop, &exported).await;
    assert_eq!(result["unchanged"], 1, "{result}");
    assert!(!shop.data_dir().join("storage").exists());
}

#[tokio::test]
async fn stored_images_leave_and_return_by_their_addresses() {
    let shop = Shop::with_worker().await;
    let image = image_of_new_product(&shop, jpeg(60, 40)).await;
    let exported = export(&shop).await;
    let line = product_line(&exported);
    assert_eq!(line["images"], json!([{ "url": image["url"], "altText": "A picture" }]));

    let same = import(&shop, &exported).await;
    assert_eq!((&same["unchanged"], &same["updated"]), (&json!(1), &json!(0)), "{same}");
    let renamed = import(&shop, &exported.replace("Claw hammer", "Sledge hammer")).await;
    assert_eq!(renamed["updated"], 1, "{renamed}");
    let held = "select count(*) from product_images as i join media_images as m on m.id = i.media_id \
        where i.url = '/media/images/' || replace(m.id::text, '-', '') || '.jpg'";
    assert_eq!(shop.sql_count(held).await, 1, "the product shows the stored image still");
    // One of another shop is an address like any other.
    let other = format!("https://other.test/media/images/{}.jpg", uuid::Uuid::new_v4().simple());
    let foreign = exported.replace(image["url"].as_str().unwrap(), &other);
    import(&shop, &foreign).await;
    assert_eq!(
        shop.sql_count("select count(*) from product_images where url like 'https://other.test/%'").await,
        1
    );
}

/// The one product of an export.
fn product_line(exported: &str) -> Value {
    let lines = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut products = lines.filter(|line| line["type"] == "product");
    let product = products.next().expect("a product is exported");
    assert_eq!(products.next(), None);
    product
}

/// Waits for the end of a job; its result.
async fn result_of(shop: &Shop, id: &Value) -> Value {
    let owner = shop.as_owner();
    shop.wait_until(async || {
        let answer =
            owner.send("query($id: ID!) { job(id: $id) { state result } }", json!({ "id": id })).await;
        let job = &answer["data"]["job"];
        assert!(job["state"] != "DEAD", "{job}");
        (job["state"] == "SUCCEEDED").then(|| job["result"].clone())
    })
    .await
}

async fn export(shop: &Shop) -> String {
    let owner: Client = shop.as_owner();
    let answer = owner.send(EXPORT, json!({})).await;
    let result = result_of(shop, &answer["data"]["catalogExport"]["job"]["id"]).await;
    shop.get(&result["url"]).await.text().await.unwrap()
}

async fn import(shop: &Shop, lines: &str) -> Value {
    let owner = shop.as_owner();
    let answer = owner
        .upload(IMPORT, json!({ "file": null }), "variables.file", "a.jsonl", lines.as_bytes().to_vec())
        .await;
    result_of(shop, &answer["data"]["catalogImport"]["job"]["id"]).await
}
