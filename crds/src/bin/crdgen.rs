//! Prints the definitions.
fn main() {}
