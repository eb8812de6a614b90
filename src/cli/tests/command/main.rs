//! Tests of the program as a person runs it.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod check;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod docs_commands;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod fake_api;
#[cfg(test)]
mod fake_replica;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod kubectl;
#[cfg(test)]
mod program;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod terraform;
