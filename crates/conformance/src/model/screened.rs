//! By the screens of which zones a packet is judged, and once by each (screen-2).

use ravelin_model::IdsOption;
use ravelin_types::DropReason;

use super::screens::{Asked, Look, Stopped};
use super::{Expected, HOST, Judgement, Model, Packet, dropped, entrance, screens};

impl<'a> Model<'a> {
    /// By the screens of the zone that a packet of a session comes from and of the one that it goes to; what the firewall sends itself
    /// is not judged (screen-2).
    pub(super) fn screened_twice(
        &mut self,
        unit: &str,
        (zone, beyond): (&str, &str),
        packet: &Packet,
    ) -> Result<bool, Judgement> {
        let mut is_mended = false;
        for (zone, leaves) in [(zone, false), (beyond, true)].into_iter().filter(|_| zone != HOST) {
            is_mended |= self.screened(unit, (zone, leaves), packet, Look::OfSession)?;
        }
        Ok(is_mended)
    }

    /// Judges by the screens of a zone. `Ok(true)`: its urgent flag goes.
    pub(super) fn screened(
        &mut self,
        unit: &str,
        (zone, leaves): (&str, bool),
        packet: &Packet,
        look: Look,
    ) -> Result<bool, Judgement> {
        // What stays within a zone is judged once (screen-2).
        let is_within = leaves && self.zone_of(unit).as_deref() == Some(zone);
        if is_within && self.profile(zone, false).is_some() {
            return Ok(false);
        }
        // What stays within a zone is asked once (screen-2).
        let has_been =
            leaves && self.zone_of(unit).as_deref() == Some(zone) && self.profile(zone, false).is_some();
        let Some(option) = self.profile(zone, leaves).filter(|_| !has_been) else { return Ok(false) };
        let asked = self.asked((unit, zone), packet, look);
        let before = self.screens.hits.clone();
        let found = self.screens.judge(self.config, option, &asked);
        self.screens.notice(self.config.security.screen.trap_interval, &asked, &before, found.is_err());
        found.map_err(|stopped| match stopped {
            Stopped::Dropped => dropped(DropReason::Screen),
            Stopped::Answered => Expected::Answer.into(),
        })
    }

    pub(super) fn asked<'b>(
        &self,
        (unit, zone): (&str, &'b str),
        packet: &'b Packet,
        look: Look,
    ) -> Asked<'b> {
        // What leaves by the zone came in by another: its source is no matter of the zone.
        let came_from = self.zone_of(unit);
        let there = came_from.as_deref().unwrap_or(zone);
        let back = self.route(there, packet.src).filter(|_| !self.is_own(there, packet.src));
        let of_link = entrance::is_of_link(packet);
        let is_spoofed = !of_link && back.and_then(|unit| self.zone_of(&unit)) != came_from;
        Asked { zone, packet, now: self.now, look, is_spoofed }
    }

    /// What a zone asks of packets that enter it, or leave by it.
    pub(super) fn profile(&self, zone: &str, leaves: bool) -> Option<&'a IdsOption> {
        let security = &self.config.security;
        let name = security.zones.iter().find(|z| z.name == zone)?.screen.as_ref()?;
        let option = security.screen.ids_options.iter().find(|option| option.name == *name)?;
        screens::looks(option, leaves).then_some(option)
    }
}
