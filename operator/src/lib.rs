//! What turns custom resources into proxies, and keeps their status.
