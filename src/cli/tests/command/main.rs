//! The command as a person runs it.

#[cfg(test)]
mod api;
#[path = "../../../core/tests/section/blocks.rs"]
mod blocks;
#[cfg(test)]
mod book;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod check;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod live;
#[path = "../../../core/tests/section/pages.rs"]
mod pages;
#[cfg(test)]
mod program;
#[cfg(test)]
mod replica;
#[cfg(test)]
mod setup;
