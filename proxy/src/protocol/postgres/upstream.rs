//! The side towards the target. (owner: upstream)
