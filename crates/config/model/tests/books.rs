//! Books of zones: where policies look for names.

use ravelin_model::{AddressRef, AddressValue, ValidConfig, load};

const COMMON: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/1 unit 0 family inet address 10.0.1.1/24
set security zones security-zone a interfaces ge-0/0/0.0
set security zones security-zone b interfaces ge-0/0/1.0
";
const POLICY: &str = "\
set security policies from-zone a to-zone b policy p match source-address web
set security policies from-zone a to-zone b policy p match destination-address web
set security policies from-zone a to-zone b policy p match application any
set security policies from-zone a to-zone b policy p then permit
";

fn valid(text: &str) -> ValidConfig {
    load(&format!("{COMMON}{text}")).result.unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"))
}

fn refused(text: &str, message: &str) {
    let errors = load(&format!("{COMMON}{text}")).result.expect_err(text);
    assert!(errors.iter().any(|e| e.message.contains(message)), "{text}\n{errors:#?}");
}

/// The prefixes that a policy's source and destination stand for.
fn meant(valid: &ValidConfig) -> [Vec<String>; 2] {
    let policies = &valid.get().security.policies;
    let policy = policies.pairs[0].policies.iter().next().expect("a policy");
    [&policy.source_addresses, &policy.destination_addresses].map(|list| {
        let mut out = Vec::new();
        for reference in list {
            match reference {
                AddressRef::Named(name) => valid.addresses().all_values(name, |value| match value {
                    AddressValue::Prefix(net) => out.push(net.to_string()),
                    other => out.push(format!("{other:?}")),
                }),
                AddressRef::Prefix(net) => out.push(format!("written {net}")),
                other => out.push(format!("{other:?}")),
            }
        }
        out.sort();
        out
    })
}

#[test]
fn a_name_is_looked_for_in_the_book_of_its_side_and_then_in_the_global_one() {
    let global = "set security address-book global address web 192.0.2.9/32\n";
    let one = "set security address-book one address web 10.0.0.9/32\nset security address-book one attach zone a\n";
    let two = "set security address-book two address web 10.0.1.9/32\nset security address-book two attach zone b\n";
    let check = |books: &str, source: &str, destination: &str| {
        assert_eq!(
            meant(&valid(&format!("{books}{POLICY}"))),
            [vec![source.to_owned()], vec![destination.to_owned()]],
            "{books}"
        );
    };
    check(global, "192.0.2.9/32", "192.0.2.9/32");
    check(&format!("{global}{one}"), "10.0.0.9/32", "192.0.2.9/32");
    check(&format!("{global}{two}"), "192.0.2.9/32", "10.0.1.9/32");
    check(&format!("{one}{two}"), "10.0.0.9/32", "10.0.1.9/32");
    // One book may be that of several zones.
    check(&format!("{one}set security address-book one attach zone b\n"), "10.0.0.9/32", "10.0.0.9/32");
    // The older form.
    let old = "set security zones security-zone a address-book address web 10.0.0.9/32\n\
               set security zones security-zone b address-book address web 10.0.1.9/32\n";
    check(old, "10.0.0.9/32", "10.0.1.9/32");
}

#[test]
fn the_book_of_another_zone_is_not_looked_into() {
    let one = "set security address-book one address web 10.0.0.9/32\nset security address-book one attach zone a\n";
    refused(&format!("{one}{POLICY}"), "address or address-set `web' is not defined");
    // Nor into one that is attached to no zone, nor by a global policy.
    refused(
        &format!("set security address-book one address web 10.0.0.9/32\n{POLICY}"),
        "`web' is not defined",
    );
    let global = POLICY.replace("from-zone a to-zone b", "global");
    refused(&format!("{one}{global}"), "`web' is not defined");
}

#[test]
fn sets_are_made_of_their_own_book() {
    let books = "\
set security address-book global address web 192.0.2.9/32
set security address-book one address here 10.0.0.9/32
set security address-book one address-set inner address here
set security address-book one address-set web address-set inner
set security address-book one attach zone a
";
    let found = meant(&valid(&format!("{books}{POLICY}")));
    assert_eq!(found, [vec!["10.0.0.9/32".to_owned()], vec!["192.0.2.9/32".to_owned()]]);
    refused(
        "set security address-book global address far 192.0.2.9/32\n\
         set security address-book one address-set web address far\nset security address-book one attach zone a\n",
        "address `far' is not defined",
    );
}

#[test]
fn a_zone_has_one_book_in_one_form() {
    let one = "set security address-book one address web 10.0.0.9/32\nset security address-book one attach zone a\n";
    refused(&format!("{one}set security address-book two attach zone a\n"), "has an address book already");
    refused("set security address-book one attach zone c\n", "zone `c' is not defined");
    refused("set security address-book global attach zone a\n", "attached to no zone");
    let errors =
        load(&format!("{COMMON}{one}set security zones security-zone b address-book address x 10.0.0.0/8\n"))
            .result;
    assert!(errors.is_err(), "both forms");
}

/// What a commit goes on from is no other configuration's.
#[test]
fn an_edit_of_a_book_is_found_whatever_was_checked_before() {
    use ravelin_model::{check_tree, check_tree_after};
    let text = |host: u8, more: &str| {
        format!(
            "{COMMON}set security address-book one address web 10.0.0.{host}/32\nset security address-book one attach zone a\n\
                 set security address-book global address web 192.0.2.9/32\n{more}{POLICY}"
        )
    };
    let tree = |text: &str| ravelin_schema::read(text).tree;
    let detached = text(8, "").replace("set security address-book one attach zone a\n", "");
    let mut before = check_tree_after(&tree(&text(9, "")), None, None).expect("it is right");
    for next in [text(8, ""), detached, text(8, "set security address-book two attach zone b\n"), text(9, "")]
    {
        let tree = tree(&next);
        let checked = check_tree_after(&tree, None, Some(&before)).expect("it is right");
        assert_eq!(meant(&checked.valid), meant(&check_tree(&tree).expect("it is right")), "{next}");
        before = checked;
    }
}
