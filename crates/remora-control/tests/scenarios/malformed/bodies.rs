//! Malformed bodies in both generations.

use super::{Authorised, LEASE, MODELS, OBJECT, SIZE, SPAN, Says, V1_SIZE, plane, refused};

/// Bodies that are not a JSON object.
fn shapes() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "null",
        "true",
        "4",
        r#""{}""#,
        "[]",
        "[{}]",
        "{",
        "}",
        "{]",
        r#"{"size"}"#,
        r#"{"size":}"#,
        "{} {}",
        r#"{"size":"Standard","maxLeaseTimeMinutes":4"#,
        r#"{"size":"Standard" "maxLeaseTimeMinutes":4}"#,
        "size=Standard&maxLeaseTimeMinutes=4",
        "<size>Standard</size>",
        "{\"size\":\"Stan\u{0}dard",
        "\u{0}",
        "\u{fffd}",
    ];
    let bytes: [&[u8]; 4] = [
        b"{\"size\":\"\xff\"}",
        b"\xff\xfe{\x00}\x00",
        b"{\"size\":\"\xc3\x28\"}",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    ];
    let deep = [("[", 10_000), ("{\"a\":", 10_000), ("[[{\"a\":", 5_000), ("{'a':[", 5_000)];
    let deep = deep.into_iter().map(|(open, times)| format!("{{\"x\":{}", open.repeat(times)).into_bytes());
    texts.into_iter().map(|text| text.as_bytes().to_vec()).chain(bytes.map(<[u8]>::to_vec)).chain(deep).collect()
}

/// JSON values that are not a lease of a new session.
const NO_LEASES: [&str; 25] = [
    "-1",
    "-4",
    "-1440",
    "-2147483649",
    "-9223372036854775809",
    "-1e300",
    "1441",
    "1440.5",
    "0.5",
    "4.0000001",
    "100000",
    "2147483648",
    "4294967300",
    "18446744073709551620",
    "1e300",
    r#""4""#,
    r#""""#,
    r#""4:0:0""#,
    "true",
    "false",
    "null",
    "[]",
    "[4]",
    "{}",
    r#"{"minutes":4}"#,
];
/// Numbers that are not JSON, although some parsers accept them.
const NO_NUMBERS: [&str; 10] = ["NaN", "Infinity", "0x10", "+4", "04", ".5", "4.", "1_000", "'4'", "1e999"];
/// JSON values that are not a size in the second generation.
const NO_SIZES: [&str; 17] = [
    r#""""#,
    r#"" ""#,
    r#""Tiny""#,
    r#""small""#,
    r#""big""#,
    r#""Standard ""#,
    r#"" Standard""#,
    r#""Standard\u0000""#,
    r#""Ѕtandard""#,
    r#""Standard,Premium""#,
    "1",
    "true",
    "null",
    "[]",
    r#"["Standard"]"#,
    "{}",
    r#""Standard\n""#,
];
const NO_SPANS: [&str; 40] = [
    "''",
    "' '",
    "'-1'",
    "'-4:0:0'",
    "'-0:0:1'",
    "'24:0:0'",
    "'24:00'",
    "'1.0:0:1'",
    "'2'",
    "'99999999'",
    "'999999999'",
    "'4h'",
    "'four'",
    "'4:60:00'",
    "'4:0:60'",
    "'1:2:3:4:5'",
    "'4:0:0.00000001'",
    "'+4:0:0'",
    "'PT4H'",
    "'240 minutes'",
    "'٤:٠:٠'",
    "'--1'",
    "'4:'",
    "':'",
    "'::'",
    "'1..2:3'",
    "'1.24:00'",
    "'4:0:0Z'",
    "'4:0:0.'",
    "'4,5'",
    "'1e1'",
    "'0x4:0:0'",
    "'4:0\\u0000:0'",
    "'10675199.02:48:05.4775808'",
    "1",
    "240",
    "true",
    "null",
    "[]",
    "{}",
];
const NO_V1_SIZES: [&str; 9] =
    ["''", "'tiny'", "'large'", "'standard '", "'standard premium'", "1", "null", "[]", "{name:'small'}"];
const NO_MODELS: [&str; 8] = ["'x'", "1", "true", "{}", "[1]", "[null]", "['']", "[['a']]"];

#[tokio::test]
async fn malformed_bodies_of_the_second_generation_are_refused() {
    let plane = plane().await;
    let by = Authorised(&plane);
    let mut cases = Vec::new();
    for lease in NO_LEASES {
        cases.push(by.create(format!(r#"{{"size":"Standard","maxLeaseTimeMinutes":{lease}}}"#), LEASE));
        cases.push(by.update(format!(r#"{{"maxLeaseTimeMinutes":{lease}}}"#), LEASE));
    }
    for lease in NO_NUMBERS {
        cases.push(by.create(format!(r#"{{"size":"Standard","maxLeaseTimeMinutes":{lease}}}"#), OBJECT));
        cases.push(by.update(format!(r#"{{"maxLeaseTimeMinutes":{lease}}}"#), OBJECT));
    }
    for size in NO_SIZES {
        cases.push(by.create(format!(r#"{{"maxLeaseTimeMinutes":4,"size":{size}}}"#), SIZE));
    }
    for shape in shapes() {
        cases.push(by.create(shape.clone(), OBJECT));
        cases.push(by.update(shape, OBJECT));
    }
    for lenient in
        ["{'maxLeaseTimeMinutes':9}", "{maxLeaseTimeMinutes:9}", r#"{"maxLeaseTimeMinutes":9,}"#, "\u{feff}{}"]
    {
        cases.push(by.update(lenient, OBJECT));
    }
    for shorter in ["0", "3", "4", "4.0"] {
        cases.push(by.update(format!(r#"{{"maxLeaseTimeMinutes":{shorter}}}"#), LEASE));
    }
    let other_settings = r#"{"maxLeaseTimeMinutes":5,"size":"Standard"}"#;
    cases.push(by.case("PUT", &plane.path("/sessions/one"), other_settings, 409, Says::All(&["Conflict", "one"])));
    let count = refused(&plane, cases).await;
    assert!(count >= 140, "{count}");
}

#[tokio::test]
async fn malformed_bodies_of_the_first_generation_are_refused() {
    let plane = plane().await;
    let by = Authorised(&plane);
    let mut cases = Vec::new();
    for span in NO_SPANS {
        cases.push(by.v1_create(format!("{{size:'small',maxLeaseTime:{span}}}"), Says::All(&["maxLeaseTime"])));
    }
    for span in ["'x'", "''", "1", "null", "'4:60'"] {
        cases.push(by.v1("PATCH", "/sessions/one", format!("{{maxLeaseTime:{span}}}"), 400, SPAN));
    }
    for span in ["'-4:0'", "'0:4'", "'0:3:59'", "'0'", "'24:0:0'", "'2'"] {
        let says = Says::All(&["maxLeaseTime"]);
        cases.push(by.v1("PATCH", "/sessions/one", format!("{{maxLeaseTime:{span}}}"), 422, says));
    }
    for size in NO_V1_SIZES {
        cases.push(by.v1_create(format!("{{maxLeaseTime:'4:0:0',size:{size}}}"), V1_SIZE));
    }
    let (many, long) = (format!("[{}]", "'a',".repeat(65)), format!("['{}']", "a".repeat(2_049)));
    for models in NO_MODELS.into_iter().chain([many.as_str(), long.as_str()]) {
        cases.push(by.v1_create(format!("{{maxLeaseTime:'4:0:0',size:'small',models:{models}}}"), MODELS));
    }
    for shape in shapes() {
        cases.push(by.v1_create(shape.clone(), OBJECT));
        cases.push(by.v1("PATCH", "/sessions/one", shape, 400, OBJECT));
    }
    for shape in ["{'a'}", "{a b}", "{'a':'b}", "{a:1 /* }", "{a:0x}", "{a:\\u0000}", "{'a':1,,}"] {
        cases.push(by.v1_create(shape, OBJECT));
    }
    let count = refused(&plane, cases).await;
    assert!(count >= 120, "{count}");
}
