//! scratch
use portcullis_dialect::postgres::wire::InvalidFrame;
use portcullis_dialect::postgres::wire::backend::{Backend, tag};
use portcullis_policy::Class;
use crate::protocol::postgres::analysis::Analysed;
use crate::session::Session;
use crate::session::denial::Denial;

#[derive(Debug)]
pub(super) struct Mask {}
pub(super) struct Row { pub(super) masked: u64 }
pub(super) struct Reports {}
impl Reports { pub(super) fn rewrite(&self, _t: u8, _b: &[u8], _o: &mut Vec<u8>) -> Result<bool, InvalidFrame> { Ok(false) } }
impl Mask {
    pub(super) fn needs_description(&self) -> bool { false }
    pub(super) fn passes_unread(&self, _tag: u8) -> bool { true }
    pub(super) fn row(&mut self, _tag: u8, frame: &[u8], out: &mut Vec<u8>) -> Result<Row, Denial> { out.extend_from_slice(frame); Ok(Row { masked: 0 }) }
    pub(super) fn described(&mut self, _m: &Backend<'_>, _a: &Analysed) -> Result<(), Denial> { let _ = tag::ERROR; Ok(()) }
    pub(super) fn statement_ended(&mut self) {}
    pub(super) fn reports(&self) -> Reports { Reports {} }
}
pub(super) fn between(_session: &mut Session) -> Option<Reports> { None }
pub(super) fn too_large(bytes: usize) -> Denial { Denial::new(Class::TooLarge, format!("a row of {bytes} bytes is larger than can be masked"), "Ask for smaller values.") }
