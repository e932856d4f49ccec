#!/usr/bin/env python3
"""Makes grammar.tsv from a table of the schema (path, kind, keys, type, values, layout, constraint).

import.py SCHEMA.tsv > grammar.tsv, with known.tsv beside it: keywords that the schema leaves out, by the path they stand below.
One line a node in depth-first order, siblings in the order Junos shows them:
depth, name, kind, flags, keys, values, element, constraint, key constraint.
  kind        c container, l list, e flag, f leaf, s leaf-list, o known but not tabled
  flags       o always one line, p one line with a single leaf, j written before each child, n its keyword isn't written,
              h braces around a list that XML and JSON write without
  keys        comma-separated elements of a list's keys, `element:keyword` when a word stands before the key,
              `element?` when only some values of the key before it have one
  values      type, limits, default, unit and pattern of the leaf; for a list those of each key, ` || ` between them
  element     name in XML and JSON, where it isn't the keyword
  constraint  what must hold when the statement is there; the last cell is that of a list's first key
"""
import os
import sys

TOP = """version groups apply-groups apply-groups-except apply-macro apply-flags system logical-systems tenants chassis services security interfaces snmp
forwarding-options event-options accounting-options policy-options class-of-service firewall access
routing-instances applications routing-options protocols vlans bridge-domains schedulers virtual-chassis
switch-options ethernet-switching-options multi-chassis dynamic-profiles session-limit-group jsrc diameter
multicast-snooping-options poe wlan smtp unified-edge fabric""".split()
SECURITY = """log ike ipsec group-vpn dynamic-vpn pki idp utm address-book dynamic-address alg
application-firewall application-tracking forwarding-options flow screen softwires nat policies tcp-encap
traceoptions firewall-authentication user-identification certificates authentication-key-chains
datapath-debug gtp sctp ssl macsec resource-manager zones""".split()
RENAME = {"security policies policy": "from-zone"}
KEYWORD = {"to-zone-name": "to-zone", "stop-time": "stop-time", "stop-date": "stop-date",
           "choice-ident": "", "choice-value": ""}
# The same at the top and, but for the groups, at every level.
UNIVERSAL = {
    "version": [(0, "version", "f", "", "", "string")],
    "groups": [(0, "groups", "c", "h"), (1, "groups", "l", "n", "name", "string; length 1 .. 254"), (2, "when", "o")],
    "apply-groups": [(0, "apply-groups", "s", "", "", "string")],
    "apply-groups-except": [(0, "apply-groups-except", "s", "", "", "string")],
    "apply-macro": [(0, "apply-macro", "l", "", "name", "string"), (1, "data", "l", "on", "name", "string"),
                    (2, "value", "f", "n", "", "string")],
    "apply-flags": [(0, "apply-flags", "c", "o"), (1, "omit", "e", "", "", "empty")],
}

# Statements that the schema does not have, by the path they stand below: path, kind, keys, values.
MIRROR = "forwarding-options port-mirroring"
EXTENSIONS = {
    f"{path}{below}": rows
    for path in (MIRROR, f"{MIRROR} instance")
    for below, rows in {
        " input": [(1, "ingress", "c"), (2, "interface", "l", "", "name"), (1, "egress", "c"), (2, "interface", "l", "", "name")],
        "": [(1, "output", "c"), (2, "interface", "f", "", "", "interface-name|string")] if path == MIRROR else [],
        " output": [(1, "interface", "f", "", "", "interface-name|string")] if path != MIRROR else [],
    }.items()
}
# Junos has these on other platforms than the one that the schema is of.
LOSS = "enumeration; enum low,high,medium-low,medium-high"
for filters in ("firewall family inet filter", "firewall family inet6 filter", "firewall filter"):
    EXTENSIONS[f"{filters} term from"] = [(1, name, "s", "", "", LOSS) for name in ("loss-priority", "loss-priority-except")]

# What is counted, for those who collect it.
EXTENSIONS["system services"] = [
    (1, "metrics", "c"), (2, "port", "f", "", "", "uint16; range 1 .. 65535; default 9797"), (2, "addresses", "s", "", "", "ipaddr"),
    (2, "allowed-sources", "s", "", "", "ipprefix"), (2, "connection-limit", "f", "", "", "uint32; range 1 .. 64; default 8"),
    (2, "series-limit", "f", "", "", "uint32; range 0 .. 1000000; default 10000")]

# What there is to say of a routing instance, which the schema does not detail; `routing-options` is that of the top.
TYPES = """forwarding l2backhaul-vpn l2vpn layer2-control mpls-forwarding mpls-internet-multicast mac-vrf no-forwarding
virtual-router virtual-switch vpls vrf evpn evpn-vpws""".split()
INSTANCE = [(0, "routing-instances", "c"),
            (1, "instance", "l", "n", "name", "string; match !^((__.*__)|(all)|(.*[ ].*)|(\"\")|(.{129,}))$"),
            (2, "description", "f", "", "", "string"),
            (2, "instance-type", "f", "", "", "enumeration; enum " + ",".join(TYPES)),
            (2, "interface", "l", "", "name", "interface-name|string")]
INSTANCE_KNOWN = """access access-profile bridge-domains egress-protection forwarding-options instance-role l2vpn-id
multicast-snooping-options no-irb-layer-2-copy no-local-switching no-vrf-advertise no-vrf-propagate-ttl pbb-options protocols
provider-tunnel qualified-bum-pruning-mode route-distinguisher routing-interface service-type services snmp-context
switch-options system traceoptions unicast-reverse-path vlan-id vlan-model vlan-tags vlans vrf-advertise-selective vrf-export
vrf-import vrf-propagate-ttl vrf-table-label vrf-target vtep-source-interface""".split()
RANGE = "interfaces interface-range"

# Types of names, and limits, that the schema leaves open.
NAMES = {"routing-options static route": "ipprefix", "routing-options rib static route": "ipprefix",
         "policy-options prefix-list prefix-list-item": "ipprefix",
         "security nat source pool address": "ipprefix"}
NAMES |= {f"security nat {rule}-match {side}-address": "ipprefix" for side in ("source", "destination")
          for rule in ("source rule-set rule src-nat-rule", "destination rule-set rule dest-nat-rule")}
NAMES |= {f"firewall {family} term from {side}address": kind for side in ("", "source-", "destination-")
          for family, kind in (("filter", "ipv4prefix"), ("family inet filter", "ipv4prefix"), ("family inet6 filter", "ipv6prefix"))}
NAMES |= {f"security application-tracking {name}-interval": "uint32|string; range 1 .. 65535; unit minutes"
          for name in ("first-update", "session-update")}
# Leaves that hold a secret though the schema types them as text; not below these: identifiers that anyone may see.
SECRETS = """ascii-text hexadecimal authentication-password privacy-password config-payload-password encrypted-password
plain-text-password-value password secret""".split()
OPEN = "client-identifier user-id".split()
# Keywords of Junos that the schema doesn't detail, by the path they stand below.
KNOWN = {}

def read_known():
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known.tsv")
    for text in open(beside, encoding="utf-8").read().split("\n")[1:]:
        path, _, names = text.partition("\t")
        KNOWN.setdefault(path, []).extend(names.split())

class Node:
    def __init__(self, name, row=None):
        self.name, self.row, self.kids = name, row, {}

def main():
    read_known()
    root = Node("")
    for text in open(sys.argv[1], encoding="utf-8").read().split("\n")[1:]:
        cells = text.split("\t")
        if len(cells) != 7:
            continue
        node = root
        for word in cells[0].split(" "):
            node = node.kids.setdefault(word, Node(word))
        node.row = cells
    for name in TOP:
        root.kids.setdefault(name, Node(name, None)).opaque = name not in ("",)
    order(root, TOP)
    security = root.kids["security"]
    for name in SECURITY:
        security.kids.setdefault(name, Node(name, None))
    order(security, SECURITY)
    policies = security.kids["policies"]
    order(policies, ["policy", "global", "default-policy"])
    for node in root.kids.values():
        if node.name in UNIVERSAL:
            for row in UNIVERSAL[node.name]:
                line(*row)
        elif node.name == "routing-instances":
            instances(root)
        else:
            emit(node, 0, node.name)
    known(root, "", 0)

def instances(root):
    for row in INSTANCE:
        line(*row)
    emit(root.kids["routing-options"], 2, "routing-options")
    for name in INSTANCE_KNOWN:
        line(2, name, "o")

def known(node, path, depth):
    for name in KNOWN.get(path, []):
        if name not in node.kids:
            line(depth, name, "o")

def order(node, names):
    rank = {n: i for i, n in enumerate(names)}
    kids = sorted(node.kids.items(), key=lambda kv: rank.get(kv[0], len(names)))
    node.kids = dict(kids)

UNITS = """second seconds milliseconds microseconds minutes minute hours percent bytes bits cells kilobytes kbps
connections packets""".split()

def values(row):
    if row is None:
        return ""
    kind = row[3].replace("union|", "").replace("jt:", "")
    cell, _, pattern = row[4].partition("match ")
    pattern, *behind = pattern.split("; ")
    # A pattern may hold the sign that parts cells.
    while behind and not behind[0].startswith("default ") and behind[0] not in UNITS:
        pattern += "; " + behind.pop(0)
    parts = [p.strip() for p in cell.split("; ") + behind if p.strip()]
    keep = [p for p in parts if p.split(" ")[0] in ("enum", "range", "length", "default")]
    keep += [f"unit {p}" for p in parts if p in UNITS]
    words = row[0].split(" ")
    if kind == "string" and words[-1] in SECRETS and words[-2] not in OPEN:
        keep += ["secret"]
    # The last: a pattern may hold anything.
    keep += [f"match {pattern}"] if pattern else []
    return "; ".join([kind] + keep)

def line(depth, name, kind, flags="", keys="", vals="", element="", constraint="", own=""):
    print("\t".join([str(depth), name, kind, flags, keys, vals, element, constraint, own]).rstrip("\t"))

def key_cell(node, index, key):
    kid = node.kids.get(key)
    shown = index > 0 and kid is not None and kid.row and "nokeyword" not in kid.row[5].split(",")
    word = KEYWORD.get(key, key if shown else "")
    return key + (f":{word}" if word else "") + "?" * (key == "choice-value")

def emit(node, depth, path):
    if path == RANGE:
        # It takes what an interface takes; the schema leaves out how its members are named.
        line(depth, node.name, "l", "", "name", "string")
        line(depth + 1, "member", "l", "", "name", "string")
        line(depth + 1, "member-range", "l", "", "name,end-range:to", "interface-name || interface-name")
        return
    row = node.row
    name = RENAME.get(path, node.name)
    if name.endswith("-rule-match") and path.startswith("security nat "):
        name = "match"
    element = node.name if name != node.name else ""
    if row is None:
        line(depth, name, "c" if node.kids else "o")
        keyed = []
    else:
        layout = row[5].split(",")
        flags = "o" * ("oneliner" in layout) + "p" * ("oneliner-plus" in layout)
        hidden = "nokeyword" in layout
        keyed = row[2].split(" ") if row[2] else []
        if row[1] == "list":
            words = [key_cell(node, n, key) for n, key in enumerate(keyed)] or ["name"]
            rows = [node.kids[key].row if key in node.kids else None for key in keyed]
            vals = NAMES.get(row[0], " || ".join(values(r) for r in rows).rstrip("| "))
            own = rows[0][6] if rows and rows[0] else ""
            if "homogeneous" in layout and not hidden:
                line(depth, name, "c", "h")
                depth, hidden = depth + 1, True
            line(depth, name, "l", flags + "n" * hidden, ",".join(words), vals, element, row[6], own)
        elif row[1] == "container":
            flags += "n" * hidden + "j" * ("homogeneous" in layout)
            line(depth, name, "c", flags, "", "", element, row[6])
        else:
            kind = "e" if row[3] == "empty" else {"leaf": "f", "leaf-list": "s"}[row[1]]
            line(depth, name, kind, "n" * hidden, "", NAMES.get(row[0], values(row)), element, row[6])
    for key, kid in node.kids.items():
        if key not in keyed or (kid.row and kid.row[1] in ("container", "list")):
            emit(kid, depth + 1, f"{path} {key}")
            if path == MIRROR and key == "input":
                extend(MIRROR, depth)
    if path != MIRROR:
        extend(path, depth)
    known(node, path, depth + 1)

def extend(path, depth):
    for below, *row in EXTENSIONS.get(path, []):
        line(depth + below, *row)

main()
