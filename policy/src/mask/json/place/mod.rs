//! Where a statement looks in documents, and which paths cover that.
//!
//! A path says what is masked; a place says what is looked at. Both are walked side by side, and
//! where it cannot be told which member a place means, every path that may cover it counts.

use super::path::{JsonPath, PathStep, Selector};

/// A part of documents, as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentPlace {
    pub steps: Vec<PlaceStep>,
    /// What is below is looked at too; else only whether and as what the part is there, or a
    /// scalar, which has nothing below.
    pub whole: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceStep {
    /// A member by its name, or the element that the name counts to.
    Key(String),
    /// Some element of an array.
    Element,
    /// Some element or member.
    Any,
    /// The part as it is, or each of its elements where it is an array.
    Unwrapped,
}

/// How a path covers a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// What it masks is not looked at.
    None,
    /// What it masks is the place, or stands below it.
    Whole,
    /// What it masks is around the place: the place is a piece of it.
    Piece,
}

// === impl DocumentPlace ===

impl std::fmt::Display for DocumentPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("$")?;
        for step in &self.steps {
            match step {
                PlaceStep::Key(key) => write!(f, "[{key:?}]")?,
                PlaceStep::Element | PlaceStep::Any => f.write_str("[*]")?,
                PlaceStep::Unwrapped => {}
            }
        }
        Ok(())
    }
}

// === impl JsonPath ===

impl JsonPath {
    /// How the path covers a place.
    pub fn covers(&self, place: &DocumentPlace) -> Coverage {
        let steps = self.steps();
        let mut states = vec![false; steps.len() + 1];
        if let Some(first) = states.first_mut() {
            *first = true;
        }
        let reached = |states: &[bool]| states.last().copied().unwrap_or(false);
        for step in &place.steps {
            if reached(&states) && *step != PlaceStep::Unwrapped {
                return Coverage::Piece;
            }
            states = advanced(steps, &states, step);
        }
        match reached(&states) || place.whole && states.contains(&true) {
            true => Coverage::Whole,
            false => Coverage::None,
        }
    }
}

/// The steps that may be done after one more step of a place.
fn advanced(steps: &[PathStep], states: &[bool], by: &PlaceStep) -> Vec<bool> {
    let mut next = vec![false; states.len()];
    let mut mark = |at: usize| {
        if let Some(state) = next.get_mut(at) {
            *state = true;
        }
    };
    for (at, _) in states.iter().enumerate().filter(|(_, is_in)| **is_in) {
        if *by == PlaceStep::Unwrapped {
            mark(at);
        }
        let Some(step) = steps.get(at) else { continue };
        if step.deep {
            mark(at);
        }
        if selects(&step.selector, by) {
            mark(at + 1);
        }
    }
    next
}

fn selects(selector: &Selector, by: &PlaceStep) -> bool {
    match (selector, by) {
        (Selector::Any, _) | (_, PlaceStep::Any) => true,
        (Selector::Name(name), PlaceStep::Key(key)) => name == key,
        // Counted from the end it may be any.
        (Selector::Index(index), PlaceStep::Key(key)) => match key.trim().parse::<i64>() {
            Ok(counted) => u64::try_from(counted).map_or(true, |counted| counted == *index),
            Err(_) => false,
        },
        (Selector::Index(_), PlaceStep::Element | PlaceStep::Unwrapped) => true,
        (Selector::Name(_), PlaceStep::Element | PlaceStep::Unwrapped) => false,
    }
}

#[cfg(test)]
mod tests;
