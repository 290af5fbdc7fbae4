//! A delivery with all that can be agreed, verified and decrypted by a reader that shares no code with Writ: Python, and OpenSSL's command.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use writ_tests::{Oracle, Writ, in_tree_named, skip};

/// Makes keys and a configuration in a folder; `false` where there is no OpenSSL to make them.
fn prepare(folder: &Path, cipher: &str, key_octets: &str, key: &[&str], aggregate: &str) -> bool {
    let openssl = |arguments: &[&str]| Command::new("openssl").current_dir(folder).args(arguments).output();
    if !openssl(&["version"]).is_ok_and(|output| output.status.success()) {
        return false;
    }
    let made =
        |arguments: &[&str]| assert!(openssl(arguments).is_ok_and(|output| output.status.success()), "{arguments:?}");
    made(&[&["genpkey", "-out", "signing.pem"], key].concat());
    made(&["pkey", "-in", "signing.pem", "-pubout", "-out", "public.pem"]);
    made(&["rand", "-hex", "-out", "key", key_octets]);
    for key in ["signing.pem", "key"] {
        std::fs::set_permissions(folder.join(key), Permissions::from_mode(0o600)).expect("it is kept from others");
    }
    let config = format!(
        "[[lemf]]\nname = \"demo\"\naddress = \"127.0.0.1:1\"\n[[agreement]]\nlemf = \"demo\"\n{aggregate}\
         [agreement.encryption]\ncipher = \"{cipher}\"\nkey_file = \"key\"\n\
         [agreement.integrity]\nhash = \"sha-384\"\nhash_pdus = 3\nsigning_key = \"signing.pem\"\n"
    );
    std::fs::write(folder.join("writ.toml"), config).expect("a configuration is written");
    true
}

#[test]
fn a_delivery_is_verified_and_decrypted_by_what_shares_no_code_with_it() {
    let test = "a_delivery_is_verified_and_decrypted_by_what_shares_no_code_with_it";
    let Some(oracle) = Oracle::find(test) else { return };
    let p256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let aggregate = "[agreement.aggregate]\ndelay = 5\n";
    for (cipher, octets, key, aggregate) in
        [("aes-192-cbc", "24", &p256[..], ""), ("aes-256-cbc", "32", &["-algorithm", "ed25519"], aggregate)]
    {
        let folder = tempfile::tempdir().expect("a folder for one test");
        if !prepare(folder.path(), cipher, octets, key, aggregate) {
            return skip(test, "`openssl version` does not run");
        }
        let file = |name: &str| folder.path().join(name).into_os_string();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Writ::new("replay")
            .args([in_tree_named("demo").into_os_string(), "--warrants".into()])
            .args([root.join("demo/warrants.toml").into_os_string(), "--config".into(), file("writ.toml")])
            .args(["--out".into(), file("all.etsi")])
            .succeed();
        let all = ["all.etsi", cipher, "key", "public.pem"];
        let told =
            |name: &&str| if *name == cipher { cipher.to_owned() } else { file(name).into_string().expect("UTF-8") };
        let arguments: Vec<String> = all.iter().map(told).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let found: serde_json::Value = serde_json::from_str(&oracle.ask("agreed.py", &arguments)).expect("JSON");
        // As many records as a replay without an agreement hands over.
        assert_eq!(found["payloads"], 40, "{found}");
        assert_eq!(found["decrypted"] == found["payloads"], aggregate.is_empty(), "{found}");
        assert!(found["hashes"].as_u64() >= Some(10) && found["signatures"] == 10, "{found}");
    }
}
