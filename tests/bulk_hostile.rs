//! Files that nobody should send: each ends with a clear word, and takes no memory to speak of.

use std::io::Write;
use std::time::Duration;

use async_compression::tokio::write::GzipEncoder;
use ironmonger::access::Viewer;
use ironmonger::bulk::{self, CatalogFormat, NewImport};
use ironmonger::catalog::OnConflict;
use ironmonger::error::Error;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{Shop, Value, wait_up_to};

const MIB: usize = 1024 * 1024;
/// Some hundred megabytes are unpacked, by a worker that is not optimized.
const PATIENCE: Duration = Duration::from_secs(180);
const HEADER: &str = "Handle,Title,Variant Price\n";
const JOB: &str = "query Job($id: ID!) { job(id: $id) { state result lastError } }";

/// What becomes of a file.
enum Expected {
    /// It is refused at once, with these words.
    Refused(&'static str),
    /// The job fails with these words; so many products are in.
    Fails(&'static str, i64),
    /// So many products are in, so many rows rejected, the first with these words.
    Takes(i64, i64, &'static str),
}

use CatalogFormat::{Jsonl, ShopifyCsv};
use Expected::{Fails, Refused, Takes};

fn line(slug: &str) -> String {
    format!("{{\"slug\":\"{slug}\",\"name\":\"N\",\"variants\":[{{\"price\":\"1\"}}]}}\n")
}

fn row(handle: &str) -> String {
    format!("{handle},Title,1.00\n")
}

async fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(bytes).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// A way to import large files: the operator's, which has no limit of size.
async fn import(shop: &Shop, format: CatalogFormat, chunks: &[(&[u8], usize)]) -> Result<Value, String> {
    let mut file = tempfile::tempfile().unwrap();
    for (bytes, times) in chunks {
        for _ in 0..*times {
            file.write_all(bytes).unwrap();
        }
    }
    let new = NewImport {
        file: tokio::fs::File::from_std(file),
        file_name: "hostile".into(),
        format,
        on_conflict: OnConflict::Update,
    };
    let app = shop.app();
    let channel = app.channels.get(&app.db, None).await.unwrap();
    let id = match bulk::import(app, &Viewer::System, &channel, new).await {
        Ok(id) => id,
        Err(Error::Rejected(rejections)) => return Err(rejections[0].message.to_string()),
        Err(error) => panic!("{error}"),
    };
    let owner = shop.as_owner();
    let job = wait_up_to(PATIENCE, || async {
        let body = owner.send(JOB, json!({ "id": id.to_string() })).await;
        let job = body["data"]["job"].clone();
        ["SUCCEEDED", "DEAD"].contains(&job["state"].as_str().unwrap()).then_some(job)
    });
    Ok(job.await)
}

/// Imports a file and holds what became of it against what is expected. `name` begins the slugs of its products.
async fn check(
    shop: &Shop,
    name: &str,
    format: CatalogFormat,
    chunks: &[(&[u8], usize)],
    expected: Expected,
) {
    let outcome = import(shop, format, chunks).await;
    let products = shop.sql_count(&format!("SELECT count(*) FROM products WHERE slug LIKE '{name}-%'")).await;
    match (expected, outcome) {
        (Refused(words), Err(said)) => {
            assert!(said.contains(words), "{name}: {said}");
            assert_eq!(products, 0, "{name}");
        }
        (Fails(words, count), Ok(job)) => {
            assert_eq!(job["state"], "DEAD", "{name}: {job}");
            let said = job["lastError"].as_str().unwrap();
            assert!(said.contains(words), "{name}: {said}");
            assert_eq!(products, count, "{name}");
        }
        (Takes(count, rejected, words), Ok(job)) => {
            assert_eq!(job["state"], "SUCCEEDED", "{name}: {job}");
            assert_eq!(
                (products, job["result"]["rejected"].as_i64().unwrap()),
                (count, rejected),
                "{name}: {job}"
            );
            let said = job["result"]["rejections"][0]["reason"].as_str().unwrap_or_default();
            assert!(said.contains(words), "{name}: {said}");
        }
        (_, outcome) => panic!("{name}: {outcome:?}"),
    }
}

#[tokio::test]
async fn files_of_another_kind_are_refused_at_once() {
    let shop = Shop::start().await;
    let a_line = line("refused");
    let a_row = format!("{HEADER}{}", row("refused"));
    let wide = format!("{}\n", "Handle,Title,Variant Price,".repeat(250_000));
    let columns = HEADER.trim_end().to_owned() + &",x".repeat(3_000) + "\n";
    let packed = gzip(a_line.as_bytes()).await;
    for (format, bytes, words) in [
        (ShopifyCsv, Vec::new(), "empty"),
        (Jsonl, b"\xef\xbb\xbf\n \n".to_vec(), "empty"),
        (Jsonl, gzip(b"").await, "empty"),
        (ShopifyCsv, wide.into_bytes(), "more than 2000 columns"),
        (ShopifyCsv, columns.into_bytes(), "more than 2000 columns"),
        (ShopifyCsv, utf16(&a_row), "UTF-16"),
        (Jsonl, utf16(&a_line), "UTF-16"),
        (ShopifyCsv, gzip(&utf16(&a_row)).await, "UTF-16"),
        (ShopifyCsv, latin1(&a_row.replace("Title,1", "Läufer,1")), "UTF-8 (see line 2)"),
        (ShopifyCsv, a_row.replace("Title,1", "Ti\0tle,1").into_bytes(), "not text"),
        (ShopifyCsv, b"PK\x03\x04workbook".to_vec(), "ZIP"),
        (ShopifyCsv, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "Excel"),
        (Jsonl, gzip(&packed).await, "compressed twice"),
        (Jsonl, a_row.clone().into_bytes(), "not a JSON object"),
        (ShopifyCsv, a_line.clone().into_bytes(), "not the header"),
        (Jsonl, format!("[{a_line}]").into_bytes(), "JSON array"),
        (Jsonl, b"\x1f\x8b\x08\x00garbage".to_vec(), "damaged"),
        (Jsonl, packed[..5].to_vec(), "damaged"),
    ] {
        check(&shop, "refused", format, &[(&bytes, 1)], Refused(words)).await;
    }
    assert_eq!(shop.sql_count("SELECT count(*) FROM imports").await, 0);
    assert_eq!(std::fs::read_dir(shop.data_dir().join("storage")).unwrap().count(), 0, "nothing is kept");
}

#[tokio::test]
async fn what_can_be_used_of_a_damaged_file_is_used_and_the_rest_is_told() {
    let shop = Shop::with_worker().await;
    let many: String = (0..2_000).map(|n| line(&format!("cut-{n:04}"))).collect();
    let packed = gzip(many.as_bytes()).await;
    let (half, _) = packed.split_at(packed.len() / 2);
    let outcome = import(&shop, Jsonl, &[(half, 1)]).await.unwrap();
    assert_eq!(outcome["state"], "DEAD");
    assert!(outcome["lastError"].as_str().unwrap().contains("damaged or cut off"), "{outcome}");
    let stored = shop.sql_count("SELECT count(*) FROM products WHERE slug LIKE 'cut-%'").await;
    assert_eq!(stored, shop.sql_count("SELECT rows_read FROM imports").await);
    assert!((500..1_500).contains(&stored), "{stored}");

    let tail = gzip(line("tail-1").as_bytes()).await;
    check(&shop, "tail", Jsonl, &[(&tail, 1), (b"garbage", 1)], Fails("damaged or cut off", 1)).await;
    let members = [gzip(line("member-1").as_bytes()).await, gzip(line("member-2").as_bytes()).await];
    check(&shop, "member", Jsonl, &[(&members[0], 1), (&members[1], 1)], Takes(2, 0, "")).await;

    // Beyond what is looked at beforehand.
    let start = format!("{HEADER}{}{}", row("late-1"), " ,,\n".repeat(30_000));
    let late = [&latin1("late-2,Läufer,1\n")[..], b"late-3,Nu\0l,1\n", row("late-4").as_bytes()].concat();
    let chunks = [(start.as_bytes(), 1), (&late[..], 1)];
    check(&shop, "late", ShopifyCsv, &chunks, Takes(2, 2, "not encoded in UTF-8")).await;
    let late = [
        &latin1("{\"slug\":\"n\u{ff}\"}\n")[..],
        b"{\"slug\":\"\\u0000\"}\n{\"slug\":\"a\0\"}\n",
        line("nul-1").as_bytes(),
    ]
    .concat();
    let fill = line("nul-0") + &" \n".repeat(40_000);
    check(&shop, "nul", Jsonl, &[(fill.as_bytes(), 1), (&late, 1)], Takes(2, 3, "not encoded in UTF-8"))
        .await;

    for (name, end) in [("crlf", "\r\n"), ("cr", "\r")] {
        let text =
            format!("{HEADER}{}{}", row(&format!("{name}-1")), row(&format!("{name}-2"))).replace('\n', end);
        check(&shop, name, ShopifyCsv, &[(text.as_bytes(), 1)], Takes(2, 0, "")).await;
    }
    let crlf = (line("crlfj-1") + &line("crlfj-2")).replace('\n', "\r\n");
    check(&shop, "crlfj", Jsonl, &[(crlf.as_bytes(), 1)], Takes(2, 0, "")).await;
    check(&shop, "header", ShopifyCsv, &[(HEADER.as_bytes(), 1)], Takes(0, 0, "")).await;
    let bom = format!("\u{feff}{HEADER}{}", row("bom-1"));
    check(&shop, "bom", ShopifyCsv, &[(bom.as_bytes(), 1)], Takes(1, 0, "")).await;

    let apart: String =
        (0..1_200).map(|n| line(&format!("apart-{n}"))).collect::<String>() + &line("apart-0");
    check(&shop, "apart", Jsonl, &[(apart.as_bytes(), 1)], Takes(1_200, 1, "in an earlier place already"))
        .await;
}

/// Bytes of memory that a process has held at most.
fn peak_bytes(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_measure_take_no_memory() {
    let shop = Shop::start().await;
    let worker = shop.spawn_worker(&[]).await;

    let blank = [vec![b' '; MIB - 1], b"\n".to_vec()].concat();
    let spaces = gzip(&blank.repeat(64)).await;
    let bomb = gzip(line("bomb-1").as_bytes()).await;
    check(&shop, "bomb", Jsonl, &[(&bomb, 1), (&spaces, 100)], Fails("250 times", 1)).await;

    // 2 GiB in a single line, and a cell as long.
    let begin = gzip(format!("{}{{\"slug\":\"", line("long-1")).as_bytes()).await;
    let filling: Vec<u8> = (0..64 * MIB).map(|n| b'a' + (n % 23 * n % 7) as u8).collect();
    let filling = gzip(&filling).await;
    check(&shop, "long", Jsonl, &[(&begin, 1), (&filling, 32)], Fails("line 2: The file is damaged", 1))
        .await;
    // Whether the product before it has more rows, nobody can tell.
    let begin = gzip(format!("{HEADER}{}long2,\"", row("cell-1")).as_bytes()).await;
    check(&shop, "cell", ShopifyCsv, &[(&begin, 1), (&filling, 32)], Fails("longer than 4 MiB", 0)).await;

    let million = format!("wide-2{}\n", ",x".repeat(1_000_000));
    let wide = format!("{HEADER}{}{million}{}", row("wide-1"), row("wide-3"));
    check(&shop, "wide", ShopifyCsv, &[(wide.as_bytes(), 1)], Takes(2, 1, "out of place")).await;

    let long = format!("{}{{\"slug\":\"{}\"}}\n{}", line("ten-1"), "x".repeat(10 * MIB), line("ten-2"));
    check(&shop, "ten", Jsonl, &[(long.as_bytes(), 1)], Takes(2, 1, "at most 8388608")).await;

    let mut variants =
        String::from("Handle,Title,Option1 Name,Option1 Value,Variant Price\nvariants-1,V,N,0,1\n");
    (1..100_000).for_each(|n| variants += &format!("variants-1,,,{n},1\n"));
    variants += "variants-2,V,,,1\n";
    check(
        &shop,
        "variants",
        ShopifyCsv,
        &[(variants.as_bytes(), 1)],
        Takes(2, 98_000, "more than 2000 variants"),
    )
    .await;
    let variants: Vec<_> =
        (0..100_000).map(|n| json!({ "optionValues": [n.to_string()], "price": "1" })).collect();
    let variants =
        json!({ "slug": "many-1", "name": "N", "variants": variants }).to_string() + "\n" + &line("many-2");
    check(&shop, "many", Jsonl, &[(variants.as_bytes(), 1)], Takes(1, 1, "more than 2000 variants")).await;

    let peak = peak_bytes(worker.pid());
    assert!(peak < 200 * MIB, "{} MiB", peak / MIB);
}
