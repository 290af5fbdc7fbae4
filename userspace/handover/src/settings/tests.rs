use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    handover: HandoverSettings,
    #[serde(default)]
    lemf: Vec<LemfSettings>,
}

fn file(text: &str) -> Result<File, toml::de::Error> {
    toml::from_str(text)
}

fn refused(text: &str) -> SettingsError {
    let file = file(text).unwrap();
    file.handover.validate().and_then(|()| validate_lemfs(&file.lemf)).unwrap_err()
}

#[test]
fn the_defaults_are_those_documented() {
    let file =
        file("[handover]\noperator_identifier = \"OP1\"\n[[lemf]]\nname = \"lea-1\"\naddress = \"[2001:db8::1]:5000\"")
            .unwrap();
    file.handover.validate().unwrap();
    validate_lemfs(&file.lemf).unwrap();
    assert_eq!(file.handover.max_content, 64_000);
    assert_eq!(file.handover.sequence_numbers, Numbering::PerCin);
    let lemf = &file.lemf[0];
    assert_eq!(*lemf, LemfSettings::at("lea-1", "[2001:db8::1]:5000"));
    assert_eq!((lemf.hi2_address(), lemf.hi3_address()), ("[2001:db8::1]:5000", "[2001:db8::1]:5000"));
    assert_eq!(lemf.profile, ProfileSetting::Current);
    assert_eq!((lemf.retry, lemf.buffer), (Duration::from_secs(30), 64 << 20));
    assert_eq!(lemf.keep_alive.time1, Duration::from_secs(180));
}

#[test]
fn every_setting_is_read() {
    let file = file(
        r#"
        [handover]
        operator_identifier = "OP1"
        network_element_identifier = "tap-3"
        delivery_country = "NL"
        interception_point = "ip1"
        sequence_numbers = "per-liid"
        max_content = 1000
        [[lemf]]
        name = "lea-1"
        hi2 = "lea.example:5002"
        hi3 = "lea.example:5003"
        acknowledgement = { pdus = 5, interval = 0.25, answer = 7 }
        keep_alive = { time1 = 0.5, time2 = 2, time3 = 3 }
        retry = 1
        buffer = 2097152
        "#,
    )
    .unwrap();
    validate_lemfs(&file.lemf).unwrap();
    assert_eq!(file.handover.sequence_numbers, Numbering::PerLiid);
    let lemf = &file.lemf[0];
    assert_eq!((lemf.hi2_address(), lemf.hi3_address()), ("lea.example:5002", "lea.example:5003"));
    let AcknowledgementSettings { pdus, interval, answer } = lemf.acknowledgement.unwrap();
    assert_eq!((pdus, interval, answer), (5, Duration::from_millis(250), Duration::from_secs(7)));
    assert_eq!(lemf.keep_alive.time1, Duration::from_millis(500));
    let moved = lemf.clone().redirected("127.0.0.1:9");
    assert_eq!((moved.hi2_address(), moved.hi3_address()), ("127.0.0.1:9", "127.0.0.1:9"));
}

#[test]
fn what_is_unknown_or_ill_typed_is_refused_on_reading() {
    assert!(file("[handover]\noperator_identifer = \"OP1\"").is_err());
    assert!(file("[handover]\nmax_content = 1000").is_err(), "an operator has to be named");
    assert!(file("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nretry = -1").is_err());
    assert!(file("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nretry = \"soon\"").is_err());
    assert!(file("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nprofile = \"v1\"").is_err());
    assert!(file("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nprofile = \"v3.3.1\"").is_ok());
}

#[test]
fn an_error_names_the_setting() {
    let operator = |text: &str| format!("[handover]\noperator_identifier = \"{text}\"");
    for (text, setting) in [
        (operator(""), "handover.operator_identifier"),
        (operator("12345678901234567"), "handover.operator_identifier"),
        (operator("a") + "\ndelivery_country = \"nl\"", "handover.delivery_country"),
        (operator("a") + "\ninterception_point = \"a_b\"", "handover.interception_point"),
        (operator("a") + "\ninterception_point = \"123456789\"", "handover.interception_point"),
        (operator("a") + "\nmax_content = 10", "handover.max_content"),
        ("[[lemf]]\nname = \"a\"".into(), "lemf.a.address"),
        ("[[lemf]]\nname = \"a\"\nhi2 = \"h:1\"".into(), "lemf.a.address"),
        ("[[lemf]]\nname = \"a\"\naddress = \"h\"".into(), "lemf.a.address"),
        ("[[lemf]]\nname = \"a\"\naddress = \"::1:5\"".into(), "lemf.a.address"),
        ("[[lemf]]\nname = \"a\"\naddress = \"h:0\"".into(), "lemf.a.address"),
        ("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nkeep_alive = { time1 = 0 }".into(), "lemf.a.keep_alive.time1"),
        ("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nkeep_alive = { time3 = 20 }".into(), "lemf.a.keep_alive.time3"),
        ("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nbuffer = 5".into(), "lemf.a.buffer"),
        ("[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nbuffer = 9223372036854775807".into(), "lemf.a.buffer"),
        ("[[lemf]]\nname = \"a\"\naddress = \"a b:1\"".into(), "lemf.a.address"),
        ("[[lemf]]\nname = \"a\"\naddress = \"a..b:1\"".into(), "lemf.a.address"),
        ("[[lemf]]\nname = \"a\"\naddress = \"[a]:1\"".into(), "lemf.a.address"),
        (
            "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nacknowledgement = { pdus = 0 }".into(),
            "lemf.a.acknowledgement.pdus",
        ),
        (
            "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nprofile = \"v3.3.1\"\nacknowledgement = {}".into(),
            "lemf.a.acknowledgement",
        ),
        ("[[lemf]]\nname = \"\"\naddress = \"h:1\"".into(), "lemf.name"),
    ] {
        assert!(matches!(refused(&text), SettingsError::Invalid { setting: named, .. } if named == setting), "{text}");
    }
    let twice = "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n".repeat(2);
    assert_eq!(refused(&twice), SettingsError::DuplicateLemf { name: "a".into() });
}
