//! A log that notes what it was asked.

use std::cell::{Cell, RefCell};

use ravelin_ops::{
    LogEvent, LogEvents, LogMemory, LogQuery, LogStatistics, LogStreamLine, LogView, TrackingCounters,
};

#[derive(Default)]
pub struct FakeLog {
    pub asked: RefCell<Vec<LogQuery>>,
    pub file: Option<String>,
    /// Whether the counters of tracking were cleared.
    pub cleared: Cell<bool>,
}

impl LogView for FakeLog {
    fn events(&self, query: &LogQuery) -> LogEvents {
        self.asked.borrow_mut().push(query.clone());
        let event = |time_s, message: &str| LogEvent { time_s, message: message.to_owned() };
        LogEvents {
            events: vec![
                event(1_000_000_000, "session created 10.1.0.2/40000->198.51.100.2/80"),
                event(1_000_000_001, "session denied 10.1.0.2/40001->198.51.100.2/23"),
            ],
            total: 5,
        }
    }

    fn clear(&self, query: &LogQuery) -> u64 {
        self.asked.borrow_mut().push(query.clone());
        2
    }

    fn file(&self) -> Result<Option<String>, String> {
        Ok(self.file.clone())
    }

    fn statistics(&self) -> LogStatistics {
        LogStatistics {
            streams: vec![LogStreamLine {
                name: "siem".into(),
                destination: "192.0.2.10:514 tcp from 10.1.0.1".into(),
                connections: 0,
                trouble: Some("Connection refused (os error 111)".into()),
                produced: 10,
                sent: 4,
                waiting: 2,
                lost: 1,
                failed: 0,
                limited: 3,
            }],
            memory: Some(LogMemory { produced: 10, limited: 0, kept: 9, refused: 1 }),
            events_lost: 7,
            messages: vec![("RT_FLOW_SESSION_CREATE".into(), 12)],
        }
    }

    fn tracking(&self) -> TrackingCounters {
        if self.cleared.get() {
            return TrackingCounters::default();
        }
        TrackingCounters { created: 11, closed: 7, updated: 1234, failed: 3 }
    }

    fn clear_tracking(&self) {
        self.cleared.set(true);
    }
}
