//! Closed sets of words, as the providers spell them.

/// An enum whose every value is one of a provider's words.
pub trait Vocabulary: Copy + PartialEq + 'static {
    /// Every value beside its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The provider's word.
    #[must_use]
    fn word(self) -> &'static str {
        let entry = Self::WORDS.iter().find(|(value, _)| *value == self);
        entry.map_or("", |(_, word)| word)
    }

    /// The value of a word, case aside; `_` stands for a blank too, since some providers spell a word both ways.
    #[must_use]
    fn parse(word: &str) -> Option<Self> {
        let entry = Self::WORDS.iter().find(|(_, known)| is_same(known, word));
        entry.map(|(value, _)| *value)
    }
}

/// All words of a vocabulary, for a message that names what is allowed.
pub(super) fn words<V: Vocabulary>() -> Vec<String> {
    V::WORDS.iter().map(|(_, word)| (*word).to_owned()).collect()
}

fn is_same(known: &str, word: &str) -> bool {
    let normalised = |text: &str| text.trim().replace('_', " ").to_ascii_lowercase();
    normalised(known) == normalised(word)
}
