//! A flow trace that writes nothing.

use std::sync::Mutex;

use ravelin_contract::DataPlane;
use ravelin_ops::{FlowFile, FlowFilterLine, FlowTrace, FlowTraceStatus, NameTable, PacketQuery};

#[derive(Default)]
pub struct FakeTrace(Mutex<FlowTraceStatus>);

impl FlowTrace for FakeTrace {
    fn filter(&self, name: &str, packets: &PacketQuery) -> Result<(), String> {
        self.0.lock().unwrap().filters.push(FlowFilterLine::new(name, packets));
        Ok(())
    }
    fn clear(&self, name: Option<&str>) -> Result<(), String> {
        self.0.lock().unwrap().filters.retain(|filter| name.is_some_and(|name| name != filter.name));
        Ok(())
    }
    fn file(&self, file: &FlowFile) -> Result<(), String> {
        self.0.lock().unwrap().file = Some(format!("/var/log/{}", file.name));
        Ok(())
    }
    fn start(&self, _: &dyn DataPlane, _: &NameTable) -> Result<(), String> {
        let mut status = self.0.lock().unwrap();
        if status.file.is_none() {
            return Err("Please specify the monitor flow trace file.".into());
        }
        status.active = true;
        Ok(())
    }
    fn stop(&self, _: &dyn DataPlane) {
        self.0.lock().unwrap().active = false;
    }
    fn status(&self) -> FlowTraceStatus {
        self.0.lock().unwrap().clone()
    }
}
