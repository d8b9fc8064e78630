# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads meson's testlog.json and prints one line a case: "ok - SUITE/TEST: case" or "not ok - …" with what it said.

usage: cases.py SUITE TESTLOG
"""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok (\d+) ?-? ?(.*)$")  # of a program in C, TAP
METHOD = re.compile(r"^(test_\w+) \(__main__\.(\w+).*\) \.\.\. (?:.* )?(ok|FAIL|ERROR|skipped.*)$")  # of a script, unittest


def cases_of(test):
    """(words, good) for each case that a program or a script says it ran."""
    for line in (test.get("stdout", "") + "\n" + test.get("stderr", "")).splitlines():
        case, method = CASE.match(line.strip()), METHOD.match(line.strip())
        if case:
            yield case[3], not case[1] and not re.search(r"#\s*SKIP", case[3], re.IGNORECASE)
        elif method:
            yield f"{method[2]}: {method[1].removeprefix('test_').replace('_', ' ')}", method[3] == "ok"


def lines_of(suite, test):
    """The lines for one test program."""
    name = test["name"].rsplit(" / ", 1)[-1]
    failed = test["result"] not in ("OK", "EXPECTEDFAIL")
    shown, bad = [], 0
    for words, good in cases_of(test):
        bad += not good
        shown.append(f"{'ok' if good else 'not ok'} - {suite}/{name}: {words}")
    if failed and not bad or not shown:
        shown.append(f"{'not ok' if failed else 'ok'} - {suite}/{name}" + (f": {test['result']}" if failed else ""))
    if failed:
        said = (test.get("stdout", "") + test.get("stderr", "")).splitlines()[-60:]
        shown[:0] = ["#   " + line for line in said]
    return shown


def main():
    suite, log = sys.argv[1:]
    with open(log, encoding="utf-8", errors="replace") as tests:
        for test in tests:
            print("\n".join(lines_of(suite, json.loads(test))))


main()
