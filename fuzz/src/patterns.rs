//! Patterns for names, resources and texts: parse, then match against a slow and simple matcher.
//!
//! Input: a pattern, a newline, a name; in the name a tab parts the segments of a path.

use portcullis_policy::{Glob, Resource, ResourcePattern, SegmentPattern, TextPattern};

/// Past this the simple matcher is too slow to compare with.
const MAX_COMPARED: usize = 512;

pub fn check(data: &[u8]) {
    let Some([pattern, name]) = crate::lines(data) else {
        return;
    };
    glob(pattern, name);
    let segments: Vec<_> = name.split('\t').map(str::to_owned).collect();
    resource(pattern, &segments);
    names(pattern, &segments);
    text(pattern, name);
}

fn glob(pattern: &str, name: &str) {
    let literal = Glob::literal(name);
    assert!(literal.matches(name), "the literal of a name matches it");
    if let Ok(again) = Glob::parse(literal.as_str()) {
        assert!(
            again.matches(name),
            "the literal's own text matches the name"
        );
    }
    let Ok(glob) = Glob::parse(pattern) else {
        return;
    };
    assert_eq!(glob.as_str(), pattern);
    let matches = glob.matches(name);
    if pattern.len() + name.len() <= MAX_COMPARED {
        assert_eq!(matches, matches_simply(pattern, name));
    }
}

fn resource(pattern: &str, segments: &[String]) {
    let Ok(pattern) = ResourcePattern::parse(pattern) else {
        return;
    };
    let kind = pattern.kind();
    let named = Resource::Named {
        kind,
        segments: segments.to_vec(),
    };
    pattern.matches(&named);
    assert!(
        !pattern.matches(&Resource::Unresolved { kind }),
        "no pattern matches the unresolved"
    );
    let again = ResourcePattern::parse(pattern.as_str()).expect("parses again");
    assert_eq!(again, pattern);
}

fn names(pattern: &str, segments: &[String]) {
    let Ok(pattern) = SegmentPattern::parse_names(pattern) else {
        return;
    };
    let matches = SegmentPattern::match_path(&pattern, segments);
    if pattern.len() * segments.len() <= MAX_COMPARED {
        assert_eq!(matches, path_matches_simply(&pattern, segments));
    }
}

fn text(pattern: &str, text: &str) {
    let Ok(pattern) = TextPattern::parse(pattern) else {
        return;
    };
    // Both may be given up, each by itself.
    let (Ok(found), Some(matches)) = (pattern.find(text), pattern.matches(text)) else {
        return;
    };
    assert_eq!(found.is_some(), matches);
    assert!(found.is_none_or(|found| text.contains(found)));
}

/// One character of a pattern as it is documented.
enum Piece {
    Run,
    One,
    Exactly(char),
}

/// For each beginning of the pattern, which beginnings of the name it matches.
fn matches_simply(pattern: &str, name: &str) -> bool {
    let name: Vec<_> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for piece in pieces(pattern) {
        let before = std::mem::replace(&mut reached, vec![false; name.len() + 1]);
        for at in 0..=name.len() {
            reached[at] = match piece {
                Piece::Run => before[at] || (at > 0 && reached[at - 1]),
                Piece::One => at > 0 && before[at - 1],
                Piece::Exactly(c) => at > 0 && before[at - 1] && name[at - 1] == c,
            };
        }
    }
    reached[name.len()]
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '*' => Piece::Run,
            '?' => Piece::One,
            '\\' => Piece::Exactly(characters.next().expect("parsed: nothing dangles")),
            other => Piece::Exactly(other),
        });
    }
    pieces
}

fn path_matches_simply(pattern: &[SegmentPattern], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, after)), _) if first.is_any_depth() => {
            (0..=path.len()).any(|skipped| path_matches_simply(after, &path[skipped..]))
        }
        (Some((first, after)), Some((name, names))) => {
            first.matches(name) && path_matches_simply(after, names)
        }
        _ => false,
    }
}
