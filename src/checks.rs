//! Checks of the project's own texts, and the fuzz target of its parsers.

mod fuzz;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod tidy;
