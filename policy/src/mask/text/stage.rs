//! One set of detectors and one transform.

use std::collections::VecDeque;
use std::sync::Arc;

use super::spelling::{Flow, Spelling};
use super::{Style, replacement};
use crate::mask::detect::DetectorSet;
use crate::mask::json::escape;
use crate::mask::scan::{Piece, Scanner};
use crate::mask::transform::Transform;

#[derive(Debug)]
pub(super) struct Stage {
    scanner: Scanner,
    account: Account,
}

/// How the bytes that the scanner holds were spelled.
#[derive(Debug)]
struct Account {
    transform: Transform,
    style: Style,
    held: VecDeque<Spelling>,
    /// What was seen of the first of `held`, where that comes out together.
    seen: Vec<u8>,
    /// A part of it was found, so that none of it comes out.
    spoilt: bool,
}

// === impl Stage ===

impl Stage {
    pub(super) fn new(set: Arc<DetectorSet>, transform: Transform, style: Style) -> Self {
        let account = Account {
            transform,
            style,
            held: VecDeque::new(),
            seen: Vec::new(),
            spoilt: false,
        };
        Self {
            scanner: Scanner::new(set),
            account,
        }
    }

    /// Takes in what comes, and tells what goes out and how many finds were in it.
    pub(super) fn run(&mut self, flow: &Flow, last: bool) -> (Flow, u64) {
        let Self { scanner, account } = self;
        account.expect(&flow.spelling);
        let mut out = Flow::default();
        let mut finds = 0;
        let mut take = |piece: Piece<'_>| match piece {
            Piece::Clear(bytes) => account.settle(bytes, true, &mut out),
            Piece::Hit { bytes, .. } => {
                finds += 1;
                account.settle(bytes, false, &mut out);
                account.replace(bytes, &mut out);
            }
            Piece::Rest { bytes, .. } => account.settle(bytes, false, &mut out),
        };
        scanner.feed(&flow.bytes, &mut take);
        if last {
            scanner.finish(&mut take);
        }
        (out, finds)
    }
}

// === impl Account ===

impl Account {
    fn expect(&mut self, spelling: &[Spelling]) {
        for spelling in spelling {
            match (self.held.back_mut(), spelling) {
                (Some(Spelling::Plain(length)), Spelling::Plain(more)) => *length += more,
                (_, Spelling::Plain(length)) => self.held.push_back(Spelling::Plain(*length)),
                (_, Spelling::Special { length, raw }) => {
                    self.held.push_back(Spelling::Special {
                        length: *length,
                        raw: raw.clone(),
                    });
                }
            }
        }
    }

    /// The next bytes are clear, and go out, or found, and do not.
    fn settle(&mut self, mut bytes: &[u8], clear: bool, out: &mut Flow) {
        while !bytes.is_empty() {
            let Some(first) = self.held.front_mut() else {
                return;
            };
            match first {
                Spelling::Plain(length) => {
                    let (now, rest) = bytes.split_at(bytes.len().min(*length));
                    if clear {
                        out.plain(now);
                    }
                    *length -= now.len();
                    let done = *length == 0;
                    bytes = rest;
                    if done {
                        self.held.pop_front();
                    }
                }
                Spelling::Special { length, raw } => {
                    let missing = length.saturating_sub(self.seen.len());
                    let (now, rest) = bytes.split_at(bytes.len().min(missing));
                    self.seen.extend_from_slice(now);
                    self.spoilt |= !clear;
                    bytes = rest;
                    if self.seen.len() >= *length {
                        if !self.spoilt {
                            out.special(&self.seen, raw);
                        }
                        self.seen.clear();
                        self.spoilt = false;
                        self.held.pop_front();
                    }
                }
            }
        }
    }

    fn replace(&self, find: &[u8], out: &mut Flow) {
        let text = replacement(&self.transform, find);
        match self.style {
            Style::Plain => out.special(text.as_bytes(), text.as_bytes()),
            Style::Json => {
                let mut raw = String::new();
                text.chars()
                    .for_each(|character| escape::push(character, &mut raw));
                out.special(text.as_bytes(), raw.as_bytes());
            }
        }
    }
}
