//! The driver: reads the kernel, performs a plan. State: the netlink handle and the held TAPs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use futures_util::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::{
    Handle, IpVersion, LinkUnspec,
    packet_route::{
        AddressFamily,
        address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage},
        link::LinkAttribute,
        route::RouteMessage,
    },
    sys::AsyncSocket as _,
};

use crate::{
    desired::{Desired, DesiredRoute, DesiredRule, Observed, RouteTo},
    message,
    plan::{Action, plan, sysctls},
    tap::{HeldTap, TapError},
};

/// Rounds of observe, plan, act; two suffice, a third finds nothing to do.
const ROUNDS_MAX: usize = 3;
const PROC_SYS: &str = "/proc/sys";

/// What stopped the kernel from being brought in line.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("open netlink: {0}")]
    Open(std::io::Error),
    #[error("{step} `{subject}`: {source}")]
    Netlink { step: &'static str, subject: String, source: rtnetlink::Error },
    #[error("device `{0}` disappeared")]
    LinkGone(String),
    #[error(transparent)]
    Tap(#[from] TapError),
    #[error("set {}: {source}", path.display())]
    Sysctl { path: PathBuf, source: std::io::Error },
    #[error("route {0} has gateways of another family")]
    Family(IpNet),
    #[error("the kernel did not settle: {0:?} remain")]
    Unsettled(Vec<Action>),
}

/// How an apply went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Actions performed.
    pub performed: usize,
    /// Routes whose gateway is on no link: Junos keeps such routes hidden. They are tried again at the next apply.
    pub hidden: Vec<DesiredRoute>,
}

/// The kernel of the network namespace in which this was made.
pub struct Host {
    handle: Handle,
    held: BTreeMap<String, HeldTap>,
}

impl Host {
    /// Opens netlink; needs a tokio runtime.
    ///
    /// # Errors
    /// The socket can't be had.
    pub fn open() -> Result<Self, HostError> {
        let (mut connection, handle, _) = rtnetlink::new_connection().map_err(HostError::Open)?;
        // A dump lists what it is asked for, and no more: others may have a million routes.
        connection.socket_mut().socket_ref().set_netlink_get_strict_chk(true).map_err(HostError::Open)?;
        tokio::spawn(connection);
        Ok(Self { handle, held: BTreeMap::new() })
    }

    /// Links with their addresses, our routes, and the sysctls that `desired` is about.
    ///
    /// # Errors
    /// A dump failed.
    pub async fn observe(&self, desired: &Desired) -> Result<Observed, HostError> {
        let failed = |subject: &'static str| {
            move |source| HostError::Netlink { step: "list", subject: subject.into(), source }
        };
        let mut observed = Observed::default();
        let links: Vec<_> =
            self.handle.link().get().execute().try_collect().await.map_err(failed("links"))?;
        observed.links = links.iter().filter_map(message::link).collect();
        for address in self.addresses().await? {
            let link = observed.links.values_mut().find(|link| link.index == address.header.index);
            if let (Some(link), Some(net)) = (link, message::address(&address)) {
                link.addresses.insert(net);
                if message::is_unrouted(&address) {
                    link.unrouted.insert(net);
                }
            }
        }
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let routes = self.handle.route().get(own_routes(family)).execute().try_collect().await;
            let routes: Vec<_> = routes.map_err(failed("routes"))?;
            let names = observed.links.iter().map(|(name, link)| (link.index, name.as_str())).collect();
            let own = routes.iter().filter_map(|route| message::own_route(route, &names));
            observed.routes.extend(own.collect::<Vec<_>>());
        }
        for version in [IpVersion::V4, IpVersion::V6] {
            let rules: Vec<_> =
                self.handle.rule().get(version).execute().try_collect().await.map_err(failed("rules"))?;
            observed.rules.extend(rules.iter().filter_map(message::own_rule));
        }
        for (path, _) in sysctls(desired) {
            if let Ok(value) = fs::read_to_string(Path::new(PROC_SYS).join(&path)) {
                observed.sysctls.insert(path, value.trim().to_owned());
            }
        }
        Ok(observed)
    }

    async fn addresses(&self) -> Result<Vec<AddressMessage>, HostError> {
        let dump = self.handle.address().get().execute().try_collect().await;
        dump.map_err(|source| HostError::Netlink { step: "list", subject: "addresses".into(), source })
    }

    /// Brings the kernel in line with `desired`. Applying the same again does nothing.
    ///
    /// # Errors
    /// A step failed; those before it stay done, and the next apply goes on from there.
    pub async fn apply(&mut self, desired: &Desired) -> Result<Report, HostError> {
        self.apply_within(desired, usize::MAX).await
    }

    /// As [`Self::apply`], in so many steps at most.
    async fn apply_within(&mut self, desired: &Desired, steps: usize) -> Result<Report, HostError> {
        let mut report = Report::default();
        self.held.retain(|name, _| desired.taps.iter().any(|tap| tap.name == *name));
        for round in 0..ROUNDS_MAX {
            let observed = self.observe(desired).await?;
            let mut actions = plan(desired, &observed);
            actions.retain(|action| match action {
                Action::SetRoute(route) => !report.hidden.contains(route),
                // After the first round every device exists; what is still missing is missing from the kernel.
                Action::SetSysctl { path, .. } => round == 0 || Path::new(PROC_SYS).join(path).exists(),
                _ => true,
            });
            if actions.is_empty() {
                return self.hold_all(desired).map(|()| report);
            }
            for action in actions {
                if report.performed >= steps {
                    return Err(HostError::Unsettled(vec![action]));
                }
                self.perform(&action, &mut report).await?;
                report.performed += 1;
            }
        }
        Err(HostError::Unsettled(plan(desired, &self.observe(desired).await?)))
    }

    /// TAPs that an earlier daemon made are held by this one, too.
    fn hold_all(&mut self, desired: &Desired) -> Result<(), HostError> {
        for tap in &desired.taps {
            if !self.held.contains_key(&tap.name) {
                self.held.insert(tap.name.clone(), HeldTap::hold(&tap.name)?);
            }
        }
        Ok(())
    }

    async fn perform(&mut self, action: &Action, report: &mut Report) -> Result<(), HostError> {
        match action {
            Action::CreateTap(name) => {
                self.held.insert(name.clone(), HeldTap::hold(name)?);
                Ok(())
            }
            Action::DeleteTap(name) => {
                self.held.remove(name);
                let deleted = self.handle.link().del(self.index(name).await?).execute().await;
                deleted.map_err(failed("delete", name))
            }
            Action::SetAlias { link, alias } => self.set(link, |message| message.alias(alias.clone())).await,
            Action::SetMac { link, mac } => self.set(link, |message| message.address(mac.0.to_vec())).await,
            Action::SetMtu { link, mtu } => self.set(link, |message| message.mtu(*mtu)).await,
            Action::SetAllMulticast(link) => self.set(link, |message| message.allmulticast(true)).await,
            Action::SetUp { link, up: true } => self.set(link, |message| message.up()).await,
            Action::SetUp { link, up: false } => self.set(link, |message| message.down()).await,
            Action::SetSysctl { path, value } => set_sysctl(path, value),
            Action::AddAddress { link, address, is_routed } => {
                self.add_address(link, *address, *is_routed).await
            }
            Action::RemoveAddress { link, address } => self.remove_address(link, *address).await,
            Action::RemoveRoute(route) => {
                let removed = self.handle.route().del(self.route_message(route).await?).execute().await;
                match removed {
                    // It went with its link.
                    Err(error) if has_code(&error, &[ESRCH]) => Ok(()),
                    outcome => outcome.map_err(failed("remove route", &route.prefix.to_string())),
                }
            }
            Action::SetRoute(route) => {
                let set = self.handle.route().add(self.route_message(route).await?).replace().execute().await;
                match set {
                    Err(error) if is_unreachable(&error) => report.hidden.push(route.clone()),
                    outcome => outcome.map_err(failed("set route", &route.prefix.to_string()))?,
                }
                Ok(())
            }
            Action::RemoveRule(rule) => self.remove_rule(rule).await,
            Action::AddRule(rule) => self.add_rule(rule).await,
        }
    }

    async fn set(
        &self,
        link: &str,
        change: impl FnOnce(
            rtnetlink::LinkMessageBuilder<LinkUnspec>,
        ) -> rtnetlink::LinkMessageBuilder<LinkUnspec>,
    ) -> Result<(), HostError> {
        let index = self.index(link).await?;
        let message = change(LinkUnspec::new_with_index(index)).build();
        self.handle.link().set(message).execute().await.map_err(failed("change", link))
    }

    async fn add_address(&self, link: &str, address: IpNet, is_routed: bool) -> Result<(), HostError> {
        let index = self.index(link).await?;
        let mut request = self.handle.address().add(index, address.addr(), address.prefix_len());
        // Nobody answers duplicate detection while the dataplane is down, and the address must work at once.
        request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        if !is_routed {
            let flags = AddressFlags::Noprefixroute | AddressFlags::Nodad;
            request.message_mut().attributes.push(AddressAttribute::Flags(flags));
        }
        request.execute().await.map_err(failed("add an address to", link))
    }

    async fn remove_address(&self, link: &str, address: IpNet) -> Result<(), HostError> {
        let index = self.index(link).await?;
        let is_it = |message: &AddressMessage| {
            message.header.index == index && message::address(message) == Some(address)
        };
        match self.addresses().await?.into_iter().find(is_it) {
            Some(message) => {
                let removed = self.handle.address().del(message).execute().await;
                removed.map_err(failed("remove an address from", link))
            }
            None => Ok(()),
        }
    }

    async fn route_message(&self, route: &DesiredRoute) -> Result<RouteMessage, HostError> {
        let links = match &route.to {
            RouteTo::Link(name) => BTreeMap::from([(name.clone(), self.index(name).await?)]),
            RouteTo::Gateways(_) | RouteTo::Discard | RouteTo::Reject => BTreeMap::new(),
        };
        message::route(route, &links).ok_or(HostError::Family(route.prefix))
    }

    async fn add_rule(&self, rule: &DesiredRule) -> Result<(), HostError> {
        let mut request = self.handle.rule().add();
        *request.message_mut() = message::rule(rule);
        match request.execute().await {
            Err(error) if has_code(&error, &[EEXIST]) => Ok(()),
            outcome => outcome.map_err(failed("add a rule for", &format!("{:?}", rule.selector))),
        }
    }

    async fn remove_rule(&self, rule: &DesiredRule) -> Result<(), HostError> {
        let removed = self.handle.rule().del(message::rule(rule)).execute().await;
        match removed {
            Err(error) if has_code(&error, &[ENOENT]) => Ok(()),
            outcome => outcome.map_err(failed("remove a rule for", &format!("{:?}", rule.selector))),
        }
    }

    async fn index(&self, name: &str) -> Result<u32, HostError> {
        let mut links = self.handle.link().get().match_name(name).execute();
        match links.try_next().await {
            Ok(Some(link)) => {
                let named = |a: &LinkAttribute| matches!(a, LinkAttribute::IfName(found) if found == name);
                let known = link.attributes.iter().any(named);
                if known { Ok(link.header.index) } else { Err(HostError::LinkGone(name.into())) }
            }
            Ok(None) => Err(HostError::LinkGone(name.into())),
            Err(source) => Err(HostError::Netlink { step: "find", subject: name.into(), source }),
        }
    }
}

fn failed(step: &'static str, subject: &str) -> impl FnOnce(rtnetlink::Error) -> HostError {
    let subject = subject.to_owned();
    move |source| HostError::Netlink { step, subject, source }
}

/// Asks for our own routes of a family, of every table and type.
fn own_routes(family: AddressFamily) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family;
    message.header.protocol = message::PROTOCOL;
    message
}

const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const ENETDOWN: i32 = 100;
const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;

/// The kernel's answer to a gateway that is on no link; IPv6 says EINVAL or EHOSTUNREACH.
fn is_unreachable(error: &rtnetlink::Error) -> bool {
    has_code(error, &[ENETUNREACH, EHOSTUNREACH, ENETDOWN, EINVAL])
}

fn has_code(error: &rtnetlink::Error, codes: &[i32]) -> bool {
    let rtnetlink::Error::NetlinkError(message) = error else { return false };
    codes.contains(&message.raw_code().abs())
}

/// Writes a setting; `net/ipv6` is missing where the kernel has no IPv6, which is as good as off.
fn set_sysctl(path: &str, value: &str) -> Result<(), HostError> {
    let path = Path::new(PROC_SYS).join(path);
    match fs::write(&path, value) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(HostError::Sysctl { path, source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Against a real kernel, in a network namespace of its own (`rvb-h`). Needs root and iproute2.
#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        os::fd::AsFd,
        process::{Command, Stdio},
        thread,
    };

    use ravelin_types::{InstanceId, Mac};
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

    use crate::{
        Desired, DesiredPort, DesiredRoute, DesiredTap, Host, RouteTo, link_local,
        tap::{AttachedQueue, HeldTap},
    };

    const NAMESPACE: &str = "rvb-h";

    struct Namespace;

    impl Namespace {
        fn make() -> Self {
            Self::clear();
            assert!(ip(&["netns", "add", NAMESPACE]).0);
            Self
        }

        fn clear() {
            ip(&["netns", "delete", NAMESPACE]);
        }
    }

    impl Drop for Namespace {
        fn drop(&mut self) {
            Self::clear();
        }
    }

    fn ip(arguments: &[&str]) -> (bool, String) {
        let output = Command::new("ip").args(arguments).stderr(Stdio::null()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    fn show(what: &[&str]) -> String {
        ip(&[&["-n", NAMESPACE, "-o"], what].concat()).1
    }

    fn desired() -> Desired {
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let addresses = ["10.7.0.1/24".parse().unwrap(), "fd07::1/64".parse().unwrap(), link_local(mac)];
        let gateway = |prefix: &str, gateway: &str| DesiredRoute {
            table: InstanceId::DEFAULT,
            prefix: prefix.parse().unwrap(),
            to: RouteTo::Gateways([gateway.parse().unwrap()].into()),
        };
        let other = |prefix: &str, to| DesiredRoute {
            table: InstanceId::DEFAULT,
            prefix: prefix.parse().unwrap(),
            to,
        };
        Desired {
            ports: vec![DesiredPort { device: "ge-0-0-0".into(), up: true }],
            taps: vec![DesiredTap {
                name: "ge-0-0-0.0".into(),
                unit: "ge-0/0/0.0".into(),
                mac,
                mtu: 1400,
                up: true,
                addresses: addresses.into(),
                table: InstanceId::DEFAULT,
                proxied: std::collections::BTreeSet::new(),
            }],
            routes: vec![
                gateway("0.0.0.0/0", "10.7.0.254"),
                gateway("::/0", "fd07::fe"),
                gateway("192.0.2.0/24", "172.31.0.1"),
                other("198.51.100.0/24", RouteTo::Discard),
                other("2001:db8:f::/48", RouteTo::Reject),
            ],
            ..Desired::default()
        }
    }

    /// Everything about the TAP that must outlive the packet process.
    fn state() -> [String; 4] {
        [
            show(&["link", "show", "dev", "ge-0-0-0.0"]),
            show(&["address", "show", "dev", "ge-0-0-0.0"]),
            show(&["route", "show", "proto", "201"]),
            show(&["-6", "route", "show", "proto", "201"]),
        ]
    }

    async fn scenario() {
        let mut host = Host::open().unwrap();
        let first = host.apply(&desired()).await.unwrap();
        assert_eq!(first.hidden.len(), 1, "a gateway on no link hides its route: {:?}", first.hidden);
        let before = state();
        assert!(before[0].contains("LOWER_UP") && before[0].contains("mtu 1400"), "{}", before[0]);
        assert!(before[0].contains("02:00:00:00:00:01"), "{}", before[0]);
        assert!(before[1].contains("10.7.0.1/24") && before[1].contains("fd07::1/64"), "{}", before[1]);
        assert!(!before[1].contains("tentative"), "{}", before[1]);
        assert!(
            before[2].contains("default via 10.7.0.254") && before[2].contains("blackhole 198.51.100.0/24")
        );
        assert!(before[3].contains("via fd07::fe") && before[3].contains("unreachable 2001:db8:f::/48"));
        assert!(!show(&["address", "show", "dev", "ge-0-0-0"]).contains("inet"), "a port owns no address");

        let queue = AttachedQueue::attach("ge-0-0-0.0").unwrap();
        drop(queue);
        assert_eq!(state(), before, "the packet process came and went");

        let again = host.apply(&desired()).await.unwrap();
        assert_eq!(again.performed, 1, "only the hidden route is tried again");

        drop(host);
        let mut next = Host::open().unwrap();
        next.apply(&desired()).await.unwrap();
        assert_eq!(state()[1..], before[1..], "a new daemon finds all as it was");

        broken_off(&mut next, &before).await;
        let none = Desired { taps: Vec::new(), routes: Vec::new(), ..desired() };
        next.apply(&none).await.unwrap();
        assert_eq!(show(&["link", "show", "dev", "ge-0-0-0.0"]), "");
        assert_eq!(show(&["route", "show", "proto", "201"]), "");
        assert!(HeldTap::hold("a-name-of-too-many-bytes").is_err());
    }

    /// Wherever the way to another configuration breaks off, the one before is had back, whole.
    async fn broken_off(host: &mut Host, before: &[String; 4]) {
        let mut other = desired();
        other.taps[0].mtu = 1300;
        other.taps[0].addresses = ["10.8.0.1/24".parse().unwrap(), "fd08::1/64".parse().unwrap()].into();
        other.routes.retain(|route| route.to == RouteTo::Discard);
        let mut steps = 0;
        while host.apply_within(&other, steps).await.is_err() {
            host.apply(&desired()).await.unwrap();
            let [link, others @ ..] = state();
            assert!(others == before[1..] && link.contains("mtu 1400"), "{steps} steps: {link}{others:?}");
            steps += 1;
        }
        assert!(steps > 5, "{steps} steps");
        assert!(state()[0].contains("mtu 1300") && !state()[1].contains("10.7.0.1"));
    }

    #[test]
    fn taps_and_routes_survive_the_packet_process() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("Skipped: this test needs root.");
            return;
        }
        let namespace = Namespace::make();
        let link = ["-n", NAMESPACE, "link", "add", "ge-0-0-0", "type", "veth", "peer", "name", "peer"];
        assert!(ip(&link).0);
        assert!(ip(&["-n", NAMESPACE, "address", "add", "10.1.1.1/24", "dev", "ge-0-0-0"]).0);
        let body = || {
            let file = File::open(format!("/run/netns/{NAMESPACE}")).unwrap();
            // A thread enters alone; its sockets, TAPs and /proc/sys/net are the namespace's.
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(scenario());
        };
        thread::spawn(body).join().unwrap();
        drop(namespace);
    }
}
