//! The command as a person runs it.

#[cfg(test)]
mod api;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod check;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod live;
#[cfg(test)]
mod program;
#[cfg(test)]
mod replica;
#[cfg(test)]
mod setup;
