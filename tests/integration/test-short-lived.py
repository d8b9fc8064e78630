# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates that live for seconds, between two ticks of the timer: the agent stays for them, as long as the timer runs."""

import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Host, wait_for  # noqa: E402

LIFETIME = 20  # seconds; renewed 10 seconds before the end
EXIT_IDLE = 2


class ShortLivedTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)

    def short(self, name, **further):
        return self.host.certificate(name, **dict({"lifetime": f"{LIFETIME}s", "renew_before": "10s"}, **further))

    def start(self, certificates, **further):
        self.host.manifest(certificates, **further)
        self.host.start_agent(f"--exit-idle-time={EXIT_IDLE}s")

    def systemd(self, *arguments, check=True):
        return self.host.busctl("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.certagent1.Fake",
                                *arguments, check=check)

    def timer(self, state):
        if not self.systemd("Calls", check=False):
            self.host.start_program("fake-systemd")
            wait_for(lambda: self.systemd("Calls", check=False), "the fake systemd")
        self.systemd("SetUnit", "sa{ss}", "cert-renew.timer", "1", "ActiveState", state)

    def serial(self, name="web"):
        path = self.host.path(f"/etc/tls/{name}.pem")
        return subprocess.run(["openssl", "x509", "-in", path, "-noout", "-serial"], capture_output=True,
                              text=True).stdout.strip()

    def is_good(self, name="web"):
        path = self.host.path(f"/etc/tls/{name}.pem")
        return subprocess.run(["openssl", "x509", "-in", path, "-noout", "-checkend", "0"], capture_output=True).returncode == 0

    def runs(self):
        return self.host.agent_process.poll() is None

    def assert_exits(self):
        wait_for(lambda: not self.runs(), "the idle agent to end")
        self.assertEqual(self.host.agent_process.returncode, 0)
        self.host.processes.remove(self.host.agent_process)

    def test_over_several_lifetimes_it_never_expires(self):
        self.start({"web": self.short("web"), "old": self.host.certificate("old")})
        self.assertEqual(self.host.renew_due()[0], "done")
        old, last, seen = self.serial("old"), self.host.call("ListCertificates"), set()
        until = time.monotonic() + 3.2 * LIFETIME
        while time.monotonic() < until:
            self.assertTrue(self.runs(), "the agent ended while a certificate was soon due")
            self.assertTrue(self.is_good(), "it has expired")
            seen.add(self.serial())
            time.sleep(0.2)
        self.assertGreaterEqual(len(seen), 4)
        self.assertLessEqual(len(seen), 9, "renewed more often than it need be")
        self.assertEqual(self.serial("old"), old)
        self.assertEqual(self.host.get("web", "FailureCount"), 0)

    def test_an_idle_host_still_exits(self):
        self.start({"old": self.host.certificate("old")})
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assert_exits()

    def test_a_list_that_waits_for_its_authority_keeps_nobody_awake(self):
        path = self.host.root / "var/lib/cert-authority/site"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("where its folder should be")
        self.start({}, issuers={"site": {"type": "local", "crl_path": "/etc/tls/site.crl"}})
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assert_exits()

    def test_who_stopped_the_timer_has_stopped_renewals(self):
        self.timer("inactive")
        self.start({"web": self.short("web")})
        self.assertEqual(self.host.renew_due()[0], "done")
        first = self.serial()
        self.assert_exits()
        self.assertEqual(self.serial(), first)

    def test_the_timer_is_stopped_while_the_agent_stays(self):
        self.timer("active")
        self.start({"web": self.short("web", renew_before="5s")})
        self.assertEqual(self.host.renew_due()[0], "done")
        first = self.serial()
        time.sleep(EXIT_IDLE + 1.5)
        self.assertTrue(self.runs())
        self.timer("inactive")
        self.assert_exits()
        self.assertEqual(self.serial(), first)

    def test_a_systemd_that_hangs_lets_nothing_expire_for_good(self):
        self.timer("active")
        systemd = self.host.processes[-1]
        self.start({"web": self.short("web")})
        self.assertEqual(self.host.renew_due()[0], "done")
        first = self.serial()
        time.sleep(1)  # the first question was answered
        systemd.send_signal(signal.SIGSTOP)
        self.addCleanup(systemd.send_signal, signal.SIGCONT)
        wait_for(lambda: self.serial() != first, "the renewal")

    def test_a_new_one_for_a_person_is_followed_too(self):
        self.timer("active")
        self.start({"web": self.short("web")})
        self.assertEqual(self.host.renew("web")[0], "done")
        first = self.serial()
        wait_for(lambda: self.serial() != first, "the renewal")
        self.assertTrue(self.is_good())

    def test_an_outage_costs_a_try_now_and_then_and_ends_for_all(self):
        def behave(behaviour):
            self.host.path("/run").mkdir(exist_ok=True)
            self.host.path("/run/fake-behaviour").write_text(behaviour)

        names = [f"c{i}" for i in range(20)]
        self.host.manifest({n: self.short(n, issuer="net") for n in names}, issuers={"net": {"type": "fake"}})
        behave("good")
        self.host.start_agent(f"--exit-idle-time={EXIT_IDLE}s")
        self.assertEqual(self.host.renew_due()[0], "done")
        behave("unreachable")
        time.sleep(2.5 * LIFETIME)

        def failures():
            return [self.host.get(n, "FailureCount") for n in names]

        wait_for(lambda: min(failures()) >= 1 and sum(failures()) > len(names), "a second try")
        self.assertTrue(self.runs())
        self.assertLessEqual(sum(failures()), len(names) + 4, "each was tried, and then one at a time")
        behave("good")
        # A third of a lifetime (the fake's clock is a minute slow) with jitter.
        wait_for(lambda: all(self.host.state(n) == "valid" for n in names), "all of them")
        self.assertTrue(all(self.is_good(n) for n in names))

    def test_it_is_killed_in_between_and_goes_on(self):
        self.start({"web": self.short("web")})
        self.assertEqual(self.host.renew_due()[0], "done")
        self.host.stop_agent(signal.SIGKILL)
        self.host.start_agent(f"--exit-idle-time={EXIT_IDLE}s")
        self.assertEqual(self.host.renew_due()[0], "skipped")  # the timer's next tick
        first = self.serial()
        wait_for(lambda: self.serial() != first, "the renewal")


if __name__ == "__main__":
    unittest.main(verbosity=2)
