//! Conditions in CEL: compiling comes back soon, names what it refuses, and keeps its bounds.
//!
//! Input: an expression.

use portcullis_policy::Expression;
use portcullis_policy::expression::MAX_EXPRESSION_COST;

pub fn check(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else {
        return;
    };
    match Expression::compile(source) {
        Ok(expression) => {
            assert_eq!(expression.as_str(), source);
            assert!(expression.cost() <= MAX_EXPRESSION_COST);
            let again = Expression::compile(source).expect("compiles again");
            assert_eq!(again.cost(), expression.cost());
        }
        Err(refusal) => {
            assert!(!refusal.reason.is_empty());
            let lines = source.split('\n').count();
            assert!(
                (1..=lines).contains(&refusal.line),
                "{refusal} in {lines} lines"
            );
            assert!(refusal.column >= 1);
        }
    }
}
