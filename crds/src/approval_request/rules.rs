//! What the API server holds a status to, with no webhook that could be down.

use crate::validation::field_rule;

/// What holds for a status whoever writes it.
pub(super) fn status_rules() -> [serde_json::Value; 11] {
    [
        field_rule(
            ".state",
            "oldSelf.state == self.state || oldSelf.state == 'Pending' || (oldSelf.state == 'Approved' && self.state in ['Consumed', 'Expired', 'Revoked', 'Withdrawn'])",
            "a final state stays, and Approved does not go back",
        ),
        field_rule(
            ".state",
            "!(self.state in ['Approved', 'Consumed']) || (has(self.conditions) && self.conditions.exists(c, c.type == 'Approved' && c.status == 'True'))",
            "state Approved or Consumed needs the condition Approved=True",
        ),
        field_rule(
            ".state",
            "self.state != 'Consumed' || (has(self.usage) && has(self.usage.claimedBy))",
            "state Consumed needs usage.claimedBy",
        ),
        field_rule(
            ".decisions",
            "oldSelf.decisions.all(o, self.decisions.exists(n, n == o))",
            "decisions are only added, never changed or taken out",
        ),
        field_rule(
            ".decisions",
            "self.decisions.all(a, a.decision != 'Approve' || self.decisions.exists_one(b, b.decision == 'Approve' && b.username.lowerAscii() == a.username.lowerAscii()))",
            "one person approves once, and names that differ only in case are one person's",
        ),
        field_rule(
            ".conditions",
            "(has(oldSelf.conditions) && oldSelf.conditions.exists(c, c.type == 'Approved' && c.status == 'True')) || !has(self.conditions) || !self.conditions.exists(c, c.type == 'Approved' && c.status == 'True') || (self.decisions.all(d, d.decision == 'Approve') && !(has(self.usage) && has(self.usage.withdrawnAt)))",
            "a request that was denied, revoked or withdrawn cannot become Approved",
        ),
        field_rule(
            ".grant",
            "!has(self.grant) || (has(self.conditions) && self.conditions.exists(c, c.type == 'Approved' && c.status == 'True'))",
            "grant needs the condition Approved=True",
        ),
        field_rule(
            ".grant",
            "!has(oldSelf.grant) || has(self.grant)",
            "a grant cannot be taken out; revoke it instead",
        ),
        field_rule(
            ".usage",
            "!has(oldSelf.usage) || has(self.usage)",
            "usage cannot be taken out",
        ),
        field_rule(
            ".usage.claimedBy",
            "!has(self.usage) || !has(self.usage.claimedBy) || has(self.grant)",
            "only what was granted can be claimed",
        ),
        field_rule(
            ".usage.claimedBy",
            "!has(self.usage) || !has(self.usage.claimedBy) || (has(oldSelf.usage) && has(oldSelf.usage.claimedBy)) || (oldSelf.state == 'Approved' && self.decisions.all(d, d.decision == 'Approve'))",
            "only a request in state Approved that nobody denied or revoked can be claimed",
        ),
    ]
}
