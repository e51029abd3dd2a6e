//! Development services.
