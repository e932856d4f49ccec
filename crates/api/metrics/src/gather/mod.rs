//! Samples out of the plane and of what the daemon knows. Spec: metrics-8..10.
//!
//! A question that a plane does not know leaves its metrics out. One that it does not answer leaves out all that it
//! counts, and says so: half a scrape would read as counters that were reset.

mod daemon;
mod filters;
mod nat;
mod plane;
mod policies;

use ravelin_contract::{DataPlane, Error};
use ravelin_ops::{DynamicView, LogStatistics, NameTable, NatAlarms};

use crate::exposition::Exposition;
use crate::process::Process;
use crate::table::Family;

/// Where a scrape is from.
pub struct Source<'a> {
    /// `None`: it can't be reached.
    pub plane: Option<&'a dyn DataPlane>,
    /// Of the program that runs.
    pub names: &'a NameTable,
    pub alarms: &'a NatAlarms,
    pub dynamic: &'a dyn DynamicView,
    pub log: &'a LogStatistics,
    pub commits: Commits,
    /// Routes that the plane was told of.
    pub routes: u64,
    pub version: &'a str,
    /// `None`: the system does not say.
    pub process: Option<Process>,
}

/// The life of commits in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// Of the active one, counted from the first; 0: there is none.
    pub serial: u64,
    pub time_s: u64,
    pub kept: u64,
    pub unconfirmed: bool,
    pub owed: u64,
    pub editors: u64,
}

/// Samples of everything.
#[must_use]
pub fn gather(source: &Source<'_>, series_max: usize) -> Exposition {
    let mut out = Exposition::new(series_max);
    daemon::gather(source, &mut out);
    let told = source.plane.is_some_and(|plane| counted(plane, source, &mut out).is_ok());
    if !told {
        plane::COUNTED.iter().for_each(|family| out.forget(*family));
    }
    out.add(Family::DataplaneUp, [], told.into());
    for (family, series) in out.omitted() {
        out.add(Family::SeriesOmitted, [&family.metric().sample()], series);
    }
    out
}

fn counted(plane: &dyn DataPlane, source: &Source<'_>, out: &mut Exposition) -> Result<(), Error> {
    plane::gather(plane, source.names, out)?;
    policies::gather(plane, source.names, out)?;
    nat::gather(plane, source, out)?;
    filters::gather(plane, source.names, out)
}

/// An answer; `None`: the plane does not have what was asked for, or not yet.
fn known<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Unsupported(_) | Error::NotReady) => Ok(None),
        Err(error) => Err(error),
    }
}
