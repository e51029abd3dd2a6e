//! The documents that clients send fit the schema.

use async_graphql::{Request, Variables};

use crate::support;

/// What the schema has against a document; empty when it is valid. Every operation of a document is validated, but only
/// the one that is added here runs.
async fn problems(document: &str) -> Vec<String> {
    let request = Request::new(format!("{document}\nquery OnlyThisRuns {{ __typename }}"));
    // The cost of a list is reckoned from `$first`, also in an operation that does not run.
    let variables = Variables::from_json(serde_json::json!({ "first": 1 }));
    let request = request.operation_name("OnlyThisRuns").variables(variables);
    let response = ironmonger::graphql::schema().execute(request).await;
    response.errors.into_iter().map(|error| error.message).collect()
}

#[tokio::test]
async fn every_document_of_the_clients_is_valid() {
    let Some(folder) = support::contract_folder() else {
        eprintln!("skipped: the folder with the clients' documents is not here");
        return;
    };
    let mut found = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap();
        for operation in support::contract_operations(file) {
            let document = support::contract(file, &operation).unwrap();
            let problems = problems(&document).await;
            found
                .extend(problems.into_iter().map(|problem| format!("{file}.graphql {operation}: {problem}")));
            count += 1;
        }
    }
    assert!(count > 20, "only {count} operations were found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_found() {
    assert!(!problems("query Wrong { noSuchField }").await.is_empty());
    assert!(!problems("query Wrong($first: Boolean!) { shop(first: $first) { name } }").await.is_empty());
    assert!(problems("query Right { shop { name } }").await.is_empty());
}
