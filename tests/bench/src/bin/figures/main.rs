//! Measures hinit and its peers, and shows the figures. `tests/bench/run` sets up and calls it.
//!
//!     figures measure [--check] [--full] [--rounds N] [--only WORD] --csv FILE NAME=PATH...
//!
//! Measures all inits in one run, prints one table and writes FILE. NAME is the column of the init at PATH; the names
//! of hinit's builds begin with "hinit". `--check`: the exit status is 1 if a bound does not hold. `--rounds` scales
//! all counts, and is 2000 by default. `--full`: also 1,000 inits and 100,000 orphans. `--only`: only the measurements
//! with WORD in their names.
//!
//!     figures instructions [--accept] --csv FILE NAME=PATH...
//!
//! Fails if hinit's builds execute more instructions than FILE allows. `--accept` updates FILE.
//!
//!     figures show CSV SVG GUIDE README
//!
//! Draws the chart of the figures in CSV, and writes them into the guide's page GUIDE and some into README.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // small counts
#![allow(clippy::print_stdout)] // no PID 1 here
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")
)]

mod bench;
mod cgroup;
mod chart;
mod client;
mod crowd;
mod csv;
mod early;
mod engine;
mod flood;
mod floor;
mod http;
mod idle;
mod instructions;
mod latency;
mod listening;
mod live;
mod measure;
mod orphans;
mod proc;
mod program;
mod replaced;
mod rounds;
mod section;
mod selection;
mod statistics;
mod storm;
mod table;
mod throughput;
mod waits;
mod work;

use std::fs;
use std::process::ExitCode;

use pico_args::Arguments;

use crate::csv::Figures;
use crate::program::Result;

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_env();
    match arguments.subcommand()?.as_deref() {
        Some("measure") => measure::measure(arguments),
        Some("instructions") => instructions::guard(arguments),
        Some("show") => show(arguments),
        command => Err(format!("unknown: {command:?}").into()),
    }
}

fn show(mut arguments: Arguments) -> Result<ExitCode> {
    let csv: String = arguments.free_from_str()?;
    let svg: String = arguments.free_from_str()?;
    let guide: String = arguments.free_from_str()?;
    let readme: String = arguments.free_from_str()?;
    let figures = Figures::read(&fs::read_to_string(csv)?)?;
    fs::write(svg, chart::draw(&figures)?)?;
    let text = section::update_guide(&fs::read_to_string(&guide)?, &figures)?;
    fs::write(guide, text)?;
    let text = section::update_readme(&fs::read_to_string(&readme)?, &figures)?;
    fs::write(readme, text)?;
    Ok(ExitCode::SUCCESS)
}
