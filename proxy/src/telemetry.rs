//! Logs. (owner: control)
