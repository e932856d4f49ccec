//! A plane that answers some questions and is gone before the last ones.

use ravelin_contract::{
    Admission, ApplyResult, DataPlane, Diagnostics, Error, EventBatch, FirewallCounters, Global, Ha,
    InterfaceCounters, Link, NatCounters, PolicyCounters, PoolCounters, ScreenCounters, SessionStore,
    Telemetry, Updates,
};
use ravelin_program::Program;

pub struct Half<'a>(pub &'a dyn DataPlane);

impl DataPlane for Half<'_> {
    fn start(&self) -> Result<(), Error> {
        self.0.start()
    }
    fn check_config(&self, program: &Program) -> Result<Admission, Error> {
        self.0.check_config(program)
    }
    fn apply_config(&self, program: &Program) -> Result<ApplyResult, Error> {
        self.0.apply_config(program)
    }
    fn last_apply_result(&self) -> Option<ApplyResult> {
        self.0.last_apply_result()
    }
    fn close(&self) {
        self.0.close();
    }
    fn teardown(&self) -> Result<(), Error> {
        self.0.teardown()
    }
    fn link(&self) -> &dyn Link {
        self.0.link()
    }
    fn ha(&self) -> &dyn Ha {
        self.0.ha()
    }
    fn sessions(&self) -> &dyn SessionStore {
        self.0.sessions()
    }
    fn telemetry(&self) -> &dyn Telemetry {
        self
    }
    fn diagnostics(&self) -> &dyn Diagnostics {
        self.0.diagnostics()
    }
    fn updates(&self) -> &dyn Updates {
        self.0.updates()
    }
}

impl Telemetry for Half<'_> {
    fn global(&self) -> Result<Global, Error> {
        self.0.telemetry().global()
    }
    fn policies(&self) -> Result<Vec<PolicyCounters>, Error> {
        self.0.telemetry().policies()
    }
    fn nat_rules(&self) -> Result<Vec<NatCounters>, Error> {
        self.0.telemetry().nat_rules()
    }
    fn source_pools(&self) -> Result<Vec<PoolCounters>, Error> {
        self.0.telemetry().source_pools()
    }
    fn interfaces(&self) -> Result<Vec<InterfaceCounters>, Error> {
        self.0.telemetry().interfaces()
    }
    fn screens(&self) -> Result<Vec<ScreenCounters>, Error> {
        self.0.telemetry().screens()
    }
    fn firewall(&self) -> Result<FirewallCounters, Error> {
        Err(Error::Unreachable("it died".into()))
    }
    fn events(&self, max: usize) -> Result<EventBatch, Error> {
        self.0.telemetry().events(max)
    }
}
