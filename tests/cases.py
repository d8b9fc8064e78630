# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads meson's testlog.json and prints one line a case: "ok - SUITE/TEST: case" or "not ok - …" with what it said.

usage: cases.py SUITE TESTLOG
"""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok (\d+) ?-? ?(.*)$")


def lines_of(suite, test):
    """The lines for one test program."""
    name = test["name"].rsplit(" / ", 1)[-1]
    output = test.get("stdout", "")
    failed = test["result"] not in ("OK", "EXPECTEDFAIL")
    shown, bad = [], 0
    for line in output.splitlines():
        case = CASE.match(line.strip())
        if not case:
            continue
        skipped = re.search(r"#\s*SKIP", case[3], re.IGNORECASE)
        good = not case[1] and not skipped
        bad += not good
        shown.append(f"{'ok' if good else 'not ok'} - {suite}/{name}: {case[3]}")
    if failed and not bad or not shown:
        shown.append(f"{'not ok' if failed else 'ok'} - {suite}/{name}" + (f": {test['result']}" if failed else ""))
    if failed:
        said = (output + test.get("stderr", "")).splitlines()[-60:]
        shown[:0] = ["#   " + line for line in said]
    return shown


def main():
    suite, log = sys.argv[1:]
    with open(log, encoding="utf-8", errors="replace") as tests:
        for test in tests:
            print("\n".join(lines_of(suite, json.loads(test))))


main()
