//! The applications registered with a provider, each with its id and its secret.

/// The registered applications.
#[derive(Debug, Default)]
pub(super) struct Clients(Vec<(String, String)>);

impl Clients {
    /// Registers an application, or gives a registered one another secret.
    pub(super) fn put(&mut self, id: &str, secret: &str) {
        self.0.retain(|(known, _)| known != id);
        self.0.push((id.to_owned(), secret.to_owned()));
    }

    /// Whether there is an application of this id and secret.
    pub(super) fn knows(&self, (id, secret): &(String, String)) -> bool {
        self.0.iter().any(|(known, own)| known == id && own == secret)
    }
}
