//! Reads stay fast however large the catalog is: the plans that PostgreSQL really ran, taken from its log.

use crate::support::{PrivateShop, Shop, Value, json};

const SEED: &str = include_str!("plans/seed.sql");

/// Tables that grow with the catalog.
const LARGE: [&str; 10] = [
    "products",
    "product_channels",
    "product_terms",
    "product_options",
    "product_images",
    "variants",
    "variant_prices",
    "stock_levels",
    "collection_products",
    "search_words",
];

/// The most rows that a read takes from a table or sorts: what is ranked or sorted at once, and a little more.
const MOST: f64 = 5_000.0;

async fn seed(shop: &Shop, products: usize) {
    shop.sql(&SEED.replace("{n}", &products.to_string())).await;
    shop.sql("ANALYZE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_reads_follow_indexes() {
    let shop = PrivateShop::start().await;
    seed(&shop, 30_000).await;
    let collection = shop.send("{ collection(slug: \"half\") { id } }", json!({})).await;
    let collection = collection["data"]["collection"]["id"].clone();
    // Sessions from here on tell their plans, also those within functions.
    shop.sql(
        "DO $$ DECLARE setting text; BEGIN FOREACH setting IN ARRAY ARRAY['session_preload_libraries = auto_explain', \
         'auto_explain.log_min_duration = 0', 'auto_explain.log_nested_statements = on', 'auto_explain.log_analyze = on', \
         'auto_explain.log_timing = off', 'auto_explain.log_format = json'] LOOP \
         EXECUTE format('ALTER DATABASE %I SET ', current_database()) || setting; END LOOP; END $$; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    // The sessions that were ended are noticed and replaced.
    shop.wait_until(|| async {
        shop.send("{ products(first: 1) { nodes { id } } }", json!({})).await["data"]
            .is_object()
            .then_some(())
    })
    .await;

    let page = "nodes { id name slug priceRange { min { amount } } featuredImage { url } } pageInfo { endCursor startCursor }";
    let list = format!(
        "query($where: ProductWhereInput, $sort: [ProductSortInput!], $first: Int, $after: String, $last: Int, $before: String) \
        {{ page: products(where: $where, sort: $sort, first: $first, after: $after, last: $last, before: $before) {{ {page} }} }}"
    );
    let search = format!(
        "query($query: String!, $where: ProductWhereInput, $sort: [ProductSortInput!], $first: Int, $after: String, $last: Int) \
        {{ page: productSearch(query: $query, where: $where, sort: $sort, first: $first, after: $after, last: $last) {{ {page} }} }}"
    );
    let mut cases: Vec<(String, String, Value)> = Vec::new();
    for field in ["NAME", "CREATED_AT", "PRICE"] {
        for direction in ["ASC", "DESC"] {
            let sort = json!([{ "field": field, "direction": direction }]);
            let end = shop.send(&list, json!({ "sort": sort, "last": 100 })).await;
            let deep = end["data"]["page"]["pageInfo"]["startCursor"].clone();
            assert!(deep.is_string(), "{end}");
            cases.push((
                format!("list by {field} {direction}"),
                list.clone(),
                json!({ "sort": sort, "first": 20 }),
            ));
            cases.push((
                "the same at depth".to_owned(),
                list.clone(),
                json!({ "sort": sort, "first": 20, "after": deep }),
            ));
            cases.push((
                "the same backwards".to_owned(),
                list.clone(),
                json!({ "sort": sort, "last": 20, "before": deep }),
            ));
            cases.push((
                format!("hammers by {field} {direction}"),
                search.clone(),
                json!({ "query": "hammer", "sort": sort, "first": 20 }),
            ));
            cases.push((
                format!("adzes by {field} {direction}"),
                search.clone(),
                json!({ "query": "adze", "sort": sort, "first": 20 }),
            ));
        }
    }
    for where_ in [
        json!({ "vendor": { "eq": "Vendor C" } }),
        json!({ "productType": { "in": ["Hammer", "Adze"] } }),
        json!({ "tag": { "eq": "tag-3" } }),
        json!({ "collection": { "eq": collection } }),
        json!({ "available": false }),
        json!({ "price": { "gte": "6.00", "lte": "6.50" } }),
        json!({ "price": { "gte": "2.00" } }),
        json!({ "options": [{ "name": "Size", "values": ["M"] }] }),
        json!({ "attributes": [{ "code": "material", "values": ["ash"] }] }),
        json!({ "attributes": [{ "code": "weight", "range": { "gte": 10, "lte": 12 } }] }),
        json!({ "vendor": { "eq": "Vendor C" }, "tag": { "eq": "tag-2" }, "available": true }),
    ] {
        cases.push((format!("list of {where_}"), list.clone(), json!({ "where": where_, "first": 20 })));
        cases.push((
            format!("hammers of {where_}"),
            search.clone(),
            json!({ "query": "hammer", "where": where_, "first": 20 }),
        ));
    }
    for query in [
        "hammer",
        "forged hammer",
        "ham",
        "adze",
        "hamer",
        "sku 123",
        "SKU-12345",
        "rack",
        "nothing like it",
        "",
    ] {
        cases.push((format!("search for {query:?}"), search.clone(), json!({ "query": query, "first": 20 })));
    }
    let hammers = shop.send(&search, json!({ "query": "hammer", "first": 100 })).await;
    let after = hammers["data"]["page"]["pageInfo"]["endCursor"].clone();
    cases.push((
        "the next hammers".into(),
        search.clone(),
        json!({ "query": "hammer", "first": 20, "after": after }),
    ));
    cases.push(("the last hammers".into(), search.clone(), json!({ "query": "hammer", "last": 20 })));
    let facets = "query($query: String!, $where: ProductWhereInput) { productSearch(query: $query, where: $where, first: 1) \
        { facets { name values { value count } } priceRange { min { amount } } } }";
    cases.push(("facets of hammers".into(), facets.into(), json!({ "query": "hammer" })));
    cases.push((
        "facets of some hammers".into(),
        facets.into(),
        json!({ "query": "hammer", "where": { "vendor": { "eq": "Vendor C" } } }),
    ));
    let suggest = "query($query: String!) { searchSuggestions(query: $query) { text } }";
    cases.push(("suggestions".into(), suggest.into(), json!({ "query": "ham" })));
    cases.push(("suggestions for a misspelling".into(), suggest.into(), json!({ "query": "forged hamer" })));
    let detail = "query($slug: String!) { product(slug: $slug) { id description options { name values } images { url } \
        collections(first: 5) { nodes { name } } variants(first: 100) { nodes { sku price { amount } availability { inStock } } } } }";
    cases.push(("detail".into(), detail.into(), json!({ "slug": "p-4711" })));
    let of_collection = "query($first: Int, $after: String, $last: Int) { collection(slug: \"half\") { products(first: $first, after: $after, last: $last) \
        { nodes { id name } pageInfo { startCursor } } } }";
    let end = shop.send(of_collection, json!({ "last": 100 })).await;
    let deep = end["data"]["collection"]["products"]["pageInfo"]["startCursor"].clone();
    assert!(deep.is_string(), "{end}");
    cases.push(("collection".into(), of_collection.into(), json!({ "first": 20 })));
    cases.push(("collection at depth".into(), of_collection.into(), json!({ "first": 20, "after": deep })));

    let mut faults = Vec::new();
    for (name, document, variables) in cases {
        // Twice, since a prepared statement may be planned anew.
        for _ in 0..2 {
            let before = shop.postgres_log().len();
            let answer = shop.send(&document, variables.clone()).await;
            assert!(answer.get("errors").is_none(), "{name}: {answer}");
            let plans = plans(&shop.postgres_log()[before..]);
            assert!(!plans.is_empty(), "{name}: no plan was told");
            for plan in plans {
                let mut found = Vec::new();
                check(&plan["Plan"], &mut found);
                faults.extend(
                    found.into_iter().map(|fault| format!("{name}: {fault}\n    in {}", plan["Query Text"])),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The plans in a piece of PostgreSQL's log.
fn plans(log: &str) -> Vec<Value> {
    let mut plans = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.ends_with("plan:") {
            continue;
        }
        let mut text = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
            text.push_str(&line[1..]);
            text.push('\n');
        }
        plans.push(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")));
    }
    plans
}

/// What is wrong with a node of a plan and those below it.
fn check(node: &Value, faults: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let relation = node["Relation Name"].as_str();
    let rows =
        node["Actual Rows"].as_f64().unwrap_or_default() * node["Actual Loops"].as_f64().unwrap_or_default();
    if kind == "Seq Scan" && relation.is_some_and(|relation| LARGE.contains(&relation)) {
        faults.push(format!("reads all of {}", relation.unwrap()));
    }
    if (relation.is_some() || kind.ends_with("Sort")) && rows > MOST {
        faults.push(format!("{kind} of {rows} rows of {}", relation.unwrap_or("the answer")));
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        check(child, faults);
    }
}

#[test]
fn a_bad_plan_is_found() {
    let log = "2026-11-24 LOG:  duration: 0.1 ms  plan:\n\t{\n\t  \"Query Text\": \"SELECT\",\n\t  \"Plan\": { \"Node Type\": \"Sort\", \
        \"Actual Rows\": 6000, \"Actual Loops\": 1, \"Plans\": [{ \"Node Type\": \"Seq Scan\", \"Relation Name\": \"products\" }] }\n\t}\n2026 LOG: x\n";
    let plans = plans(log);
    let mut faults = Vec::new();
    check(&plans[0]["Plan"], &mut faults);
    assert_eq!(faults, ["Sort of 6000 rows of the answer", "reads all of products"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_matches_are_ranked_in_parts_and_each_is_seen_once() {
    let shop = Shop::start().await;
    seed(&shop, 15_000).await;
    let document = "query($query: String!, $first: Int, $after: String, $last: Int, $before: String) \
        { productSearch(query: $query, first: $first, after: $after, last: $last, before: $before) { totalCount nodes { slug name } \
        pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } }";
    let page = async |variables: Value| {
        let mut answer = shop.send(document, variables).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"]["productSearch"].take()
    };
    let hammers = "SELECT count(*) FROM products WHERE status = 'ACTIVE' AND product_type = 'Hammer'";
    let hammers = usize::try_from(shop.sql_count(hammers).await).unwrap();
    let all = usize::try_from(shop.sql_count("SELECT count(*) FROM products WHERE status = 'ACTIVE'").await)
        .unwrap();
    assert!(hammers > 3_000 && all > 12_000);
    let in_part =
        "SELECT count(*) FROM products WHERE status = 'ACTIVE' AND uuid_hash_extended(id, 0) & 15 = 0";
    let in_part = usize::try_from(shop.sql_count(in_part).await).unwrap();
    let (mut seen, mut after) = (Vec::<String>::new(), Value::Null);
    loop {
        let part = page(json!({ "query": "hammer", "first": 100, "after": after })).await;
        // Each has the word in its description. So many are not counted: a 16th stands for all.
        assert_eq!(part["totalCount"], 16 * in_part);
        let total = part["totalCount"].as_f64().unwrap();
        assert!((total / all as f64 - 1.0).abs() < 0.1, "{total} of {all}");
        seen.extend(
            part["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()),
        );
        after = part["pageInfo"]["endCursor"].clone();
        if part["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), all);
    assert!(
        seen[..hammers].iter().all(|name| name.contains("hammer")),
        "those with the word in their names come first"
    );
    let last = page(json!({ "query": "hammer", "last": 100 })).await;
    let names: Vec<&str> =
        last["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, seen[all - 100..]);
    assert_eq!(
        (&last["pageInfo"]["hasNextPage"], &last["pageInfo"]["hasPreviousPage"]),
        (&json!(false), &json!(true))
    );
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "none came twice");

    // Up to 8,000 are counted one by one.
    let narrowed = "{ productSearch(query: \"hammer\", where: { productType: { eq: \"Hammer\" } }, first: 1) { totalCount } }";
    assert_eq!(shop.send(narrowed, json!({})).await["data"]["productSearch"]["totalCount"], hammers);

    // Facets are counted over a part, and the part stands for the whole.
    let facets =
        "{ productSearch(query: \"rack\", first: 1) { facets { name isExact values { value count } } } }";
    let answer = shop.send(facets, json!({})).await;
    let types = &answer["data"]["productSearch"]["facets"][1];
    assert_eq!((&types["name"], &types["isExact"]), (&json!("productType"), &json!(false)));
    let counted =
        types["values"].as_array().unwrap().iter().find(|value| value["value"] == "Hammer").unwrap()["count"]
            .as_f64()
            .unwrap();
    assert!((counted / hammers as f64 - 1.0).abs() < 0.2, "{counted} of {hammers}");
}

/// Imports `known` products and then all into an empty shop, where sessions plan their statements and no statistics are taken
/// meanwhile; how many variants there are, and how many rows of them were read.
async fn import_into_an_empty_shop(known: impl Iterator<Item = usize>) -> (usize, usize) {
    const PRODUCTS: usize = 6_000;
    let shop = Shop::with_worker().await;
    let line = |n, name: &str| {
        let variant = |size: &str| json!({ "optionValues": [size], "price": "1", "stock": 3 });
        let product = json!({ "slug": format!("p-{n}"), "name": format!("{name} {n}"), "status": "ACTIVE",
            "options": [{ "name": "Size", "values": ["S", "L"] }], "variants": [variant("S"), variant("L")] });
        format!("{product}\n")
    };
    let few: String = known.take_while(|n| *n < PRODUCTS).map(|n| line(n, "Known")).collect();
    let known = few.lines().count();
    if known > 0 {
        let result = crate::bulk::import(&shop, "JSONL", "UPDATE", few.into_bytes()).await;
        assert_eq!(result["created"], known, "{result}");
    }
    let all: String = (0..PRODUCTS).map(|n| line(n, "Product")).collect();
    let result = crate::bulk::import(&shop, "JSONL", "UPDATE", all.into_bytes()).await;
    assert_eq!(
        (&result["created"], &result["updated"]),
        (&json!(PRODUCTS - known), &json!(known)),
        "{result}"
    );
    assert_eq!(shop.settle_search().await, 0, "an import leaves nothing for searches to wade through");
    // What a session has read is known when it ends.
    shop.sql(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    let written = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'variants'";
    assert_eq!(shop.sql_count(written).await, 2 * PRODUCTS as i64);
    let read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'variants'";
    (2 * PRODUCTS, usize::try_from(shop.sql_count(read).await).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_into_an_empty_shop_does_not_read_again_what_it_wrote() {
    // A product that exists in every batch has triggers look at all of it.
    let (variants, read) = import_into_an_empty_shop((0..).step_by(400)).await;
    // Foreign keys and triggers look each up a few times.
    assert!((3 * variants..12 * variants).contains(&read), "{variants} variants were read {read} times");
    let (variants, read) = import_into_an_empty_shop(std::iter::empty()).await;
    assert!(read < variants, "{variants} new variants were read {read} times");
}
