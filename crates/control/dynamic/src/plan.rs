//! What a configuration asks for.

use std::net::IpAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use ravelin_compile::{feed_set_id, feed_url, name_set_id, schedule_id};
use ravelin_model::ValidConfig;
use ravelin_types::{LiveSetId, ScheduleId};

use crate::schedule::Schedule;
use crate::zone::time_zone;

/// Junos' defaults.
const QUERY_INTERVAL_S: u32 = 300;
const UPDATE_INTERVAL_S: u32 = 300;
const HOLD_INTERVAL_S: u32 = 86_400;

/// Everything that is watched for a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DynamicPlan {
    pub schedules: Vec<PlannedSchedule>,
    pub names: Vec<PlannedName>,
    pub feeds: Vec<PlannedFeed>,
    /// Whom names are asked of, one after another; none: the machine's own resolver.
    pub name_servers: Vec<IpAddr>,
    /// What schedules go by; `None`: by the machine's own.
    pub zone: Option<TimeZone>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSchedule {
    pub id: ScheduleId,
    pub name: String,
    pub schedule: Schedule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedName {
    pub id: LiveSetId,
    /// As it is asked for.
    pub name: String,
    pub v4: bool,
    pub v6: bool,
    pub interval: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFeed {
    pub id: LiveSetId,
    pub server: String,
    pub name: String,
    /// Names that policies use for it.
    pub addresses: Vec<String>,
    pub url: String,
    pub update: Duration,
    pub hold: Duration,
}

impl DynamicPlan {
    #[must_use]
    pub fn new(valid: &ValidConfig) -> Self {
        let config = valid.get();
        let schedules = config.schedulers.iter().map(|scheduler| PlannedSchedule {
            id: schedule_id(scheduler),
            name: scheduler.name.clone(),
            schedule: Schedule::new(scheduler),
        });
        let names = valid.addresses().hosts().map(|dns| PlannedName {
            id: name_set_id(dns),
            name: dns.name.to_ascii_lowercase(),
            v4: !dns.ipv6_only,
            v6: !dns.ipv4_only,
            interval: seconds(dns.query_interval_s.unwrap_or(QUERY_INTERVAL_S)),
        });
        let mut feeds = Vec::new();
        let dynamic = &config.security.dynamic_addresses;
        for server in &dynamic.servers {
            for feed in &server.feeds {
                let url = feed_url(server, feed);
                let named = dynamic.names.iter().filter(|name| name.feeds.contains(&feed.name));
                let update = feed.update_interval_s.or(server.update_interval_s).unwrap_or(UPDATE_INTERVAL_S);
                let hold = feed.hold_interval_s.or(server.hold_interval_s).unwrap_or(HOLD_INTERVAL_S);
                feeds.push(PlannedFeed {
                    id: feed_set_id(&url),
                    server: server.name.clone(),
                    name: feed.name.clone(),
                    addresses: named.map(|name| name.name.clone()).collect(),
                    url,
                    update: seconds(update),
                    hold: seconds(hold),
                });
            }
        }
        let zone = config.system.time_zone.as_ref().and_then(|zone| time_zone(&zone.name));
        let name_servers = config.system.name_servers.clone();
        Self { schedules: schedules.collect(), names: names.collect(), feeds, name_servers, zone }
    }

    /// Both, for the time between two configurations.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.schedules.extend(other.schedules.iter().cloned());
        both.names.extend(other.names.iter().cloned());
        both.feeds.extend(other.feeds.iter().cloned());
        both
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty() && self.names.is_empty() && self.feeds.is_empty()
    }
}

fn seconds(value: u32) -> Duration {
    Duration::from_secs(value.into())
}
