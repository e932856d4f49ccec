//! The page of messages is the table's, and names in the model are those that the table has.

use ravelin_model::{LogCategory, LogKind};
use ravelin_telemetry::{Kinds, Tag, reference};

#[test]
fn the_page_of_events_is_current() {
    expect_test::expect_file!["../../../../../docs/manual/events.md"].assert_eq(&reference());
}

#[test]
fn every_kind_has_a_message_and_a_category_that_chooses_it_alone() {
    for kind in LogKind::ALL {
        assert!(Tag::ALL.iter().any(|tag| tag.message().kind == *kind), "{kind:?}");
        let chosen = LogCategory::ALL.iter().filter(|category| category.kinds().contains(kind));
        assert!(chosen.clone().count() > 0, "{kind:?}");
        for category in chosen {
            assert!(Kinds::of(&[*category]).has(*kind));
        }
    }
    assert!(
        Kinds::of(&[LogCategory::Nat]).has(LogKind::Nat)
            && !Kinds::of(&[LogCategory::Nat]).has(LogKind::Open)
    );
}
