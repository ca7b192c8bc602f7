//! All tests that share a cluster peacefully, in one program, so that they run at the same time.

mod users;
