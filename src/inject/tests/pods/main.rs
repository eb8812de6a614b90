//! Tests with whole pods: each of `tests/fixtures/pods` with its patch, other webhooks before and after Rolebridge, and
//! properties of any pod.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod case;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod listed;
#[cfg(test)]
mod others;
#[cfg(test)]
mod previous_release;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod render;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod workloads;
