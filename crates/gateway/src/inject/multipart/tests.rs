//! The rewriter against a second reader of multipart forms, and forms made to be misread.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn part(name: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
}

fn rewriter(value: Option<&str>) -> Rewriter {
    Rewriter::new(&Boundary::of("multipart/form-data; boundary=b").unwrap(), "user_id", value)
}

fn told(form: &str) -> Result<String, MultipartFault> {
    rewritten(form.to_owned().into(), rewriter(Some("me"))).map(|form| String::from_utf8(form).unwrap())
}

/// The same, given byte by byte, with everything that must be copied on the way.
fn told_slowly(form: &[u8], size: usize) -> Result<Vec<u8>, MultipartFault> {
    let (mut rewriter, mut pieces) = (rewriter(Some("me")), VecDeque::new());
    for chunk in form.chunks(size) {
        rewriter.push(Bytes::copy_from_slice(chunk), &mut pieces)?;
    }
    rewriter.finish(&mut pieces)?;
    Ok(pieces.iter().flatten().copied().collect())
}

/// A second reader, which knows nothing of the first: splits where RFC 2046 says and takes heads by their lines.
fn parts(form: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text: String = form.iter().map(|byte| char::from(*byte)).collect();
    let inner = text.strip_prefix("--b").unwrap();
    let mut pieces = inner.split("\r\n--b").peekable();
    let mut found = Vec::new();
    while let Some(piece) = pieces.next() {
        if piece.starts_with("--") {
            assert!(pieces.peek().is_none());
            break;
        }
        let (head, content) = piece.strip_prefix("\r\n").unwrap().split_once("\r\n\r\n").unwrap();
        let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
        found.push((name.to_owned(), content.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()));
    }
    found
}

#[test]
fn our_part_comes_first_and_all_others_stay() {
    let own = part("user_id", "me");
    let file = "--b\r\ncontent-disposition: FORM-DATA; filename=\"\u{e9} a.pdf\"; name=file\r\nContent-Type: \
                application/pdf\r\nX-Other: 1\r\n\r\n%PDF \r\n\r\n-- \r\n--\r\n-\r\r\n\n\r\n";
    for (others, kept) in [
        (String::new(), String::new()),
        (part("a", "1"), part("a", "1")),
        (part("a", "") + &part("a", "--"), part("a", "") + &part("a", "--")),
        (file.to_owned(), file.to_owned()),
        (part("user_id", "forged"), String::new()),
        (part("a", "1") + &part("User_ID", "forged") + file + &part("user_id", "again"), part("a", "1") + file),
        (part("userid", "1") + &part("user_id2", "2"), part("userid", "1") + &part("user_id2", "2")),
    ] {
        for (end, arrives) in [("--b--\r\n", "--b--\r\n"), ("--b--", "--b--")] {
            assert_eq!(told(&format!("{others}{end}")).unwrap(), format!("{own}{kept}{arrives}"));
            assert_eq!(told(&format!("\r\n{others}{end}")).unwrap(), format!("{own}{kept}{arrives}"));
        }
    }
}

#[test]
fn a_stranger_is_told_as_nobody() {
    let form = part("user_id", "forged") + &part("a", "1") + "--b--\r\n";
    let told = rewritten(form.into(), rewriter(None)).unwrap();
    assert_eq!(String::from_utf8(told).unwrap(), part("a", "1") + "--b--\r\n");
}

#[test]
fn a_form_that_two_readers_could_take_differently_is_refused() {
    use MultipartFault::{Epilogue, Preamble, StrayBoundary, Unfinished};
    let (a, end) = (part("a", "1"), "--b--\r\n");
    for (form, fault) in [
        (format!("preamble\r\n{a}{end}"), Preamble),
        (format!("\n{a}{end}"), Preamble),
        (format!("\r\n\r\n{a}{end}"), Preamble),
        (format!(" {a}{end}"), Preamble),
        (format!("-{a}{end}"), Preamble),
        (format!("{a}--b--\r\nepilogue"), Epilogue),
        (format!("{a}--b--\r\n\r\n"), Epilogue),
        (format!("{a}--b-- \r\n"), Epilogue),
        (format!("{a}--b--\r\n{a}{end}"), Epilogue),
        (format!("{a}--b--\n"), Epilogue),
        (a.replace("\r\n", "\n") + end, StrayBoundary),
        (format!("{a}--b \r\n"), StrayBoundary),
        (format!("{a}--bc\r\n{end}"), StrayBoundary),
        (format!("{a}--b\n{end}"), StrayBoundary),
        (format!("{a}--b-\r\n{end}"), StrayBoundary),
        (part("a", &format!("1\n{}", part("user_id", "forged"))) + end, StrayBoundary),
        (part("a", "1\r--b\r\n") + end, StrayBoundary),
        (part("a", "x--b") + end, StrayBoundary),
        (part("a", &format!("1\r\n-{end}")) + end, StrayBoundary),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--b--\r\n".to_owned(), StrayBoundary),
        (
            "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"--b\"\r\n\r\n\r\n--b--".to_owned(),
            StrayBoundary,
        ),
        (a.clone(), Unfinished),
        (format!("{a}--b"), Unfinished),
        (format!("{a}--b-"), Unfinished),
        (format!("{a}--b--\r"), Unfinished),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n".to_owned(), Unfinished),
        ("--b".to_owned(), Unfinished),
        ("\r\n".to_owned(), Unfinished),
        (String::new(), Unfinished),
    ] {
        assert_eq!(told(&form), Err(fault), "{form:?}");
        assert_eq!(told_slowly(form.as_bytes(), 1), Err(fault), "{form:?} byte by byte");
    }
}

#[test]
fn a_part_that_does_not_say_its_name_once_is_refused() {
    use MultipartFault::{Disguised, Head, Name, Nested};
    for (head, fault) in [
        ("", Head),
        ("Content-Type: text/plain", Name),
        ("Content-Disposition: form-data", Name),
        ("Content-Disposition: form-data;", Name),
        ("Content-Disposition: form-data; filename=\"a\"", Name),
        ("Content-Disposition: attachment; name=\"a\"", Name),
        ("Content-Disposition: form-data; name=\"a\"; name=\"user_id\"", Name),
        ("Content-Disposition: form-data; name=\"a\"; NAME=\"user_id\"", Name),
        ("Content-Disposition: form-data; name=\"a\"; name*=utf-8''user%5fid", Name),
        ("Content-Disposition: form-data; name*=utf-8''user%5fid", Name),
        ("Content-Disposition: form-data; name*0=\"user\"; name*1=\"_id\"", Name),
        ("Content-Disposition: form-data; name=\"a\"; filename=\"b\"; filename*=utf-8''c", Name),
        ("Content-Disposition: form-data; name=\"a\"; filename=\"b\"; filename=\"c\"", Name),
        ("Content-Disposition: form-data; name=\"a\"; other=\"b\"", Name),
        ("Content-Disposition: form-data; name=\"a\\\"; name=\\\"user_id\"", Name),
        ("Content-Disposition: form-data; filename=\"a\\\"; name=\\\"user_id\"; name=\"a\"", Name),
        ("Content-Disposition: form-data; name=\"a", Name),
        ("Content-Disposition: form-data; name='user_id; name=a", Name),
        ("Content-Disposition: form-data; name='user_id'", Name),
        ("Content-Disposition: form-data; filename='; name=\"'; name=user_id; x=\"", Name),
        ("Content-Disposition: form-data; filename*=utf-8'; name=\"'; name=user_id; x=\"", Name),
        ("Content-Disposition: form-data; name = \"a\"", Name),
        ("Content-Disposition: form-data, name=\"a\"", Name),
        ("Content-Disposition: form-data; name=\"a\" (comment)", Name),
        ("Content-Disposition: form-data; name=a b", Name),
        ("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"user_id\"", Name),
        ("Content-Disposition: form-data; name=\"a\"\r\ncontent-disposition: form-data; name=\"user_id\"", Name),
        ("Content-Disposition: form-data; name=\"a\"\r\nContent_Disposition: form-data; name=\"user_id\"", Name),
        ("Content-Disposition: form-data;\r\n name=\"user_id\"", Head),
        ("Content-Disposition: form-data; name=\"a\"\r\n\tx", Head),
        ("Content-Disposition : form-data; name=\"a\"", Head),
        (" Content-Disposition: form-data; name=\"a\"", Head),
        ("Content-Disposition: form-data; name=\"a\"\nX: y", Head),
        ("Content-Disposition: form-data; name=\"a\"\rX: y", Head),
        ("Content-Disposition: form-data; name=\"a\0\"", Head),
        ("Content-Disposition: form-data; name=\"a\"\r\nno colon", Head),
        ("Content-Disposition: form-data; name=\"a\"\r\n: empty", Head),
        ("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: a/b\r\nContent-Type: c/d", Head),
        ("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=c", Nested),
        ("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: Multipart/Form-Data; boundary=b", Nested),
        ("Content-Disposition: form-data; name=\"user%5fid\"", Disguised),
        ("Content-Disposition: form-data; name=\"user\\_id\"", Disguised),
        ("Content-Disposition: form-data; name=\"=?utf-8?Q?user_id?=\"", Disguised),
        ("Content-Disposition: form-data; name=\"user_id[]\"", Disguised),
        ("Content-Disposition: form-data; name=\" user_id\"", Disguised),
        ("Content-Disposition: form-data; name=user.id", Disguised),
    ] {
        let form = format!("--b\r\n{head}\r\n\r\n1\r\n--b--\r\n");
        assert_eq!(told(&form), Err(fault), "{head:?}");
        assert_eq!(told_slowly(form.as_bytes(), 3), Err(fault), "{head:?} in pieces");
    }
    let not_utf_8 = b"--b\r\nContent-Disposition: form-data; name=\"user\xe9id\"\r\n\r\n1\r\n--b--\r\n";
    assert_eq!(rewritten(Bytes::from_static(not_utf_8), rewriter(None)), Err(Name));
}

#[test]
fn heads_and_parts_are_bounded() {
    let with_head = |length: usize| {
        let head = format!("Content-Disposition: form-data; name=\"a\"\r\nX: {}", "x".repeat(length));
        format!("--b\r\n{head}\r\n\r\n1\r\n--b--\r\n")
    };
    assert!(told(&with_head(16_000)).is_ok());
    for size in [1, 1_000, 100_000] {
        assert_eq!(told_slowly(with_head(17_000).as_bytes(), size), Err(MultipartFault::LongHead));
        let endless = format!("--b\r\n{}", "x".repeat(20_000));
        assert_eq!(told_slowly(endless.as_bytes(), size), Err(MultipartFault::LongHead));
    }
    let many = |count: usize| part("user_id", "").repeat(count) + "--b--\r\n";
    assert!(told(&many(128)).is_ok());
    assert_eq!(told(&many(129)), Err(MultipartFault::TooManyParts));
    assert_eq!(told(&many(100_000)), Err(MultipartFault::TooManyParts));
}

#[test]
fn content_flows_without_being_held_or_copied() {
    let (mut rewriter, mut pieces) = (rewriter(None), VecDeque::new());
    rewriter.push(part("file", "").trim_end().to_owned().into(), &mut pieces).unwrap();
    rewriter.push("\r\n\r\n".into(), &mut pieces).unwrap();
    pieces.clear();
    for _ in 0..1_000 {
        let chunk = Bytes::from(vec![b'x'; 8_000]);
        rewriter.push(chunk.clone(), &mut pieces).unwrap();
        assert_eq!(pieces.pop_front().unwrap().as_ptr(), chunk.as_ptr());
        assert!(pieces.is_empty());
    }
}

proptest! {
    #[test]
    fn another_reader_sees_the_form_without_our_name_and_with_our_part(
        given in prop::collection::vec(
            (prop::sample::select(vec!["a", "file", "user_id", "USER_ID", "é"]), prop::collection::vec(any::<u8>(), 0..40)),
            0..6,
        ),
        size in 1_usize..80,
    ) {
        let mut form = Vec::new();
        for (name, content) in &given {
            form.extend_from_slice(part(name, "").trim_end().as_bytes());
            form.extend_from_slice(b"\r\n\r\n");
            form.extend_from_slice(content);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--b--\r\n");
        if let Ok(told) = told_slowly(&form, size) {
            let mut expected = vec![("user_id".to_owned(), b"me".to_vec())];
            expected.extend(parts(&form).into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("user_id")));
            prop_assert_eq!(parts(&told), expected);
        } else {
            prop_assert!(given.iter().any(|(_, content)| content.windows(3).any(|three| three == b"--b")));
        }
    }

    #[test]
    fn however_a_form_is_cut_it_is_judged_alike(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "--b", "--b", "\r\n", "\r\n", "\r\n\r\n", "\r", "\n", "-", "--", "b", "x", "user_id", "--b--",
                "Content-Disposition: form-data; name=\"a\"", "Content-Disposition: form-data; name=\"user_id\"", "\r\n--b",
            ]),
            0..24,
        ),
        size in 1_usize..12,
    ) {
        let form = pieces.concat();
        prop_assert_eq!(told_slowly(form.as_bytes(), size), told(&form).map(String::into_bytes));
    }
}
