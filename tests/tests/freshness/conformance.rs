//! What both homes of shared state promise, asked of each in the same words.

use std::time::{Duration, SystemTime};

use callgate::freshness::state::{Change, Item, MAX_BODY_BYTES, MemoryState, Seen, SharedState, Swapped};
use callgate_tests::dynamodb::DynamoDb;
use tokio::task::JoinSet;

use crate::homes::{Commons, stopped, table_at};

/// A change that nothing makes expire while the test runs.
fn change(key: &str, seen: Seen, body: Option<&str>) -> Change {
    let expires_at = SystemTime::now() + Duration::from_hours(24 * 365);
    Change { key: key.to_owned(), seen, body: body.map(str::to_owned), expires_at }
}

async fn read(home: &impl SharedState, key: &str) -> Option<Item> {
    home.get(&[key]).await.unwrap().remove(0)
}

/// The body of an item.
async fn body(home: &impl SharedState, key: &str) -> Option<String> {
    read(home, key).await.map(|item| item.body)
}

/// Makes changes that go through: the versions.
async fn done(home: &impl SharedState, changes: &[Change]) -> Vec<String> {
    match home.swap(changes).await.unwrap() {
        Swapped::Done(versions) => {
            assert_eq!(versions.len(), changes.len());
            versions
        }
        Swapped::Conflict => panic!("a conflict: {changes:?}"),
    }
}

async fn assert_conflict(home: &impl SharedState, changes: &[Change]) {
    assert_eq!(home.swap(changes).await.unwrap(), Swapped::Conflict, "{changes:?}");
}

fn version(version: &str) -> Seen {
    Seen::Version(version.to_owned())
}

async fn assert_conforms<S: SharedState + Clone + 'static>(home: S) {
    one_item(&home).await;
    several_at_once(&home).await;
    sizes(&home).await;
    a_late_writer_is_fenced_out(&home).await;
    of_many_racers_one_wins(&home).await;
}

async fn one_item(home: &impl SharedState) {
    assert_eq!(read(home, "p/a/one").await, None);
    assert_conflict(home, &[change("p/a/one", version("1"), Some("{}"))]).await;
    let first = done(home, &[change("p/a/one", Seen::Nothing, Some("{\"a\": 1}"))]).await.remove(0);
    assert_eq!(read(home, "p/a/one").await, Some(Item { version: first.clone(), body: "{\"a\": 1}".to_owned() }));
    assert_conflict(home, &[change("p/a/one", Seen::Nothing, Some("again"))]).await;

    // The same body is another state of the item, and so is what it was before.
    let mut versions = vec![first.clone()];
    for text in ["{\"a\": 1}", "other", "{\"a\": 1}"] {
        let next = done(home, &[change("p/a/one", version(versions.last().unwrap()), Some(text))]).await.remove(0);
        assert!(!versions.contains(&next), "{next}");
        assert_conflict(home, &[change("p/a/one", version(versions.last().unwrap()), Some("late"))]).await;
        versions.push(next);
    }
    assert_conflict(home, &[change("p/a/one", version(&first), Some("late"))]).await;
    assert_eq!(body(home, "p/a/one").await.as_deref(), Some("{\"a\": 1}"));

    let whatever = done(home, &[change("p/a/one", Seen::Anything, Some("whatever"))]).await.remove(0);
    assert!(!versions.contains(&whatever));
    assert_eq!(read(home, "p/a/one").await, Some(Item { version: whatever, body: "whatever".to_owned() }));
    done(home, &[change("p/a/new", Seen::Anything, Some("new"))]).await;
    assert_eq!(body(home, "p/a/new").await.as_deref(), Some("new"));
}

async fn several_at_once(home: &impl SharedState) {
    let versions = done(
        home,
        &[
            change("p/s/a", Seen::Nothing, Some("a")),
            change("p/s/b", Seen::Nothing, Some("b")),
            change("p/s/c", Seen::Anything, Some("c")),
        ],
    )
    .await;
    let found = home.get(&["p/s/c", "p/s/none", "p/s/a", "p/s/b"]).await.unwrap();
    let bodies: Vec<_> = found.iter().map(|item| item.as_ref().map(|item| item.body.as_str())).collect();
    assert_eq!(bodies, [Some("c"), None, Some("a"), Some("b")], "in the order in which they were asked for");
    assert_eq!(found[2].as_ref().unwrap().version, versions[0]);

    let [a, b, _] = versions.as_slice() else { panic!("{versions:?}") };
    // All, or none where one is not as it was seen.
    for (seen, text) in [(Seen::Nothing, Some("late")), (version(a), Some("late")), (version(a), None)] {
        assert_conflict(home, &[change("p/s/a", version(a), Some("first")), change("p/s/b", seen, text)]).await;
    }
    assert_conflict(home, &[change("p/s/none", version("1"), None), change("p/s/a", version(a), Some("x"))]).await;
    assert_eq!(body(home, "p/s/a").await.as_deref(), Some("a"));

    // What is only looked at stays as it is.
    let looked = done(home, &[change("p/s/b", version(b), None), change("p/s/a", version(a), Some("next"))]).await;
    assert_eq!(looked[0], "");
    assert_eq!(read(home, "p/s/b").await.unwrap().version, *b);
    assert_eq!(read(home, "p/s/a").await, Some(Item { version: looked[1].clone(), body: "next".to_owned() }));
    done(home, &[change("p/s/none", Seen::Nothing, None), change("p/s/b", Seen::Anything, Some("x"))]).await;
    assert_eq!(read(home, "p/s/none").await, None);
}

async fn sizes(home: &impl SharedState) {
    // As many bytes, and fewer letters.
    for text in ["x".repeat(MAX_BODY_BYTES), "é".repeat(MAX_BODY_BYTES / 2), "{}".to_owned()] {
        done(home, &[change("p/size/item", Seen::Anything, Some(&text))]).await;
        assert_eq!(body(home, "p/size/item").await, Some(text));
    }
}

async fn a_late_writer_is_fenced_out(home: &impl SharedState) {
    let (lease, answer) = ("p/f/lease", "p/f/snapshot");
    let lost = done(home, &[change(lease, Seen::Nothing, Some("first"))]).await.remove(0);
    let held = done(home, &[change(lease, version(&lost), Some("second"))]).await.remove(0);
    let publish = |held: &str, text: &str| {
        [change(lease, version(held), Some("ended")), change(answer, Seen::Anything, Some(text))]
    };
    assert_conflict(home, &publish(&lost, "late")).await;
    assert_eq!(read(home, answer).await, None);
    done(home, &publish(&held, "in time")).await;
    assert_conflict(home, &publish(&lost, "later still")).await;
    assert_eq!(body(home, answer).await.as_deref(), Some("in time"));
}

async fn of_many_racers_one_wins<S: SharedState + Clone + 'static>(home: &S) {
    let mut seen = Seen::Nothing;
    // Once for an item that is not there, once for one that is.
    for _ in 0..2 {
        let mut racers = JoinSet::new();
        for racer in 0..16 {
            let (home, seen) = (home.clone(), seen.clone());
            racers.spawn(async move {
                let changes = [
                    change("p/race/lease", seen, Some(&racer.to_string())),
                    change("p/race/account", Seen::Anything, Some(&racer.to_string())),
                ];
                (racer, home.swap(&changes).await.unwrap())
            });
        }
        let ended = racers.join_all().await;
        let mut winners = ended.iter().filter(|(_, swapped)| matches!(swapped, Swapped::Done(_)));
        let (winner, _) = winners.next().unwrap();
        assert!(winners.next().is_none(), "{ended:?}");
        for key in ["p/race/lease", "p/race/account"] {
            assert_eq!(body(home, key).await, Some(winner.to_string()), "nothing of the losers is left");
        }
        seen = Seen::of(read(home, "p/race/lease").await.as_ref());
    }
}

#[tokio::test]
async fn memory_conforms() {
    assert_conforms(MemoryState::new(stopped())).await;
}

#[tokio::test]
async fn a_table_conforms() {
    let Some(Commons::Moto { _moto, way }) = Commons::moto().await else { return };
    assert_conforms(table_at(&way.url())).await;
}

#[tokio::test]
async fn our_own_fake_of_a_table_conforms() {
    let table = DynamoDb::start().await.unwrap();
    assert_conforms(table_at(&table.url())).await;
}

#[tokio::test]
async fn memory_forgets_what_may_be_forgotten_and_clones_are_one_home() {
    let clock = stopped();
    let (home, other) = (MemoryState::new(clock.clone()), MemoryState::new(clock.clone()));
    let brief =
        Change { expires_at: clock.now() + Duration::from_secs(30), ..change("brief", Seen::Nothing, Some("b")) };
    done(&home, &[brief, change("lasting", Seen::Nothing, Some("l"))]).await;
    assert_eq!(body(&home.clone(), "brief").await.as_deref(), Some("b"));
    assert_eq!(body(&other, "brief").await, None);
    clock.advance(Duration::from_mins(2));
    done(&home, &[change("next", Seen::Nothing, Some("n"))]).await;
    assert_eq!((body(&home, "brief").await, body(&home, "lasting").await.as_deref()), (None, Some("l")));
}
