//! The two labelled corpora, and how well the detectors do on them. Shared by the test that keeps
//! the floors and the example that prints the tables.

use std::ops::Range;

use portcullis_policy::mask::detect::{Detector, DetectorKind, DetectorSet, Span};

/// Grew together with the detectors.
const GROWN: &str = include_str!("detectors.tsv");

/// Made without looking at the detectors, nor at the other corpus.
const BLIND: &str = include_str!("../corpus_blind/blind.tsv");

/// A labelled text. `value` is what is to be found in it; `None` where nothing is.
pub(crate) struct Row {
    pub(crate) line: usize,
    pub(crate) kind: DetectorKind,
    pub(crate) text: String,
    pub(crate) value: Option<Range<usize>>,
}

/// How one detector did on all rows, its own and the others'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Score {
    /// Values found exactly, from the first byte to the last, under the right name.
    pub(crate) found: usize,
    /// Values not found so.
    pub(crate) missed: usize,
    /// Finds that are no value.
    pub(crate) wrong: usize,
    /// Near misses among the rows of this detector.
    pub(crate) near_misses: usize,
}

impl Score {
    /// Of what was found, how much is right: per mille.
    pub(crate) fn precision(&self) -> usize {
        per_mille(self.found, self.found + self.wrong)
    }

    /// Of what is there, how much was found: per mille.
    pub(crate) fn recall(&self) -> usize {
        per_mille(self.found, self.found + self.missed)
    }
}

pub(crate) fn grown() -> Vec<Row> {
    rows(GROWN)
}

pub(crate) fn blind() -> Vec<Row> {
    rows(BLIND)
}

fn rows(text: &str) -> Vec<Row> {
    text.lines()
        .enumerate()
        .map(|(index, line)| row(index + 1, line))
        .collect()
}

/// One score for each detector, in the order of [`DetectorKind::ALL`], and each difference
/// between label and find as a line to read.
pub(crate) fn score(rows: &[Row]) -> (Vec<(DetectorKind, Score)>, Vec<String>) {
    let set = DetectorSet::compile(&DetectorKind::ALL, &[]).expect("built-in detectors compile");
    let mut scores = DetectorKind::ALL
        .map(|kind| (kind, Score::default()))
        .to_vec();
    let mut differences = Vec::new();
    let mut on = |kind: DetectorKind, change: &dyn Fn(&mut Score)| {
        scores
            .iter_mut()
            .filter(|(scored, _)| *scored == kind)
            .for_each(|(_, score)| change(score));
    };
    for row in rows {
        let spans = set.find(row.text.as_bytes());
        let is_right = |span: &Span| {
            Some(span.start..span.end) == row.value && span.detector == Detector::Kind(row.kind)
        };
        match (&row.value, spans.iter().any(is_right)) {
            (None, _) => on(row.kind, &|score| score.near_misses += 1),
            (Some(_), true) => on(row.kind, &|score| score.found += 1),
            (Some(_), false) => {
                on(row.kind, &|score| score.missed += 1);
                differences.push(format!(
                    "{}: {} missed in {:?}",
                    row.line, row.kind, row.text
                ));
            }
        }
        for span in spans.iter().filter(|span| !is_right(span)) {
            let Detector::Kind(kind) = span.detector else {
                continue;
            };
            on(kind, &|score| score.wrong += 1);
            let bytes = &row.text.as_bytes()[span.start..span.end];
            let found = String::from_utf8_lossy(bytes);
            differences.push(format!(
                "{}: {kind} found {found:?} in {:?}",
                row.line, row.text
            ));
        }
    }
    (scores, differences)
}

fn row(line: usize, text: &str) -> Row {
    let mut fields = text.splitn(3, '\t');
    let mut field = || {
        fields
            .next()
            .unwrap_or_else(|| panic!("line {line} has three fields"))
    };
    let kind = field()
        .parse()
        .unwrap_or_else(|error| panic!("line {line}: {error}"));
    let is_hit = match field() {
        "hit" => true,
        "miss" => false,
        other => panic!("line {line}: label `{other}`"),
    };
    let text = unescape(&field().replace("{+}", ""));
    let marks = (text.find('⟦'), text.find('⟧'));
    let value = match marks {
        (Some(start), Some(end)) if is_hit => Some(start..end - '⟦'.len_utf8()),
        (None, None) if !is_hit => None,
        _ => panic!("line {line}: a hit has two marks, a miss has none"),
    };
    Row {
        line,
        kind,
        text: text.replace(['⟦', '⟧'], ""),
        value,
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, false) => plain.push(char),
            _ => plain.push(match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                _ => '\\',
            }),
        }
    }
    plain
}

fn per_mille(part: usize, whole: usize) -> usize {
    (part * 1000).checked_div(whole).unwrap_or(1000)
}
