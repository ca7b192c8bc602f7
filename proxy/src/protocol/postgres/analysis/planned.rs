//! What becomes of the answer to a text: its plan, worked out when masks may concern it.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_dialect::sql::depth::Stack;
use portcullis_dialect::sql::encoding::Encoding;
use portcullis_dialect::sql::lineage::Cursors;
use portcullis_dialect::sql::settings::Setting;
use portcullis_policy::mask::MaskSet;

use super::cache::may_execute;
use super::off_reactor::INLINE_BYTES;
use super::{Analysed, Analyser, NotAnalysed, SessionView};
use crate::protocol::postgres::mask::{Known, Plan, Reach};
use crate::session::denial::Denial;

/// The plan under the masks that were asked about last: mostly, all who send a text have the same.
#[derive(Debug, Default)]
pub(super) struct Planned(Mutex<Option<Concluded>>);

/// What was concluded under these masks.
type Concluded = (Arc<MaskSet>, Result<Plan, Denial>);

// === impl Planned ===

impl Planned {
    fn get(&self, masks: &Arc<MaskSet>) -> Option<Result<Plan, Denial>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, plan) = kept.as_ref()?;
        Arc::ptr_eq(of, masks).then(|| plan.clone())
    }

    fn put(&self, masks: &Arc<MaskSet>, plan: &Result<Plan, Denial>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Arc::clone(masks), plan.clone()));
    }
}

// === impl Analysed ===

impl Analysed {
    fn known(&self) -> Known<'_> {
        Known {
            operation: &self.told.operation,
            statements: &self.statements,
            touches_are_known: self.facts.touches_are_known,
            lacks: self.facts.lacks,
            is_readable: self.facts.reading.is_some(),
            catalogue: &self.facts.catalogue,
        }
    }

    /// Where a text may change the encoding itself, its rows are masked as the bytes that they are.
    fn encoding_of_rows(&self, view: &SessionView) -> Encoding {
        let mut changes = self.facts.changes.iter();
        let changed = changes.any(|change| change.setting == Setting::ClientEncoding);
        match changed || self.facts.voids_settings {
            true => Encoding::Utf8,
            false => Encoding::of(view.settings()).unwrap_or(Encoding::Utf8),
        }
    }

    fn says(&self, attribute: &str) -> bool {
        self.told.operation.attributes.contains_key(attribute)
    }
}

// === impl Analyser ===

impl Analyser {
    /// What becomes of the answer to a text, by masks and by what the session knows of itself; the
    /// inner error is why it may not run. The analysis must hold for the session.
    pub async fn plan(
        &self,
        view: &SessionView,
        cursors: &Cursors,
        analysed: &Analysed,
        masks: Arc<MaskSet>,
    ) -> Result<Result<Plan, Denial>, NotAnalysed> {
        if masks.is_empty() {
            return Ok(Ok(Plan::unmasked(masks)));
        }
        if let Some(kept) = analysed.facts.planned.get(&masks) {
            return Ok(kept);
        }
        let plan = self.trace(view, cursors, analysed, &masks).await?;
        // What cursors and prepared statements stand for differs from one moment to the next.
        let text = &analysed.told.operation.text;
        if !analysed.says("cursor") && !may_execute(text) {
            analysed.facts.planned.put(&masks, &plan);
        }
        Ok(plan)
    }

    async fn trace(
        &self,
        view: &SessionView,
        cursors: &Cursors,
        analysed: &Analysed,
        masks: &Arc<MaskSet>,
    ) -> Result<Result<Plan, Denial>, NotAnalysed> {
        let reach = Reach::of(masks, &analysed.known());
        let encoding = analysed.encoding_of_rows(view);
        let clear = Plan::unmasked(Arc::clone(masks)).in_encoding(encoding);
        if reach == Reach::Unmasked && (clear.is_clear() || !analysed.says("copy")) {
            return Ok(Ok(clear));
        }
        let text = &analysed.told.operation.text;
        let (basis, cursors) = (view.basis(), cursors.clone());
        let (lineage, copies) = match text.len() > INLINE_BYTES {
            false => basis.trace(Stack::Made, text, &cursors)?,
            true => {
                let (length, text) = (text.len(), text.clone());
                let trace = move |stack| basis.trace(stack, &text, &cursors);
                self.workers.run(length, trace).await?
            }
        };
        let masks = Arc::clone(masks);
        let plan = Plan::traced(masks, reach, &analysed.known(), Arc::new(lineage));
        Ok(plan.map(|plan| plan.with_copies(copies).in_encoding(encoding)))
    }
}
