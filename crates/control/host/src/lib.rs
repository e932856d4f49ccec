//! Netlink, TAP devices and sysctl: the kernel's side of the firewall.
//!
//! A `Desired` is what the configuration wants of the kernel; `Host::apply` observes, plans (a pure function) and acts
//! until both agree. Only what carries our mark is ever removed: TAPs by their alias, routes by their protocol number.

mod announce;
mod desired;
mod kernel;
mod link_socket;
mod message;
mod plan;
mod resolve;
mod speed;
mod tap;

pub use announce::{Announced, Announcement};
pub use desired::{
    Desired, DesiredPort, DesiredRoute, DesiredRule, DesiredTap, Observed, ObservedLink, RouteTo, Selector,
    link_local,
};
pub use kernel::{Host, HostError, Report};
pub use link_socket::LinkSocket;
pub use plan::{Action, plan};
pub use resolve::{Device, ResolveError, resolve};
pub use speed::speed_bps;
pub use tap::TapError;
