//! Settings of the process. (owner: control)
