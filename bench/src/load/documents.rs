//! What a storefront sends.

/// A page of a product list.
pub const PRODUCT_LIST: &str = "\
query ProductList($first: Int!, $after: String, $where: ProductWhereInput, $sort: [ProductSortInput!]) {
  products(first: $first, after: $after, where: $where, sort: $sort) {
    nodes {
      id
      name
      slug
      description
      priceRange { min { amount currencyCode } max { amount currencyCode } }
      featuredImage { url altText }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}";

/// The page of a product.
pub const PRODUCT_DETAIL: &str = "\
query ProductDetail($slug: String!) {
  product(slug: $slug) {
    id
    name
    slug
    description
    vendor
    productType
    tags
    options { name values }
    images { url altText }
    collections(first: 10) { nodes { id name slug } }
    variants(first: 100) {
      nodes {
        id
        sku
        name
        price { amount currencyCode }
        compareAtPrice { amount currencyCode }
        selectedOptions { name value }
        availability { inStock quantityAvailable }
      }
    }
  }
}";

/// The page of a collection.
pub const COLLECTION_PAGE: &str = "\
query CollectionPage($slug: String!, $first: Int!, $after: String) {
  collection(slug: $slug) {
    id
    name
    products(first: $first, after: $after) {
      nodes { id name slug }
      pageInfo { hasNextPage endCursor }
    }
  }
}";

/// A page of what was found, with its facets.
pub const PRODUCT_SEARCH: &str = "\
query ProductSearch($query: String!, $first: Int!, $after: String, $where: ProductWhereInput) {
  productSearch(query: $query, first: $first, after: $after, where: $where) {
    totalCount
    nodes { id name slug priceRange { min { amount currencyCode } } }
    facets { name values { value count } }
    pageInfo { hasNextPage endCursor }
  }
}";

/// Slugs and cursors, for finding what to ask for.
pub const SLUGS: &str = "\
query Slugs($first: Int!, $after: String) {
  products(first: $first, after: $after) { nodes { slug } pageInfo { hasNextPage endCursor } }
}";

macro_rules! cart_fields {
    () => {
        "
fragment CartFields on Cart {
  id
  version
  email
  lines {
    id
    quantity
    variant { id sku name }
    unitPrice { amount currencyCode }
    total { amount currencyCode }
  }
  shippingMethod { id name }
  subtotal { amount currencyCode }
  discountTotal { amount currencyCode }
  shippingTotal { amount currencyCode }
  taxTotal { amount currencyCode }
  total { amount currencyCode }
}"
    };
}

/// A new cart.
pub const CART_CREATE: &str = concat!(
    "mutation CartCreate($input: CartCreateInput!) {
  cartCreate(input: $input) { cart { ...CartFields } userErrors { code message field } }
}",
    cart_fields!()
);

/// One more line.
pub const CART_LINES_ADD: &str = concat!(
    "mutation CartLinesAdd($input: CartLinesAddInput!) {
  cartLinesAdd(input: $input) { cart { ...CartFields } userErrors { code message field } }
}",
    cart_fields!()
);

/// The cart becomes an order.
pub const ORDER_PLACE: &str = "\
mutation OrderPlace($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order {
      id
      number
      status
      paymentStatus
      fulfillmentStatus
      email
      placedAt
      lines { id quantity sku name unitPrice { amount currencyCode } total { amount currencyCode } }
      subtotal { amount currencyCode }
      shippingTotal { amount currencyCode }
      taxTotal { amount currencyCode }
      total { amount currencyCode }
      accessToken
    }
    userErrors { code message field ... on InsufficientStockError { variantId quantityAvailable } }
  }
}";
