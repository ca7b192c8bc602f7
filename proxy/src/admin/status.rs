//! What `/status` tells: what is served, what was refused, how the spool stands. Nothing secret.

use serde_json::{Value, json};

use super::Office;

pub(super) fn status(office: &Office) -> Value {
    let standing = office.ward.standing.load();
    let connections: Vec<Value> = standing
        .connections
        .iter()
        .map(|((namespace, name), served)| {
            json!({
                "namespace": namespace,
                "name": name,
                "protocol": served.protocol,
                "port": served.port,
                "sessions": office.ward.house.registry.count(namespace, name),
            })
        })
        .collect();
    let spool = office.ward.house.writer.status();
    json!({
        "revision": standing.revision,
        "connections": connections,
        "refused": standing.refused,
        "spool": { "bytes": spool.bytes, "unsent": spool.unsent },
    })
}
