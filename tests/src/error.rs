//! What went wrong in the harness, printed as plain text where a test returns it.

use std::fmt;

/// A result whose error a test can return as it is.
pub type Result<T> = std::result::Result<T, HarnessError>;

/// A failure of the harness or of the function under test, in words.
///
/// It does not implement [`std::error::Error`], so that every error converts into it with `?`.
pub struct HarnessError(String);

impl HarnessError {
    /// An error that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for HarnessError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The same as `Display`: the test runner prints a returned error with `Debug`, and captured output has line breaks.
impl fmt::Debug for HarnessError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<E: std::error::Error> From<E> for HarnessError {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}
