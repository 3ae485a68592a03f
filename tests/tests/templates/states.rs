//! The states an agent can be in at each provider, and what the provider's definitions say of an agent in each.

use callgate::providers::ProviderName;
use callgate_local::simulator::genesys_cloud::{Presence, RoutingStatus};
use callgate_local::simulator::ringcentral::{DndStatus, TelephonyStatus, UserStatus};
use callgate_local::simulator::{CallTools, Dialect, GenesysCloud, PortSip, Provider, RingCentral};
use callgate_local::simulator::{calltools, genesys_cloud, portsip, ringcentral};
use serde_json::{Value, json};

use crate::desk::{CANARY, agents, field};

/// A simulated provider, and the table of its agents' states.
pub(crate) trait Site {
    /// The simulated provider.
    type Centre: Provider;
    /// An agent's state.
    type State: 'static;
    /// Its name.
    const PROVIDER: ProviderName;
    /// Every state.
    const STATES: &'static [Row<Self::State>];

    /// An account without queues, whose limits are out of the way.
    fn new(dialect: Dialect) -> Self::Centre;
    /// The id of the queue in this place.
    fn queue(place: usize) -> String;
    /// The account with a queue in which so many callers wait.
    fn with_queue(centre: Self::Centre, queue: &str, waiting: u32) -> Self::Centre;
    /// The account with an agent in a state as a member of a queue.
    fn with_agent(centre: Self::Centre, queue: &str, number: usize, state: &Self::State) -> Self::Centre;
    /// The recipes, as they are asked.
    fn recipes(dialect: Dialect) -> Vec<Recipe>;
}

/// One agent in each state of the table that is wanted, in the first queue of a real account where one caller waits.
pub(crate) fn one_in_each<S: Site>(wanted: impl Fn(&S::State) -> bool) -> S::Centre {
    let queue = S::queue(0);
    let mut centre = S::with_queue(S::new(Dialect::Real), &queue, 1);
    for (number, row) in S::STATES.iter().enumerate().filter(|(_, row)| wanted(&row.state)) {
        centre = S::with_agent(centre, &queue, number, &row.state);
    }
    centre
}

/// An agent's state, and for each recipe what she is counted as: words of the counts, `own` where the recipe's own
/// default criterion counts her, `-` where the recipe's answer does not have her at all.
pub(crate) struct Row<S> {
    pub(crate) state: S,
    pub(crate) counted: &'static [&'static str],
}

/// One recipe, asked with these options.
pub(crate) struct Recipe {
    pub(crate) template: &'static str,
    pub(crate) options: Value,
    /// Which part of a row is meant for it.
    pub(crate) column: usize,
    /// The counts its answer says.
    pub(crate) knows: &'static str,
    /// The counts it says where nobody is in its list, so that no field can be lacking.
    pub(crate) knows_of_nobody: &'static str,
    /// What its default criterion reads.
    pub(crate) own: Value,
    /// The part of a path for which the provider refuses the permission.
    pub(crate) refused: Option<&'static str>,
}

const fn row<S>(state: S, counted: &'static [&'static str]) -> Row<S> {
    Row { state, counted }
}

/// `CallTools`: `ready` and the status make an agent available, whatever her status where its id was asked for.
pub(crate) struct CallToolsSite;

/// `status`, `ready`, `logged_in`, `live_calls_count`.
pub(crate) struct CallToolsState(u64, bool, bool, u64);

impl CallToolsState {
    /// An agent who takes calls.
    pub(crate) const fn available() -> Self {
        Self(AVAILABLE, true, true, 0)
    }

    /// An agent who does not.
    pub(crate) const fn lunch() -> Self {
        Self(LUNCH, false, true, 0)
    }
}

const AVAILABLE: u64 = calltools::AVAILABLE;
const BREAK: u64 = 20_562;
const LUNCH: u64 = 20_563;
const WRAP_UP: u64 = 20_564;
const MEETING: u64 = 20_565;
/// A status of the account's own, whose name nobody else knows.
const COACHING: u64 = 31_001;

impl Site for CallToolsSite {
    type Centre = CallTools;
    type State = CallToolsState;
    const PROVIDER: ProviderName = ProviderName::CallTools;
    // The columns: everybody; status Available and ready; the same by the recipe for it; status Coaching.
    const STATES: &'static [Row<CallToolsState>] = &[
        row(
            CallToolsState(AVAILABLE, true, true, 0),
            &["own available logged_in", "own available logged_in", "own available", "-"],
        ),
        row(CallToolsState(AVAILABLE, false, true, 1), &["own on_call logged_in", "-", "-", "-"]),
        row(CallToolsState(AVAILABLE, false, true, 0), &["own not_ready logged_in", "-", "-", "-"]),
        row(CallToolsState(AVAILABLE, false, false, 0), &["own not_ready", "-", "-", "-"]),
        row(CallToolsState(BREAK, false, true, 0), &["own not_ready logged_in", "-", "-", "-"]),
        row(CallToolsState::lunch(), &["own not_ready logged_in", "-", "-", "-"]),
        row(CallToolsState(LUNCH, true, true, 0), &["own not_ready logged_in", "-", "-", "-"]),
        row(CallToolsState(WRAP_UP, false, true, 0), &["own wrap_up logged_in", "-", "-", "-"]),
        row(CallToolsState(MEETING, false, true, 0), &["own not_ready logged_in", "-", "-", "-"]),
        row(CallToolsState(COACHING, true, true, 0), &["own not_ready logged_in", "-", "-", "own available logged_in"]),
        row(CallToolsState(COACHING, false, true, 2), &["own on_call logged_in", "-", "-", "own on_call logged_in"]),
        row(CallToolsState(COACHING, false, false, 0), &["own not_ready", "-", "-", "own not_ready"]),
    ];

    fn new(dialect: Dialect) -> CallTools {
        CallTools::new(dialect).token(CANARY).requests_per_hour(1_000_000).status(COACHING, "Coaching", false)
    }

    fn queue(place: usize) -> String {
        (5400 + place).to_string()
    }

    fn with_queue(centre: CallTools, queue: &str, _waiting: u32) -> CallTools {
        centre.queue(queue, &format!("queue-{queue}"))
    }

    fn with_agent(centre: CallTools, queue: &str, number: usize, state: &CallToolsState) -> CallTools {
        let CallToolsState(status_id, ready, logged_in, live_calls_count) = *state;
        let named = calltools::Agent::ready(u64::try_from(7000 + number).unwrap(), &format!("Agent {number}"));
        let queue_logged_in = logged_in;
        centre
            .agent(queue, calltools::Agent { status_id, ready, logged_in, queue_logged_in, live_calls_count, ..named })
    }

    fn recipes(dialect: Dialect) -> Vec<Recipe> {
        const ALL: &str = "available on_call wrap_up not_ready logged_in";
        let statuses = |options, column| Recipe {
            template: "agent_statuses",
            options,
            column,
            // The guides' records do not have `live_calls_count`: who is on a call is not said, nor then who is idle.
            knows: if dialect == Dialect::Real { ALL } else { "available wrap_up logged_in" },
            knows_of_nobody: ALL,
            own: field("count", "", 0),
            refused: None,
        };
        let filters = json!({"agent_status_id": AVAILABLE, "ready": true});
        vec![
            statuses(json!({}), 0),
            statuses(filters.clone(), 1),
            Recipe {
                template: "ready_agents",
                options: filters,
                column: 2,
                knows: "available",
                knows_of_nobody: "available",
                own: agents("available", "", 0),
                refused: None,
            },
            statuses(json!({"agent_status_id": COACHING.to_string()}), 3),
        ]
    }
}

/// Genesys Cloud: a presence, and a routing status on the queue.
pub(crate) struct GenesysCloudSite;

/// The presence, the routing status, whether she is joined to the queue, whether she has the skill.
pub(crate) struct GenesysCloudState(Presence, RoutingStatus, bool, bool);

impl GenesysCloudState {
    /// On the queue and idle.
    pub(crate) const fn idle() -> Self {
        Self(Presence::OnQueue, RoutingStatus::Idle, true, false)
    }

    /// Available to colleagues, and off the queue.
    pub(crate) const fn off_queue() -> Self {
        Self(Presence::Available, RoutingStatus::OffQueue, true, false)
    }
}

/// The id of a skill.
const SKILL: &str = "5c1e0e8c-2f3a-4b6d-9c7e-1a2b3c4d5e6f";

use Presence::{Available, Away, Break, Busy, Idle as IdlePresence, Meal, Meeting, Offline, OnQueue, Training};
use RoutingStatus::{Communicating, Idle, Interacting, NotResponding, OffQueue};

impl Site for GenesysCloudSite {
    type Centre = GenesysCloud;
    type State = GenesysCloudState;
    const PROVIDER: ProviderName = ProviderName::GenesysCloud;
    // The columns: the queue's members; idle on the queue; the same with the skill; the queue's observations.
    const STATES: &'static [Row<GenesysCloudState>] = &[
        row(GenesysCloudState::idle(), &["-", "available", "-", "available"]),
        row(GenesysCloudState(OnQueue, Idle, true, true), &["-", "available", "available", "available"]),
        row(GenesysCloudState(OnQueue, Interacting, true, true), &["-", "-", "-", "on_call"]),
        row(GenesysCloudState(OnQueue, Communicating, true, false), &["-", "-", "-", "on_call"]),
        row(GenesysCloudState(OnQueue, NotResponding, true, true), &["-", "-", "-", "not_ready"]),
        row(GenesysCloudState(OnQueue, OffQueue, true, false), &["-", "-", "-", "not_ready"]),
        row(GenesysCloudState(OnQueue, Idle, false, true), NOWHERE),
        row(GenesysCloudState(OnQueue, Interacting, false, false), NOWHERE),
        row(GenesysCloudState::off_queue(), &["own", "-", "-", "-"]),
        row(GenesysCloudState(Available, Communicating, true, true), &["own", "-", "-", "-"]),
        // A presence and a routing status that both end and begin at once.
        row(GenesysCloudState(Available, Idle, true, true), &["own", "-", "-", "-"]),
        row(GenesysCloudState(Available, OffQueue, false, false), NOWHERE),
        row(GenesysCloudState(Away, OffQueue, true, false), NOWHERE),
        row(GenesysCloudState(Busy, OffQueue, true, true), NOWHERE),
        row(GenesysCloudState(Offline, OffQueue, true, false), NOWHERE),
        row(GenesysCloudState(IdlePresence, OffQueue, true, true), NOWHERE),
        row(GenesysCloudState(IdlePresence, Idle, true, true), NOWHERE),
        row(GenesysCloudState(Meal, OffQueue, true, false), NOWHERE),
        row(GenesysCloudState(Training, OffQueue, true, false), NOWHERE),
        row(GenesysCloudState(Meeting, OffQueue, true, false), NOWHERE),
        row(GenesysCloudState(Break, OffQueue, true, false), NOWHERE),
    ];

    fn new(dialect: Dialect) -> GenesysCloud {
        GenesysCloud::new(dialect).token(CANARY).requests_per_minute(1_000_000)
    }

    fn queue(place: usize) -> String {
        format!("0c9a6f0e-7a1e-4d50-8b0f-{place:012}")
    }

    fn with_queue(centre: GenesysCloud, queue: &str, waiting: u32) -> GenesysCloud {
        centre.queue(queue, queue).waiting(queue, waiting.into())
    }

    fn with_agent(centre: GenesysCloud, queue: &str, number: usize, state: &GenesysCloudState) -> GenesysCloud {
        let GenesysCloudState(presence, routing_status, joined, has_skill) = *state;
        let (id, name) = (format!("00000000-0000-4000-8000-{number:012}"), format!("Agent {number}"));
        let mut agent = genesys_cloud::Agent::new(&id, &name, presence, routing_status);
        agent.joined = joined;
        agent.skill_ids = if has_skill { vec![SKILL.to_owned()] } else { Vec::new() };
        centre.agent(queue, agent)
    }

    fn recipes(_: Dialect) -> Vec<Recipe> {
        let recipe = |template, column, knows, own: Value| Recipe {
            template,
            options: json!({}),
            column,
            knows,
            knows_of_nobody: knows,
            own,
            refused: None,
        };
        let available = || agents("available", "", 0);
        let headroom = || agents("headroom", "", 0);
        let fallback =
            |recipe| Recipe { options: json!({"members_fallback": true}), refused: Some("/analytics/"), ..recipe };
        vec![
            recipe("queue_members", 0, "", field("total", "", 0)),
            recipe("on_queue_idle", 1, "available", available()),
            Recipe { options: json!({"skill_id": SKILL}), ..recipe("on_queue_idle", 2, "available", available()) },
            recipe("queue_observations", 3, "available on_call not_ready waiting", headroom()),
            fallback(recipe("on_queue_idle", 1, "available", available())),
            // The members do not tell who is waiting.
            fallback(recipe("queue_observations", 1, "available", headroom())),
        ]
    }
}

const NOWHERE: &[&str] = &["-", "-", "-", "-"];

/// `RingCentral`: both flags of a member, then nothing in the way of a call. RingCX counts for itself.
pub(crate) struct RingCentralSite;

/// `acceptCurrentQueueCalls`, `acceptQueueCalls`, `telephonyStatus`, `userStatus`, `dndStatus`, new call handling.
#[derive(Clone, Copy)]
pub(crate) struct RingCentralState(bool, bool, TelephonyStatus, UserStatus, DndStatus, pub(crate) bool);

/// Ready for the next call.
pub(crate) const RINGCENTRAL_READY: RingCentralState = RingCentralState(true, true, NoCall, HERE, TakeAllCalls, false);
/// Offline, which her flags do not tell.
pub(crate) const RINGCENTRAL_AWAY: RingCentralState = RingCentralState(true, true, NoCall, AWAY, TakeAllCalls, false);
/// Not taking this queue's calls.
pub(crate) const RINGCENTRAL_ELSEWHERE: RingCentralState =
    RingCentralState(false, true, NoCall, HERE, TakeAllCalls, false);

use DndStatus::{DoNotAcceptAnyCalls, DoNotAcceptDepartmentCalls, TakeAllCalls, TakeDepartmentCallsOnly};
use TelephonyStatus::{CallConnected, NoCall, OnHold, ParkedCall, Ringing};

const HERE: UserStatus = UserStatus::Available;
const BUSY: UserStatus = UserStatus::Busy;
const AWAY: UserStatus = UserStatus::Offline;

impl Site for RingCentralSite {
    type Centre = RingCentral;
    type State = RingCentralState;
    const PROVIDER: ProviderName = ProviderName::RingCentral;
    // The columns: the queue's presence, the ready agents, RingCX.
    const STATES: &'static [Row<RingCentralState>] = &[
        row(RINGCENTRAL_READY, READY),
        row(RingCentralState(true, true, NoCall, HERE, TakeAllCalls, true), READY),
        row(RingCentralState(true, true, NoCall, HERE, TakeDepartmentCallsOnly, false), READY),
        // Busy is what a person says of herself; her calls come all the same.
        row(RingCentralState(true, true, NoCall, BUSY, TakeAllCalls, false), READY),
        row(RingCentralState(true, true, CallConnected, HERE, TakeAllCalls, false), IN_A_CALL),
        row(RingCentralState(true, true, Ringing, HERE, TakeAllCalls, false), IN_A_CALL),
        row(RingCentralState(true, true, OnHold, BUSY, TakeAllCalls, true), IN_A_CALL),
        row(RingCentralState(true, true, ParkedCall, HERE, TakeAllCalls, false), IN_A_CALL),
        row(
            RingCentralState(true, true, NoCall, AWAY, TakeAllCalls, false),
            &["own logged_in", "not_ready logged_in", ""],
        ),
        // The flag mirrors do-not-disturb; where it lags behind, the status counts.
        row(RingCentralState(true, true, NoCall, HERE, DoNotAcceptAnyCalls, false), DISTURBED),
        row(RingCentralState(true, true, NoCall, HERE, DoNotAcceptDepartmentCalls, false), DISTURBED),
        row(RingCentralState(true, true, NoCall, HERE, DoNotAcceptAnyCalls, true), DISTURBED),
        row(
            RingCentralState(true, false, NoCall, HERE, DoNotAcceptAnyCalls, false),
            &["own logged_in", "not_ready logged_in", ""],
        ),
        row(
            RingCentralState(true, false, NoCall, HERE, DoNotAcceptDepartmentCalls, false),
            &["own logged_in", "not_ready logged_in", ""],
        ),
        row(
            RingCentralState(true, false, NoCall, HERE, TakeAllCalls, true),
            &["own logged_in", "not_ready logged_in", ""],
        ),
        row(RINGCENTRAL_ELSEWHERE, &["", "", ""]),
        row(RingCentralState(false, true, CallConnected, BUSY, TakeAllCalls, false), &["", "", ""]),
        row(RingCentralState(false, false, NoCall, AWAY, DoNotAcceptAnyCalls, false), &["", "", ""]),
    ];

    fn new(dialect: Dialect) -> RingCentral {
        RingCentral::new(dialect).token(CANARY).requests_per_minute(1_000_000)
    }

    fn queue(place: usize) -> String {
        (987_654_000 + place).to_string()
    }

    fn with_queue(centre: RingCentral, queue: &str, waiting: u32) -> RingCentral {
        let mut centre = centre.queue(queue, queue);
        centre.roster().queue_mut(queue).unwrap().about.waiting = waiting.into();
        centre
    }

    fn with_agent(centre: RingCentral, queue: &str, number: usize, state: &RingCentralState) -> RingCentral {
        let RingCentralState(here, anywhere, telephony_status, user_status, dnd_status, has_new_call_handling) = *state;
        let id = (400_130_000 + number).to_string();
        let named = ringcentral::Agent::ready(&id, &format!("Agent {number}"), &(12_000 + number).to_string());
        let agent = ringcentral::Agent {
            accept_queue_calls: anywhere,
            accept_current_queue_calls: here,
            telephony_status,
            user_status,
            dnd_status,
            has_new_call_handling,
            ..named
        };
        centre.agent(queue, agent)
    }

    fn recipes(dialect: Dialect) -> Vec<Recipe> {
        const ALL: &str = "available on_call not_ready logged_in";
        let availability = "available logged_in waiting";
        vec![
            Recipe {
                template: "queue_presence",
                options: json!({}),
                column: 0,
                knows: "logged_in",
                knows_of_nobody: "logged_in",
                own: json!({"parse_type": "regex", "pattern": "\"acceptCurrentQueueCalls\": true"}),
                refused: None,
            },
            Recipe {
                template: "ready_agents",
                options: json!({}),
                column: 1,
                // The guides' records have one of the two flags.
                knows: if dialect == Dialect::Real { ALL } else { "logged_in" },
                knows_of_nobody: ALL,
                own: agents("available", "", 0),
                refused: None,
            },
            Recipe {
                template: "ringcx_availability",
                options: json!({}),
                column: 2,
                knows: availability,
                knows_of_nobody: availability,
                own: agents("headroom", "", 0),
                refused: None,
            },
        ]
    }
}

const READY: &[&str] = &["own logged_in", "available logged_in", "available logged_in"];
const IN_A_CALL: &[&str] = &["own logged_in", "on_call logged_in", "logged_in"];
/// RingCX knows nothing of the phone's do-not-disturb.
const DISTURBED: &[&str] = &["own logged_in", "not_ready logged_in", "available logged_in"];

/// `PortSIP`: one word for each agent and queue.
pub(crate) struct PortSipSite;

impl Site for PortSipSite {
    type Centre = PortSip;
    type State = portsip::Status;
    const PROVIDER: ProviderName = ProviderName::PortSip;
    const STATES: &'static [Row<portsip::Status>] = &[
        row(portsip::Status::Ready, &["available logged_in"]),
        row(portsip::Status::NotReady, &["not_ready logged_in"]),
        row(portsip::Status::QueueCall, &["on_call logged_in"]),
        row(portsip::Status::OtherCall, &["on_call logged_in"]),
        row(portsip::Status::WrapUp, &["wrap_up logged_in"]),
        row(portsip::Status::Break, &["not_ready logged_in"]),
        row(portsip::Status::Lunch, &["not_ready logged_in"]),
        row(portsip::Status::LoggedOut, &[""]),
        row(portsip::Status::Offline, &[""]),
        row(portsip::Status::Transfer, &["on_call logged_in"]),
        row(portsip::Status::ConsultTransfer, &["on_call logged_in"]),
        row(portsip::Status::OnHold, &["on_call logged_in"]),
    ];

    fn new(dialect: Dialect) -> PortSip {
        PortSip::new(dialect).token(CANARY).requests_per_minute(1_000_000)
    }

    fn queue(place: usize) -> String {
        format!("NzAwNTUxOTA5NzczMTQ4MTY{place}")
    }

    fn with_queue(centre: PortSip, queue: &str, waiting: u32) -> PortSip {
        centre.queue(queue, queue, "8000").waiting(queue, waiting.into())
    }

    fn with_agent(centre: PortSip, queue: &str, number: usize, state: &portsip::Status) -> PortSip {
        let extension = (10_000 + number).to_string();
        centre.agent(queue, portsip::Agent::new(&extension, &format!("Agent {number}"), *state))
    }

    fn recipes(_: Dialect) -> Vec<Recipe> {
        let recipe = |template, knows, own, bulk: bool| Recipe {
            template,
            // This PBX does not serve the bulk request: the option must change no count.
            options: if bulk { json!({"bulk_status": true}) } else { json!({}) },
            column: 0,
            knows,
            knows_of_nobody: knows,
            own: agents(own, "", 0),
            refused: None,
        };
        vec![
            recipe("queue_agents", "available on_call wrap_up not_ready logged_in", "available", false),
            recipe("queue_agents", "available on_call wrap_up not_ready logged_in", "available", true),
            recipe("queue_headroom", "available on_call wrap_up not_ready logged_in waiting", "headroom", false),
        ]
    }
}
