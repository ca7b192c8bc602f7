//! What the functions do that come with the server and with its own extensions.
//!
//! `builtin.txt` and `extension.txt` are reviewed lists. The pure part was taken from `pg_proc` of
//! a real server (what it calls immutable or stable); everything volatile, and everything that
//! reaches data, files, other servers or other sessions whatever its volatility, was read and
//! classed by hand. A function that is on no list is Unknown.

use std::collections::HashMap;
use std::sync::LazyLock;

use portcullis_policy::{Effect, Flag};

#[cfg(test)]
mod tests;

/// What a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Computes; reaches nothing but its arguments and the names of things.
    Pure,
    /// Changes or waits for something of the session only.
    Session,
    /// Shows what other sessions do, or how the server is set up.
    Reveals,
    /// Reads tables that its arguments name.
    Tables,
    /// Reads rows of any table past the rights on it: pages, log records, change streams.
    Replay,
    /// Changes data or sends it somewhere.
    Write,
    SequenceRead,
    SequenceWrite,
    LargeObjectRead,
    LargeObjectWrite,
    FileRead,
    FileWrite,
    Outbound,
    /// Runs a text as SQL.
    Dynamic,
    /// Changes a setting.
    Settings,
    Administer,
}

/// The classes of one name: for all its overloads, or for those of one number of arguments.
#[derive(Debug, Default)]
struct Listed {
    any: Option<Class>,
    by_count: Vec<(usize, Class)>,
}

const BUILTIN: &str = include_str!("builtin.txt");
const EXTENSION: &str = include_str!("extension.txt");

static BUILTINS: LazyLock<HashMap<&'static str, Listed>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for (class, names) in lines(BUILTIN).filter_map(|line| line.split_once(' ')) {
        add(&mut map, class, names);
    }
    map
});

static EXTENSIONS: LazyLock<HashMap<&'static str, HashMap<&'static str, Listed>>> =
    LazyLock::new(|| {
        let mut map: HashMap<_, HashMap<_, _>> = HashMap::new();
        for (extension, rest) in lines(EXTENSION).filter_map(|line| line.split_once(' ')) {
            if let Some((class, names)) = rest.split_once(' ') {
                add(map.entry(extension).or_default(), class, names);
            }
        }
        map
    });

/// The class of a function of `pg_catalog`, called with `count` arguments.
pub(crate) fn builtin(name: &str, count: usize) -> Option<Class> {
    BUILTINS.get(name)?.class(count)
}

/// The class of a function in C that belongs to an extension.
pub(crate) fn of_extension(extension: &str, name: &str, count: usize) -> Option<Class> {
    EXTENSIONS.get(extension)?.get(name)?.class(count)
}

// === impl Class ===

impl Class {
    const WORDS: [(&'static str, Class); 16] = [
        ("pure", Class::Pure),
        ("session", Class::Session),
        ("reveals", Class::Reveals),
        ("tables", Class::Tables),
        ("replay", Class::Replay),
        ("write", Class::Write),
        ("sequence-read", Class::SequenceRead),
        ("sequence-write", Class::SequenceWrite),
        ("large-object-read", Class::LargeObjectRead),
        ("large-object-write", Class::LargeObjectWrite),
        ("file-read", Class::FileRead),
        ("file-write", Class::FileWrite),
        ("outbound", Class::Outbound),
        ("dynamic", Class::Dynamic),
        ("settings", Class::Settings),
        ("administer", Class::Administer),
    ];

    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, class)| *class)
    }

    /// What a call of such a function is.
    pub(crate) fn effect(self) -> Effect {
        match self {
            Self::Session | Self::Settings => Effect::Session,
            Self::Pure
            | Self::Reveals
            | Self::Tables
            | Self::SequenceRead
            | Self::LargeObjectRead
            | Self::FileRead => Effect::Read,
            Self::Write | Self::SequenceWrite | Self::LargeObjectWrite | Self::FileWrite => {
                Effect::Write
            }
            Self::Replay | Self::Administer => Effect::Administer,
            Self::Outbound | Self::Dynamic => Effect::Unknown,
        }
    }

    pub(crate) fn flags(self) -> &'static [Flag] {
        match self {
            Self::FileRead | Self::FileWrite => &[Flag::ServerFile],
            Self::Outbound => &[Flag::OutboundConnection, Flag::DynamicCode],
            Self::Dynamic => &[Flag::DynamicCode],
            _ => &[],
        }
    }
}

// === impl Listed ===

impl Listed {
    fn class(&self, count: usize) -> Option<Class> {
        self.by_count
            .iter()
            .find(|(listed, _)| *listed == count)
            .map(|(_, class)| *class)
            .or(self.any)
    }
}

// === the lists ===

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.starts_with('#'))
}

/// Adds the names of one line. A line of no known class adds nothing, and so makes its functions
/// Unknown; a test refuses such a line.
fn add(map: &mut HashMap<&'static str, Listed>, class: &str, names: &'static str) {
    let Some(class) = Class::from_word(class) else {
        return;
    };
    for name in names.split_ascii_whitespace() {
        match name.split_once('/') {
            Some((name, count)) => {
                if let Ok(count) = count.parse() {
                    map.entry(name).or_default().by_count.push((count, class));
                }
            }
            None => map.entry(name).or_default().any = Some(class),
        }
    }
}
