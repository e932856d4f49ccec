//! The root of the contract: twelve methods, no more.

use ravelin_program::Program;

use crate::{Admission, ApplyResult, Diagnostics, Error, Ha, Link, SessionStore, Telemetry, Updates};

/// A packet plane, whatever moves its packets.
///
/// Readers see the old or the new generation, whole. An unsupported operation is
/// [`Error::Unsupported`], never a silent success.
pub trait DataPlane: Send + Sync {
    /// Takes over ports and starts workers; without a program they drop everything.
    ///
    /// # Errors
    /// Ports or workers can't be had.
    fn start(&self) -> Result<(), Error>;

    /// Prepares a program: allocates everything it needs and says what can't be enforced.
    ///
    /// # Errors
    /// The backend failed; a program it refuses is an [`Admission`] with refusals.
    fn check_config(&self, program: &Program) -> Result<Admission, Error>;

    /// Publishes a program; prepared under the same digest, it only swaps.
    ///
    /// # Errors
    /// The program is refused or can't be prepared; the running one stays.
    fn apply_config(&self, program: &Program) -> Result<ApplyResult, Error>;

    /// The result of the last successful apply.
    fn last_apply_result(&self) -> Option<ApplyResult>;

    /// Lets go of the plane; a separate packet process runs on.
    fn close(&self);

    /// Stops forwarding and gives the ports back.
    ///
    /// # Errors
    /// Something could not be given back.
    fn teardown(&self) -> Result<(), Error>;

    fn link(&self) -> &dyn Link;
    fn ha(&self) -> &dyn Ha;
    fn sessions(&self) -> &dyn SessionStore;
    fn telemetry(&self) -> &dyn Telemetry;
    fn diagnostics(&self) -> &dyn Diagnostics;
    fn updates(&self) -> &dyn Updates;
}
