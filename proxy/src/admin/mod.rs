//! The admin port: probes, metrics, status; all else asks for a bearer. (owner: control)
