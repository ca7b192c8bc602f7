//! Operations in flight, shared by names and owed replies.
//!
//! A portal lives as long as its name or a reply that is still owed for it, whichever is longer: a
//! pipeline binds the unnamed portal anew while rows of the one before are on their way.

/// Which operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpId(u32);

/// Operations by number. Numbers are used again once nothing holds them.
#[derive(Debug)]
pub(super) struct Operations<O> {
    slots: Vec<Slot<O>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<O> {
    holders: u32,
    operation: Option<O>,
}

// === impl Operations ===

impl<O> Default for Operations<O> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<O> Operations<O> {
    /// Takes an operation in, with one holder.
    pub(super) fn insert(&mut self, operation: O) -> OpId {
        let slot = Slot {
            holders: 1,
            operation: Some(operation),
        };
        if let Some(id) = self.free.pop()
            && let Some(place) = self.slots.get_mut(id as usize)
        {
            *place = slot;
            return OpId(id);
        }
        let id = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(slot);
        OpId(id)
    }

    pub(super) fn get_mut(&mut self, id: OpId) -> Option<&mut O> {
        self.slots.get_mut(id.0 as usize)?.operation.as_mut()
    }

    /// One holder more.
    pub(super) fn hold(&mut self, id: OpId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize) {
            slot.holders = slot.holders.saturating_add(1);
        }
    }

    /// One holder less; the last one gets the operation back, to end it.
    #[must_use]
    pub(super) fn release(&mut self, id: OpId) -> Option<O> {
        let slot = self.slots.get_mut(id.0 as usize)?;
        slot.holders = slot.holders.saturating_sub(1);
        if slot.holders > 0 {
            return None;
        }
        let operation = slot.operation.take();
        if operation.is_some() {
            self.free.push(id.0);
        }
        operation
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    /// Everything that is left, at the end of the session.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = O> {
        self.free.clear();
        self.slots.drain(..).filter_map(|slot| slot.operation)
    }
}
