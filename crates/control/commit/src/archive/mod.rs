//! Copies of the active configuration at archive sites.
//!
//! Junos: `system archival configuration`. The caller runs [`transfer`] where waiting for a file system or another node
//! hurts nobody. Spec: commit-37..41, commit-49..51.

mod remote;

use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use ravelin_model::{ArchiveSite, SitePlace};
use ravelin_syntax::Rope;

pub use remote::{Carrier, Patience};

/// A copy to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub sites: Vec<ArchiveSite>,
    pub name: String,
    pub text: Rope,
    /// The commit that it is a copy of.
    pub serial: u64,
    /// It was due by its commit, not by the clock.
    pub by_commit: bool,
}

/// Junos' name of a copy: node, time in UTC, and a number, here the commit's.
#[must_use]
pub fn name(node: &str, time_s: u64, serial: u64) -> String {
    let time = i64::try_from(time_s).ok().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or_default();
    // A name from a configuration must not lead out of the directory.
    let node: String =
        node.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect();
    format!("{node}_{}_juniper.conf.{serial}", time.strftime("%Y%m%d_%H%M%S"))
}

/// What became of a copy.
#[derive(Debug)]
pub struct Transferred<'a> {
    /// `None`: it is nowhere.
    pub site: Option<&'a SitePlace>,
    /// The sites before it, and what each said.
    pub failed: Vec<(&'a SitePlace, io::Error)>,
}

/// Brings the copy to the first site that takes it; into a directory whole or not at all.
#[must_use]
pub fn transfer<'a>(job: &'a Transfer, program: Option<&Carrier>) -> Transferred<'a> {
    let mut failed = Vec::new();
    for site in &job.sites {
        let done = match &site.place {
            SitePlace::Directory(directory) => write(directory, job),
            SitePlace::Remote(remote) => match program {
                Some(program) => program.send(remote, site.password.as_ref(), job),
                None => Err(io::Error::new(io::ErrorKind::NotFound, Carrier::MISSING)),
            },
        };
        match done {
            Ok(()) => return Transferred { site: Some(&site.place), failed },
            Err(error) => failed.push((&site.place, error)),
        }
    }
    Transferred { site: None, failed }
}

fn write(site: &Path, job: &Transfer) -> io::Result<()> {
    // The file is readable by its owner alone.
    let mut file = tempfile::NamedTempFile::new_in(site)?;
    job.text.pieces().try_for_each(|piece| file.write_all(piece.as_bytes()))?;
    file.as_file().sync_all()?;
    file.persist(site.join(&job.name)).map_err(|error| error.error)?;
    std::fs::File::open(site)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(path: &Path) -> ArchiveSite {
        ArchiveSite { place: SitePlace::Directory(path.to_owned()), password: None }
    }

    #[test]
    fn the_first_site_that_works_has_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let sites = vec![directory(&dir.path().join("missing")), directory(dir.path())];
        let name = name("fw/../1", 1_770_000_000, 12);
        assert_eq!(name, "fw_.._1_20260202_024000_juniper.conf.12");
        let mut job = Transfer { sites, name, text: "system;\n".into(), serial: 12, by_commit: true };
        let place = SitePlace::Directory(dir.path().to_owned());
        let done = transfer(&job, None);
        assert_eq!((done.site, done.failed.len()), (Some(&place), 1), "and who did not take it is told");
        assert_eq!(std::fs::read_to_string(dir.path().join(&job.name)).unwrap(), "system;\n");
        job.sites.truncate(1);
        let done = transfer(&job, None);
        assert_eq!((done.site, done.failed.len()), (None, 1));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half written");
    }
}
