//! The API server stops answering, and dies, in the middle of the operator's work. For everybody: so
//! this is no test beside others.

use std::time::Duration;

use portcullis_e2e::{lacks, wait_within, with_namespace};

use crate::connections::{connection, list, wait_for_all};
use crate::node::Node;
use crate::replicas::{holder, ready};

/// How many Connections come before each trouble.
const COUNT: usize = 10;
/// Longer than the holder of the lease goes on without an answer.
const SILENT: Duration = Duration::from_secs(12);

#[test]
#[ignore = "for 40 seconds nobody else can use the cluster; make soak"]
fn an_api_server_that_hangs_or_dies_amid_the_work_leaves_nothing_undone() {
    let _alone = crate::alone();
    with_namespace("operator-api", |namespace| {
        let admin = namespace.admin();
        ready();
        let node = Node::under(&holder().pod, namespace);
        let batch = |begins: &str| {
            let names = (0..COUNT).map(|index| connection(&format!("{begins}{index}")));
            list(&names.collect::<Vec<_>>())
        };
        let process = node.try_run("busybox pidof kube-apiserver");
        let process = process.unwrap_or_else(|_| lacks("kube-apiserver that is a process there"));
        let detached = |script: &str| {
            node.run(&format!("({script}) </dev/null >/dev/null 2>&1 & true"));
        };
        // It stops a moment from now: in the middle of these.
        detached(&format!(
            "busybox sleep 1; kill -STOP {process}; busybox sleep {}; kill -CONT {process}",
            SILENT.as_secs()
        ));
        admin.try_apply(&batch("hang"));
        wait_within(Duration::from_secs(60), "the API server", || {
            let said = admin.try_apply(&batch("hang"));
            said.succeeded.then_some(()).ok_or(said.errors)
        });
        wait_for_all(&admin, COUNT, Duration::from_secs(90));
        detached(&format!("busybox sleep 1; kill -KILL {process}"));
        admin.try_apply(&batch("dies"));
        wait_within(Duration::from_secs(60), "the API server", || {
            let said = admin.try_apply(&batch("dies"));
            said.succeeded.then_some(()).ok_or(said.errors)
        });
        wait_for_all(&admin, 2 * COUNT, Duration::from_secs(90));
        ready();
    });
}
