//! How old the record is that the store has not confirmed: told in the Lease, so that what somebody
//! decided is not removed from the cluster before the record of what came of it is safe.

use std::collections::VecDeque;
use std::time::Duration;

use portcullis_recording::writer::Progress;
use tokio::time::Instant;

/// The most looks that are remembered, one for each segment that waits for the store. Past it more
/// of the record is told to be missing there than is.
const MAX_LOOKS: usize = 1_024;

/// Looks at the record, of which the store has not confirmed all.
#[derive(Debug, Default)]
pub struct Stored {
    /// When each segment was the last, the newest such look of each.
    looks: VecDeque<(u64, Instant)>,
    /// All that was recorded until then is in the store.
    through: Option<Instant>,
}

// === impl Stored ===

impl Stored {
    /// Notes how far the record is, and tells how long ago that was recorded which may not be in
    /// the store; none where that is not known, of what an earlier run left.
    pub fn look(&mut self, progress: Progress, now: Instant) -> Option<Duration> {
        let is_newest = self
            .looks
            .back()
            .is_some_and(|(last, _)| *last == progress.last);
        if is_newest || self.looks.len() >= MAX_LOOKS {
            self.looks.pop_back();
        }
        self.looks.push_back((progress.last, now));
        while let Some((last, at)) = self.looks.front().copied() {
            if last > progress.stored {
                break;
            }
            self.through = Some(at);
            self.looks.pop_front();
        }
        self.through.map(|through| now.duration_since(through))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begin: Instant, second: u64) -> Instant {
        begin + Duration::from_secs(second)
    }

    fn look(stored: &mut Stored, now: Instant, last: u64, confirmed: u64) -> Option<u64> {
        let progress = Progress {
            last,
            stored: confirmed,
        };
        let age = stored.look(progress, now);
        age.map(|age| age.as_secs())
    }

    #[test]
    fn what_is_all_in_the_store_has_no_age() {
        let (mut stored, begin) = (Stored::default(), Instant::now());
        assert_eq!(look(&mut stored, begin, 0, 0), Some(0));
        assert_eq!(look(&mut stored, at(begin, 100), 7, 7), Some(0));
    }

    #[test]
    fn what_is_not_there_is_as_old_as_the_last_look_before_it() {
        let (mut stored, begin) = (Stored::default(), Instant::now());
        look(&mut stored, begin, 1, 1);
        // Segment 2 is being written, and the store is away.
        assert_eq!(look(&mut stored, at(begin, 10), 2, 1), Some(10));
        assert_eq!(look(&mut stored, at(begin, 15), 2, 1), Some(15));
        assert_eq!(look(&mut stored, at(begin, 20), 3, 1), Some(20));
        // It has segment 2, of which a look at second 15 was the last.
        assert_eq!(look(&mut stored, at(begin, 30), 4, 2), Some(15));
        assert_eq!(look(&mut stored, at(begin, 40), 4, 4), Some(0));
    }

    #[test]
    fn of_what_an_earlier_run_left_nothing_is_known_until_it_is_stored() {
        let (mut stored, begin) = (Stored::default(), Instant::now());
        assert_eq!(look(&mut stored, begin, 9, 3), None);
        assert_eq!(look(&mut stored, at(begin, 10), 9, 8), None);
        assert_eq!(look(&mut stored, at(begin, 20), 10, 9), Some(10));
    }

    #[test]
    fn a_store_that_is_away_for_long_takes_no_more_than_so_many_looks() {
        let (mut stored, begin) = (Stored::default(), Instant::now());
        let many = MAX_LOOKS as u64 + 1;
        look(&mut stored, begin, 0, 0);
        for number in 1..=many {
            look(&mut stored, at(begin, number), number, 0);
        }
        assert_eq!(stored.looks.len(), MAX_LOOKS);
        let now = at(begin, many);
        // The one in whose place another came is taken for no earlier than that.
        let age = look(&mut stored, now, many, many - 1);
        assert_eq!(age, Some(2));
        assert_eq!(look(&mut stored, now, many, many), Some(0));
    }
}
