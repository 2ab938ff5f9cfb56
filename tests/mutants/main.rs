//! The negative controls: each switches off one property of hinit, and checks that the test which claims this
//! property then fails. A test that passes without it asserts nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mutant::Mutant;

macro_rules! mutants {
    ($($name:ident: $file:literal { $($from:literal => $to:literal),+ } fails $test:literal;)*) => {
        const MUTANTS: &[Mutant] = &[
            $(Mutant { name: stringify!($name), test: $test, file: $file, edits: &[$(($from, $to)),+] }),*
        ];
        $(#[test] fn $name() { Mutant::named(stringify!($name), MUTANTS).is_noticed(); })*
        /// Quick, so `.ci/run` runs it for all.
        #[test] fn every_edit_finds_its_text() { MUTANTS.iter().for_each(Mutant::is_an_edit); }
    };
}

mod command_line;
mod compat;
mod launch;
mod listener;
mod mutant;
mod notify;
mod pid_file;
mod privileges;
mod probes;
mod readiness;
mod shutdown;
mod signals;
mod terminal;
mod verdicts;
