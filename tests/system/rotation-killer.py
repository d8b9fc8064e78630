# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills the agent, or the authority's process, in the middle of rotations, and looks whether the next pass goes on.

Runs inside the machine, beside killer.py: rotation-killer.py agent|authority KILLS OFFSET. The places are spread over all
system calls of a rotation that change the disk or tell somebody; OFFSET moves them, so that runs on two systems kill in
different places. For each: "NAME NUMBER STAGE" with how far the rotation was, and with "!" what was wrong afterwards.
"""
import glob
import os
import sys
import time

import killer
import truster

CA = "/var/lib/cert-authority/site"
CERT, BUNDLE = "/etc/nginx/tls/web.pem", "/etc/ssl/site-ca.pem"
ROTATE = ("certctl", "authority", "rotate", "site")
PASS = ("systemctl", "start", "cert-renew.service")


def authority():
    """The authority's process that the agent speaks to; started when there is none."""
    killer.agent()
    for _ in range(50):
        answer = killer.run("certctl", "authority", "show", "site")
        if answer.returncode != 0:
            raise RuntimeError("the authority does not answer: " + answer.stdout)
        units = killer.run("systemctl", "list-units", "--plain", "--no-legend", "--state=running",
                           "cert-issuer-local@*").stdout.split("\n")
        pids = [int(killer.run("systemctl", "show", "-P", "MainPID", u.split()[0]).stdout) for u in units if u]
        if pids and pids[-1]:
            return pids[-1]
    raise RuntimeError("no process of the authority stays")


def stage():
    """How far a rotation is, by the files of the authority."""
    if os.path.exists(f"{CA}/next.pem"):
        return "begun"
    return "promoted" if glob.glob(f"{CA}/old-*.key") else "none"


def places(counts, kills, offset):
    every = [(name, number) for name in sorted(counts) for number in range(1, counts[name] + 1)]
    step = max(1, len(every) // kills)
    return every[offset % step::step]


def verified(cafile):
    return killer.run("openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", cafile, CERT)


def judge(go_on, failed_before):
    """What comes next must go on where the rotation stood."""
    wrong = []
    killer.agent()
    answer = killer.run(*go_on)
    if answer.returncode != 0:
        wrong.append("the next pass fails: " + answer.stdout + killer.run("certctl", "status").stdout)
    if stage() == "begun":
        wrong.append("the next pass does not go on")
    for cafile in (f"{CA}/ca.pem", BUNDLE):
        answer = verified(cafile)
        if answer.returncode != 0:
            wrong.append(f"the certificate is not good by {cafile}: {answer.stdout}")
    failures = count_failures()
    if failures != failed_before:
        wrong.append(f"{failures - failed_before} requests failed")
    return wrong, failures


def count_failures():
    return int(truster.ask("site", b"report").split()[1])


def rotate_killed(target, name, number):
    pid = target()
    strace = killer.tracer(pid, "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
    answer = killer.run(*ROTATE)
    killed = killer.dies(pid, 0.2 if answer.returncode == 0 else 5)
    killer.detach(strace)
    return killed and killer.dies(pid, 5)


def main():
    # a call to the authority that failed is tried again after a minute, or at once when a person asks
    target, go_on = {"agent": (killer.agent, PASS), "authority": (authority, ROTATE)}[sys.argv[1]]
    kills, offset = int(sys.argv[2]), int(sys.argv[3])
    counts = killer.calls_of(target(), *ROTATE)
    failures = count_failures()
    print("# calls:", *(f"{name} {number}" for name, number in sorted(counts.items())))
    for name, number in places(counts, kills, offset):
        killed = rotate_killed(target, name, number)
        where = stage()
        wrong, failures = judge(go_on, failures)
        print(name, number, where if killed else "missed", flush=True)
        for words in wrong:
            print(f"! killed at {name} number {number} ({where}):", words.replace("\n", " "), flush=True)
        time.sleep(0.3)  # the grace time


main()
