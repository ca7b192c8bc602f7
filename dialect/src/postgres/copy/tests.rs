use super::*;
use crate::sql::settings::Settings;

/// Column 1 of each row becomes what `instead` says; the others stay.
struct Second(Judged, Vec<Option<Vec<u8>>>);

impl Judge for Second {
    type Error = std::convert::Infallible;

    fn looks_at(&self, column: usize) -> bool {
        column == 1
    }

    fn judge(&mut self, _: usize, value: Option<&[u8]>) -> Result<Judged, Self::Error> {
        self.1.push(value.map(<[u8]>::to_vec));
        Ok(match value {
            None => Judged::Keep,
            Some(_) => self.0.clone(),
        })
    }
}

fn text(delimiter: u8, null: &str) -> Layout {
    Layout::Text(marks(delimiter, null, false))
}

fn marks(delimiter: u8, null: &str, header: bool) -> Marks {
    Marks {
        delimiter,
        null: null.into(),
        header,
    }
}

fn csv(delimiter: u8, quote: u8, escape: u8, header: bool) -> Layout {
    Layout::Csv {
        marks: marks(delimiter, "", header),
        quote,
        escape,
    }
}

/// The longest value of the tests.
const LONGEST: usize = 4096;

/// What was written, and the values that were judged; or why not.
type Rewritten = Result<(Vec<u8>, Vec<Option<Vec<u8>>>), Refused<std::convert::Infallible>>;

/// The data in two chunks, cut at every byte: the same each time.
#[allow(
    clippy::panic_in_result_fn,
    reason = "the assertion is the test, the result what it compares"
)]
fn rewritten(layout: &Layout, columns: usize, data: &[u8], instead: &Judged) -> Rewritten {
    let run = |cut: usize| {
        let mut judge = Second(instead.clone(), Vec::new());
        let mut rewriter = Rewriter::new(layout.clone(), columns, LONGEST);
        let mut out = Vec::new();
        rewriter.push(&data[..cut], &mut judge, &mut out)?;
        rewriter.push(&data[cut..], &mut judge, &mut out)?;
        rewriter.finish()?;
        Ok((out, judge.1))
    };
    let whole = run(data.len());
    for cut in 0..data.len() {
        assert_eq!(run(cut), whole, "cut at {cut}");
    }
    whole
}

fn hidden() -> Judged {
    Judged::Value(b"X\tY|\"\\\nZ".to_vec())
}

#[test]
fn values_of_the_text_layout_are_cut_and_written_as_the_server_does() {
    let data = b"1\ta\\tb\\\\\\nc\tz\n2\t\\N\tz\\\n\n3\t\tz\n";
    let (out, seen) = rewritten(&text(b'\t', "\\N"), 3, data, &hidden()).unwrap();
    assert_eq!(seen, [Some(b"a\tb\\\nc".to_vec()), None, Some(Vec::new())]);
    assert_eq!(
        out,
        b"1\tX\\tY|\"\\\\\\nZ\tz\n2\t\\N\tz\\\n\n3\tX\\tY|\"\\\\\\nZ\tz\n"
    );
}

#[test]
fn an_escaped_delimiter_is_a_part_of_the_value() {
    let (out, seen) = rewritten(&text(b'|', ""), 2, b"a\\|b|c\\|d\n|\n", &hidden()).unwrap();
    assert_eq!(seen, [Some(b"c|d".to_vec()), None]);
    assert_eq!(out, b"a\\|b|X\\tY\\|\"\\\\\\nZ\n|\n");
}

#[test]
fn quoted_values_may_hold_delimiters_quotes_and_line_feeds() {
    let data = b"1,\"a,\"\"b\"\"\nc\",\"z\n\"\n2,,z\n3,\"\",z\n";
    let (out, seen) = rewritten(&csv(b',', b'"', b'"', false), 3, data, &hidden()).unwrap();
    assert_eq!(seen, [Some(b"a,\"b\"\nc".to_vec()), None, Some(Vec::new())]);
    assert_eq!(
        out,
        b"1,\"X\tY|\"\"\\\nZ\",\"z\n\"\n2,,z\n3,\"X\tY|\"\"\\\nZ\",z\n"
    );
}

#[test]
fn the_escape_of_csv_may_be_another_than_its_quote() {
    let data = b"1;'a\\'b\\\\;c'\n'x;\\'y';'z'\n";
    let (out, seen) = rewritten(&csv(b';', b'\'', b'\\', false), 2, data, &hidden()).unwrap();
    assert_eq!(seen, [Some(b"a'b\\;c".to_vec()), Some(b"z".to_vec())]);
    assert_eq!(out, b"1;'X\tY|\"\\\\\nZ'\n'x;\\'y';'X\tY|\"\\\\\nZ'\n");
}

#[test]
fn a_line_of_names_passes_as_it_is() {
    let data = b"id,\"na\nme\"\n1,a\n";
    let (out, seen) = rewritten(&csv(b',', b'"', b'"', true), 2, data, &Judged::Null).unwrap();
    assert_eq!(out, b"id,\"na\nme\"\n1,\n");
    assert_eq!(seen, [Some(b"a".to_vec())]);
}

#[test]
fn what_would_be_read_as_null_is_quoted() {
    let empty = Judged::Value(Vec::new());
    let (out, _) = rewritten(&csv(b',', b'"', b'"', false), 2, b"1,a\n", &empty).unwrap();
    assert_eq!(out, b"1,\"\"\n");
}

#[test]
fn kept_values_keep_their_spelling() {
    for (layout, data) in [
        (text(b'\t', "\\N"), &b"a\t\\x41\\b\n\\\\\t\\N\n"[..]),
        (
            csv(b',', b'"', b'"', false),
            &b"\"a\",\"b\"\nc,\"\"\"\"\n"[..],
        ),
        (csv(b',', b'"', b'\\', false), &b"a,\"\\\"\\\\\"\n"[..]),
    ] {
        let (out, _) = rewritten(&layout, 2, data, &Judged::Keep).unwrap();
        assert_eq!(out, data);
    }
}

#[test]
fn rows_of_another_width_are_refused() {
    let wrong = Err(Refused::Data(InvalidCopy::Columns { expected: 2 }));
    for data in [&b"a\tb\tc\n"[..], b"a\n", b"\n", b"a\tb\nc\n"] {
        assert_eq!(
            rewritten(&text(b'\t', "\\N"), 2, data, &Judged::Keep),
            wrong
        );
    }
    let (out, _) = rewritten(&text(b'\t', "\\N"), 0, b"\n\n", &Judged::Keep).unwrap();
    assert_eq!(out, b"\n\n");
}

#[test]
fn data_that_ends_within_a_row_is_refused() {
    let cut = Err(Refused::Data(InvalidCopy::Truncated));
    assert_eq!(rewritten(&text(b'\t', ""), 2, b"a\tb", &Judged::Keep), cut);
    let layout = csv(b',', b'"', b'"', false);
    assert_eq!(rewritten(&layout, 2, b"a,\"b\n", &Judged::Keep), cut);
    assert_eq!(rewritten(&Layout::Binary, 2, b"PGCOPY", &Judged::Keep), cut);
}

fn binary(rows: &[&[Option<&[u8]>]]) -> Vec<u8> {
    let mut data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x03abc".to_vec();
    for row in rows {
        data.extend((row.len() as i16).to_be_bytes());
        for value in *row {
            data.extend(value.map_or(-1, |v| v.len() as i32).to_be_bytes());
            data.extend(value.unwrap_or_default());
        }
    }
    data.extend((-1i16).to_be_bytes());
    data
}

#[test]
fn values_of_the_binary_layout_are_cut_by_their_lengths() {
    let data = binary(&[
        &[Some(b"1"), Some(b"secret"), None],
        &[None, None, Some(b"")],
        &[Some(b""), Some(b""), Some(b"z")],
    ]);
    let (out, seen) = rewritten(&Layout::Binary, 3, &data, &Judged::Null).unwrap();
    assert_eq!(seen, [Some(b"secret".to_vec()), Some(Vec::new())]);
    let expected = binary(&[
        &[Some(b"1"), None, None],
        &[None, None, Some(b"")],
        &[Some(b""), None, Some(b"z")],
    ]);
    assert_eq!(out, expected);
    let (out, _) = rewritten(&Layout::Binary, 3, &data, &Judged::Value(b"xy".into())).unwrap();
    let expected = binary(&[
        &[Some(b"1"), Some(b"xy"), None],
        &[None, None, Some(b"")],
        &[Some(b""), Some(b"xy"), Some(b"z")],
    ]);
    assert_eq!(out, expected);
}

#[test]
fn binary_data_that_lies_is_refused() {
    let good = binary(&[&[Some(b"1"), Some(b"2")]]);
    let run = |data: &[u8], columns| {
        rewritten(&Layout::Binary, columns, data, &Judged::Keep).map(|(out, _)| out)
    };
    assert_eq!(run(&good, 2), Ok(good.clone()));
    let columns = |expected| Err(Refused::Data(InvalidCopy::Columns { expected }));
    assert_eq!(run(&good, 1), columns(1));
    assert_eq!(run(&good, 3), columns(3));
    let mut trailing = good.clone();
    trailing.push(0);
    assert_eq!(run(&trailing, 2), Err(Refused::Data(InvalidCopy::Trailing)));
    let mut oids = good.clone();
    oids[12] = 1;
    assert_eq!(run(&oids, 2), Err(Refused::Data(InvalidCopy::Signature)));
    let mut length = good;
    length[24..28].copy_from_slice(&(-2i32).to_be_bytes());
    assert_eq!(run(&length, 2), Err(Refused::Data(InvalidCopy::Length(-2))));
}

#[test]
fn a_value_may_be_as_long_as_the_limit_and_no_longer() {
    let too_long = Err(Refused::Data(InvalidCopy::TooLong(LONGEST)));
    for (over, expected) in [(0, Ok(())), (1, too_long)] {
        let mut rewriter = Rewriter::new(text(b'\t', "\\N"), 2, LONGEST);
        let mut judge = Second(Judged::Null, Vec::new());
        let mut out = Vec::new();
        rewriter.push(b"1\t", &mut judge, &mut out).unwrap();
        let long = vec![b'a'; LONGEST + over];
        assert_eq!(rewriter.push(&long, &mut judge, &mut out), expected);
        // Binary data says how long a value is before it comes.
        let mut rewriter = Rewriter::new(Layout::Binary, 2, LONGEST);
        let length = u32::try_from(LONGEST + over).unwrap().to_be_bytes();
        let head = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\xff\xff\xff\xff";
        let told = [&head[..], &length].concat();
        assert_eq!(rewriter.push(&told, &mut judge, &mut out), expected);
    }
}

fn layout_of(statement: &str) -> Option<Layout> {
    let settings = Settings::new("d", "r");
    let told = copies_out(statement, &settings).unwrap();
    assert_eq!(told.len(), 1, "{statement}");
    told.into_iter().next().unwrap().layout
}

#[test]
fn options_tell_the_layout() {
    let tab = || text(b'\t', "\\N");
    for (statement, expected) in [
        ("COPY t TO STDOUT", Some(tab())),
        (
            "COPY (SELECT 1) TO STDOUT WITH (FORMAT binary)",
            Some(Layout::Binary),
        ),
        ("COPY BINARY t TO STDOUT", Some(Layout::Binary)),
        (
            "COPY t TO STDOUT DELIMITER '|' NULL 'x'",
            Some(text(b'|', "x")),
        ),
        (
            "COPY t TO STDOUT (FORMAT csv, HEADER, DELIMITER ';', QUOTE '''', ESCAPE '\\')",
            Some(csv(b';', b'\'', b'\\', true)),
        ),
        (
            "COPY t TO STDOUT CSV QUOTE '|' FORCE QUOTE *",
            Some(csv(b',', b'|', b'|', false)),
        ),
        (
            "COPY t TO STDOUT (FORMAT text, HEADER 1)",
            Some(Layout::Text(marks(b'\t', "\\N", true))),
        ),
        (
            "COPY t TO STDOUT (HEADER off, ENCODING 'latin1')",
            Some(tab()),
        ),
        ("COPY t TO STDOUT (ENCODING 'SJIS')", None),
        ("COPY t TO STDOUT (FORMAT other)", None),
        ("COPY t TO STDOUT (DELIMITER 'ab')", None),
        ("COPY t TO STDOUT (FORMAT csv, FORMAT text)", None),
        ("COPY t TO STDOUT (novel)", None),
    ] {
        assert_eq!(layout_of(statement), expected, "{statement}");
    }
}

#[test]
fn only_copies_out_are_told_and_by_their_place() {
    let settings = Settings::new("d", "r");
    let text = "SELECT 1; COPY t FROM STDIN; COPY t TO STDOUT";
    let told = copies_out(text, &settings).unwrap();
    assert_eq!(told.iter().map(|c| c.statement).collect::<Vec<_>>(), [2]);
}

#[test]
fn the_layout_of_a_copy_in_is_told_by_its_options() {
    let settings = Settings::new("d", "r");
    let copied = |text: &str, statement| copied_in(text, statement, &settings);
    for (options, expected) in [
        ("", Some(text(b'\t', "\\N"))),
        ("(FORMAT csv)", Some(csv(b',', b'"', b'"', false))),
        (
            "(FORMAT csv, QUOTE '~', ESCAPE '\\', FORCE_NULL (a), FORCE_NOT_NULL (b))",
            Some(csv(b',', b'~', b'\\', false)),
        ),
        ("(FORMAT binary)", Some(Layout::Binary)),
        ("(ENCODING 'SJIS')", None),
        ("(novel)", None),
    ] {
        let text = format!("SELECT 1; COPY t (a, b) FROM STDIN {options}");
        assert_eq!(copied(&text, 1), expected, "{options}");
        assert_eq!(copied(&text, 0), None);
        assert_eq!(copied(&text, 2), None);
    }
    assert_eq!(copied("COPY t TO STDOUT", 0), None);
    assert_eq!(copied("COPY t FROM", 0), None);
}
