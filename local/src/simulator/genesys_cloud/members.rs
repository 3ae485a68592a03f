//! The members of a queue, page by page.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::document::set;
use super::super::layout::Layout;
use super::super::roster::Member;
use super::super::vocabulary::Vocabulary;
use super::super::wire::{Answer, Request, encode};
use super::super::{Dialect, Failure, Provider};
use super::{Agent, GenesysCloud, Joined, Presence, RoutingStatus, is_uuid};

const DEFAULT_PAGE_SIZE: usize = 25;
const MAX_PAGE_SIZE: usize = 100;
const DIVISION_ID: &str = "d1b2c3d4-0000-4000-8000-00000000d1d1";

/// A faulty query: the code and message of its 400.
type Fault = (&'static str, String);

/// Which members are asked for.
struct Filter<'a> {
    presences: Vec<&'a str>,
    statuses: Vec<&'a str>,
    joined: Option<bool>,
    name: String,
}

impl Filter<'_> {
    fn passes(&self, member: Member<'_, Agent, Joined>) -> bool {
        let agent = member.agent;
        let is_present = |word: &&str| Presence::parse(word) == Some(agent.presence);
        let is_in = |word: &&str| RoutingStatus::parse(word) == Some(agent.routing_status);
        (self.presences.is_empty() || self.presences.iter().any(is_present))
            && (self.statuses.is_empty() || self.statuses.iter().any(is_in))
            && self.joined.is_none_or(|joined| joined == member.membership.0)
            && agent.name.to_lowercase().contains(&self.name)
    }
}

/// One page of a list.
#[derive(Clone, Copy)]
struct Page {
    number: usize,
    size: usize,
}

impl GenesysCloud {
    pub(super) fn members(&mut self, queue_id: &str, request: &Request) -> Answer {
        if !is_uuid(queue_id) {
            let message = "A non-UUID value was specified for an ID field.";
            return self.error(400, "invalid.id", message);
        }
        let (page, filter) = match (page(request), filter(request)) {
            (Ok(page), Ok(filter)) => (page, filter),
            (Err((code, message)), _) | (_, Err((code, message))) => {
                return self.error(400, code, &message);
            }
        };
        let Some(queue) = self.roster.queue(queue_id) else {
            return self.failure(Failure::NotFound);
        };
        let passing = self.roster.members(queue).filter(|member| filter.passes(*member));
        let mut passing: Vec<_> = passing.collect();
        passing.sort_by(|one, other| one.agent.name.cmp(&other.agent.name));
        if request.parameter("sortOrder") == Some("desc") {
            passing.reverse();
        }
        let shown = passing.iter().skip(page.size.saturating_mul(page.number - 1)).take(page.size);
        let expand = request.list("expand");
        let entities = shown.map(|member| self.entity(queue_id, *member, &expand));
        let entities: Vec<Value> = entities.collect();
        self.listing(request, page, &entities, passing.len())
    }

    /// The envelope. `total` counts the members that pass the filters, on all pages together.
    fn listing(&self, request: &Request, page: Page, entities: &[Value], total: usize) -> Answer {
        let pages = total.div_ceil(page.size);
        let uri = |number| json!(uri(request, number, page.size));
        let mut document = json!({
            "entities": entities,
            "pageSize": page.size,
            "pageNumber": page.number,
        });
        if self.dialect == Dialect::Documented {
            set(&mut document, "total", json!(total));
        }
        set(&mut document, "firstUri", uri(1));
        if page.number < pages {
            set(&mut document, "nextUri", uri(page.number + 1));
        }
        if page.number > 1 {
            set(&mut document, "previousUri", uri(page.number - 1));
        }
        set(&mut document, "selfUri", uri(page.number));
        if self.dialect == Dialect::Real {
            return Answer::json(200, &document, Layout::Compact);
        }
        set(&mut document, "lastUri", uri(pages.max(1)));
        set(&mut document, "pageCount", json!(pages));
        Answer::json(200, &document, Layout::Printed)
    }

    fn entity(&self, queue: &str, member: Member<'_, Agent, Joined>, expand: &[&str]) -> Value {
        let agent = member.agent;
        let (with_presence, with_status) = (expand.contains(&"presence"), expand.contains(&"routingStatus"));
        if self.dialect == Dialect::Documented {
            let mut user = json!({ "id": agent.id, "name": agent.name });
            if with_presence {
                set(
                    &mut user,
                    "presence",
                    json!({ "presenceDefinition": {
                        "id": agent.presence.definition_id(),
                        "systemPresence": agent.presence.word(),
                    }}),
                );
            }
            if with_status {
                set(&mut user, "routingStatus", json!({ "status": agent.routing_status.word() }));
            }
            return json!({ "id": agent.id, "name": agent.name, "user": user, "joined": member.membership.0 });
        }
        let mut entity = json!({
            "id": agent.id,
            "name": agent.name,
            "user": self.user(agent, with_presence, with_status),
            "ringNumber": 1,
            "joined": member.membership.0,
            "memberBy": "user",
        });
        if with_status {
            set(&mut entity, "routingStatus", self.routing_status(agent));
        }
        let id = &agent.id;
        set(&mut entity, "selfUri", json!(format!("/api/v2/routing/queues/{queue}/members/{id}")));
        entity
    }

    fn user(&self, agent: &Agent, with_presence: bool, with_status: bool) -> Value {
        let id = &agent.id;
        let email = format!("{}@example.com", agent.name.to_lowercase().replace(' ', "."));
        let mut user = json!({
            "id": id,
            "name": agent.name,
            "division": {
                "id": DIVISION_ID,
                "name": "Home",
                "selfUri": format!("/api/v2/authorization/divisions/{DIVISION_ID}"),
            },
            "email": email,
            "state": "active",
            "username": email,
            "version": 42,
        });
        if with_presence {
            let definition = agent.presence.definition_id();
            set(
                &mut user,
                "presence",
                json!({
                    "source": "PURECLOUD",
                    "presenceDefinition": {
                        "id": definition,
                        "systemPresence": agent.presence.word(),
                        "selfUri": format!("/api/v2/presencedefinitions/{definition}"),
                    },
                    "modifiedDate": self.clock.timestamp(),
                    "selfUri": format!("/api/v2/users/{id}/presences/PURECLOUD"),
                }),
            );
        }
        if with_status {
            set(&mut user, "routingStatus", self.routing_status(agent));
        }
        set(&mut user, "acdAutoAnswer", json!(false));
        set(&mut user, "selfUri", json!(format!("/api/v2/users/{id}")));
        user
    }

    fn routing_status(&self, agent: &Agent) -> Value {
        json!({
            "userId": agent.id,
            "status": agent.routing_status.word(),
            "startTime": self.clock.timestamp(),
        })
    }
}

fn page(request: &Request) -> Result<Page, Fault> {
    let read = |name, default| match request.parameter(name).map(|text| (text, text.parse())) {
        None => Ok(default),
        Some((_, Ok(number))) => Ok(number),
        Some((text, Err(_))) => Err(not_allowed(text, name, "integers")),
    };
    let page = Page { number: read("pageNumber", 1)?, size: read("pageSize", DEFAULT_PAGE_SIZE)? };
    if page.number == 0 || !(1..=MAX_PAGE_SIZE).contains(&page.size) {
        let message = format!("pageNumber is at least 1, pageSize lies in 1 to {MAX_PAGE_SIZE}");
        return Err(("invalid.value", message));
    }
    Ok(page)
}

fn filter(request: &Request) -> Result<Filter<'_>, Fault> {
    let joined = request.parameter("joined").map(|text| (text, text.to_ascii_lowercase().parse()));
    let joined = match joined {
        None => None,
        Some((_, Ok(joined))) => Some(joined),
        Some((text, Err(_))) => return Err(not_allowed(text, "joined", "true, false")),
    };
    Ok(Filter {
        presences: request.list("presence"),
        statuses: request.list("routingStatus"),
        joined,
        name: request.parameter("name").unwrap_or_default().to_lowercase(),
    })
}

fn not_allowed(text: &str, name: &str, allowed: &str) -> Fault {
    let message = format!("Value [{text}] is not valid for parameter [{name}]. Allowable values are: {allowed}");
    ("invalid.query.param.value", message)
}

/// The relative address of another page: size and number first, then the other parameters as they came.
fn uri(request: &Request, number: usize, size: usize) -> String {
    let mut uri = format!("{}?pageSize={size}&pageNumber={number}", request.path);
    for (name, value) in request.parameters() {
        if name != "pageSize" && name != "pageNumber" {
            // Writing to a `String` cannot fail.
            let _ = write!(uri, "&{}={}", encode(name), encode(value));
        }
    }
    uri
}
