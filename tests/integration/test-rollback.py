# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent, its units and what they serve: told once, verified, and back to the old certificate when it was not taken.
systemd is a fake that fails on demand; the servers and their TLS are real."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Host, wait_for  # noqa: E402

HERE = pathlib.Path(__file__).parent


class UnitTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        self.host.start_program("fake-systemd")
        wait_for(lambda: self.systemd("Calls", check=False) is not None, "the fake systemd")

    # ---- The fake systemd ----

    def systemd(self, method, signature="", *arguments, check=True):
        reply = self.host.busctl("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.certagent1.Fake",
                                 method, *([signature] if signature else []), *[str(a) for a in arguments], check=check)
        return reply["data"] if isinstance(reply, dict) else reply

    def unit(self, name, **facts):
        known = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": str(os.getpid())}
        known.update({k.replace("__", "."): str(v) for k, v in facts.items()})
        flat = [x for pair in known.items() for x in pair]
        self.systemd("SetUnit", "sa{ss}", name, len(known), *flat)

    def calls(self, unit="nginx.service"):
        return [c.split()[0] for c in self.systemd("Calls")[0] if c.split()[1] == unit]

    # ---- Certificates and servers ----

    def fingerprint(self, name):
        out = subprocess.run(["openssl", "x509", "-in", self.host.path(f"/etc/tls/{name}.pem"), "-noout", "-fingerprint",
                              "-sha256"], capture_output=True, text=True).stdout
        return out.split("=")[1].strip().replace(":", "").lower()

    def pair_matches(self, name):
        cert, key = (self.host.path(f"/etc/tls/{name}.{e}") for e in ("pem", "key"))
        run = lambda *a: subprocess.run(["openssl", *a], capture_output=True, text=True).stdout
        return run("x509", "-in", cert, "-noout", "-pubkey") == run("pkey", "-in", key, "-pubout") != ""

    def certificates(self, *names, **further):
        return {n: self.host.certificate(n, **further) for n in names}

    def issue(self, certificates):
        """A first issue while the units are fine."""
        self.host.manifest(certificates)
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "done")

    def serve(self, name, *arguments):
        p = self.host.start([sys.executable, HERE / "server.py", self.host.path(f"/etc/tls/{name}.pem"),
                             self.host.path(f"/etc/tls/{name}.key"), *arguments], log=f"server-{name}")
        log = self.host.path(f"/run/server-{name}.log")
        wait_for(lambda: log.read_text().endswith("\n"), "the server")
        return p, int(log.read_text().split()[-1])


class Units(UnitTest):
    nginx = {"units": [{"unit": "nginx.service", "action": "reload"}]}

    def test_five_certificates_of_one_unit_are_one_job(self):
        self.unit("nginx.service")
        self.issue(self.certificates("a", "b", "c", "d", "e", **self.nginx))
        self.assertEqual(self.calls(), ["ReloadUnit"])

    def test_a_unit_that_does_not_run_is_no_failure(self):
        self.unit("nginx.service", ActiveState="inactive", SubState="dead", MainPID=0)
        self.issue(self.certificates("a", verify={"connect": "127.0.0.1:1"}, **self.nginx))
        self.assertEqual(self.host.state("a"), "valid")

    def test_a_follower_is_told_without_being_named(self):
        self.unit("cert@a.service", PropagatesReloadTo="nginx.service")
        self.unit("nginx.service")
        self.issue(self.certificates("a"))
        self.assertEqual(self.calls(), ["ReloadUnit"])

    def test_a_masked_unit_leaves_the_certificate_degraded_and_holds_up_no_other(self):
        self.unit("nginx.service", LoadState="masked", ActiveState="inactive")
        self.unit("good.service")
        certificates = self.certificates("a", **self.nginx)
        certificates.update(self.certificates("b", units=[{"unit": "good.service", "action": "reload"}]))
        self.host.manifest(certificates)
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual((self.host.state("a"), self.host.state("b")), ("degraded", "valid"))
        self.assertIn("masked", self.host.get("a", "LastError"))

    def test_a_reload_that_hangs_holds_up_no_other(self):
        self.unit("hangs.service", JobDelay="never")
        self.unit("nginx.service")
        certificates = self.certificates("a", units=[{"unit": "hangs.service", "action": "reload"}])
        certificates.update(self.certificates("b", **self.nginx))
        self.host.manifest(certificates)
        self.host.start_agent()
        self.host.call("RenewDue")
        wait_for(lambda: self.host.state("b") == "valid", "b, while the unit of a hangs")
        self.assertEqual(self.host.state("a"), "renewing")
        self.assertTrue(self.pair_matches("a"))

    def test_units_that_were_not_told_before_a_crash_are_told_after_it(self):
        self.unit("nginx.service", JobDelay="never")
        self.host.manifest(self.certificates("a", **self.nginx))
        self.host.start_agent()
        self.host.call("RenewDue")
        wait_for(lambda: self.calls() == ["ReloadUnit"], "the reload")
        self.host.stop_agent(signal.SIGKILL)
        self.systemd("Finish", "ss", "nginx.service", "canceled")
        self.unit("nginx.service", JobDelay="1")
        self.host.start_agent()
        self.assertEqual(self.host.plan()["a"], ("units", ["unit-not-serving"]))
        before = self.fingerprint("a")
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual(self.fingerprint("a"), before)
        self.assertEqual(self.host.state("a"), "valid")

    def test_a_new_one_is_got_although_another_pass_is_at_work_on_the_units_alone(self):
        self.unit("nginx.service", JobDelay="never")
        self.host.manifest(self.certificates("a", **self.nginx))
        self.host.start_agent()
        self.host.call("RenewDue")
        wait_for(lambda: self.calls() == ["ReloadUnit"], "the reload")
        self.host.stop_agent(signal.SIGKILL)
        self.systemd("Finish", "ss", "nginx.service", "canceled")
        self.host.start_agent()
        before = self.fingerprint("a")
        self.host.call("RenewDue")
        wait_for(lambda: self.calls() == ["ReloadUnit"] * 2, "the second reload")
        outcome = []
        asked = threading.Thread(target=lambda: outcome.append(self.host.renew("a", force=True)))
        asked.start()
        time.sleep(0.5)
        self.unit("nginx.service", JobDelay="1")
        self.systemd("Finish", "ss", "nginx.service", "done")
        asked.join()
        self.assertEqual(outcome, [("done", {"a": ("done", "")})])
        self.assertNotEqual(self.fingerprint("a"), before)
        self.assertTrue(self.pair_matches("a"))

    def test_a_unit_that_is_started_does_not_wait_for_a_pass_that_waits_for_it(self):
        """nginx is restarted, wants cert@a.service, and is to be reloaded by a pass at the same time."""
        self.unit("nginx.service")
        self.issue(self.certificates("a", **self.nginx))
        self.unit("nginx.service", JobDelay="never")
        told = len(self.calls())
        self.host.call("Renew", "asa{sv}", 1, "a", 1, "force", "b", "true")
        wait_for(lambda: len(self.calls()) > told, "the reload")
        self.assertEqual(self.host.job("Ensure", "s", "a")[0], "skipped")
        self.assertEqual(self.host.state("a"), "renewing")
        self.systemd("Finish", "ss", "nginx.service", "done")
        wait_for(lambda: self.host.state("a") == "valid", "the end of the pass")

    def test_nor_for_one_that_still_issues_longer_than_until_the_files_are_there(self):
        self.unit("nginx.service", JobDelay="never")
        self.host.manifest(self.certificates("a", issuer="slow", **self.nginx),
                           {"slow": {"type": "fake"}})
        self.host.start_agent()
        with self.host.fake_closed():
            self.host.call("RenewDue")
            ensure = self.host.call("Ensure", "s", "a")[0]
        self.assertEqual(self.host.end_of_job(ensure, "Ensure")[0], "done")
        self.assertTrue(self.pair_matches("a"))
        self.assertEqual(self.host.state("a"), "renewing")
        self.systemd("Finish", "ss", "nginx.service", "done")

    def test_ensuring_starts_no_stopped_unit(self):
        self.unit("nginx.service", ActiveState="inactive", SubState="dead", MainPID=0)
        self.host.manifest(self.certificates("a", units=["nginx.service"]))
        self.host.start_agent()
        self.assertEqual(self.host.job("Ensure", "s", "a")[0], "done")
        self.assertNotIn("ReloadOrRestartUnit", self.calls())
        self.assertNotIn("RestartUnit", self.calls())


class Rollback(UnitTest):
    nginx = {"units": [{"unit": "nginx.service", "action": "reload"}]}

    def test_force_gets_a_new_one_although_one_is_kept(self):
        self.unit("nginx.service")
        self.issue(self.certificates("a", **self.nginx))
        self.unit("nginx.service", JobResult="failed")
        self.host.renew("a", force=True)
        kept = self.host.path("/var/lib/cert-agent/generations/a/2/cert.pem").read_text()
        self.unit("nginx.service", JobResult="done")
        self.assertEqual(self.host.renew("a", force=True)[0], "done")
        self.assertNotIn(kept.strip(), self.host.path("/etc/tls/a.pem").read_text())
        self.assertEqual(self.host.get("a", "Generation"), 3)

    def test_a_failed_reload_puts_the_old_certificate_back_and_the_next_pass_installs_the_new_one(self):
        self.unit("nginx.service")
        self.issue(self.certificates("a", **self.nginx))
        old = self.fingerprint("a")
        self.unit("nginx.service", JobResult="failed")
        result, steps = self.host.renew("a", force=True)
        self.assertEqual((result, steps["a"][0]), ("failed", "failed"))
        self.assertIn("nginx.service", steps["a"][1])
        self.assertEqual(self.fingerprint("a"), old)
        self.assertTrue(self.pair_matches("a"))
        self.assertEqual(self.host.state("a"), "failed")
        self.assertEqual(self.calls(), ["ReloadUnit"] * 3)  # the first issue, the new one, the old one again
        kinds = [e[1] for e in self.host.get("a", "History")]
        self.assertEqual(kinds[-2:], ["rolled-back", "failed"])

        self.unit("nginx.service", JobResult="done")
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual(self.host.state("a"), "valid")
        self.assertNotEqual(self.fingerprint("a"), old)
        # It is the one that the issuer had given before: generation 2, and no third.
        self.assertEqual(self.host.get("a", "Generation"), 2)

    def test_when_the_unit_refuses_the_old_files_too_nobody_is_tried_alone(self):
        self.unit("nginx.service")
        self.issue(self.certificates("a", "b", "c", **self.nginx))
        self.unit("nginx.service", JobResult="failed")
        before = len(self.calls())
        self.assertEqual(self.host.renew("a", "b", "c", force=True)[0], "failed")
        self.assertEqual(len(self.calls()) - before, 2)
        self.assertEqual({self.host.state(n) for n in "abc"}, {"failed"})

    def test_one_bad_certificate_does_not_hold_up_those_that_share_its_unit(self):
        self.unit("nginx.service")
        self.issue(self.certificates("a", "b", "c", **self.nginx))
        old = {n: self.fingerprint(n) for n in "abc"}
        # The service accepts any files but a new certificate of b.
        kept = self.host.root / "b-as-it-was.pem"
        kept.write_bytes(self.host.path("/etc/tls/b.pem").read_bytes())
        self.unit("nginx.service", Exec=f"cmp -s {kept} {self.host.path('/etc/tls/b.pem')}")
        result, steps = self.host.renew("a", "b", "c", force=True)
        self.assertEqual({n: s[0] for n, s in steps.items()}, {"a": "done", "b": "failed", "c": "done"})
        self.assertEqual(self.fingerprint("b"), old["b"])
        for n in "ac":
            self.assertNotEqual(self.fingerprint(n), old[n])
        for n in "abc":
            self.assertTrue(self.pair_matches(n))
        self.assertEqual([self.host.state(n) for n in "abc"], ["valid", "failed", "valid"])

    def test_a_first_certificate_stays_although_the_unit_fails(self):
        self.unit("nginx.service", JobResult="failed")
        self.host.manifest(self.certificates("a", **self.nginx))
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.host.state("a"), "degraded")
        self.assertTrue(self.pair_matches("a"))
        first = self.fingerprint("a")
        self.unit("nginx.service", JobResult="done")
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual((self.host.state("a"), self.fingerprint("a")), ("valid", first))

    def test_files_that_were_there_before_us_can_be_gone_back_to(self):
        cert, key = self.host.path("/etc/tls/a.pem"), self.host.path("/etc/tls/a.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "90", "-subj", "/CN=before", "-keyout", key, "-out", cert], check=True, capture_output=True)
        os.chmod(key, 0o600)
        os.chmod(cert, 0o644)
        before = cert.read_bytes(), key.read_bytes()
        self.unit("nginx.service", JobResult="failed")
        self.host.manifest(self.certificates("a", **self.nginx))
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual((cert.read_bytes().strip(), key.read_bytes().strip()), (before[0].strip(), before[1].strip()))
        self.assertEqual(self.host.state("a"), "failed")


class Served(UnitTest):
    patience = "60s"

    def wish(self, port, **further):
        return self.certificates("a", units=[{"unit": "web.service", "action": "reload"}],
                                 verify={"connect": f"127.0.0.1:{port}", "server_name": "a.example.org",
                                         "timeout": self.patience}, **further)

    def begin(self, *arguments):
        """A certificate, a server with it, and a manifest that says how to look."""
        self.unit("web.service", ActiveState="inactive", SubState="dead", MainPID=0)
        self.issue(self.certificates("a"))
        self.server, port = self.serve("a", *arguments)
        self.unit("web.service", MainPID=self.server.pid, Exec=f"kill -HUP {self.server.pid}")
        self.host.manifest(self.wish(port))
        self.host.call("Reload")
        self.port = port

    def served(self):
        out = subprocess.run(f"openssl s_client -connect 127.0.0.1:{self.port} </dev/null 2>/dev/null | "
                             "openssl x509 -noout -fingerprint -sha256", shell=True, capture_output=True, text=True).stdout
        return out.split("=")[1].strip().replace(":", "").lower()

    def test_the_new_certificate_is_seen_on_the_wire(self):
        self.begin()
        old = self.served()
        self.assertEqual(self.host.renew("a", force=True), ("done", {"a": ("done", "")}))
        self.assertNotEqual(self.served(), old)
        self.assertEqual(self.host.get("a", "Served"), self.served())

    def test_done_but_still_serving_the_old_one_goes_back(self):
        self.patience = "3s"
        self.begin("stale")
        old = self.served()
        result, steps = self.host.renew("a", force=True)
        self.assertEqual(result, "failed")
        self.assertEqual(self.fingerprint("a"), old)
        self.assertEqual(self.host.state("a"), "failed")
        listed = {c[0]: c[5] for c in self.host.call("ListCertificates")[0]}
        self.assertEqual(listed["a"], "NotServing")
        self.assertEqual(self.calls("web.service"), ["ReloadUnit", "ReloadUnit"])

    def test_a_service_that_does_not_serve_what_is_on_disk_is_found_by_the_next_pass(self):
        self.begin()
        first = self.served()
        self.unit("web.service", ActiveState="inactive", SubState="dead", MainPID=0)
        self.assertEqual(self.host.renew("a", force=True)[0], "done")
        self.assertEqual(self.served(), first)
        self.unit("web.service", MainPID=self.server.pid, Exec=f"kill -HUP {self.server.pid}")
        on_disk = self.fingerprint("a")
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual(self.served(), on_disk)
        self.assertEqual(self.fingerprint("a"), on_disk)


if __name__ == "__main__":
    unittest.main(verbosity=2)
