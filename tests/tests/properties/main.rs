//! What holds for every answer, whatever is in it.

#[cfg(test)]
mod centres;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod projected;
