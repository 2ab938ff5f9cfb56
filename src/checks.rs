//! Checks of the project's own texts, and what feeds its parsers with arbitrary bytes.

mod fuzz;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod tidy;
