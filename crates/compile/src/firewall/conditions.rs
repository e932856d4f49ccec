//! `from` to conditions: names become numbers, lists become prefixes. Spec: firewall-filter-10..45.

use std::sync::Arc;

use ravelin_filter::{
    ByteField, Condition, End, FlexibleMatch, FlexibleStart, ListedPrefix, NumberField, OptionMatch, Values,
};
use ravelin_model::{
    FilterAddress, FilterMatch, FilterPrefixList, FilterTerm4, FilterTerm6, FlexibleMask, FlexibleRange,
    FlexibleStart as StartWord, IpOption, Listed,
};
use ravelin_syntax::Span;
use ravelin_types::{Addr, FRAGMENT_FLAG_NAMES, Family, FlagTable, InterfaceId, TCP_FLAG_NAMES};

use super::{Instance, word};
use crate::Compiler;

/// Bits of a flexible match that say no length: as many as a range may have.
const FLEXIBLE_BITS: u8 = 32;

/// Where the bits of a flexible match are.
struct Bits {
    start: Option<StartWord>,
    byte: Option<u8>,
    bit: Option<u8>,
    length: Option<u8>,
}

fn ranges<K>(list: &[Listed<K>]) -> Vec<(u32, u32)> {
    list.iter().map(|value| (value.low, value.high)).collect()
}

/// A list and the list of what is not meant, as conditions where they are given.
fn both<K, L>(
    only: &[Listed<K>],
    except: &[Listed<L>],
    make: impl Fn(Values) -> Condition,
) -> Vec<Condition> {
    let lists = [(ranges(only), false), (ranges(except), true)];
    let given = lists.into_iter().filter(|(ranges, _)| !ranges.is_empty());
    given.map(|(ranges, except)| make(Values { ranges, except })).collect()
}

fn byte(field: ByteField) -> impl Fn(Values) -> Condition {
    move |values| Condition::Byte { field, values }
}

fn number(field: NumberField) -> impl Fn(Values) -> Condition {
    move |values| Condition::Number { field, values }
}

fn port(end: End) -> impl Fn(Values) -> Condition {
    move |values| Condition::Port { end, values }
}

fn options(list: &[Listed<IpOption>], except: bool) -> Option<Condition> {
    if list.is_empty() {
        return None;
    }
    let any = list.iter().any(|value| value.low == IpOption::ANY);
    Some(Condition::IpOptions(match any {
        true => OptionMatch::Any { except },
        false => OptionMatch::Types(Values { ranges: ranges(list), except }),
    }))
}

/// A text that the checks let through.
fn flags(text: &Option<String>, names: &[(&str, u8)]) -> Option<FlagTable> {
    text.as_ref().and_then(|text| FlagTable::parse(text, names).ok())
}

impl<'a> Compiler<'a> {
    pub(super) fn conditions4(&mut self, term: &FilterTerm4, instance: &Instance<'_>) -> Vec<Condition> {
        let from = &term.from;
        let path = self.term_path(instance, &term.name);
        let mut out = self.common(&from.common, instance.family, (&path, term.at));
        out.extend(both(&from.protocol, &from.protocol_except, byte(ByteField::Protocol)));
        out.extend(both(&from.dscp, &from.dscp_except, byte(ByteField::Dscp)));
        out.extend(both(&from.precedence, &from.precedence_except, byte(ByteField::Precedence)));
        out.extend(both(&from.ttl, &from.ttl_except, byte(ByteField::Ttl)));
        out.extend(both(&from.icmp_type, &from.icmp_type_except, byte(ByteField::IcmpType)));
        out.extend(both(&from.icmp_code, &from.icmp_code_except, byte(ByteField::IcmpCode)));
        let offsets = (&from.fragment_offset, &from.fragment_offset_except);
        out.extend(both(offsets.0, offsets.1, number(NumberField::FragmentOffset)));
        out.extend(both(&from.esp_spi, &from.esp_spi_except, number(NumberField::EspSpi)));
        out.extend(options(&from.ip_options, false));
        out.extend(options(&from.ip_options_except, true));
        out.extend(from.is_fragment.then_some(Condition::IsFragment));
        out.extend(from.first_fragment.then_some(Condition::FirstFragment));
        out.extend(flags(&from.fragment_flags, FRAGMENT_FLAG_NAMES).map(Condition::FragmentFlags));
        out
    }

    pub(super) fn conditions6(&mut self, term: &FilterTerm6, instance: &Instance<'_>) -> Vec<Condition> {
        let from = &term.from;
        let path = self.term_path(instance, &term.name);
        let mut out = self.common(&from.common, instance.family, (&path, term.at));
        out.extend(both(&from.next_header, &from.next_header_except, byte(ByteField::NextHeader)));
        out.extend(both(&from.traffic_class, &from.traffic_class_except, byte(ByteField::Dscp)));
        out.extend(both(&from.icmp_type, &from.icmp_type_except, byte(ByteField::IcmpType)));
        out.extend(both(&from.icmp_code, &from.icmp_code_except, byte(ByteField::IcmpCode)));
        out
    }

    fn term_path(&self, instance: &Instance<'_>, term: &str) -> String {
        let name = instance.base().split_once('/').map_or("", |(_, name)| name);
        format!("firewall family {} filter {name} term {term}", word(instance.family))
    }

    fn common(&mut self, from: &FilterMatch, family: Family, at: (&str, Span)) -> Vec<Condition> {
        let mut out = Vec::new();
        for (end, addresses, lists) in [
            (End::Either, &from.address, &from.prefix_list),
            (End::Source, &from.source_address, &from.source_prefix_list),
            (End::Destination, &from.destination_address, &from.destination_prefix_list),
        ] {
            if !addresses.is_empty() || !lists.is_empty() {
                out.push(Condition::Address { end, prefixes: self.prefixes(addresses, lists, family) });
            }
        }
        out.extend(both(&from.port, &from.port_except, port(End::Either)));
        out.extend(both(&from.source_port, &from.source_port_except, port(End::Source)));
        out.extend(both(&from.destination_port, &from.destination_port_except, port(End::Destination)));
        let lengths = (&from.packet_length, &from.packet_length_except);
        out.extend(both(lengths.0, lengths.1, number(NumberField::PacketLength)));
        let groups = (&from.interface_group, &from.interface_group_except);
        out.extend(both(groups.0, groups.1, byte(ByteField::InterfaceGroup)));
        let classes = (&from.forwarding_class, &from.forwarding_class_except);
        out.extend(both(classes.0, classes.1, byte(ByteField::ForwardingClass)));
        let losses = (&from.loss_priority, &from.loss_priority_except);
        out.extend(both(losses.0, losses.1, byte(ByteField::LossPriority)));
        out.extend(flags(&from.tcp_flags, TCP_FLAG_NAMES).map(Condition::TcpFlags));
        out.extend(from.tcp_initial.then_some(Condition::TcpFlags(FlagTable::TCP_INITIAL)));
        out.extend(from.tcp_established.then_some(Condition::TcpFlags(FlagTable::TCP_ESTABLISHED)));
        for (names, sets) in [(&from.interface[..], &[][..]), (&[][..], &from.interface_set[..])] {
            if !names.is_empty() || !sets.is_empty() {
                out.push(Condition::Interface(self.units_of(names, sets)));
            }
        }
        out.extend(from.flexible_mask.as_ref().and_then(|mask| self.mask(mask, at)));
        if let Some(range) = &from.flexible_range {
            out.extend(self.range(range, at));
        }
        out
    }

    /// Addresses and the prefixes of lists, those of the filter's family.
    fn prefixes(
        &self,
        addresses: &[FilterAddress],
        lists: &[FilterPrefixList],
        family: Family,
    ) -> Arc<[ListedPrefix]> {
        let of = |net: &ipnet::IpNet, except: bool| {
            let (family, addr) = Addr::from_ip(net.addr());
            ListedPrefix { family, addr, len: net.prefix_len(), except }
        };
        let known = &self.config.policy_options.prefix_lists;
        let named = lists.iter().flat_map(|list| {
            let prefixes = known.iter().filter(|k| k.name == list.name).flat_map(|k| &k.prefixes);
            prefixes.map(|net| of(net, list.except))
        });
        let own = addresses.iter().map(|address| of(&address.prefix, address.except));
        own.chain(named).filter(|prefix| prefix.family == family).collect()
    }

    /// The units that names and sets mean; one that the machine does not have is none.
    fn units_of(&self, names: &[String], sets: &[String]) -> Vec<InterfaceId> {
        let known = &self.config.firewall.interface_sets;
        let of_sets = sets
            .iter()
            .flat_map(|set| known.iter().filter(move |k| k.name == *set).flat_map(|k| k.interfaces.iter()));
        let wanted: Vec<&String> = names.iter().chain(of_sets).collect();
        let mut units = Vec::new();
        for interface in &self.config.interfaces {
            for unit in &interface.units {
                let name = format!("{}.{}", interface.name, unit.number);
                if wanted.iter().any(|wanted| means(wanted, &name)) {
                    units.extend(self.book.find_unit(&name));
                }
            }
        }
        units.sort_unstable();
        units
    }

    /// The bits of a name, else the ones given. Spec: firewall-filter-74.
    fn bits(&self, template: Option<&str>, own: Bits) -> Bits {
        let known = &self.config.firewall.flexible;
        let named = template.and_then(|name| known.iter().find(|known| known.name == name));
        named.map_or(own, |t| Bits {
            start: t.start,
            byte: t.byte_offset,
            bit: t.bit_offset,
            length: t.bit_length,
        })
    }

    fn mask(&mut self, mask: &FlexibleMask, (path, at): (&str, Span)) -> Option<Condition> {
        let path = format!("{path} from flexible-match-mask");
        let FlexibleMask { template, start, byte_offset, bit_offset, bit_length, mask, prefix, at: _ } = mask;
        let own = Bits { start: *start, byte: *byte_offset, bit: *bit_offset, length: *bit_length };
        let Bits { start, byte, bit, length } = self.bits(template.as_deref(), own);
        let (Some(start), Some(prefix)) = (start, prefix) else {
            self.error(path, at, "missing mandatory statement: 'match-start' and 'prefix'");
            return None;
        };
        let bits = length.unwrap_or(FLEXIBLE_BITS);
        let wanted = match prefix.strip_prefix("0x").or_else(|| prefix.strip_prefix("0X")) {
            Some(hex) => u128::from_str_radix(hex, 16).ok(),
            None if prefix.len() <= 16 && usize::from(bits) == prefix.len() * 8 => {
                Some(prefix.bytes().fold(0, |value, byte| value << 8 | u128::from(byte)))
            }
            None => None,
        };
        let all = u128::MAX.checked_shr(128 - u32::from(bits).min(128)).unwrap_or(0);
        let mask = mask.map_or(all, |mask| mask.0);
        let Some(wanted) = wanted.filter(|wanted| *wanted <= all && mask <= all) else {
            self.error(path, at, "prefix and mask must have bit-length bits: 0x and digits, or characters");
            return None;
        };
        Some(Condition::Flexible(FlexibleMatch {
            start: start_of(start),
            byte_offset: byte.unwrap_or(0),
            bit_offset: bit.unwrap_or(0),
            bit_length: bits,
            mask,
            low: wanted & mask,
            high: wanted & mask,
            except: false,
        }))
    }

    fn range(&mut self, range: &FlexibleRange, (path, at): (&str, Span)) -> Vec<Condition> {
        let path = format!("{path} from flexible-match-range");
        let FlexibleRange {
            template,
            start,
            byte_offset,
            bit_offset,
            bit_length,
            range,
            range_except,
            at: _,
        } = range;
        let own = Bits { start: *start, byte: *byte_offset, bit: *bit_offset, length: *bit_length };
        let Bits { start, byte, bit, length } = self.bits(template.as_deref(), own);
        let (Some(start), Some(bits)) = (start, length) else {
            self.error(path, at, "missing mandatory statement: 'match-start' and 'bit-length'");
            return Vec::new();
        };
        if range.is_none() && range_except.is_none() {
            self.error(path, at, "missing mandatory statement: 'range'");
            return Vec::new();
        }
        let mut out = Vec::new();
        for (text, except) in [(range, false), (range_except, true)] {
            let Some(text) = text else { continue };
            let Some((low, high)) = bounds(text) else {
                self.error(path.clone(), at, format!("invalid range `{text}'"));
                continue;
            };
            out.push(Condition::Flexible(FlexibleMatch {
                start: start_of(start),
                byte_offset: byte.unwrap_or(0),
                bit_offset: bit.unwrap_or(0),
                bit_length: bits,
                mask: u128::MAX,
                low: low.into(),
                high: high.into(),
                except,
            }));
        }
        out
    }
}

const fn start_of(word: StartWord) -> FlexibleStart {
    match word {
        StartWord::Layer3 => FlexibleStart::Layer3,
        StartWord::Layer4 => FlexibleStart::Layer4,
        StartWord::Payload => FlexibleStart::Payload,
    }
}

/// A number or two with `-` between, decimal or with `0x`.
fn bounds(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    match text.split_once('-') {
        Some((low, high)) => Some((number(low)?, number(high)?)),
        None => number(text).map(|value| (value, value)),
    }
}

/// Whether a name means a unit: itself, all units of its interface, or what begins as it does before `*`.
fn means(wanted: &str, unit: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => unit.starts_with(beginning),
        None => wanted == unit || unit.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.')),
    }
}
