//! What a function takes and returns.

/// A function of a user, or one of the server that returns sets, rows or several values.
#[derive(Debug)]
pub(in crate::sql) struct Signature {
    pub(in crate::sql) oid: u32,
    pub(in crate::sql) schema: String,
    pub(super) count: u32,
    pub(super) defaults: u32,
    pub(super) variadic: bool,
    pub(in crate::sql) returns_set: bool,
    pub(in crate::sql) result: u32,
    /// All of them, in their order, also those that are results.
    pub(in crate::sql) arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(in crate::sql) struct Argument {
    pub(in crate::sql) mode: Mode,
    pub(in crate::sql) name: Option<String>,
    pub(in crate::sql) type_oid: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Mode {
    In,
    Out,
    Both,
    Variadic,
    Table,
}

// === impl Signature ===

impl Signature {
    /// A call with this many arguments may mean this function.
    pub(in crate::sql) fn takes(&self, count: usize) -> bool {
        takes(self.count, self.defaults, self.variadic, count)
    }

    /// What a caller hands over.
    pub(in crate::sql) fn inputs(&self) -> impl Iterator<Item = &Argument> {
        let given = |argument: &&Argument| !matches!(argument.mode, Mode::Out | Mode::Table);
        self.arguments.iter().filter(given)
    }

    /// What is told as results beside the type of the result.
    pub(in crate::sql) fn outputs(&self) -> impl Iterator<Item = &Argument> {
        let told = |argument: &&Argument| !matches!(argument.mode, Mode::In | Mode::Variadic);
        self.arguments.iter().filter(told)
    }
}

// === impl Mode ===

impl Mode {
    /// The mode of a letter of `proargmodes`.
    pub(super) fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "i" => Some(Self::In),
            "o" => Some(Self::Out),
            "b" => Some(Self::Both),
            "v" => Some(Self::Variadic),
            "t" => Some(Self::Table),
            _ => None,
        }
    }
}

/// True when a function of so many arguments, the last of them with defaults, takes `count`.
pub(super) fn takes(arguments: u32, defaults: u32, variadic: bool, count: usize) -> bool {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let least = arguments.saturating_sub(defaults + u32::from(variadic));
    count >= least && (variadic || count <= arguments)
}
