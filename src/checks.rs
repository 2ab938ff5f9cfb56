//! Checks of the project's own texts, and the fuzz target of its parsers.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod examples;
mod fuzz;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod links;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod markdown;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod troubles;
