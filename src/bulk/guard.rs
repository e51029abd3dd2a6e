//! The guard against formulas in CSV.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` (a tab or carriage return before it does not stop it),
//! and names and descriptions are written by strangers. On the way out such a cell gets a leading apostrophe; on the
//! way in it is taken off. A cell that has apostrophes before such a character already gets one more, so the round
//! trip is exact. Follows OWASP's "CSV Injection".
//!
//! Most cells are read without the white space around them. Where ours have some, the apostrophe keeps it.

use std::borrow::Cow;

fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn would_be_trimmed(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    text != text.trim()
}

fn behind_apostrophe(text: &str, needed: bool) -> Cow<'_, str> {
    if needed { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text as a cell that no spreadsheet runs.
pub fn guarded(text: &str) -> Cow<'_, str> {
    behind_apostrophe(text, is_formula(text))
}

/// The text that [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

/// The text as a cell that no spreadsheet runs and that is read by [`unguarded_trimmed`].
pub fn guarded_trimmed(text: &str) -> Cow<'_, str> {
    behind_apostrophe(text, is_formula(text) || would_be_trimmed(text))
}

/// The text that [`guarded_trimmed`] was given; any other cell without the white space around it.
pub fn unguarded_trimmed(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) || would_be_trimmed(text) => text,
        _ => cell.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded_and_everything_comes_back() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-x"] {
            for (cell, back) in [
                (guarded(text), unguarded as fn(&str) -> &str),
                (guarded_trimmed(text), unguarded_trimmed as fn(&str) -> &str),
            ] {
                assert_eq!(cell, format!("'{text}"));
                assert_eq!(back(&cell), text);
            }
        }
        for text in ["", "plain", "'s Hertogenbosch", "'", "''", "5-10", " =1"] {
            assert_eq!(guarded(text), text);
            assert_eq!(unguarded(text), text);
        }
    }

    #[test]
    fn white_space_comes_back_from_our_cells_and_goes_from_others() {
        for text in [" x", "x ", "\u{a0}x", "' x", "''x\n", " ", " =1"] {
            let cell = guarded_trimmed(text);
            assert_eq!(cell, format!("'{text}"));
            assert_eq!(unguarded_trimmed(&cell), text);
        }
        for text in ["x", "", "'x", "a b"] {
            assert_eq!(guarded_trimmed(text), text);
        }
        assert_eq!(unguarded_trimmed("  x "), "x");
        assert_eq!(unguarded_trimmed(" 's Hertogenbosch"), "'s Hertogenbosch");
    }
}
