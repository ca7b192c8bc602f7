//! YAML as a tree that knows where each part stands.
//!
//! Anchors, aliases, merge keys, tags and directives are refused: they make a document mean what it
//! does not say, and the first three let a small file grow large.

use std::collections::BTreeSet;
use std::fmt;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, options};

use super::limit::{MAX_DEPTH, MAX_DOCUMENTS, MAX_NODES};
use super::scalar::{self, Scalar};

/// A place in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: NodeValue,
    pub(super) position: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeValue {
    Scalar(Scalar),
    List(Vec<Node>),
    /// Members in the file's order; no key is there twice.
    Map(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) position: Position,
    pub(super) node: Node,
}

/// One document that has content.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) number: usize,
    pub(super) node: Node,
}

/// Why a document cannot be read at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TreeError {
    pub(super) document: usize,
    pub(super) position: Position,
    pub(super) reason: String,
}

/// The documents of a file that can be read, and why the others cannot.
pub(super) fn parse(text: &str) -> (Vec<Root>, Vec<TreeError>) {
    let mut options = options! {
        disallow_directives: true,
        // Ours are reached first, and say what would be right.
        flow_nesting_limit: 2 * MAX_DEPTH,
        block_nesting_limit: 2 * MAX_DEPTH,
        emit_unresolved_aliases: true,
    };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let (mut roots, mut errors) = (Vec::new(), Vec::new());
    let mut number = 0;
    let mut nodes = 0;
    loop {
        let mut builder = Builder::new(&mut nodes);
        let mut refused = false;
        let more = loop {
            let step = match parser.next_event() {
                None => break false,
                Some(Ok((Event::StreamEnd, _))) => break false,
                Some(Ok((Event::DocumentStart(..), span))) => {
                    number += 1;
                    if number > MAX_DOCUMENTS {
                        errors.push(TreeError {
                            document: number,
                            position: span.start.into(),
                            reason: format!(
                                "the file has more than {MAX_DOCUMENTS} documents; split it"
                            ),
                        });
                        return (roots, errors);
                    }
                    Ok(())
                }
                Some(Ok((Event::DocumentEnd, _))) => break true,
                Some(Ok((event, span))) => builder.take(event, span.start.into()),
                Some(Err(error)) => Err(Refusal::from(error)),
            };
            if let Err(Refusal {
                position,
                reason,
                fatal,
            }) = step
            {
                let document = number.max(1);
                errors.push(TreeError {
                    document,
                    position,
                    reason,
                });
                if fatal {
                    return (roots, errors);
                }
                refused = true;
                // What follows in this document cannot be trusted; the next one can.
                break parser.proceed_next_document().unwrap_or(false);
            }
        };
        errors.extend(builder.problems.drain(..).map(|(position, reason)| {
            refused = true;
            TreeError {
                document: number,
                position,
                reason,
            }
        }));
        let node = builder.root.take();
        if let Some(node) = node.filter(|node| !refused && !node.is_absent()) {
            roots.push(Root { number, node });
        }
        if !more {
            return (roots, errors);
        }
    }
}

/// Why an event ends its document.
struct Refusal {
    position: Position,
    reason: String,
    /// Whether it ends the file as well.
    fatal: bool,
}

/// Puts a document together from events.
struct Builder<'n> {
    root: Option<Node>,
    open: Vec<Open>,
    /// What is wrong without hindering the rest.
    problems: Vec<(Position, String)>,
    nodes: &'n mut usize,
}

/// A list or map whose end has not come yet.
struct Open {
    position: Position,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        members: Vec<Member>,
        keys: BTreeSet<String>,
        key: Option<(String, Position)>,
    },
}

// === impl Builder ===

impl<'n> Builder<'n> {
    fn new(nodes: &'n mut usize) -> Self {
        Self {
            root: None,
            open: Vec::new(),
            problems: Vec::new(),
            nodes,
        }
    }

    fn take(&mut self, event: Event<'_>, position: Position) -> Result<(), Refusal> {
        if event.is_node() {
            *self.nodes += 1;
            if *self.nodes > MAX_NODES {
                let reason =
                    format!("the file has more than {MAX_NODES} keys and values; split it");
                return Err(Refusal {
                    position,
                    reason,
                    fatal: true,
                });
            }
        }
        if event.anchor_id().is_some_and(|id| id != 0) {
            self.problem(
                position,
                "anchors are not taken; write the value where it is used",
            );
        }
        if event.tag().is_some() {
            self.problem(position, "tags are not taken; write the plain value");
        }
        match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.problem(position, "aliases are not taken; write the value out");
                self.place(Node::absent(position))
            }
            Event::Scalar(text, style, ..) => self.scalar(&text, style, position),
            Event::SequenceStart(..) => self.begin(Content::List(Vec::new()), position),
            Event::MappingStart(..) => {
                let content = Content::Map {
                    members: Vec::new(),
                    keys: BTreeSet::new(),
                    key: None,
                };
                self.begin(content, position)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(position),
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        position: Position,
    ) -> Result<(), Refusal> {
        let plain = style == ScalarStyle::Plain;
        if self.awaits_key() {
            return self.key(text, plain, position);
        }
        let value = if plain {
            scalar::resolve(text).unwrap_or_else(|reason| {
                self.problem(position, reason);
                Scalar::Null
            })
        } else {
            Scalar::Text(text.to_owned())
        };
        self.place(Node {
            value: NodeValue::Scalar(value),
            position,
        })
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Map { key: None, .. },
                ..
            })
        )
    }

    fn key(&mut self, text: &str, plain: bool, position: Position) -> Result<(), Refusal> {
        let mut reasons = Vec::new();
        if plain && text == "<<" {
            reasons.push("merge keys are not taken; write the members out".to_owned());
        } else if plain && !matches!(scalar::resolve(text), Ok(Scalar::Text(_))) {
            let shown = scalar::shown(text);
            reasons.push(format!(
                "the key {shown} is not read as a text; write it in quotes"
            ));
        }
        if let Some(Open {
            content: Content::Map { keys, key, .. },
            ..
        }) = self.open.last_mut()
        {
            if !keys.insert(text.to_owned()) {
                let shown = scalar::shown(text);
                reasons.push(format!("the key {shown} is there twice; keep one"));
            }
            *key = Some((text.to_owned(), position));
        }
        for reason in reasons {
            self.problem(position, &reason);
        }
        Ok(())
    }

    fn begin(&mut self, content: Content, position: Position) -> Result<(), Refusal> {
        if self.awaits_key() {
            let reason = "a list or map cannot be a key; write a text".to_owned();
            return Err(Refusal {
                position,
                reason,
                fatal: false,
            });
        }
        if self.open.len() >= MAX_DEPTH {
            let reason = format!("lists and maps nest deeper than {MAX_DEPTH}; write them flatter");
            return Err(Refusal {
                position,
                reason,
                fatal: false,
            });
        }
        self.open.push(Open { position, content });
        Ok(())
    }

    fn end(&mut self, position: Position) -> Result<(), Refusal> {
        let Some(Open { position, content }) = self.open.pop() else {
            let reason = "a list or map ends that did not begin".to_owned();
            return Err(Refusal {
                position,
                reason,
                fatal: false,
            });
        };
        let value = match content {
            Content::List(items) => NodeValue::List(items),
            Content::Map { members, .. } => NodeValue::Map(members),
        };
        self.place(Node { value, position })
    }

    fn place(&mut self, node: Node) -> Result<(), Refusal> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { members, key, .. }) => match key.take() {
                Some((key, position)) => members.push(Member {
                    key,
                    position,
                    node,
                }),
                None => {
                    let reason = "an alias cannot be a key; write a text".to_owned();
                    return Err(Refusal {
                        position: node.position,
                        reason,
                        fatal: false,
                    });
                }
            },
        }
        Ok(())
    }

    fn problem(&mut self, position: Position, reason: &str) {
        self.problems.push((position, reason.to_owned()));
    }
}

// === impl Node ===

impl Node {
    fn absent(position: Position) -> Self {
        Self {
            value: NodeValue::Scalar(Scalar::Null),
            position,
        }
    }

    /// Whether a document says nothing: only comments, or nothing between two separators.
    fn is_absent(&self) -> bool {
        self.value == NodeValue::Scalar(Scalar::Null)
    }

    pub(super) fn member(&self, key: &str) -> Option<&Member> {
        match &self.value {
            NodeValue::Map(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }

    pub(super) fn member_mut(&mut self, key: &str) -> Option<&mut Member> {
        match &mut self.value {
            NodeValue::Map(members) => members.iter_mut().find(|member| member.key == key),
            _ => None,
        }
    }

    /// Takes a member out of a map.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        let NodeValue::Map(members) = &mut self.value else {
            return None;
        };
        let place = members.iter().position(|member| member.key == key)?;
        Some(members.remove(place).node)
    }
}

// === impl Position ===

impl From<Marker> for Position {
    fn from(marker: Marker) -> Self {
        Self {
            line: marker.line(),
            column: marker.col() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

// === impl Refusal ===

impl From<ScanError> for Refusal {
    fn from(error: ScanError) -> Self {
        Self {
            position: (*error.marker()).into(),
            reason: format!("not YAML: {}", error.info()),
            fatal: false,
        }
    }
}
