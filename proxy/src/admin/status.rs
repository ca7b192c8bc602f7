//! What `/status` tells: what is served, what was refused, how the spool stands. Nothing secret.

use serde_json::{Value, json};

use super::Office;

pub(super) fn status(office: &Office) -> Value {
    let standing = office.standing.load();
    let house = office.house.get();
    let connections: Vec<Value> = standing
        .connections
        .iter()
        .map(|((namespace, name), served)| {
            json!({
                "namespace": namespace,
                "name": name,
                "protocol": served.protocol,
                "port": served.port,
                "sessions": house.map_or(0, |house| house.registry.count(namespace, name)),
            })
        })
        .collect();
    let spool = house.map(|house| house.writer.status());
    let spool = spool.map_or((0, 0), |spool| (spool.bytes, spool.unsent));
    json!({
        "revision": standing.revision,
        "connections": connections,
        "refused": standing.refused,
        "spool": { "bytes": spool.0, "unsent": spool.1 },
    })
}
