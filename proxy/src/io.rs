//! Streams with bounds and deadlines. (owner: edge)
