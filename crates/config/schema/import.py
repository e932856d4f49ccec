#!/usr/bin/env python3
"""Makes grammar.tsv from a table of the schema (path, kind, keys, type, values, layout, constraint).

import.py SCHEMA.tsv > grammar.tsv.  One line a node in depth-first order, siblings in the order Junos shows them:
depth, name, kind, flags, keys, values.
  kind   c container, l list, e flag, f leaf, s leaf-list, o known but not tabled
  flags  o always one line, p one line with a single leaf, j written before each child, n its keyword isn't written
  keys   comma-separated keywords written before each key, `-` for none
  values type and limits of the leaf or of the first key
"""
import sys

TOP = """version groups apply-groups system logical-systems tenants chassis services security interfaces snmp
forwarding-options event-options accounting-options policy-options class-of-service firewall access
routing-instances applications routing-options protocols vlans bridge-domains schedulers virtual-chassis
switch-options ethernet-switching-options multi-chassis dynamic-profiles session-limit-group jsrc diameter
multicast-snooping-options poe wlan smtp unified-edge fabric""".split()
SECURITY = """log ike ipsec group-vpn dynamic-vpn pki idp utm address-book dynamic-address alg
application-firewall application-tracking forwarding-options flow screen softwires nat policies tcp-encap
traceoptions firewall-authentication user-identification certificates authentication-key-chains
datapath-debug gtp sctp ssl macsec resource-manager zones""".split()
RENAME = {"security policies policy": "from-zone"}

class Node:
    def __init__(self, name, row=None):
        self.name, self.row, self.kids = name, row, {}

def main():
    root = Node("")
    for line in open(sys.argv[1], encoding="utf-8").read().split("\n")[1:]:
        cells = line.split("\t")
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
        emit(node, 0, node.name)

def order(node, names):
    rank = {n: i for i, n in enumerate(names)}
    kids = sorted(node.kids.items(), key=lambda kv: rank.get(kv[0], len(names)))
    node.kids = dict(kids)

def values(row):
    if row is None:
        return ""
    kind = row[3].replace("union|", "").replace("jt:", "")
    parts = [kind] + [p for p in row[4].split("; ") if p.split(" ")[0] in ("enum", "range", "length")]
    return "; ".join(p for p in parts if p)

def line(depth, name, kind, flags="", keys="", vals=""):
    print("\t".join([str(depth), name, kind, flags, keys, vals]).rstrip("\t"))

def emit(node, depth, path):
    row = node.row
    name = RENAME.get(path, node.name)
    if name.endswith("-rule-match") and path.startswith("security nat "):
        name = "match"
    if row is None:
        kind = "c" if node.kids else "o"
        line(depth, name, kind)
        keyed = []
    else:
        layout = row[5].split(",")
        flags = "o" * ("oneliner" in layout) + "p" * ("oneliner-plus" in layout)
        hidden = "nokeyword" in layout
        keyed = row[2].split(" ") if row[2] else []
        if row[1] == "list":
            words = ["-"]
            for key in keyed[1:]:
                kid = node.kids.get(key)
                shown = kid is not None and kid.row and "nokeyword" not in kid.row[5].split(",")
                words.append({"to-zone-name": "to-zone"}.get(key, key) if shown else "-")
            key_values = values(node.kids[keyed[0]].row) if keyed and keyed[0] in node.kids else ""
            if "homogeneous" in layout and not hidden:
                line(depth, name, "c")
                depth, hidden = depth + 1, True
            line(depth, name, "l", flags + "n" * hidden, ",".join(words), key_values)
        elif row[1] == "container":
            line(depth, name, "c", flags + "n" * hidden + "j" * ("homogeneous" in layout))
        else:
            kind = "e" if row[3] == "empty" else {"leaf": "f", "leaf-list": "s"}[row[1]]
            line(depth, name, kind, "n" * hidden, "", values(row))
    for key, kid in node.kids.items():
        if key not in keyed or (kid.row and kid.row[1] in ("container", "list")):
            emit(kid, depth + 1, f"{path} {key}")

main()
