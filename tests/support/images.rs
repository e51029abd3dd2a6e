//! Sending images.

use ironmonger::ids::ProductId;
use serde_json::{Value, json};

use super::{Client, Shop};

/// What a client reads of images.
pub const IMAGE_FIELDS: &str =
    "id url altText width height contentType fileName renditions { url width height contentType }";

/// `productImagesAdd`.
pub fn add_document() -> String {
    format!(
        "mutation($input: ProductImagesAddInput!) {{ productImagesAdd(input: $input) {{ \
         product {{ id version images {{ {IMAGE_FIELDS} }} featuredImage {{ url }} }} userErrors {{ code message field }} }} }}"
    )
}

impl Client {
    /// Uploads one image to a product; the whole answer.
    pub async fn try_image(&self, product: ProductId, file_name: &str, bytes: Vec<u8>) -> Value {
        let variables = json!({ "input": { "productId": product, "images": [{ "file": null, "altText": "A picture" }] } });
        self.upload(&add_document(), variables, "variables.input.images.0.file", file_name, bytes).await
    }

    /// The same; the payload, without user errors.
    pub async fn add_image(&self, product: ProductId, file_name: &str, bytes: Vec<u8>) -> Value {
        let answer = self.try_image(product, file_name, bytes).await;
        let payload = answer["data"]["productImagesAdd"].clone();
        assert_eq!(payload["userErrors"], json!([]), "{answer}");
        payload["product"].clone()
    }
}

impl Shop {
    /// The path of an address of this shop.
    pub fn path_of(&self, url: &Value) -> String {
        let url = url.as_str().unwrap_or_else(|| panic!("{url} is no address"));
        url.strip_prefix(&self.url("")).unwrap_or_else(|| panic!("{url} is not ours")).to_owned()
    }

    /// Gets an address of this shop as anybody would.
    pub async fn get(&self, url: &Value) -> reqwest::Response {
        self.request(reqwest::Method::GET, &self.path_of(url)).await.send().await.unwrap()
    }

    /// The files in the storage, sorted, as `folder/name`.
    pub fn stored_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.data_dir().join("storage")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => files.push(entry.path().display().to_string()),
                }
            }
        }
        files.sort();
        files
    }
}
