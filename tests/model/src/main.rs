//! The PID-file protocol of hinit as a model: every system call of every actor is a step, and every order of the steps is
//! explored. See README.md beside this crate.
//!   hinit-model model [WORD...]    all states of each setup, or of those with these words, and that each rule holds in them
//!   hinit-model mutations          each mistake is found; the shortest way to it is printed as a story
//!   hinit-model limits             what the rules do not promise, as stories
//!   hinit-model trace RECORD FILE  the model accepts a record of strace(1), and none with a change

use std::process::ExitCode;
use std::time::Instant;

use setups::{LIMITS, MODELS, MUTATIONS};

mod checker;
mod claim;
mod hinit;
mod kernel;
mod process;
mod reader;
mod rules;
mod run;
mod setups;
mod strace;
mod stranger;
mod symmetry;
mod trace;
mod world;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let is_well = match words[..] {
        ["model", ref words @ ..] => model(words),
        ["mutations"] => stories(&MUTATIONS),
        ["limits"] => stories(&LIMITS),
        ["trace", record, file] => trace::judge(record, file),
        _ => panic!("usage: hinit-model model|mutations|limits|trace RECORD FILE"),
    };
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn model(words: &[&str]) -> bool {
    let (start, mut all, mut is_well) = (Instant::now(), 0, true);
    for setup in MODELS
        .iter()
        .filter(|setup| words.iter().all(|word| setup.name.contains(word)))
    {
        let begun = Instant::now();
        match checker::explore(setup) {
            // A model that explores next to nothing proves nothing.
            Ok(states) if states < 3000 => {
                is_well = false;
                println!("FAILED: {}: {states} states", setup.name);
            }
            Ok(states) => {
                all += states;
                println!(
                    "{states:>10} states  {:>5.1} s  {}",
                    begun.elapsed().as_secs_f64(),
                    setup.name
                );
            }
            Err((claim, _)) => {
                is_well = false;
                println!("FAILED: {}: {claim}", setup.name);
                if let Err((_, story)) = checker::explore(&with_names(setup)) {
                    tell(&story);
                }
            }
        }
    }
    println!(
        "{all:>10} states  {:>5.1} s  in all",
        start.elapsed().as_secs_f64()
    );
    is_well
}

/// In a story each actor keeps its name.
fn with_names(setup: &rules::Setup) -> rules::Setup {
    rules::Setup {
        ignores_names: false,
        ..setup.clone()
    }
}

/// The rule must be broken: also in the states that are left when names do not matter.
fn stories(setups: &[(rules::Setup, rules::Rule)]) -> bool {
    let mut is_well = true;
    for (setup, rule) in setups {
        let setup = &rules::Setup {
            only: Some(*rule),
            ..setup.clone()
        };
        let is_found = checker::explore(setup).is_err();
        match checker::explore(&with_names(setup)) {
            Err((claim, story)) if is_found => {
                println!("{}\n  breaks \"{claim}\":", setup.name);
                tell(&story);
            }
            _ => {
                println!("FAILED: not found: {}", setup.name);
                is_well = false;
            }
        }
        println!();
    }
    is_well
}

fn tell(story: &[world::Step]) {
    for (number, step) in story.iter().enumerate() {
        println!("  {:>3} {step}", number + 1);
    }
}
