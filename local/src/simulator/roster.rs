//! Queues, their members, and the agents, each of whom may be a member of several queues.

use super::control::Refusal;

/// The queues and agents of one account. `Q`, `A` and `M` are what a provider knows of a queue, of an agent wherever she
/// is a member, and of her membership in one queue.
#[derive(Clone, Debug)]
pub struct Roster<Q, A, M> {
    queues: Vec<Queue<Q, M>>,
    agents: Vec<(String, A)>,
}

/// A queue and its members in the order they joined.
#[derive(Clone, Debug)]
pub struct Queue<Q, M> {
    /// The provider's id of the queue.
    pub id: String,
    /// What the provider knows of it.
    pub about: Q,
    members: Vec<(String, M)>,
}

/// One agent seen through one queue.
#[derive(Debug)]
pub struct Member<'a, A, M> {
    /// The provider's id of the agent.
    pub id: &'a str,
    /// The agent, the same in every queue.
    pub agent: &'a A,
    /// What is true in this queue alone.
    pub membership: &'a M,
}

impl<A, M> Clone for Member<'_, A, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, M> Copy for Member<'_, A, M> {}

impl<Q, A, M> Default for Roster<Q, A, M> {
    fn default() -> Self {
        Self { queues: Vec::new(), agents: Vec::new() }
    }
}

impl<Q, A, M> Roster<Q, A, M> {
    /// All queues in the order they were added.
    pub fn queues(&self) -> impl Iterator<Item = &Queue<Q, M>> {
        self.queues.iter()
    }

    /// All agents with their ids, each once.
    pub fn agents(&self) -> impl Iterator<Item = (&str, &A)> {
        self.agents.iter().map(|(id, agent)| (id.as_str(), agent))
    }

    /// The queue of this id.
    #[must_use]
    pub fn queue(&self, id: &str) -> Option<&Queue<Q, M>> {
        self.queues.iter().find(|queue| queue.id == id)
    }

    /// The queue of this id, to be changed.
    pub fn queue_mut(&mut self, id: &str) -> Option<&mut Queue<Q, M>> {
        self.queues.iter_mut().find(|queue| queue.id == id)
    }

    /// The agent of this id.
    #[must_use]
    pub fn agent(&self, id: &str) -> Option<&A> {
        let entry = self.agents.iter().find(|(known, _)| known == id);
        entry.map(|(_, agent)| agent)
    }

    /// The agent of this id, to be changed in all her queues at once.
    pub fn agent_mut(&mut self, id: &str) -> Option<&mut A> {
        let entry = self.agents.iter_mut().find(|(known, _)| known == id);
        entry.map(|(_, agent)| agent)
    }

    /// A queue's members in the order they joined.
    pub fn members<'a>(&'a self, queue: &'a Queue<Q, M>) -> impl Iterator<Item = Member<'a, A, M>> + 'a {
        queue.members.iter().filter_map(|(id, membership)| {
            let agent = self.agent(id)?;
            Some(Member { id, agent, membership })
        })
    }

    /// One agent's membership in one queue, to be changed.
    pub fn membership_mut(&mut self, queue: &str, agent: &str) -> Option<&mut M> {
        let members = &mut self.queue_mut(queue)?.members;
        let entry = members.iter_mut().find(|(known, _)| known == agent);
        entry.map(|(_, membership)| membership)
    }

    /// Adds a queue, or replaces what is known of it and keeps its members.
    pub(super) fn put_queue(&mut self, id: &str, about: Q) {
        match self.queue_mut(id) {
            Some(queue) => queue.about = about,
            None => self.queues.push(Queue { id: id.to_owned(), about, members: Vec::new() }),
        }
    }

    /// Makes an agent a member, or replaces what is known of her.
    pub(super) fn put_member(&mut self, queue: &str, id: &str, agent: A, membership: M) {
        match self.agent_mut(id) {
            Some(known) => *known = agent,
            None => self.agents.push((id.to_owned(), agent)),
        }
        if let Some(queue) = self.queue_mut(queue) {
            queue.members.retain(|(known, _)| known != id);
            queue.members.push((id.to_owned(), membership));
        }
    }

    /// The queue of this id, or a refusal that names those there are.
    pub(super) fn require_queue(&self, id: &str) -> Result<&Queue<Q, M>, Refusal> {
        let known = || self.queues.iter().map(|queue| queue.id.clone()).collect();
        self.queue(id).ok_or_else(|| Refusal::unknown("queue", id, known()))
    }

    /// Copies of an agent and her membership, or a refusal that names the queue's members.
    pub(super) fn require_member(&self, queue: &str, id: &str) -> Result<(A, M), Refusal>
    where
        A: Clone,
        M: Clone,
    {
        let queue = self.require_queue(queue)?;
        let member = self.members(queue).find(|member| member.id == id);
        let known = || queue.members.iter().map(|(known, _)| known.clone()).collect();
        member
            .map(|member| (member.agent.clone(), member.membership.clone()))
            .ok_or_else(|| Refusal::unknown("agent", id, known()))
    }

    /// Puts changed copies back.
    pub(super) fn replace_member(&mut self, queue: &str, id: &str, agent: A, membership: M) {
        if let Some(known) = self.agent_mut(id) {
            *known = agent;
        }
        if let Some(known) = self.membership_mut(queue, id) {
            *known = membership;
        }
    }
}
