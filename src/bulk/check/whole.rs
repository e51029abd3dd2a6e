//! What the parts of a product must keep together, once a file has been laid over what is stored.

use std::collections::HashSet;

use crate::bulk::entry::Problem;
use crate::catalog::{OptionDraft, ProductRecord};

use super::{MAX_VARIANTS, fits};

/// The combination of option values is the key of an index, whose entries have a limit.
const MAX_COMBINATION_BYTES: usize = 2_000;

/// The first thing that keeps the product from being written.
pub fn whole(record: &ProductRecord) -> Result<(), Problem> {
    if record.variants.len() > MAX_VARIANTS {
        let reason = format!("The product has more than {MAX_VARIANTS} variants.");
        return Err(Problem::new("variants", reason));
    }
    let mut combinations = HashSet::new();
    for (index, variant) in record.variants.iter().enumerate() {
        let column = |field: &str| format!("variants[{index}].{field}");
        check_values(&column("optionValues"), &record.options, &variant.option_values)?;
        if !combinations.insert(&variant.option_values) {
            return Err(Problem::new(column("optionValues"), "Another variant has the same options."));
        }
    }
    Ok(())
}

fn check_values(column: &str, options: &[OptionDraft], values: &[String]) -> Result<(), Problem> {
    fits(column, options, values)?;
    if values.iter().map(String::len).sum::<usize>() > MAX_COMBINATION_BYTES {
        let reason = format!("The option values have more than {MAX_COMBINATION_BYTES} bytes together.");
        return Err(Problem::new(column, reason));
    }
    Ok(())
}
