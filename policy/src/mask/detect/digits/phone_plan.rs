//! Calling codes, and how long the numbers behind them are.

/// Calling code, and the fewest and most digits of a whole number, code included.
const PLANS: &[(u32, usize, usize)] = &[
    (1, 11, 11),
    (7, 11, 11),
    (20, 10, 12),
    (27, 11, 11),
    (30, 12, 12),
    (31, 11, 12),
    (32, 10, 11),
    (33, 11, 11),
    (34, 11, 11),
    (36, 10, 11),
    (39, 8, 13),
    (40, 11, 11),
    (41, 11, 11),
    (43, 8, 15),
    (44, 11, 12),
    (45, 10, 10),
    (46, 9, 12),
    (47, 10, 10),
    (48, 11, 11),
    (49, 8, 15),
    (51, 10, 11),
    (52, 12, 13),
    (53, 10, 10),
    (54, 12, 13),
    (55, 12, 13),
    (56, 11, 11),
    (57, 10, 12),
    (58, 12, 12),
    (60, 10, 12),
    (61, 11, 11),
    (62, 10, 14),
    (63, 11, 12),
    (64, 10, 12),
    (65, 10, 10),
    (66, 10, 11),
    (81, 11, 12),
    (82, 10, 12),
    (84, 11, 12),
    (86, 12, 13),
    (90, 12, 12),
    (91, 12, 12),
    (92, 12, 12),
    (93, 11, 11),
    (94, 11, 11),
    (95, 9, 12),
    (98, 12, 12),
];

/// Three-digit calling codes in use, as ranges.
const LONG_CODES: &[(u32, u32)] = &[
    (211, 213),
    (216, 216),
    (218, 218),
    (220, 258),
    (260, 269),
    (290, 291),
    (297, 299),
    (350, 359),
    (370, 383),
    (385, 387),
    (389, 389),
    (420, 421),
    (423, 423),
    (500, 509),
    (590, 599),
    (670, 670),
    (672, 692),
    (800, 800),
    (808, 808),
    (850, 856),
    (870, 870),
    (878, 888),
    (960, 968),
    (970, 979),
    (992, 998),
];

/// How many digits a number that begins with these may have in all, or `None` if no calling code
/// begins so.
pub(super) fn lengths(digits: &[u8]) -> Option<(usize, usize)> {
    let code = |count: usize| digits.get(..count).map(super::number);
    for count in 1..=2 {
        let plan = PLANS.iter().find(|(plan, _, _)| Some(*plan) == code(count));
        if let Some((_, fewest, most)) = plan {
            return Some((*fewest, *most));
        }
    }
    let code = code(3)?;
    let is_used = LONG_CODES
        .iter()
        .any(|(from, to)| (*from..=*to).contains(&code));
    is_used.then_some((9, 14))
}

/// Whether ten digits are a number of the North American plan: area and exchange begin with 2 to
/// 9, and neither is a service code such as 911. Area 555 has no subscribers; it is what people
/// write who need a number that is nobody's, with any exchange: `(555) 123-4567`.
pub(super) fn is_north_american(digits: &[u8]) -> bool {
    let is_code =
        |code: Option<&[u8]>| matches!(code, Some([b'2'..=b'9', rest @ ..]) if rest != b"11");
    // The middle digit of an area is never 9: that is kept for longer numbers.
    let is_reserved = digits.get(1) == Some(&b'9');
    let exchange = digits.get(3..6);
    let is_exchange = is_code(exchange)
        || digits.starts_with(b"555")
            && matches!(exchange, Some([b'0' | b'1', rest @ ..]) if rest != b"11");
    digits.len() == 10 && is_code(digits.get(..3)) && is_exchange && !is_reserved
}
