//! The rules, a file each. All are functions from plain input to findings.

pub mod bans;
pub mod crate_arrows;
pub mod declared;
pub mod ignored_tests;
pub mod leaf_words;
pub mod licences;
pub mod limits;
pub mod links;
pub mod module_arrows;
pub mod names;
pub mod sizes;
pub mod unfinished;
pub mod unsafety;
