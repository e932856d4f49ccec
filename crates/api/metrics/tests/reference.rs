//! The page of the manual says what the tables say.

use std::path::Path;

/// `UPDATE_EXPECT=1` writes it.
#[test]
fn the_page_is_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/manual/metrics.md");
    expect_test::expect_file![path].assert_eq(&ravelin_metrics::reference());
}
