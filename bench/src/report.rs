//! The figures of a run, as a table for people or JSON for programs.

use serde::Serialize;

/// One figure.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What belongs to it.
    pub note: String,
}

/// The figures so far. Each is told on standard error as soon as it is there.
#[derive(Debug, Default)]
pub struct Report(Vec<Figure>);

impl Report {
    /// Adds a figure.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str, note: impl Into<String>) {
        let figure = Figure { name: name.into(), value, unit, note: note.into() };
        eprintln!("{}: {} {} {}", figure.name, number(figure.value), figure.unit, figure.note);
        self.0.push(figure);
    }

    /// Prints all of them.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(&self.0)?);
            return Ok(());
        }
        println!("| what | figure | unit | note |\n|---|---:|---|---|");
        for figure in &self.0 {
            println!("| {} | {} | {} | {} |", figure.name, number(figure.value), figure.unit, figure.note);
        }
        Ok(())
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The value below which the given share of `samples` lies.
pub fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1);
    samples.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}
