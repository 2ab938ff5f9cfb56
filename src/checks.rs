//! Checks of the project's own texts, and the fuzz target of its parsers.

#[cfg(test)]
mod completions;
#[cfg(test)]
mod examples;
mod fuzz;
mod guides;
#[cfg(test)]
mod layers;
mod links;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod messages;
#[cfg(test)]
#[cfg(test)]
mod tidy;
