//! The agents of a queue who would take a call now: the members' flags, then the presence of those whose flags allow it.

use serde_json::Value;

use super::{RingCentralOptions, api, mapping};
use crate::failure::Failure;
use crate::http::Upstream;
use crate::need::Need;
use crate::providers::response::awaits_a_newer_token;
use crate::snapshot::{Counts, Document, Snapshot};

/// Reads the members' flags, then presences in the list's order, until `need` is settled or there is no more.
pub(super) async fn observe(
    upstream: &Upstream,
    queue: &str,
    options: &RingCentralOptions,
    need: &Need<'_>,
) -> Result<Snapshot, Failure> {
    let (mut document, observed_at) = api::members(upstream, &options.account_id, queue).await?;
    let members = document.records_mut().map(std::mem::take);
    let mut snapshot = Snapshot {
        counts: Counts::default(),
        document,
        queue_closed: false,
        observed_at,
        warnings: Vec::new(),
        unread_because: None,
    };
    // Without its list the answer says nothing of anybody.
    let Some(members) = members else { return Ok(snapshot) };
    let strangers = mapping::nobody(&members, options.extensions.as_deref());
    match mapping::selected(members, options.extensions.as_deref()) {
        Ok(members) => {
            if !strangers.is_empty() {
                let warning = format!("not members of the queue, so not counted: {}", strangers.join(", "));
                snapshot.warnings.push(warning);
            }
            read_presences(upstream, &options.account_id, members, need, &mut snapshot).await?;
        }
        Err(members) => append(&mut snapshot.document, members),
    }
    Ok(snapshot)
}

/// The counts that a document with every presence merged in comes to.
pub(super) fn counts(document: &Document, options: &RingCentralOptions) -> Counts {
    let members = document.records().map(<[Value]>::to_vec);
    let selected = members.and_then(|members| mapping::selected(members, options.extensions.as_deref()).ok());
    selected.map_or_else(Counts::default, |members| mapping::ready_counts(&members, &[]))
}

/// Moves the members into the document in their order, each once all that is needed of her is known.
async fn read_presences(
    upstream: &Upstream,
    account_id: &str,
    mut unread: Vec<Value>,
    need: &Need<'_>,
    snapshot: &mut Snapshot,
) -> Result<(), Failure> {
    let mut silent = 0;
    loop {
        let next = unread.iter().position(|member| mapping::to_ask(member).is_some()).unwrap_or(unread.len());
        append(&mut snapshot.document, unread.drain(..next));
        snapshot.document.unread = mapping::unread(unread.len());
        snapshot.counts = mapping::ready_counts(snapshot.document.records().unwrap_or_default(), &unread);
        if unread.is_empty() || need.is_settled_by(snapshot) {
            break;
        }
        let batch: Vec<(usize, String)> = unread
            .iter()
            .enumerate()
            .filter_map(|(at, member)| Some((at, mapping::to_ask(member)?)))
            .take(api::EXTENSIONS_AT_ONCE)
            .collect();
        let ids: Vec<&str> = batch.iter().map(|(_, id)| id.as_str()).collect();
        let presences = match api::presences(upstream, account_id, &ids).await {
            Ok(presences) => presences,
            // A newer token may read them all.
            Err(failure) if awaits_a_newer_token(&failure, snapshot, need) => return Err(failure),
            // No further request: the provider's penalty for too many starts again with each.
            Err(failure) => {
                snapshot.unread_because = Some(failure);
                break;
            }
        };
        for (at, id) in &batch {
            match (unread.get_mut(*at), presences.by_id.get(id)) {
                (Some(member), Some(presence)) => mapping::merge(member, presence.clone()),
                _ => silent += 1,
            }
        }
        let end = batch.last().map_or(0, |(at, _)| at + 1);
        append(&mut snapshot.document, unread.drain(..end));
        snapshot.document.pages.extend(presences.text);
    }
    if silent > 0 {
        snapshot.warnings.push(format!("the presence of {silent} members could not be read; they count as not ready"));
    }
    Ok(())
}

fn append(document: &mut Document, members: impl IntoIterator<Item = Value>) {
    if let Some(records) = document.records_mut() {
        records.extend(members);
    }
}
