//! The command as a person runs it.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod live;
#[cfg(test)]
mod program;
#[cfg(test)]
mod setup;
