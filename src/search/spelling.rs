//! How far a misspelled word is from a known one.

/// How many slips a word of this many letters may have. In a short word one letter makes another word.
pub fn slips_allowed(letters: usize) -> usize {
    match letters {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// How many letters were left out, added, replaced, or changed places with the next one: the optimal string alignment.
pub fn slips(typed: &str, meant: &str) -> usize {
    let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().collect(), meant.chars().collect());
    *alignment(&typed, &meant).last().expect("there is one more entry than letters")
}

/// The same for a word that was not typed to its end: what of `meant` is missing does not count.
pub fn slips_of_beginning(typed: &str, meant: &str) -> usize {
    let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().collect(), meant.chars().collect());
    alignment(&typed, &meant).into_iter().min().expect("there is one more entry than letters")
}

/// The distance of `typed` to every beginning of `meant`, from the empty one on.
fn alignment(typed: &[char], meant: &[char]) -> Vec<usize> {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=meant.len()).collect();
    for i in 1..=typed.len() {
        let mut row = vec![i];
        for j in 1..=meant.len() {
            let same = typed[i - 1] == meant[j - 1];
            let mut least = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + usize::from(!same));
            if i > 1 && j > 1 && typed[i - 1] == meant[j - 2] && typed[i - 2] == meant[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (typed, meant, expected) in [
            ("hammer", "hammer", 0),
            ("addidas", "adidas", 1),
            ("skol", "skool", 1),
            ("hamner", "hammer", 1),
            ("bakcpack", "backpack", 1),
            ("nali", "nail", 1),
            ("", "saw", 3),
            ("saw", "", 3),
            ("café", "cafe", 1),
        ] {
            assert_eq!(slips(typed, meant), expected, "{typed} {meant}");
        }
        assert_eq!(slips_of_beginning("hamn", "hammer"), 1);
        assert_eq!(slips_of_beginning("ham", "hammer"), 0);
    }
}
