//! Bytes with how they were written.

/// Bytes of a text, and how they were spelled: what was not found comes out as it was written.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) bytes: Vec<u8>,
    pub(super) spelling: Vec<Spelling>,
}

#[derive(Debug)]
pub(super) enum Spelling {
    /// So many bytes that stand for themselves, each apart from the others.
    Plain(usize),
    /// So many bytes that come out together or not at all, spelled so.
    Special { length: usize, raw: Box<[u8]> },
}

// === impl Flow ===

impl Flow {
    pub(super) fn plain(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        match self.spelling.last_mut() {
            Some(Spelling::Plain(length)) => *length += bytes.len(),
            _ => self.spelling.push(Spelling::Plain(bytes.len())),
        }
    }

    pub(super) fn special(&mut self, bytes: &[u8], raw: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.spelling.push(Spelling::Special {
            length: bytes.len(),
            raw: raw.into(),
        });
    }

    /// A text in which each character that takes several bytes stays whole.
    pub(super) fn characters(&mut self, text: &[u8]) {
        for chunk in text.utf8_chunks() {
            for run in chunk.valid().split_inclusive(|c: char| !c.is_ascii()) {
                let last = run.chars().next_back().filter(|c| !c.is_ascii());
                let ascii = run.len() - last.map_or(0, char::len_utf8);
                let (ascii, last) = run.as_bytes().split_at(ascii);
                self.plain(ascii);
                if !last.is_empty() {
                    self.special(last, last);
                }
            }
            self.plain(chunk.invalid());
        }
    }

    /// Appends it as it is spelled.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut rest = self.bytes.as_slice();
        for spelling in &self.spelling {
            let length = match spelling {
                Spelling::Plain(length) | Spelling::Special { length, .. } => *length,
            };
            let (bytes, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            match spelling {
                Spelling::Plain(_) => out.extend_from_slice(bytes),
                Spelling::Special { raw, .. } => out.extend_from_slice(raw),
            }
            rest = after;
        }
    }
}
