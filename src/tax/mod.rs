//! tax.
