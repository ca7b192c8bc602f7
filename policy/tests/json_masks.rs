//! JSON masking against a naive model that holds the whole tree.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

use std::sync::Arc;

use portcullis_policy::mask::DetectorKind;
use portcullis_policy::mask::json::{Documents, JsonMasker, JsonPath, JsonPlan};
use portcullis_policy::mask::text::{Finder, TextMask};
use portcullis_policy::mask::transform::{REDACTED, Transform};
use proptest::prelude::*;
use serde_json::Value;

/// A value, and how it is written: white space and escapes are part of the test.
#[derive(Debug, Clone)]
enum Node {
    Scalar(&'static str),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// One step of a path, as the model sees it.
#[derive(Debug, Clone)]
struct Step {
    deep: bool,
    /// A name, an index, or none for any.
    selects: Option<Member>,
}

#[derive(Debug, Clone, PartialEq)]
enum Member {
    Name(String),
    Index(usize),
}

/// Writes a document as `noise` says.
struct Speller<'a> {
    noise: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    out: String,
}

impl Speller<'_> {
    fn noise(&mut self) -> u8 {
        *self.noise.next().unwrap()
    }

    fn blank(&mut self) {
        let blank = ["", "", "", " ", "\n", "\t ", "\r\n", ""][usize::from(self.noise() % 8)];
        self.out.push_str(blank);
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            let escaped =
                self.noise().is_multiple_of(4) || character < ' ' || "\"\\".contains(character);
            if escaped {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let upper = self.noise().is_multiple_of(2);
                    let unit = if upper {
                        format!("{unit:04X}")
                    } else {
                        format!("{unit:04x}")
                    };
                    self.out.push_str(&format!("\\u{unit}"));
                }
            } else {
                self.out.push(character);
            }
        }
        self.out.push('"');
    }

    fn node(&mut self, node: &Node) {
        self.blank();
        match node {
            Node::Scalar(scalar) => self.out.push_str(scalar),
            Node::Text(text) => self.text(text),
            Node::Array(elements) => self.list('[', ']', elements, Self::node),
            Node::Object(members) => self.list('{', '}', members, |speller, (name, value)| {
                speller.blank();
                speller.text(name);
                speller.blank();
                speller.out.push(':');
                speller.node(value);
            }),
        }
        self.blank();
    }

    fn list<T>(&mut self, open: char, close: char, of: &[T], mut one: impl FnMut(&mut Self, &T)) {
        self.out.push(open);
        for (index, item) in of.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            one(self, item);
        }
        self.out.push(close);
    }
}

fn spell(node: &Node, noise: &[u8]) -> String {
    let mut speller = Speller {
        noise: noise.iter().cycle(),
        out: String::new(),
    };
    speller.node(node);
    speller.out
}

/// True when the path leads exactly to this place.
fn leads_to(steps: &[Step], place: &[Member]) -> bool {
    let (Some((step, steps)), Some((member, rest))) = (steps.split_first(), place.split_first())
    else {
        return steps.is_empty() && place.is_empty();
    };
    let here = step
        .selects
        .as_ref()
        .is_none_or(|selected| selected == member);
    (here && leads_to(steps, rest)) || (step.deep && leads_to_from(step, steps, rest))
}

fn leads_to_from(step: &Step, steps: &[Step], place: &[Member]) -> bool {
    let again: Vec<Step> = std::iter::once(step).chain(steps).cloned().collect();
    !place.is_empty() && leads_to(&again, place)
}

/// The model: the tree with what the paths lead to redacted. Names may repeat, so it is written
/// as a list.
fn model(node: &Node, paths: &[Vec<Step>], place: &mut Vec<Member>) -> Node {
    if paths.iter().any(|path| leads_to(path, place)) {
        return match node {
            Node::Text(_) => Node::Text(REDACTED.to_owned()),
            _ => Node::Scalar("null"),
        };
    }
    match node {
        Node::Array(elements) => {
            let inner = elements.iter().enumerate().map(|(index, element)| {
                place.push(Member::Index(index));
                let masked = model(element, paths, place);
                place.pop();
                masked
            });
            Node::Array(inner.collect())
        }
        Node::Object(members) => {
            let inner = members.iter().map(|(name, value)| {
                place.push(Member::Name(name.clone()));
                let masked = model(value, paths, place);
                place.pop();
                (name.clone(), masked)
            });
            Node::Object(inner.collect())
        }
        same => same.clone(),
    }
}

/// The model of detectors: each text by itself.
fn found(node: &Node, text: &TextMask) -> Node {
    let masked = |of: &String| match text.mask(of.as_bytes()) {
        Some(masked) => String::from_utf8(masked).unwrap(),
        None => of.clone(),
    };
    match node {
        Node::Text(of) => Node::Text(masked(of)),
        Node::Array(elements) => Node::Array(
            elements
                .iter()
                .map(|element| found(element, text))
                .collect(),
        ),
        Node::Object(members) => {
            let inner = members
                .iter()
                .map(|(name, value)| (masked(name), found(value, text)));
            Node::Object(inner.collect())
        }
        same => same.clone(),
    }
}

fn written(path: &[Step]) -> String {
    let step = |step: &Step| {
        let dots = if step.deep { ".." } else { "" };
        match &step.selects {
            Some(Member::Name(name)) => {
                format!("{dots}[{}]", serde_json::to_string(name).unwrap())
            }
            Some(Member::Index(index)) => format!("{dots}[{index}]"),
            None => format!("{dots}[*]"),
        }
    };
    format!("${}", path.iter().map(step).collect::<String>())
}

fn mask(paths: &[String], document: &str, cuts: &[prop::sample::Index]) -> Vec<u8> {
    let paths: Vec<JsonPath> = paths
        .iter()
        .map(|path| JsonPath::parse(path).unwrap())
        .collect();
    let plan = JsonPlan::compile(paths.iter().map(|path| (path, &Transform::Redact))).unwrap();
    run(&Arc::new(plan), document, cuts)
}

fn run(plan: &Arc<JsonPlan>, document: &str, cuts: &[prop::sample::Index]) -> Vec<u8> {
    let mut masker = JsonMasker::new(plan.clone(), Documents::One);
    let mut cuts: Vec<usize> = cuts
        .iter()
        .map(|cut| cut.index(document.len() + 1))
        .collect();
    cuts.extend([0, document.len()]);
    cuts.sort_unstable();
    let mut out = Vec::new();
    for span in cuts.windows(2) {
        masker
            .push(&document.as_bytes()[span[0]..span[1]], &mut out)
            .unwrap();
    }
    masker.finish(&mut out).unwrap();
    out
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[abc]", 1 => Just("4111 1111 1111 1111".to_owned()), 1 => Just(String::new()), 1 => "[a\"\\\\é😀\n]{1,3}"]
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "0",
            "-1.50e+3",
            "12345678901234567890",
            "true",
            "false",
            "null"
        ])
        .prop_map(Node::Scalar),
        "[a-c\"\\\\é😀\u{0}-\u{20}]{0,6}".prop_map(Node::Text),
        "[é ]{0,2}(4111111111111111|ann@example[.]com|4111-1111-1111-1112)[é ]{0,2}"
            .prop_map(Node::Text),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Node::Array),
            prop::collection::vec((name(), inner), 0..5).prop_map(Node::Object),
        ]
    })
}

fn path() -> impl Strategy<Value = Vec<Step>> {
    let member = prop_oneof![
        4 => name().prop_map(|name| Some(Member::Name(name))),
        1 => (0usize..3).prop_map(|index| Some(Member::Index(index))),
        1 => Just(None),
    ];
    let step =
        (prop::bool::weighted(0.3), member).prop_map(|(deep, selects)| Step { deep, selects });
    prop::collection::vec(step, 0..4)
}

/// Names that repeat, in order, which a map would lose.
fn tokens(json: &[u8]) -> Vec<u8> {
    let mut masker = JsonMasker::new(Arc::new(JsonPlan::default()), Documents::One);
    let mut out = Vec::new();
    masker.push(json, &mut out).unwrap();
    masker.finish(&mut out).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1500)))]

    #[test]
    fn the_same_is_masked_as_by_a_model_with_a_tree(
        node in node(),
        paths in prop::collection::vec(path(), 1..4),
        noise in prop::collection::vec(any::<u8>(), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let document = spell(&node, &noise);
        let written: Vec<String> = paths.iter().map(|path| written(path)).collect();
        let out = mask(&written, &document, &cuts);
        let whole = mask(&written, &document, &[]);
        prop_assert_eq!(&out, &whole, "chunks changed the answer");
        let expected = spell(&model(&node, &paths, &mut Vec::new()), &[1]);
        let plain = spell(&plainly(&out), &[1]);
        prop_assert_eq!(plain, expected, "{} {:?}", document, written);
    }

    #[test]
    fn what_no_path_leads_to_is_untouched(
        node in node(),
        noise in prop::collection::vec(any::<u8>(), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let document = spell(&node, &noise);
        let paths = ["$.zz".to_owned(), "$..zz".to_owned(), "$[*][*].zz[0]".to_owned()];
        prop_assert_eq!(mask(&paths, &document, &cuts), document.as_bytes());
        prop_assert_eq!(tokens(document.as_bytes()), document.as_bytes());
    }

    /// With detectors: each string and each name is masked like the text that it spells, and a
    /// document in which nothing is found is untouched.
    #[test]
    fn detectors_see_what_strings_spell(
        node in node(),
        noise in prop::collection::vec(any::<u8>(), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let kinds = [DetectorKind::CreditCard, DetectorKind::Email];
        let finders = kinds.map(|kind| (Finder::Kind(kind), Transform::Redact));
        let text = TextMask::compile(&finders).unwrap().unwrap();
        let document = spell(&node, &noise);
        let plan = Arc::new(JsonPlan::default().with_text(Some(Arc::new(text.clone()))));
        let out = run(&plan, &document, &cuts);
        prop_assert_eq!(&out, &run(&plan, &document, &[]), "chunks changed the answer");
        let expected = found(&node, &text);
        prop_assert_eq!(spell(&plainly(&out), &[1]), spell(&expected, &[1]));
        if spell(&expected, &[1]) == spell(&node, &[1]) {
            prop_assert_eq!(&out, document.as_bytes());
        }
    }

    /// Whatever comes: no panic, and what is accepted is JSON by the judgement of another parser,
    /// before and after.
    #[test]
    fn what_passes_is_json(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            prop::collection::vec(prop::sample::select(b"{}[]:,\"\\u0e-+.1 tna\xc3\xa9\x00".to_vec()), 0..24),
        ],
        cut in any::<prop::sample::Index>(),
    ) {
        let paths = [JsonPath::parse("$..a").unwrap(), JsonPath::parse("$[0]").unwrap()];
        let plan = JsonPlan::compile(paths.iter().map(|path| (path, &Transform::Redact))).unwrap();
        let plan = Arc::new(plan);
        let run = |chunks: &[&[u8]]| {
            let mut masker = JsonMasker::new(plan.clone(), Documents::One);
            let mut out = Vec::new();
            for chunk in chunks {
                masker.push(chunk, &mut out)?;
            }
            masker.finish(&mut out).map(|_| out)
        };
        let whole = run(&[&bytes]);
        let (a, b) = bytes.split_at(cut.index(bytes.len() + 1));
        prop_assert_eq!(run(&[a, b]).ok(), whole.clone().ok());
        let accepted = serde_json::from_slice::<Value>(&bytes);
        // Numbers that are too large for the other parser are JSON all the same.
        let too_large = accepted.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
        prop_assert_eq!(whole.is_ok(), accepted.is_ok() || too_large, "{:?}", whole);
        if let (Ok(out), false) = (whole, too_large) {
            prop_assert!(serde_json::from_slice::<Value>(&out).is_ok());
        }
    }
}

/// Reads JSON back into the model's form with repeated names kept, through serde's own parser.
fn plainly(json: &[u8]) -> Node {
    serde_json::from_slice::<Node>(json).unwrap()
}

impl<'de> serde::Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> serde::de::Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(if value { "true" } else { "false" }))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar("null"))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(if value == 0 {
            "0"
        } else {
            "12345678901234567890"
        }))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        let known = (value + 1500.0).abs() < f64::EPSILON;
        Ok(Node::Scalar(if known {
            "-1.50e+3"
        } else {
            "another number"
        }))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Node::Array(elements))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}
