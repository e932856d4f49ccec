//! The table of messages against Junos' own, and against itself.

use ravelin_telemetry::Tag;

/// Numbers of attributes in Junos' System Log Explorer, release 22.2R1.
#[test]
fn session_messages_have_as_many_fields_as_in_junos() {
    let fields = |tag: Tag| tag.message().pieces.len();
    assert_eq!([Tag::SessionCreate, Tag::SessionClose, Tag::SessionDeny].map(fields), [36, 50, 27]);
}

#[test]
fn numbers_names_and_metrics_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for tag in Tag::ALL {
        let message = tag.message();
        assert!(seen.insert(message.tag.to_owned()) && seen.insert(message.number.to_string()), "{tag:?}");
        assert_eq!(Tag::from_number(message.number), Some(*tag));
        let mut fields: Vec<_> = message.pieces.iter().map(|(_, field)| field).collect();
        fields.sort_unstable();
        fields.dedup();
        assert_eq!(fields.len(), message.pieces.len(), "{tag:?}");
    }
}
