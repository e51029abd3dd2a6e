//! shipping.
