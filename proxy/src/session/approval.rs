//! Operations that wait for people. (owner: session)
