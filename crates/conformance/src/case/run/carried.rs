//! What a policy's sessions carried, as cases write it: `2/86 1/43 sent 1/43 1/43`, packets/bytes of either direction.

use ravelin_contract::{DataPlane, Traffic};

use crate::bench::BenchError;

/// # Errors
/// The plane does not tell.
pub(super) fn of(plane: &dyn DataPlane, policy: &str) -> Result<String, BenchError> {
    let names = plane.last_apply_result().map(|result| result.policy_names).unwrap_or_default();
    let counters = plane.telemetry().policies().map_err(BenchError::Plane)?;
    let named = |id| names.iter().any(|(of, name)| of == id && name == policy);
    let (mut came, mut sent) = (Traffic::default(), Traffic::default());
    for counter in counters.iter().filter(|counter| named(counter.id)) {
        came = came.plus(Traffic { packets: counter.packets, bytes: counter.bytes });
        sent = sent.plus(counter.sent);
    }
    let of = |Traffic { packets: [p, q], bytes: [b, c] }| format!("{p}/{b} {q}/{c}");
    Ok(format!("{} sent {}", of(came), of(sent)))
}
