//! Our own placeholder on its way back.

use portcullis_policy::Class;
use portcullis_policy::mask::{REDACTED, carries_placeholder};

use super::denied::denial;
use crate::session::denial::Denial;

/// Looks for the placeholder in what a client writes: statement texts, parameters, COPY data.
/// Stored in place of the value that the writer was not shown, it would destroy that value.
#[derive(Debug, Default)]
pub struct PlaceholderSearch {
    /// The end of the chunk before.
    tail: Vec<u8>,
}

// === impl PlaceholderSearch ===

impl PlaceholderSearch {
    /// Looks at the next chunk of one stream, however it is cut.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Denial> {
        let reach = REDACTED.len().saturating_sub(1);
        let (head, _) = chunk.split_at_checked(reach).unwrap_or((chunk, &[]));
        self.tail.extend_from_slice(head);
        if carries_placeholder(&self.tail) || carries_placeholder(chunk) {
            return Err(denial(
                Class::PolicyDenied,
                None,
                format!("the write carries `{REDACTED}`, which stands for a value that is masked"),
                "Write the columns that you were shown, and leave masked ones out.",
            ));
        }
        if chunk.len() >= reach {
            self.tail = chunk.iter().rev().take(reach).rev().copied().collect();
        } else {
            let surplus = self.tail.len().saturating_sub(reach);
            self.tail.drain(..surplus);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carries(chunks: &[&[u8]]) -> bool {
        let mut search = PlaceholderSearch::default();
        chunks.iter().any(|chunk| search.push(chunk).is_err())
    }

    #[test]
    fn a_placeholder_is_found_wherever_the_stream_is_cut() {
        let text = b"a\t[redacted]\tb";
        for cut in 0..text.len() {
            assert!(carries(&[&text[..cut], &text[cut..]]), "cut at {cut}");
        }
        assert!(carries(&text.chunks(1).collect::<Vec<_>>()));
        assert!(carries(&text.chunks(3).collect::<Vec<_>>()));
    }

    #[test]
    fn other_text_passes() {
        assert!(!carries(&[b"[redacted", b" ]", b"redacted]", b""]));
        assert!(!carries(&[b"[redac", b"x", b"ted]"]));
    }
}
