//! Somebody with every right that the administrator of a namespace has, and a session that tells what
//! binds it.

use portcullis_e2e::{Kubectl, PLATFORM, Said, pause, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

use super::bed::{Bed, Proxy, guard, object};

/// What the platform's guardrail says.
pub(super) const STAYS: &str = "rows stay, says the platform";
/// How often it is looked, and how long apart: an edit that sheds something may take its time.
const LOOKS: u32 = 8;
const APART: Duration = Duration::from_millis(60);

/// Alice, in the namespace of a bed.
pub(super) struct Tenant<'b> {
    pub(super) bed: &'b Bed<'b>,
    pub(super) kubectl: Kubectl,
    edits: u32,
}

// === impl Tenant ===

impl<'b> Tenant<'b> {
    pub(super) fn of(bed: &'b Bed<'b>) -> Self {
        Self {
            bed,
            kubectl: bed.namespace.tenant(),
            edits: 0,
        }
    }

    pub(super) fn apply(&self, kind: &str, name: &str, spec: &Value) {
        self.kubectl.apply(&object(kind, name, spec));
    }

    pub(super) fn try_apply(&self, kind: &str, name: &str, spec: &Value) -> Said {
        self.kubectl.try_apply(&object(kind, name, spec))
    }

    /// kubectl in the platform's namespace.
    pub(super) fn at_the_platform(&self) -> Kubectl {
        self.bed.namespace.cluster.user("alice").within(PLATFORM)
    }

    /// Waits until the proxy goes by an edit of the tenant's that came after all others, so by them
    /// too. That a policy of the tenant's own refuses something is what it is there for.
    pub(super) fn settle(&mut self, proxy: &Proxy) {
        self.edits += 1;
        let (text, message) = (
            format!("mark-{}", self.edits),
            format!("mark {}", self.edits),
        );
        let rules = json!([{
            "name": "mark", "match": { "text": [text] }, "action": "Deny", "message": message,
        }]);
        self.apply("GuardrailPolicy", "mark", &guard(&rules));
        wait_until("an edit of the tenant's", || {
            let answer = proxy.session().ask(&format!("select '{text}'"));
            answer.contains(&message).then_some(()).ok_or(answer)
        });
    }

    /// The platform's guardrail and mask bind, and nothing else is refused; whatever was edited before.
    #[track_caller]
    pub(super) fn is_bound(&mut self, proxy: &Proxy) {
        self.settle(proxy);
        let policy = format!("{PLATFORM}/{}", self.bed.namespace.name);
        let mut session = proxy.session();
        for _ in 0..LOOKS {
            let answer = session.ask("delete from journal");
            assert!(answer.contains(STAYS), "{answer}");
            assert!(answer.contains(&policy), "{answer}");
            let select = "select id, email from customers";
            assert_eq!(session.ask(select), "1|[redacted]");
            assert_eq!(session.ask("select count(*) from journal"), "1");
            pause(APART);
        }
        let lines = self
            .bed
            .target
            .admin(&self.bed.namespace.name, "table journal");
        assert_eq!(lines, "kept");
    }
}
