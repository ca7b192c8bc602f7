//! The queues of the controllers, as client-go counts its work queues.
//!
//! An object is added once however often it changes before it is looked at. One that asked to be
//! looked at at a time is added when that time has come, and has not waited.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use tokio::time::Instant;

use super::{Controller, counters, gauges, histograms};
use crate::world::Key;

/// As client-go has them: powers of ten from ten nanoseconds.
const BUCKETS: [f64; 12] = [
    1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0,
];
const LABELS: [&str; 2] = ["name", "controller"];

/// What is counted of the queues.
#[derive(Debug)]
pub struct Queues {
    depth: IntGaugeVec,
    adds: IntCounterVec,
    retries: IntCounterVec,
    waited: HistogramVec,
    worked: HistogramVec,
    unfinished: GaugeVec,
    longest: GaugeVec,
    state: Mutex<State>,
}

type At = (Controller, Key);

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<At, Instant>,
    running: HashMap<At, Instant>,
}

// === impl Queues ===

impl Queues {
    pub(super) fn new(to: &Registry) -> Result<Self, prometheus::Error> {
        let seconds = |name, help| -> Result<GaugeVec, prometheus::Error> {
            let gauge = GaugeVec::new(Opts::new(name, help), &LABELS)?;
            to.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let new = Self {
            depth: gauges(
                to,
                "workqueue_depth",
                "Objects that wait for a look.",
                &LABELS,
            )?,
            adds: counters(
                to,
                "workqueue_adds_total",
                "Objects that began to wait.",
                &LABELS,
            )?,
            retries: counters(
                to,
                "workqueue_retries_total",
                "Objects that wait because a look at them failed.",
                &LABELS,
            )?,
            waited: histograms(
                to,
                "workqueue_queue_duration_seconds",
                "Time from a change to the look at it.",
                &LABELS,
                &BUCKETS,
            )?,
            worked: histograms(
                to,
                "workqueue_work_duration_seconds",
                "Time that a look took.",
                &LABELS,
                &BUCKETS,
            )?,
            unfinished: seconds(
                "workqueue_unfinished_work_seconds",
                "Time that looks which are not over have taken, in all.",
            )?,
            longest: seconds(
                "workqueue_longest_running_processor_seconds",
                "Time that the longest of them has taken.",
            )?,
            state: Mutex::default(),
        };
        for controller in Controller::ALL {
            let labels = labels(controller);
            new.depth.with_label_values(&labels);
            new.adds.with_label_values(&labels);
            new.retries.with_label_values(&labels);
            new.waited.with_label_values(&labels);
            new.worked.with_label_values(&labels);
        }
        Ok(new)
    }

    /// An object is to be looked at.
    pub fn added(&self, controller: Controller, object: Key) {
        let mut state = self.state();
        let Entry::Vacant(place) = state.waiting.entry((controller, object)) else {
            return;
        };
        place.insert(Instant::now());
        let labels = labels(controller);
        self.adds.with_label_values(&labels).inc();
        self.depth.with_label_values(&labels).inc();
    }

    /// It is not there any more, so nobody looks.
    pub fn dropped(&self, controller: Controller, object: Key) {
        let waited = self.state().waiting.remove(&(controller, object));
        if waited.is_some() {
            self.depth.with_label_values(&labels(controller)).dec();
        }
    }

    /// A look at it begins.
    pub fn began(&self, controller: Controller, object: Key) {
        let labels = labels(controller);
        let (at, now) = ((controller, object), Instant::now());
        let mut state = self.state();
        let since = state.waiting.remove(&at);
        state.running.insert(at, now);
        match since {
            Some(since) => {
                self.depth.with_label_values(&labels).dec();
                let waited = now.duration_since(since).as_secs_f64();
                self.waited.with_label_values(&labels).observe(waited);
            }
            None => self.adds.with_label_values(&labels).inc(),
        }
    }

    /// It is over, and failed or not.
    pub fn ended(&self, controller: Controller, object: Key, failed: bool) {
        let labels = labels(controller);
        let began = self.state().running.remove(&(controller, object));
        if let Some(began) = began {
            let worked = self.worked.with_label_values(&labels);
            worked.observe(began.elapsed().as_secs_f64());
        }
        if failed {
            self.retries.with_label_values(&labels).inc();
        }
    }

    /// What is told of looks that are not over is as of now.
    pub(super) fn settle(&self) {
        let state = self.state();
        for controller in Controller::ALL {
            let of_it = state
                .running
                .iter()
                .filter(|((of, _), _)| *of == controller);
            let times: Vec<f64> = of_it
                .map(|(_, began)| began.elapsed().as_secs_f64())
                .collect();
            let labels = labels(controller);
            let longest = times.iter().copied().fold(0.0, f64::max);
            self.longest.with_label_values(&labels).set(longest);
            let all = times.iter().sum();
            self.unfinished.with_label_values(&labels).set(all);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn labels(controller: Controller) -> [&'static str; 2] {
    [controller.name(), controller.name()]
}
