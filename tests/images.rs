//! Images of products and collections: adding, arranging, smaller copies, deleting.

use image::ImageFormat;
use ironmonger::ids::ProductId;

use crate::support::pictures::{encoded, jpeg, picture};
use crate::support::{Client, IMAGE_FIELDS, ProductSpec, Shop, Value, add_document, json};

const COLLECTION: &str =
    "query($slug: String!) { collection(slug: $slug) { id version image { url altText width } } }";
const SET: &str = "mutation($input: CollectionImageSetInput!) { collectionImageSet(input: $input) { collection { version \
    image { url altText width } } userErrors { code message field } } }";

async fn product(shop: &Shop) -> ProductId {
    shop.product(ProductSpec::default()).await.id
}

/// What everybody sees of a product.
async fn shown(client: &Client, id: ProductId) -> Value {
    let document = format!(
        "query($id: ID!) {{ product(id: $id) {{ version featuredImage {{ url }} images {{ {} }} }} }}",
        IMAGE_FIELDS.replace("fileName ", "")
    );
    let answer = client.send(&document, json!({ "id": id })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["product"].clone()
}

/// Sends a mutation of the images of a product; its payload.
async fn edit(client: &Client, name: &str, input: Value) -> Value {
    let type_ = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let document = format!(
        "mutation($input: {type_}!) {{ {name}(input: $input) {{ product {{ version images {{ id url altText }} }} \
         userErrors {{ code field }} }} }}"
    );
    let answer = client.send(&document, json!({ "input": input })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"][name].clone()
}

/// Adds images by their addresses.
async fn add_urls(client: &Client, id: ProductId, position: Option<i32>, urls: &[&str]) -> Value {
    let images: Vec<_> = urls.iter().map(|url| json!({ "url": url, "altText": url })).collect();
    edit(client, "productImagesAdd", json!({ "productId": id, "position": position, "images": images })).await
}

fn alt_texts(product: &Value) -> Vec<&str> {
    product["images"].as_array().unwrap().iter().map(|image| image["altText"].as_str().unwrap()).collect()
}

fn codes(payload: &Value) -> Value {
    let errors = payload["userErrors"].as_array().unwrap_or_else(|| panic!("{payload}"));
    json!(errors.iter().map(|error| (&error["code"], &error["field"])).collect::<Vec<_>>())
}

#[tokio::test]
async fn an_uploaded_image_is_shown_at_once_and_in_smaller_copies_when_they_are_made() {
    let shop = Shop::start().await;
    let id = product(&shop).await;
    let original = jpeg(2000, 1000);
    let added = shop.as_owner().add_image(id, "C:\\photos\\hammer.jpg", original.clone()).await;
    let image = &added["images"][0];
    assert_eq!((&image["width"], &image["height"]), (&json!(2000), &json!(1000)), "{image}");
    assert_eq!((&image["contentType"], &image["altText"]), (&json!("image/jpeg"), &json!("A picture")));
    assert_eq!(image["fileName"], "hammer.jpg");
    assert_eq!(image["renditions"], json!([]));
    assert_eq!((&added["version"], &added["featuredImage"]["url"]), (&json!(2), &image["url"]));
    let response = shop.get(&image["url"]).await;
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    assert!(response.bytes().await.unwrap() == original, "the original is served as it came");

    let by_width = async |width: i32| {
        let document =
            "query($id: ID!, $width: Int) { product(id: $id) { featuredImage { url(width: $width) } } }";
        let answer = shop.send(document, json!({ "id": id, "width": width })).await;
        answer["data"]["product"]["featuredImage"]["url"].clone()
    };
    assert_eq!(by_width(300).await, image["url"], "until there is a copy the original answers");

    shop.run_worker();
    let renditions = shop
        .wait_until(async || {
            let renditions = shown(&shop, id).await["images"][0]["renditions"].clone();
            (renditions != json!([])).then_some(renditions)
        })
        .await;
    let sizes: Vec<_> = renditions
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["width"].as_i64(), one["height"].as_i64()))
        .collect();
    let expected = [(160, 80), (480, 240), (960, 480), (1600, 800)].map(|(w, h)| (Some(w), Some(h)));
    assert_eq!(sizes, expected);
    for rendition in renditions.as_array().unwrap() {
        let response = shop.get(&rendition["url"]).await;
        assert_eq!(response.headers()["content-type"], "image/jpeg");
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
        let decoded = image::load_from_memory(&response.bytes().await.unwrap()).unwrap();
        let width = i64::from(decoded.width());
        assert_eq!(
            (Some(width), Some(width / 2)),
            (rendition["width"].as_i64(), rendition["height"].as_i64())
        );
    }
    assert_eq!(by_width(300).await, renditions[1]["url"]);
    assert_eq!(by_width(480).await, renditions[1]["url"]);
    assert_eq!(by_width(1601).await, image["url"]);

    // Caches learn of both; the version is the staff's.
    let types = "select string_agg(type, ' ' order by sequence) from events where aggregate = 'product'";
    assert_eq!(shop.sql_text(types).await, "product.created product.updated product.image_derived");
    assert_eq!(shown(&shop, id).await["version"], 2);
}

#[tokio::test]
async fn making_the_copies_twice_changes_nothing() {
    let shop = Shop::start().await;
    let id = product(&shop).await;
    shop.as_owner().add_image(id, "a.png", encoded(picture(300, 200), ImageFormat::Png)).await;
    shop.run_worker();
    let derived = "select count(*) from media_images where derived_at is not null";
    shop.wait_until(async || (shop.sql_count(derived).await == 1).then_some(())).await;
    let (before, files) = (shown(&shop, id).await, shop.stored_files());
    assert_eq!(files.len(), 2, "{files:?}");

    shop.sql("update media_images set derived_at = null").await;
    shop.sql(
        "update jobs set state = 'READY', finished_at = null, run_at = now() where kind = 'media.derive'",
    )
    .await;
    shop.wait_until(async || (shop.sql_count(derived).await == 1).then_some(())).await;
    assert_eq!((shown(&shop, id).await, shop.stored_files()), (before, files));
}

#[tokio::test]
async fn an_image_that_cannot_be_decoded_stays_as_it_is_and_its_job_says_why() {
    let shop = Shop::with_worker().await;
    let id = product(&shop).await;
    // Put together as a JPEG is, but without the tables that its pixels need.
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 1, 0, 1, 0, 1, 1, 0x11, 0];
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 3, 4, 0xff, 0xd9]);
    let added = shop.as_owner().add_image(id, "odd.jpg", bytes).await;
    let error =
        "select coalesce(max(last_error), '') from jobs where kind = 'media.derive' and state = 'DEAD'";
    let error =
        shop.wait_until(async || Some(shop.sql_text(error).await).filter(|error| !error.is_empty())).await;
    assert!(error.starts_with("the image cannot be decoded"), "{error}");
    assert_eq!(shop.get(&added["images"][0]["url"]).await.status(), 200);
}

#[tokio::test]
async fn images_can_be_placed_described_ordered_and_removed() {
    let shop = Shop::start().await;
    let (owner, id) = (shop.as_owner(), product(&shop).await);
    add_urls(&owner, id, None, &["/a.png", "/b.png"]).await;
    add_urls(&owner, id, Some(0), &["/c.png", "/d.png"]).await;
    let payload = add_urls(&owner, id, Some(3), &["https://cdn.test/e.png"]).await;
    assert_eq!(
        alt_texts(&payload["product"]),
        ["/c.png", "/d.png", "/a.png", "https://cdn.test/e.png", "/b.png"]
    );
    assert_eq!(payload["product"]["version"], 4);
    let ids: Vec<Value> =
        payload["product"]["images"].as_array().unwrap().iter().map(|image| image["id"].clone()).collect();

    let input = json!({ "id": ids[0], "altText": "A claw hammer", "expectedVersion": 4 });
    let described = edit(&owner, "productImageUpdate", input).await;
    assert_eq!(alt_texts(&described["product"])[0], "A claw hammer");
    let order = json!([ids[4], ids[3], ids[2], ids[1], ids[0]]);
    let ordered = edit(&owner, "productImagesReorder", json!({ "productId": id, "imageIds": order })).await;
    assert_eq!(alt_texts(&ordered["product"])[4], "A claw hammer");
    let removed = edit(&owner, "productImageRemove", json!({ "id": ids[4] })).await;
    assert_eq!(removed["product"]["version"], 7);
    let seen = shown(&shop, id).await;
    assert_eq!(alt_texts(&seen), ["https://cdn.test/e.png", "/a.png", "/d.png", "A claw hammer"]);
    // What lies elsewhere has no more than its address.
    assert_eq!((&seen["images"][0]["width"], &seen["images"][0]["renditions"]), (&Value::Null, &json!([])));
    assert_eq!(seen["featuredImage"]["url"], "https://cdn.test/e.png");
    assert_eq!(shop.sql_count("select count(*) from events where type = 'product.updated'").await, 6);
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_and_nothing_changes() {
    let shop = Shop::start().await;
    let (owner, id) = (shop.as_owner(), product(&shop).await);
    let added = add_urls(&owner, id, None, &["/a.png", "/b.png"]).await;
    let first = added["product"]["images"][0]["id"].clone();
    let add = async |input| codes(&edit(&owner, "productImagesAdd", input).await);
    let nobody = ProductId::new();
    let one = json!([{ "url": "/x.png" }]);
    for (input, expected) in [
        (json!({ "productId": nobody, "images": one }), json!([["NOT_FOUND", ["input", "productId"]]])),
        (
            json!({ "productId": id, "images": one, "expectedVersion": 1 }),
            json!([["STALE_VERSION", ["input", "expectedVersion"]]]),
        ),
        (json!({ "productId": id, "images": [] }), json!([["INVALID", ["input", "images"]]])),
        (
            json!({ "productId": id, "images": vec![json!({ "url": "/x" }); 11] }),
            json!([["INVALID", ["input", "images"]]]),
        ),
        (
            json!({ "productId": id, "images": one, "position": -1 }),
            json!([["INVALID", ["input", "position"]]]),
        ),
        (json!({ "productId": id, "images": [{}] }), json!([["REQUIRED", ["input", "images", "0"]]])),
        (
            json!({ "productId": id, "images": [{ "url": "/c" }, { "url": "/a.png" }] }),
            json!([["TAKEN", ["input", "images", "1"]]]),
        ),
        (
            json!({ "productId": id, "images": [{ "url": "javascript:alert(1)" }, { "url": "/c", "altText": "x".repeat(1_001) }] }),
            json!([
                ["INVALID", ["input", "images", "0", "url"]],
                ["INVALID", ["input", "images", "1", "altText"]]
            ]),
        ),
    ] {
        assert_eq!(add(input.clone()).await, expected, "{input}");
    }
    for (name, input, expected) in [
        (
            "productImageUpdate",
            json!({ "id": shop_image(), "altText": "" }),
            json!([["NOT_FOUND", ["input", "id"]]]),
        ),
        (
            "productImageUpdate",
            json!({ "id": first, "altText": "\0" }),
            json!([["INVALID", ["input", "altText"]]]),
        ),
        (
            "productImageUpdate",
            json!({ "id": first, "altText": "", "expectedVersion": 9 }),
            json!([["STALE_VERSION", ["input", "expectedVersion"]]]),
        ),
        ("productImageRemove", json!({ "id": shop_image() }), json!([["NOT_FOUND", ["input", "id"]]])),
        (
            "productImageRemove",
            json!({ "id": first, "expectedVersion": 1 }),
            json!([["STALE_VERSION", ["input", "expectedVersion"]]]),
        ),
        (
            "productImagesReorder",
            json!({ "productId": id, "imageIds": [first, first] }),
            json!([["INVALID", ["input", "imageIds"]]]),
        ),
        (
            "productImagesReorder",
            json!({ "productId": nobody, "imageIds": [] }),
            json!([["NOT_FOUND", ["input", "productId"]]]),
        ),
        (
            "productImagesReorder",
            json!({ "productId": id, "imageIds": [], "expectedVersion": 1 }),
            json!([["STALE_VERSION", ["input", "expectedVersion"]]]),
        ),
    ] {
        assert_eq!(codes(&edit(&owner, name, input.clone()).await), expected, "{name} {input}");
    }
    assert_eq!(alt_texts(&shown(&shop, id).await), ["/a.png", "/b.png"]);
    assert_eq!(shown(&shop, id).await["version"], 2);
}

/// The id of an image that is not there.
fn shop_image() -> String {
    ironmonger::ids::ImageId::new().to_string()
}

#[tokio::test]
async fn a_product_has_at_most_250_images() {
    let shop = Shop::start().await;
    let images = (0..249).map(|n| format!("/{n}.png")).collect();
    let id = shop.product(ProductSpec { images, ..ProductSpec::default() }).await.id;
    let owner = shop.as_owner();
    let two = add_urls(&owner, id, None, &["/x.png", "/y.png"]).await;
    assert_eq!(codes(&two), json!([["LIMIT_EXCEEDED", ["input", "images"]]]));
    assert_eq!(codes(&add_urls(&owner, id, None, &["/x.png"]).await), json!([]));
}

#[tokio::test]
async fn a_file_or_an_address_but_not_both() {
    let shop = Shop::start().await;
    let id = product(&shop).await;
    let input = json!({ "productId": id, "images": [{ "file": null, "url": "/a.png" }] });
    let answer = shop
        .as_owner()
        .upload(
            &add_document(),
            json!({ "input": input }),
            "variables.input.images.0.file",
            "a.jpg",
            jpeg(9, 9),
        )
        .await;
    let payload = &answer["data"]["productImagesAdd"];
    assert_eq!(codes(payload), json!([["INVALID", ["input", "images", "0"]]]), "{answer}");
    assert_eq!(shop.stored_files(), Vec::<String>::new());
}

#[tokio::test]
async fn images_are_changed_by_those_who_may() {
    let shop = Shop::start().await;
    let id = product(&shop).await;
    for (client, code) in [(Client::clone(&shop), "UNAUTHENTICATED"), (shop.as_customer(), "FORBIDDEN")] {
        let image = shop_image();
        let collection = ironmonger::ids::CollectionId::new();
        for (name, type_, input) in [
            ("productImagesAdd", "ProductImagesAddInput", json!({ "productId": id, "images": [] })),
            ("productImageUpdate", "ProductImageUpdateInput", json!({ "id": image, "altText": "" })),
            ("productImagesReorder", "ProductImagesReorderInput", json!({ "productId": id, "imageIds": [] })),
            ("productImageRemove", "ProductImageRemoveInput", json!({ "id": image })),
            ("collectionImageSet", "CollectionImageSetInput", json!({ "collectionId": collection })),
        ] {
            let document =
                format!("mutation($input: {type_}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}");
            let answer = client.send(&document, json!({ "input": input })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{name}: {answer}");
        }
        let answer = client.try_image(id, "a.jpg", jpeg(9, 9)).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }
    assert_eq!(shop.stored_files(), Vec::<String>::new());
    assert_eq!(shop.sql_count("select count(*) from media_images").await, 0);
}

#[tokio::test]
async fn the_same_file_is_stored_once() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    let (one, two) = (product(&shop).await, product(&shop).await);
    let url = owner.add_image(one, "a.jpg", jpeg(40, 30)).await["images"][0]["url"].clone();
    let again = owner.add_image(two, "b.jpg", jpeg(40, 30)).await;
    assert_eq!(again["images"][0]["url"], url);
    let twice = owner.try_image(one, "c.jpg", jpeg(40, 30)).await;
    assert_eq!(codes(&twice["data"]["productImagesAdd"]), json!([["TAKEN", ["input", "images", "0"]]]));
    assert_eq!(shop.stored_files().len(), 1);
    assert_eq!(shop.sql_count("select count(*) from media_images").await, 1);
    assert_eq!(shop.sql_count("select count(*) from jobs where kind = 'media.derive'").await, 1);
}

#[tokio::test]
async fn several_who_send_the_same_file_at_once_share_it() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    owner.token().await;
    let mut products = Vec::new();
    for _ in 0..6 {
        products.push(product(&shop).await);
    }
    let sent = products.iter().map(|&id| owner.add_image(id, "a.jpg", jpeg(400, 300)));
    let urls: Vec<Value> = futures_util::future::join_all(sent)
        .await
        .iter()
        .map(|one| one["images"][0]["url"].clone())
        .collect();
    assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
    assert_eq!(shop.stored_files().len(), 1);
    assert_eq!(shop.sql_count("select count(*) from media_images").await, 1);
    assert_eq!(shop.sql_count("select count(*) from jobs where kind = 'media.derive'").await, 1);
}

#[tokio::test]
async fn of_two_edits_of_one_version_the_second_is_stale_and_its_file_is_not_kept() {
    let shop = Shop::start().await;
    let (owner, id) = (shop.as_owner(), product(&shop).await);
    owner.token().await;
    let send = async |width: u32| {
        let input = json!({ "productId": id, "expectedVersion": 1, "images": [{ "file": null }] });
        let path = "variables.input.images.0.file";
        let answer =
            owner.upload(&add_document(), json!({ "input": input }), path, "a.jpg", jpeg(width, 30)).await;
        codes(&answer["data"]["productImagesAdd"])
    };
    let (one, two) = futures_util::future::join(send(40), send(50)).await;
    let stale = json!([["STALE_VERSION", ["input", "expectedVersion"]]]);
    assert!(
        [(json!([]), stale.clone()), (stale, json!([]))].contains(&(one.clone(), two.clone())),
        "{one} {two}"
    );
    assert_eq!(shop.stored_files().len(), 1);
    assert_eq!(shop.sql_count("select count(*) from media_images").await, 1);
}

#[tokio::test]
async fn a_collection_has_an_image_of_its_own() {
    let shop = Shop::start().await;
    let owner = shop.as_owner();
    shop.sql(
        "insert into collections (id, slug, name, created_at, updated_at) \
         values (gen_random_uuid(), 'hammers', 'Hammers', now(), now())",
    )
    .await;
    let read =
        async || shop.send(COLLECTION, json!({ "slug": "hammers" })).await["data"]["collection"].clone();
    assert_eq!(read().await["image"], Value::Null);
    let id = read().await["id"].clone();
    let input = json!({ "collectionId": id, "file": null, "altText": "Two hammers", "expectedVersion": 1 });
    let answer =
        owner.upload(SET, json!({ "input": input }), "variables.input.file", "a.jpg", jpeg(300, 200)).await;
    let payload = &answer["data"]["collectionImageSet"];
    assert_eq!(payload["userErrors"], json!([]), "{answer}");
    let seen = read().await;
    assert_eq!(payload["collection"]["image"], seen["image"]);
    assert_eq!((&seen["version"], &seen["image"]["width"]), (&json!(2), &json!(300)));
    assert_eq!(shop.get(&seen["image"]["url"]).await.status(), 200);

    let set = async |input: Value| {
        owner.send(SET, json!({ "input": input })).await["data"]["collectionImageSet"].clone()
    };
    let elsewhere = set(json!({ "collectionId": id, "url": "https://cdn.test/a.jpg" })).await;
    assert_eq!(elsewhere["collection"]["image"]["url"], "https://cdn.test/a.jpg");
    for (input, expected) in [
        (json!({ "collectionId": id, "url": "ftp://a" }), json!([["INVALID", ["input", "url"]]])),
        (
            json!({ "collectionId": id, "url": "/a", "altText": "\0" }),
            json!([["INVALID", ["input", "altText"]]]),
        ),
        (
            json!({ "collectionId": id, "expectedVersion": 1 }),
            json!([["STALE_VERSION", ["input", "expectedVersion"]]]),
        ),
        (
            json!({ "collectionId": ironmonger::ids::CollectionId::new() }),
            json!([["NOT_FOUND", ["input", "collectionId"]]]),
        ),
    ] {
        assert_eq!(codes(&set(input.clone()).await), expected, "{input}");
    }
    assert_eq!(set(json!({ "collectionId": id })).await["collection"]["image"], Value::Null);
    assert_eq!(read().await["version"], 4);
    assert_eq!(shop.sql_count("select count(*) from events where type = 'collection.updated'").await, 3);
}

#[tokio::test]
async fn an_image_that_nothing_shows_is_deleted_a_day_later() {
    let shop = Shop::with_worker().await;
    let (owner, id) = (shop.as_owner(), product(&shop).await);
    let kept = owner.add_image(id, "kept.jpg", jpeg(400, 300)).await["images"][0].clone();
    let both = owner.add_image(id, "gone.jpg", jpeg(500, 300)).await;
    let gone = &both["images"][1];
    let derived = "select count(*) from media_images where derived_at is not null";
    shop.wait_until(async || (shop.sql_count(derived).await == 2).then_some(())).await;
    assert_eq!(shop.stored_files().len(), 5);
    edit(&owner, "productImageRemove", json!({ "id": gone["id"] })).await;
    // An upload whose process died.
    shop.sql(
        "insert into media_images (id, state, sha256, format, width, height, frames, size_bytes, file_name, created_at) \
         select gen_random_uuid(), 'PENDING', sha256('x'), 'PNG', 1, 1, 1, 1, '', now() - interval '2 hours'",
    )
    .await;

    sweep(&shop, &owner).await;
    assert_eq!(shop.sql_count("select count(*) from media_images").await, 2, "the upload was given up");
    assert_eq!(shop.get(&gone["url"]).await.status(), 200, "pages may still show it");
    shop.sql("update media_images set unused_since = unused_since - interval '25 hours'").await;
    sweep(&shop, &owner).await;
    assert_eq!(shop.get(&gone["url"]).await.status(), 404);
    assert_eq!(shop.get(&kept["url"]).await.status(), 200);
    assert_eq!(
        (shop.stored_files().len(), shop.sql_count("select count(*) from media_images").await),
        (2, 1)
    );
    sweep(&shop, &owner).await;
    assert_eq!(shop.stored_files().len(), 2);
}

#[tokio::test]
async fn an_unused_image_that_is_shown_again_stays() {
    let shop = Shop::with_worker().await;
    let (owner, id) = (shop.as_owner(), product(&shop).await);
    let image = owner.add_image(id, "a.jpg", jpeg(100, 100)).await["images"][0].clone();
    edit(&owner, "productImageRemove", json!({ "id": image["id"] })).await;
    sweep(&shop, &owner).await;
    shop.sql("update media_images set unused_since = unused_since - interval '25 hours'").await;
    // By its address, as a client copied it.
    let shown_again = add_urls(&owner, id, None, &[image["url"].as_str().unwrap()]).await;
    assert_eq!(shown_again["product"]["images"][0]["url"], image["url"]);
    sweep(&shop, &owner).await;
    assert_eq!(shop.get(&image["url"]).await.status(), 200);
    assert_eq!(shop.sql_count("select count(*) from media_images where unused_since is null").await, 1);
}

async fn sweep(shop: &Shop, owner: &Client) {
    let done = "select count(*) from jobs where kind = 'media.sweep' and state = 'SUCCEEDED'";
    let before = shop.sql_count(done).await;
    let run = "mutation { scheduleRun(name: \"media.sweep\") { userErrors { code } } }";
    let answer = owner.send(run, json!({})).await;
    assert_eq!(answer["data"]["scheduleRun"]["userErrors"], json!([]), "{answer}");
    shop.wait_until(async || (shop.sql_count(done).await > before).then_some(())).await;
}
