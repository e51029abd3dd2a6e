//! The guard against formulas in CSV.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` (a tab or carriage return before it does not stop it),
//! and names and descriptions are written by strangers. On the way out such a cell gets a leading apostrophe; on the
//! way in it is taken off. A cell that has apostrophes before such a character already gets one more, so the round
//! trip is exact. Follows OWASP's "CSV Injection".

use std::borrow::Cow;

fn needs_guard(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The text as a cell that no spreadsheet runs.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if needs_guard(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text that [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if needs_guard(text) => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded_and_everything_comes_back() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-x"] {
            let cell = guarded(text);
            assert_eq!(cell, format!("'{text}"));
            assert_eq!(unguarded(&cell), text);
        }
        for text in ["", "plain", "'s Hertogenbosch", "'", "''", "5-10", " =1"] {
            assert_eq!(guarded(text), text);
            assert_eq!(unguarded(text), text);
        }
    }
}
