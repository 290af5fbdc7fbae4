//! What a parser says of a value, in the words of this program: the setting, and what was expected; never the value.

/// The message of `toml` and `serde` about the setting `key`, which is empty at the top of the file.
pub(super) fn problem(message: &str, key: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let of = |expected: &str| if key.is_empty() { expected.to_owned() } else { format!("{key}: {expected}") };
    if let Some(field) = between(message, "missing field `", "`") {
        return of(&format!("{field} is missing"));
    }
    // Names a key, not a value; and what there is instead.
    if message.starts_with("unknown field") {
        return message.to_owned();
    }
    if message.starts_with("duplicate") {
        return of("expected each key once");
    }
    let expected = match message {
        "invalid socket address syntax" => "ADDRESS:PORT, an IPv6 address in brackets",
        "invalid IP address syntax" => "an IP address",
        _ => match message.split_once("expected ") {
            Some((_, expected)) => kind(expected),
            None => return of("expected TOML (key = value, [table], [[table]])"),
        },
    };
    of(&format!("expected {expected}"))
}

/// The name of a type of the program, as a person would have it.
fn kind(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") || expected == "a map" => "a table",
        _ => expected,
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    text.split_once(before)?.1.split_once(after).map(|(within, _)| within)
}
