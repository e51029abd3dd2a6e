//! From which queues a worker takes, and how it divides what it takes among them.

use std::str::FromStr;

use rand::Rng;

use super::registry::Registry;

/// Enough to tell queues apart; a larger one is a typing error.
const MOST_WEIGHT: u32 = 1_000;

/// A queue that a worker takes from, written `payments:6`, or `bulk` for a weight of 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueShare {
    /// The queue.
    pub name: String,
    /// Its part of what is taken while all queues have something, in proportion to the others; 1 to 1,000.
    pub weight: u32,
}

impl QueueShare {
    /// With a weight of 1.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), weight: 1 }
    }
}

impl FromStr for QueueShare {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, weight)) = text.split_once(':') else { return Ok(Self::new(text)) };
        match weight.parse() {
            Ok(weight @ 1..=MOST_WEIGHT) => Ok(Self { name: name.to_owned(), weight }),
            _ => Err(format!(
                "{weight:?} is no weight for {name:?}: it is a number from 1 to {MOST_WEIGHT}, as in `payments:6`"
            )),
        }
    }
}

/// Which queue comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueueOrder {
    /// By chance, in proportion to the weights: every queue gets its share and none starves.
    #[default]
    Weighted,
    /// As given: a queue is looked at only when the ones before it are empty, so the last may wait for ever.
    Strict,
}

/// The queues of a worker, checked.
#[derive(Debug, Clone)]
pub struct Plan {
    shares: Vec<QueueShare>,
    order: QueueOrder,
}

/// What one fetch takes from a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Its position in [`Plan::names`].
    pub queue: usize,
    /// How many envelopes are its own, if it has as many. What queues leave over goes to the others in the order of turns.
    pub places: usize,
}

impl Plan {
    /// All queues of the registry if none is wanted. Fails if one is unknown or named twice, and if an order contradicts
    /// itself: strict without queues, or with weights.
    pub fn new(registry: &Registry, wanted: Vec<QueueShare>, order: QueueOrder) -> anyhow::Result<Self> {
        let known = registry.queues();
        for (position, share) in wanted.iter().enumerate() {
            let name = &share.name;
            anyhow::ensure!(
                known.contains(&name.as_str()),
                "there is no queue {name:?}; there are: {}",
                known.join(", ")
            );
            let twice = wanted[..position].iter().any(|earlier| earlier.name == *name);
            anyhow::ensure!(!twice, "the queue {name:?} is named twice");
            anyhow::ensure!(
                (1..=MOST_WEIGHT).contains(&share.weight),
                "the weight of the queue {name:?} is not from 1 to {MOST_WEIGHT}"
            );
        }
        if order == QueueOrder::Strict {
            anyhow::ensure!(!wanted.is_empty(), "a strict order needs the queues in that order (--queues)");
            let weighted = wanted.iter().find(|share| share.weight != 1);
            anyhow::ensure!(
                weighted.is_none(),
                "weights mean nothing in a strict order: leave out either --strict or the weights"
            );
        }
        let shares =
            if wanted.is_empty() { known.into_iter().map(QueueShare::new).collect() } else { wanted };
        Ok(Self { shares, order })
    }

    /// The queues, as given.
    pub fn names(&self) -> Vec<String> {
        self.shares.iter().map(|share| share.name.clone()).collect()
    }

    /// How the next fetch of up to `room` envelopes goes. In the mean each queue has `room` times its part of the weights,
    /// and its part of the first turns.
    pub fn draw(&self, room: usize, rng: &mut impl Rng) -> Vec<Turn> {
        if self.order == QueueOrder::Strict {
            return (0..self.shares.len()).map(|queue| Turn { queue, places: 0 }).collect();
        }
        let total: usize = self.shares.iter().map(|share| share.weight as usize).sum();
        // The places lie on a line on which each queue has a stretch as long as its weight; where the first one lies is drawn.
        // So the numbers are whole, their sum is `room`, and no rounding favors a queue in the long run.
        let start = rng.random_range(0..total);
        let mut end = start;
        let mut turns: Vec<_> = (self.shares.iter().enumerate())
            .map(|(queue, share)| {
                let before = end / total;
                end += room * share.weight as usize;
                // The shortest of waiting times with these rates is first.
                let wait = -rng.random_range(f64::MIN_POSITIVE..1.0).ln() / f64::from(share.weight);
                (wait, Turn { queue, places: end / total - before })
            })
            .collect();
        turns.sort_by(|a, b| a.0.total_cmp(&b.0));
        turns.into_iter().map(|(_, turn)| turn).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn plan(shares: &[&str], order: QueueOrder) -> Plan {
        let shares = shares.iter().map(|text| text.parse().unwrap()).collect();
        Plan { shares, order }
    }

    #[test]
    fn places_and_first_turns_are_shared_by_weight() {
        const DRAWS: usize = 20_000;
        let plan = plan(&["payments:6", "mail:3", "bulk"], QueueOrder::Weighted);
        let mut rng = StdRng::seed_from_u64(7);
        for room in [1, 2, 7, 200] {
            let mut places = [0; 3];
            let mut first = [0; 3];
            for _ in 0..DRAWS {
                let turns = plan.draw(room, &mut rng);
                assert_eq!(turns.iter().map(|turn| turn.places).sum::<usize>(), room);
                first[turns[0].queue] += 1;
                for turn in turns {
                    places[turn.queue] += turn.places;
                }
            }
            for (queue, part) in [0.6, 0.3, 0.1].into_iter().enumerate() {
                let of_places = places[queue] as f64 / (DRAWS * room) as f64;
                let of_first = first[queue] as f64 / DRAWS as f64;
                assert!(
                    (of_places - part).abs() < 0.02,
                    "room {room}, queue {queue}: {of_places} of the places"
                );
                assert!(
                    (of_first - part).abs() < 0.02,
                    "room {room}, queue {queue}: {of_first} of first turns"
                );
            }
        }
    }

    #[test]
    fn a_strict_order_is_the_one_given() {
        let plan = plan(&["mail", "bulk", "payments"], QueueOrder::Strict);
        let turns = plan.draw(200, &mut StdRng::seed_from_u64(7));
        assert_eq!(turns.iter().map(|turn| turn.queue).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(turns.iter().all(|turn| turn.places == 0), "nothing is kept for the later ones");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let registry = crate::jobs::registry::all();
        let refused = |text: &str, order| {
            let shares: Result<Vec<QueueShare>, String> = text.split(',').map(str::parse).collect();
            let plan = shares.map_err(anyhow::Error::msg).and_then(|it| Plan::new(&registry, it, order));
            plan.unwrap_err().to_string()
        };
        assert!(refused("payments:0", QueueOrder::Weighted).contains("from 1 to 1000"));
        assert!(refused("payments:many", QueueOrder::Weighted).contains("from 1 to 1000"));
        assert!(
            refused("payment", QueueOrder::Weighted).contains("there is no queue \"payment\"; there are: ")
        );
        assert!(refused("mail,payments:2,mail", QueueOrder::Weighted).contains("\"mail\" is named twice"));
        assert!(refused("mail:2,payments", QueueOrder::Strict).contains("weights mean nothing"));
        let error = Plan::new(&registry, Vec::new(), QueueOrder::Strict).unwrap_err();
        assert!(error.to_string().contains("--queues"));
    }
}
