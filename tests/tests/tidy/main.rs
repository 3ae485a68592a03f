//! What holds for the repository as a whole: its dependencies, its sources, its documentation, and that they agree.

#[cfg(test)]
mod cost;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod infra;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod performance;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod tables;
