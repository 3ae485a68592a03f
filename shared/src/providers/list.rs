//! A list that a provider spreads over pages, read as one and no further than needed.

use std::time::SystemTime;

use bytes_utils::Str;
use serde_json::Value;
use url::Url;

use super::response::{awaits_a_newer_token, no_json, text, unexpected};
use crate::failure::Failure;
use crate::http::{Answer, Upstream};
use crate::need::Need;
use crate::snapshot::{Counts, Document, Snapshot, Unread};

/// How one provider spreads a list.
pub(super) struct List<'a> {
    /// The field that holds the items.
    pub(super) field: &'static str,
    /// Whether the provider may send the items as a bare array.
    pub(super) may_be_bare: bool,
    /// The field that means their number, also where the answer lacks it.
    pub(super) length_field: Option<&'static str>,
    /// The fields of an item that `counts` and the recipe's remarks read.
    pub(super) record_fields: &'static [&'static str],
    /// What an answer other than 200 means.
    pub(super) failure: fn(&Answer) -> Failure,
    /// The page after this one, if there is one. The second argument is the page's own URL.
    pub(super) next: fn(&Value, &Url) -> Result<Option<Url>, Failure>,
    /// How many items there are in all, where a page says so.
    pub(super) total: fn(&Value) -> Option<u64>,
    /// What the items mean in our words.
    pub(super) counts: &'a (dyn Fn(&Document) -> Counts + Sync),
}

/// No answer needs so many; a `next` that never ends must.
const MAX_PAGES: usize = 200;
/// What all pages may take together; each is kept as text, and as a tree of what is read of it.
const MAX_LIST_BYTES: usize = 8 << 20;

impl List<'_> {
    /// Reads the list from its first page on, until `need` is settled or there is no more.
    pub(super) async fn read(&self, upstream: &Upstream, first: Url, need: &Need<'_>) -> Result<Snapshot, Failure> {
        let (text, observed_at) = self.page(upstream, &first).await?;
        let kept = need.record_fields(self.field);
        let mut document = Document::read_with_rows(text, Some(self.field), self.record_fields, &kept)
            .map_err(|error| no_json(&error))?;
        self.check(document.root())?;
        let mut next = (self.next)(document.root(), &first);
        let total = (self.total)(document.root());
        document.length_field = self.length_field;
        let mut snapshot = Snapshot {
            counts: Counts::default(),
            document,
            queue_closed: false,
            observed_at,
            warnings: Vec::new(),
            unread_because: None,
        };
        for _ in 1..MAX_PAGES {
            snapshot.document.unread = match (&next, total) {
                (Ok(None), _) => Unread::Nothing,
                (_, None) => Unread::Unbounded,
                (_, Some(total)) => {
                    let seen = snapshot.document.records().map_or(0, <[Value]>::len);
                    match total.saturating_sub(u64::try_from(seen).unwrap_or(u64::MAX)) {
                        // There is more, whatever the number says: it is not to be believed.
                        0 => Unread::Unbounded,
                        more => Unread::AtMost(more),
                    }
                }
            };
            snapshot.counts = (self.counts)(&snapshot.document);
            let url = match next {
                Ok(None) => return Ok(snapshot),
                Ok(Some(_)) if need.is_settled_by(&snapshot) => return Ok(snapshot),
                Ok(Some(url)) => url,
                Err(failure) => return Ok(stopped(snapshot, failure)),
            };
            let read = |(text, _): (Str, SystemTime)| {
                let page = snapshot.document.read_page(&text).map_err(|error| no_json(&error))?;
                self.check(page.root()).map(|()| (page, text))
            };
            match self.page(upstream, &url).await.and_then(read) {
                // A provider that does not know the parameter sends the first page again and again.
                Ok((_, text)) if snapshot.document.pages.iter().any(|page| **page == *text) => {
                    return Ok(stopped(snapshot, unexpected("a further page is one that came before")));
                }
                Ok((_, text)) if bytes_of(&snapshot) + text.len() > MAX_LIST_BYTES => {
                    return Ok(stopped(snapshot, unexpected("its pages together are too large")));
                }
                Ok((page, text)) => {
                    next = (self.next)(page.root(), &url);
                    if snapshot.document.join(page, text).is_err() {
                        return Ok(stopped(snapshot, unexpected("a further page has no list")));
                    }
                }
                Err(failure) if awaits_a_newer_token(&failure, &snapshot, need) => return Err(failure),
                Err(failure) => return Ok(stopped(snapshot, failure)),
            }
        }
        Ok(stopped(snapshot, unexpected("its list has no end")))
    }

    async fn page(&self, upstream: &Upstream, url: &Url) -> Result<(Str, SystemTime), Failure> {
        let answer = upstream.get(url).await?;
        if answer.status == 200 { Ok((text(&answer)?, answer.sent_at)) } else { Err((self.failure)(&answer)) }
    }

    fn check(&self, page: &Value) -> Result<(), Failure> {
        let expected = page.is_object() || self.may_be_bare && page.is_array();
        if expected { Ok(()) } else { Err(unexpected("the body is no JSON object")) }
    }
}

fn bytes_of(snapshot: &Snapshot) -> usize {
    snapshot.document.pages.iter().map(|page| page.len()).sum()
}

fn stopped(mut snapshot: Snapshot, failure: Failure) -> Snapshot {
    snapshot.unread_because = Some(failure);
    snapshot
}

/// The page that a link names: on the same host and path, whatever its scheme says; only its query is taken.
///
/// # Errors
/// It points elsewhere: nothing is sent there.
pub(super) fn linked_page(link: &str, from: &Url) -> Result<Url, Failure> {
    let elsewhere = || unexpected("the link to its next page points elsewhere");
    let target = from.join(link).map_err(|_| elsewhere())?;
    // Behind a proxy that ends TLS, links are often written with http; the host is what counts.
    let same_port = target.port() == from.port() || (target.port().is_none() && from.port().is_none());
    if target.host() != from.host()
        || !same_port
        || !target.path().eq_ignore_ascii_case(from.path())
        || !target.username().is_empty()
    {
        return Err(elsewhere());
    }
    let mut page = from.clone();
    page.set_query(target.query());
    if page == *from { Err(unexpected("the link to its next page leads back to the same page")) } else { Ok(page) }
}

#[cfg(test)]
mod tests {
    use super::linked_page;
    use url::Url;

    #[test]
    fn a_link_is_followed_on_its_own_host_and_path_only() {
        let from = Url::parse("https://api.example.com/list/?page=1").unwrap();
        for good in
            ["https://api.example.com/list/?page=2", "http://api.example.com/list/?page=2", "/list/?page=2", "?page=2"]
        {
            assert_eq!(linked_page(good, &from).unwrap().as_str(), "https://api.example.com/list/?page=2", "{good}");
        }
        for bad in [
            "https://evil.example/list/?page=2",
            "//evil.example/list/?page=2",
            "https://api.example.com:444/list/?page=2",
            "https://api.example.com@evil.example/list/?page=2",
            "https://user@api.example.com/list/?page=2",
            "http://169.254.169.254/list/",
            "/other/?page=2",
            "?page=1",
            "http://[",
        ] {
            assert!(linked_page(bad, &from).is_err(), "{bad}");
        }
    }
}
