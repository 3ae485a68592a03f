//! Tokens: the grants they are got with, the refresher that renews them, and how a check reads them.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod day;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod interleaved;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod store;
#[cfg(test)]
mod writes;
