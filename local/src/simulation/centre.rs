//! The contact centre as it is: who of a queue's agents is free, and whose telephone is about to ring.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// A queue and its agents, moved on to the time at which they are looked at.
#[derive(Debug)]
pub(super) struct Queue {
    agents: usize,
    /// Who is free, the longest idle first.
    idle: VecDeque<usize>,
    /// Accepted calls that have not reached an agent.
    on_the_way: usize,
    due: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    events: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// An accepted call reaches the agents, for so long.
    Arrives(Duration),
    /// An agent is free again.
    IsFree(usize),
}

impl Queue {
    /// So many agents, all of them free.
    pub(super) fn new(agents: usize) -> Self {
        Self { agents, idle: (0..agents).collect(), on_the_way: 0, due: BinaryHeap::new(), events: 0 }
    }

    /// For each agent, whether she shows as free: also while a call is on its way to her.
    pub(super) fn shown_free(&mut self, now: Duration) -> Vec<bool> {
        self.move_on(now);
        let mut shown = vec![false; self.agents];
        for agent in &self.idle {
            if let Some(shown) = shown.get_mut(*agent) {
                *shown = true;
            }
        }
        shown
    }

    /// Whether one more call would reach an agent at once: one is free, and no other call is on its way to her.
    pub(super) fn has_room(&mut self, now: Duration) -> bool {
        self.move_on(now);
        self.idle.len() > self.on_the_way
    }

    /// A call that was accepted sets out.
    pub(super) fn send(&mut self, now: Duration, rings: Duration, talks: Duration) {
        self.move_on(now);
        self.on_the_way += 1;
        self.happens(now + rings, Event::Arrives(talks));
    }

    /// A call that nobody asked about reaches the agents.
    pub(super) fn take(&mut self, now: Duration, talks: Duration) {
        self.move_on(now);
        self.answer(now, talks);
    }

    fn answer(&mut self, now: Duration, talks: Duration) {
        // Where nobody is free the caller hangs up.
        if let Some(agent) = self.idle.pop_front() {
            self.happens(now + talks, Event::IsFree(agent));
        }
    }

    fn happens(&mut self, at: Duration, event: Event) {
        self.events += 1;
        self.due.push(Reverse((at, self.events, event)));
    }

    fn move_on(&mut self, now: Duration) {
        while let Some(Reverse((at, _, _))) = self.due.peek()
            && *at <= now
        {
            let Some(Reverse((at, _, event))) = self.due.pop() else { return };
            match event {
                Event::Arrives(talks) => {
                    self.on_the_way = self.on_the_way.saturating_sub(1);
                    self.answer(at, talks);
                }
                Event::IsFree(agent) => self.idle.push_back(agent),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use std::time::Duration;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_agent_shows_as_free_until_the_call_arrives_and_there_is_no_room_for_another() {
        let mut queue = Queue::new(1);
        assert!(queue.has_room(at(0)));
        queue.send(at(0), at(5), at(60));
        assert_eq!(queue.shown_free(at(4)), [true]);
        assert!(!queue.has_room(at(4)));
        assert_eq!(queue.shown_free(at(5)), [false]);
        assert_eq!(queue.shown_free(at(64)), [false]);
        assert_eq!(queue.shown_free(at(65)), [true]);
        assert!(queue.has_room(at(65)));
    }

    #[test]
    fn who_dials_directly_takes_the_agent_who_has_been_idle_longest_or_hangs_up() {
        let mut queue = Queue::new(2);
        queue.take(at(0), at(30));
        assert_eq!(queue.shown_free(at(0)), [false, true]);
        queue.take(at(1), at(10));
        queue.take(at(2), at(100));
        assert_eq!(queue.shown_free(at(11)), [false, true]);
        assert_eq!(queue.shown_free(at(30)), [true, true], "the third caller has hung up");
    }
}
