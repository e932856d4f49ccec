//! The page that operators look statements up in is the table's.

#[test]
fn the_configuration_reference_is_current() {
    expect_test::expect_file!["../../../../docs/manual/configuration.md"]
        .assert_eq(&ravelin_schema::reference());
}
