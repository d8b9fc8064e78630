# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows that need a booted systemd, taken inside the machine by tests/bench/machine.

in-machine.py status | reload: prints "OURS FLOOR" in microseconds, each the best of several, taken in turns."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

ROUNDS = 15
PATIENCE = 15  # seconds: a limit against hanging, not a measure
TLS = "/etc/nginx/tls"


def quiet(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def timed(*command):
    start = time.monotonic()
    quiet(*command)
    return (time.monotonic() - start) * 1e6


def status():
    """certctl status starts the agent, as hostnamectl starts systemd-hostnamed: both are stopped before."""
    ours, floor = [], []
    for _ in range(ROUNDS):
        quiet("systemctl", "stop", "cert-agent.service")
        ours.append(timed("certctl", "status"))
        quiet("systemctl", "stop", "systemd-hostnamed.service")
        floor.append(timed("hostnamectl"))
    return min(ours), min(floor)


CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def served():
    with socket.create_connection(("127.0.0.1", 443), timeout=5) as s:
        with CONTEXT.wrap_socket(s, server_hostname="web.example.org") as t:
            return t.getpeercert(binary_form=True)


def until_served_another(before, start):
    while time.monotonic() < start + PATIENCE:
        if served() != before:
            return (time.monotonic() - start) * 1e6
    sys.exit("the new certificate is not served")


def settle():
    """Old workers are gone when the same certificate was served for a while."""
    last, since = served(), time.monotonic()
    while time.monotonic() < since + 0.5:
        now = served()
        if now != last:
            last, since = now, time.monotonic()


def renew():
    settle()
    before, start = served(), time.monotonic()
    job = subprocess.Popen(["certctl", "renew", "--force", "web"], stdout=subprocess.DEVNULL)
    took = until_served_another(before, start)
    if job.wait() != 0:
        sys.exit("the renewal failed")
    return took


def bare_reload(generation):
    """The other pair is put in place before the clock starts."""
    settle()
    before = served()
    for kind in ("pem", "key"):
        shutil.copyfile(f"/root/bench-{generation}.{kind}", f"{TLS}/web.{kind}")
    start = time.monotonic()
    job = subprocess.Popen(["systemctl", "reload", "nginx.service"])
    took = until_served_another(before, start)
    job.wait()
    return took


def keep(generation):
    for kind in ("pem", "key"):
        shutil.copyfile(f"{TLS}/web.{kind}", f"/root/bench-{generation}.{kind}")


def reload():
    quiet("systemctl", "start", "cert-agent.service")
    ours, floor = [renew() for _ in range(ROUNDS)], []
    keep(0)
    renew()
    keep(1)
    floor = [bare_reload(i % 2) for i in range(ROUNDS)]
    return min(ours), min(floor)


if __name__ == "__main__":
    print(*(int(v) for v in {"status": status, "reload": reload}[sys.argv[1]]()))
