//! Routes and routing instances.

use serde_json::Value;

use crate::support::Bench;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

#[test]
fn routes_stand_in_two_tables() {
    check(
        "show route",
        "
inet.0: 4 destinations, 4 routes (4 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

0.0.0.0/0          *[Static/5] 1d 01:00:00
                    >  to 198.51.100.254 via ge-0/0/1.0
10.1.0.0/24        *[Direct/0]
                    >  via ge-0/0/0.0
10.1.0.1/32        *[Local/0] 00:10:02
                       Local via ge-0/0/0.0
192.0.2.0/24       *[Static/5]
                       Discard

VR-A.inet.0: 1 destinations, 1 routes (1 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

0.0.0.0/0          *[Static/5]
                       to table inet.0

ISP2.inet.0: 1 destinations, 1 routes (1 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

0.0.0.0/0          *[Static/5]
                    >  to 192.0.2.2 via ge-0/0/1.0

inet6.0: 1 destinations, 1 routes (1 active, 0 holddown, 0 hidden)
+ = Active Route, - = Last Active, * = Both

2001:db8::/64      *[Direct/0]
                    >  via ge-0/0/0.0
",
    );
    let head = |n| {
        format!(
            "\ninet.0: {n} destinations, {n} routes ({n} active, 0 holddown, 0 hidden)\n\
             + = Active Route, - = Last Active, * = Both\n\n"
        )
    };
    let direct = "10.1.0.0/24        *[Direct/0]\n                    >  via ge-0/0/0.0\n";
    let default = "0.0.0.0/0          *[Static/5]\n                       to table inet.0\n";
    let through = "0.0.0.0/0          *[Static/5]\n                    >  to 192.0.2.2 via ge-0/0/1.0\n";
    let others = [("VR-A.", default), ("ISP2.", through)];
    let others = others.map(|(name, route)| head(1).replacen("inet.0", &format!("{name}inet.0"), 1) + route);
    check("show route 10.1.0.9", &format!("{}{direct}{}", head(1), others.concat()));
    check("show route 10.1.0.9 table VR-A.inet.0", &others[0]);
    let local = "10.1.0.1/32        *[Local/0] 00:10:02\n                       Local via ge-0/0/0.0\n";
    check("show route 10.0.0.0/8", &format!("{}{direct}{local}", head(2)));
    check("show route 2001:db9::1", "");
}

#[test]
fn routing_instances_are_counted() {
    check(
        "show route instance",
        "\
Instance             Type
         Primary RIB                                     Active/holddown/hidden
master               forwarding
         inet.0                                          4/0/0
         inet6.0                                         1/0/0

ISP2                 forwarding
         ISP2.inet.0                                     1/0/0

VR-A                 virtual-router
         VR-A.inet.0                                     1/0/0

",
    );
    let text = Bench::new().good("show route instance | display json");
    let value: Value = serde_json::from_str(&text).unwrap();
    let name = value.pointer("/instance-information/0/instance-core/2/instance-rib/0/irib-name/0/data");
    assert_eq!(name.and_then(Value::as_str), Some("VR-A.inet.0"), "{text}");
}
