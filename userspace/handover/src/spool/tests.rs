use super::*;

#[test]
fn each_lemf_has_a_folder_of_its_own_and_none_leaves_it() {
    for (lemf, name) in [
        ("lea-1", "lea-1"),
        ("Lea.1_x", "Lea.1_x"),
        ("..", "%2E."),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("é", "%C3%A9"),
    ] {
        assert_eq!(folder_name(lemf), Path::new(name));
    }
}
