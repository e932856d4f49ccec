#!/usr/bin/env python3
"""Reads metrics from standard input, strictly, by the specification and not by the exporter; prints a sample a line.

metrics.py [--plain]: OpenMetrics 1.0.0, or with --plain the text form 0.0.4. What is wrong is said, and ends with 1.
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (-?[0-9.]+(?:e[-+]?[0-9]+)?|NaN|[+-]Inf)")


def fail(number, line, why):
    sys.exit(f"line {number}: {why}: {line}")


def main():
    plain = "--plain" in sys.argv
    text = sys.stdin.read()
    lines = text.split("\n")
    if lines.pop() != "":
        sys.exit("the last line has no end")
    if not plain and (not lines or lines.pop() != "# EOF"):
        sys.exit("no # EOF at the end")
    kinds, helped, seen, family = {}, set(), set(), None
    for number, line in enumerate(lines, 1):
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            if not re.fullmatch(NAME, name):
                fail(number, line, "no name")
            if word == "HELP":
                if name in helped:
                    fail(number, line, "help twice")
                helped.add(name)
            elif word == "TYPE":
                if name in kinds:
                    fail(number, line, "type twice")
                if rest not in ("counter", "gauge"):
                    fail(number, line, "no type of ours")
                kinds[name], family = rest, name
            else:
                fail(number, line, "no heading")
            continue
        match = SAMPLE.fullmatch(line)
        if not match:
            fail(number, line, "no sample")
        name = match.group(1)
        counter = family is not None and kinds[family] == "counter"
        expected = f"{family}_total" if counter and not plain else family
        if name != expected:
            fail(number, line, f"not of the metric {family}")
        if plain and counter != name.endswith("_total"):
            fail(number, line, "a counter's name")
        labels = [key for key, _ in re.findall(LABEL, match.group(2) or "")]
        if len(set(labels)) != len(labels):
            fail(number, line, "a label twice")
        series = line.rsplit(" ", 1)[0]
        if series in seen:
            fail(number, line, "a series twice")
        seen.add(series)
        if counter and float(match.group(match.lastindex)) < 0:
            fail(number, line, "a counter below zero")
        print(line)
    if set(kinds) != helped:
        sys.exit(f"without help or type: {set(kinds) ^ helped}")
    if not seen:
        sys.exit("no sample")


main()
