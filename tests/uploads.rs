//! Uploads that mean harm, or are broken: each is refused by a clear error, and nothing of it is kept.

use std::time::Duration;

use image::ImageFormat;
use ironmonger::ids::ProductId;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::pictures::{encoded, jpeg, picture, png_of_zeros};
use crate::support::{ProductSpec, Shop, Value, add_document, json};

const GIB: u64 = 1 << 30;

/// A shop with one product, and what was in it then.
struct Target {
    shop: Shop,
    product: ProductId,
    before: String,
}

impl Target {
    async fn new(variables: &[(&str, &str)]) -> Self {
        let shop = Shop::start_with(variables).await;
        let product = shop.product(ProductSpec::default()).await.id;
        shop.as_owner().token().await;
        let before = footprint(&shop).await;
        Self { shop, product, before }
    }

    /// Uploads it as an image; what the user error says.
    async fn refused(&self, file_name: &str, bytes: Vec<u8>) -> (String, String) {
        let answer = self.shop.as_owner().try_image(self.product, file_name, bytes).await;
        let payload = &answer["data"]["productImagesAdd"];
        let errors = payload["userErrors"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!((errors.len(), &payload["product"]), (1, &Value::Null), "{answer}");
        assert_eq!(errors[0]["field"], json!(["input", "images", "0", "file"]), "{answer}");
        let text = |name: &str| errors[0][name].as_str().unwrap().to_owned();
        self.unchanged().await;
        (text("code"), text("message"))
    }

    async fn unchanged(&self) {
        assert_eq!(footprint(&self.shop).await, self.before);
    }
}

/// Every stored file, and how many rows the tables have that an upload could touch.
async fn footprint(shop: &Shop) -> String {
    let counts = ["media_images", "media_renditions", "product_images", "events", "jobs", "imports"];
    let mut text = shop.stored_files().join("\n");
    for table in counts {
        text += &format!(" {table} {}", shop.sql_count(&format!("select count(*) from {table}")).await);
    }
    text
}

fn damaged(format: &str, what: &str) -> (String, String) {
    ("UNREADABLE_FILE".into(), format!("The {format} image is damaged: {what}."))
}

#[tokio::test]
async fn bombs_are_refused_by_what_they_claim_and_by_what_they_hold() {
    let target = Target::new(&[]).await;
    // Claims 10 gigapixels in a few bytes.
    let (code, message) = target.refused("huge.png", png_of_zeros(100_000, 100_000, 1_000)).await;
    assert_eq!(code, "LIMIT_EXCEEDED");
    assert!(message.contains("100000 × 100000 pixels; at most 50000000"), "{message}");
    // Within the limits by its header, but inflates from 260 kB to 256 MiB.
    let bomb = png_of_zeros(100, 100, 256 << 20);
    assert!(bomb.len() < 300_000);
    assert_eq!(
        target.refused("bomb.png", bomb).await,
        damaged("PNG", "it unpacks to more than its header says")
    );
    // Claims more than it holds, so that a decoder would allocate for nothing.
    let hollow = png_of_zeros(7_000, 7_000, 1_000);
    assert_eq!(
        target.refused("hollow.png", hollow).await,
        damaged("PNG", "it holds less than its header says")
    );
    // A hundred megapixels, honestly.
    let (code, message) = target.refused("big.png", png_of_zeros(10_000, 10_000, 10_000 * 30_001)).await;
    assert_eq!((code.as_str(), message.contains("10000 × 10000")), ("LIMIT_EXCEEDED", true), "{message}");
    let (code, _) = target.refused("big.jpg", jpeg_head(10_000, 10_000)).await;
    assert_eq!(code, "LIMIT_EXCEEDED");
}

/// The beginning of a JPEG of this size.
fn jpeg_head(width: u16, height: u16) -> Vec<u8> {
    let [height_high, height_low] = height.to_be_bytes();
    let [width_high, width_low] = width.to_be_bytes();
    vec![0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, height_high, height_low, width_high, width_low, 1, 1, 0x11, 0]
}

#[tokio::test]
async fn what_is_no_image_is_refused_whatever_it_is_called() {
    let target = Target::new(&[]).await;
    for (name, bytes, what) in [
        ("logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG"),
        ("logo.png", "<?xml version='1.0'?>\n<!-- x -->\n<svg onload='alert(1)'/>", "SVG"),
        ("photo.jpg", "<!DOCTYPE html><html><body onload=alert(1)>", "HTML"),
        ("photo.gif", "GIF9 alert(1)", "something else"),
        ("photo.webp", "RIFF\0\0\0\0WAVE", "something else"),
    ] {
        let (code, message) = target.refused(name, bytes.as_bytes().to_vec()).await;
        assert_eq!(code, "UNREADABLE_FILE", "{name}");
        assert!(message.starts_with("Only JPEG, PNG, WebP and GIF") && message.contains(what), "{message}");
    }
    let empty = ("UNREADABLE_FILE".to_owned(), "The file is empty.".to_owned());
    assert_eq!(target.refused("empty.png", Vec::new()).await, empty);
}

#[tokio::test]
async fn what_is_cut_off_or_changed_on_the_way_is_refused() {
    let target = Target::new(&[]).await;
    for (format, name) in [
        (ImageFormat::Jpeg, "JPEG"),
        (ImageFormat::Png, "PNG"),
        (ImageFormat::WebP, "WebP"),
        (ImageFormat::Gif, "GIF"),
    ] {
        let mut bytes = encoded(picture(300, 200), format);
        bytes.truncate(bytes.len() / 2);
        assert_eq!(target.refused("photo", bytes).await, damaged(name, "it is cut off"));
    }
    let mut png = encoded(picture(300, 200), ImageFormat::Png);
    let middle = png.len() / 2;
    png[middle] ^= 0x55;
    let (code, message) = target.refused("photo.png", png).await;
    assert_eq!(code, "UNREADABLE_FILE", "{message}");
}

#[tokio::test]
async fn a_file_larger_than_allowed_is_refused() {
    let target = Target::new(&[("IRONMONGER_IMAGE_LIMIT_BYTES", "10000")]).await;
    let (code, message) = target.refused("a.jpg", jpeg(2000, 1500)).await;
    assert_eq!(code, "LIMIT_EXCEEDED");
    assert!(message.ends_with("at most 10000 are allowed."), "{message}");
}

#[tokio::test]
async fn when_one_file_of_several_is_bad_none_is_kept() {
    let target = Target::new(&[]).await;
    let images = json!([{ "file": null }, { "file": null }, { "url": "/x.png" }]);
    let operations = json!({
        "query": add_document(),
        "variables": { "input": { "productId": target.product, "images": images } },
    });
    let map = json!({ "a": ["variables.input.images.0.file"], "b": ["variables.input.images.1.file"] });
    let form = reqwest::multipart::Form::new()
        .text("operations", operations.to_string())
        .text("map", map.to_string())
        .part("a", reqwest::multipart::Part::bytes(jpeg(40, 30)).file_name("a.jpg"))
        .part("b", reqwest::multipart::Part::bytes(b"no image".to_vec()).file_name("b.jpg"));
    let answer = send_form(&target.shop, form).await.1;
    let errors = &answer["data"]["productImagesAdd"]["userErrors"];
    assert_eq!(errors[0]["field"], json!(["input", "images", "1", "file"]), "{answer}");
    target.unchanged().await;
}

async fn send_form(shop: &Shop, form: reqwest::multipart::Form) -> (StatusCode, Value) {
    let request =
        shop.as_owner().request(Method::POST, "/graphql").await.header("GraphQL-Require-Preflight", "1");
    let response = request.multipart(form).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_name_of_a_file_leads_nowhere() {
    let target = Target::new(&[]).await;
    let long = format!("{}.jpg", "x".repeat(300));
    for (index, (name, shown)) in [
        ("../../../../etc/cron.d/x", "x"),
        ("..\\..\\x.jpg", "x.jpg"),
        ("/etc/passwd", "passwd"),
        ("a\u{202e}gpj.exe", "agpj.exe"),
        (long.as_str(), &long[..255]),
        ("..", ".."),
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = jpeg(40 + index as u32, 30);
        let product = target.shop.as_owner().add_image(target.product, name, bytes).await;
        let image = &product["images"][index];
        assert_eq!(image["fileName"], shown, "{name:?}");
        let path = target.shop.path_of(&image["url"]);
        let (folder, file) = path.rsplit_once('/').unwrap();
        let uuid = file.strip_suffix(".jpg").unwrap();
        assert_eq!(folder, "/media/images");
        assert!(uuid.len() == 32 && uuid.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}");
        assert!(target.shop.data_dir().join("storage/images").join(file).exists());
    }
    assert_eq!(target.shop.stored_files().len(), 6, "nothing lies elsewhere");
    // What no header can hold is no name.
    for name in ["a\0.jpg", "a\u{1b}[2J.jpg"] {
        let answer = target.shop.as_owner().try_image(target.product, name, jpeg(90, 30)).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{name:?}: {answer}");
    }
    assert_eq!(target.shop.stored_files().len(), 6);
}

#[tokio::test]
async fn forms_whose_parts_do_not_fit_together_are_refused() {
    let target = Target::new(&[]).await;
    let images = json!([{ "file": null }]);
    let operations = json!({
        "query": add_document(),
        "variables": { "input": { "productId": target.product, "images": images } },
    })
    .to_string();
    let part = || reqwest::multipart::Part::bytes(jpeg(40, 30)).file_name("a.jpg");
    let form = |map: &str| {
        reqwest::multipart::Form::new().text("operations", operations.clone()).text("map", map.to_owned())
    };
    let path = "variables.input.images.0.file";
    let eleven: serde_json::Map<_, _> = (0..11).map(|n| (n.to_string(), json!([path]))).collect();
    for (what, form) in [
        ("no map", reqwest::multipart::Form::new().text("operations", operations.clone()).part("0", part())),
        ("no operations", reqwest::multipart::Form::new().text("map", "{}").part("0", part())),
        ("a map that is a list", form("[]").part("0", part())),
        ("a map that is no JSON", form("{").part("0", part())),
        ("a map of texts", form(r#"{"0": "variables.input.images.0.file"}"#).part("0", part())),
        ("a file that is not in the map", form("{}").part("0", part())),
        (
            "a file that is not there",
            form(&json!({ "0": [path], "1": [path] }).to_string()).part("0", part()),
        ),
        ("a file twice", form(&json!({ "0": [path] }).to_string()).part("0", part()).part("0", part())),
        ("too many files", form(&Value::from(eleven).to_string()).part("0", part())),
        ("a path to no variable", form(r#"{"0": ["variables.nowhere.file"]}"#).part("0", part())),
        (
            "a path that leads beyond a list",
            form(r#"{"0": ["variables.input.images.7.file"]}"#).part("0", part()),
        ),
        ("a path to the document", form(r#"{"0": ["query"]}"#).part("0", part())),
        ("a path to a value", form(r#"{"0": ["variables.input.productId"]}"#).part("0", part())),
        ("no path", form(r#"{"0": []}"#).part("0", part())),
    ] {
        let (status, answer) = send_form(&target.shop, form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}: {answer}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{what}: {answer}");
        target.unchanged().await;
    }
}

#[tokio::test]
async fn one_file_can_stand_in_two_places() {
    let target = Target::new(&[]).await;
    let images = json!([{ "file": null }, { "file": null }]);
    let operations = json!({
        "query": add_document(),
        "variables": { "input": { "productId": target.product, "images": images } },
    });
    let map = json!({ "0": ["variables.input.images.0.file", "variables.input.images.1.file"] });
    let form = reqwest::multipart::Form::new()
        .text("operations", operations.to_string())
        .text("map", map.to_string())
        .part("0", reqwest::multipart::Part::bytes(jpeg(40, 30)).file_name("a.jpg"));
    // It is read twice, and the product would show it twice.
    let answer = send_form(&target.shop, form).await.1;
    assert_eq!(answer["data"]["productImagesAdd"]["userErrors"][0]["code"], "TAKEN", "{answer}");
    target.unchanged().await;
}

/// How the length of a body is told.
enum Length {
    Said,
    Chunked,
}

/// Sends a form of 2 GiB to the shop, made up as it is sent, and reads the answer meanwhile. The answer, and how many bytes were
/// sent when it came; returns when the connection has ended.
async fn send_two_gigabytes(target: &Target, length: Length) -> (String, u64) {
    let addr = target.shop.url("").strip_prefix("http://").unwrap().to_owned();
    let token = target.shop.as_owner().token().await.unwrap();
    let operations = json!({
        "query": add_document(),
        "variables": { "input": { "productId": target.product, "images": [{ "file": null }] } },
    });
    let part = |head: &str| format!("--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n");
    let begin = [
        part("name=\"operations\""),
        format!("{operations}\r\n"),
        part("name=\"map\""),
        "{\"0\":[\"variables.input.images.0.file\"]}\r\n".to_owned(),
        part("name=\"0\"; filename=\"big.jpg\""),
    ]
    .concat();
    let framing = match length {
        Length::Said => format!("Content-Length: {}", 2 * GIB),
        Length::Chunked => "Transfer-Encoding: chunked".to_owned(),
    };
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {token}\r\nGraphQL-Require-Preflight: 1\r\n\
         Content-Type: multipart/form-data; boundary=edge\r\n{framing}\r\n\r\n"
    );
    let framed = |bytes: &[u8]| match length {
        Length::Said => bytes.to_vec(),
        Length::Chunked => [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
    };
    let piece = framed(&vec![0xff; 64 * 1024]);

    let (mut reader, mut writer) = TcpStream::connect(&addr).await.unwrap().into_split();
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let begin = framed(begin.as_bytes());
    let counter = sent.clone();
    let sending = tokio::spawn(async move {
        writer.write_all(head.as_bytes()).await.unwrap();
        writer.write_all(&begin).await.unwrap();
        while counter.load(std::sync::atomic::Ordering::Relaxed) < 2 * GIB {
            // The server may end the connection at any time.
            if writer.write_all(&piece).await.is_err() {
                return;
            }
            counter.fetch_add(64 * 1024, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let mut answer = Vec::new();
    let mut sent_at_answer = None;
    let mut chunk = vec![0; 4096];
    let reading = async {
        // The end of the stream, or a reset after the answer.
        while let Ok(len @ 1..) = reader.read(&mut chunk).await {
            answer.extend_from_slice(&chunk[..len]);
            sent_at_answer.get_or_insert(sent.load(std::sync::atomic::Ordering::Relaxed));
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("the connection is not left hanging");
    sending.abort();
    (String::from_utf8(answer).unwrap(), sent_at_answer.unwrap_or(u64::MAX))
}

fn is_too_large(answer: &str) -> bool {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{body}"));
    head.starts_with("HTTP/1.1 413 ") && body["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gigabytes_are_refused_before_they_are_sent() {
    let target = Target::new(&[]).await;
    let (answer, sent) = send_two_gigabytes(&target, Length::Said).await;
    assert!(is_too_large(&answer), "{answer}");
    // What fits into the buffers between the two, and little more.
    assert!(sent < GIB / 4, "{sent} bytes were sent before the answer");
    target.unchanged().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gigabytes_of_unsaid_length_are_refused_at_the_limit() {
    let limit = 32 << 20;
    let target = Target::new(&[("IRONMONGER_UPLOAD_LIMIT_BYTES", &limit.to_string())]).await;
    let (answer, sent) = send_two_gigabytes(&target, Length::Chunked).await;
    assert!(is_too_large(&answer), "{answer}");
    assert!((limit..GIB / 4).contains(&sent), "{sent} bytes were sent before the answer");
    target.unchanged().await;
}
