# SPDX-License-Identifier: LGPL-2.1-or-later
"""Issuers with an account, behind a network: the real agent and keyholder, with an issuer that does wrong on demand."""

import hashlib
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import BusError, Host, wait_for  # noqa: E402

PASSWORD = "correct horse 8723"
BEGIN = "-----BEGIN CERTIFICATE-----"


class NetworkTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        program = self.host.path("/usr/lib/cert-agent/cert-issuer-step")
        program.unlink(missing_ok=True)
        program.symlink_to(self.host.build / "issuers/cert-issuer-fake")

    def step(self, behaviour, **further):
        return dict({"type": "step", "url": "https://ca.example.org", "root_fingerprint": "00" * 32,
                     "provisioner": behaviour, "password_file": "/etc/cert-agent/step.password"}, **further)

    def set(self, issuers, certificates, **further):
        self.host.manifest({n: self.host.certificate(n, **e) for n, e in certificates.items()}, issuers=issuers, **further)
        if self.host.agent_process:
            self.host.call("Reload")
        else:
            self.host.start_agent()

    def error(self, name):
        """The code and the message."""
        code = next(c[5] for c in self.host.call("ListCertificates")[0] if c[0] == name)
        return code, self.host.get(name, "LastError")

    def asked(self, what):
        calls = self.host.path("/run/fake-calls")
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [line for line in lines if line.startswith(what)]

    def replace_keyholder(self, script):
        program = self.host.path("/usr/lib/cert-agent/cert-keyholder")
        program.unlink(missing_ok=True)
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)

    def children(self, name):
        found = subprocess.run(["ps", "--ppid", str(self.host.agent_process.pid), "-o", "stat=,comm="],
                               capture_output=True, text=True).stdout
        return [line for line in found.splitlines() if name[:15] in line and not line.startswith("Z")]


class Accounts(NetworkTest):
    def write_key(self, password):
        key, cert = self.host.path("/etc/x5c.key"), self.host.path("/etc/x5c.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", key,
                        "-passout", f"pass:{password}", "-out", cert, "-subj", "/CN=host", "-days", "2"],
                       check=True, capture_output=True)
        key.chmod(0o600)
        return {"x5c_cert_file": "/etc/x5c.pem", "x5c_key_file": "/etc/x5c.key"}

    def write_password(self, text):
        path = self.host.path("/etc/cert-agent/step.password")
        path.write_text(text + "\n")
        path.chmod(0o600)

    def assert_nothing_told(self):
        self.assertNotIn(PASSWORD, self.host.agent_log())
        self.assertNotIn("PRIVATE KEY", self.host.agent_log())
        for record in self.host.path("/var/lib/cert-agent").rglob("*.json"):
            self.assertNotIn(PASSWORD, record.read_text())

    def test_an_account_signs_and_no_secret_is_told(self):
        self.write_password(PASSWORD)
        self.set({"net": self.step("account", **self.write_key(PASSWORD))}, {"web": {"issuer": "net"}})
        self.assertEqual(self.host.renew_due(), ("done", {"web": ("done", "")}))
        self.assert_nothing_told()

    def test_a_wrong_password_is_told_by_the_name_of_its_file(self):
        self.write_password("wrong " + PASSWORD)
        self.set({"net": self.step("account", **self.write_key(PASSWORD))}, {"web": {"issuer": "net"}})
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.error("web")[0], "IssuerAuthentication")
        self.assertIn("/etc/cert-agent/step.password", self.error("web")[1])
        self.assert_nothing_told()
        # Put right, it is noticed: the file is read each time.
        self.write_password(PASSWORD)
        self.assertEqual(self.host.renew("web")[0], "done")

    def test_a_key_that_is_none_is_the_ca_s_fault(self):
        self.write_password(PASSWORD)
        self.set({"net": self.step("account-jwe")}, {"web": {"issuer": "net"}})
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.error("web")[0], "IssuerProtocol")
        self.assert_nothing_told()

    def test_a_password_file_that_is_missing_is_key_storage(self):
        self.set({"net": self.step("account-jwe")}, {"web": {"issuer": "net"}})
        self.host.renew_due()
        self.assertEqual(self.error("web")[0], "KeyStorage")
        self.assertIn("/etc/cert-agent/step.password", self.error("web")[1])

    def test_a_keyholder_that_hangs_holds_up_nothing_else(self):
        self.replace_keyholder("exec sleep 1000\n")
        hanging = {f"h{i}": {"issuer": "hangs"} for i in range(9)}
        self.set({"hangs": self.step("account-jwe"), "net": self.step("good"), "site": {"type": "local"}},
                 dict(hanging, other={"issuer": "net"}, inner={"issuer": "site"}))
        began = time.monotonic()
        path = self.host.call("RenewDue")[0]
        # A pass waits ten seconds for those that are slow.
        wait_for(lambda: self.host.state("other") == "valid" and self.host.state("inner") == "valid", "the others", 50)
        wait_for(lambda: self.host.busctl("get-property", "org.certagent1", path, "org.certagent1.Job",
                                          "State")["data"] == "finished", "the end")
        # Nine one after another would take 90 s.
        self.assertLess(time.monotonic() - began, 60)
        for name in hanging:
            self.assertEqual(self.error(name)[0], "KeyStorage")
            self.assertIn("did not answer within 10s", self.error(name)[1])
            self.assertIn("mounted", self.host.get(name, "Hint"))
        wait_for(lambda: not self.children("sleep"), "the end of what hangs")

    def test_a_keyholder_that_dies_is_told(self):
        self.replace_keyholder("exit 1\n")
        self.set({"net": self.step("account-jwe")}, {"web": {"issuer": "net"}})
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.error("web")[0], "KeyStorage")
        self.assertIn("cert-keyholder@", self.host.get("web", "Hint"))


class Limits(NetworkTest):
    def test_a_ca_that_is_away_is_asked_once_and_not_for_each_certificate(self):
        self.set({"net": self.step("unreachable", connections=1)}, {f"c{i}": {"issuer": "net"} for i in range(20)})
        result, steps = self.host.renew_due()
        self.assertEqual((result, len(steps)), ("failed", 20))
        for i in range(20):
            self.assertEqual(self.error(f"c{i}")[0], "IssuerUnreachable")
        self.assertEqual(len(self.asked("Issue")), 1)

    def test_a_ca_that_hangs_costs_one_timeout(self):
        self.set({"net": self.step("hang", timeout="5s")}, {f"c{i}": {"issuer": "net"} for i in range(20)})
        began = time.monotonic()
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertLess(time.monotonic() - began, 25)  # five rounds of four would be that and more
        self.assertEqual(len(self.asked("Issue")), 4)
        for i in range(20):
            self.assertEqual(self.error(f"c{i}")[0], "IssuerTimeout")

    def test_each_issuer_has_as_many_calls_as_it_says(self):
        self.set({"two": self.step("hang", timeout="5min", connections=2), "six": self.step("hang", timeout="5min", connections=6),
                  "good": self.step("good", connections=1)},
                 dict({f"t{i}": {"issuer": "two"} for i in range(9)}, **{f"s{i}": {"issuer": "six"} for i in range(9)},
                      web={"issuer": "good"}))
        self.host.call("RenewDue")
        wait_for(lambda: len(self.asked("Issue")) == 2 + 6 + 1, "all that may be asked at once")
        wait_for(lambda: self.host.state("web") == "valid", "the one that does not hang")
        self.assertEqual(len(self.asked("Issue")), 2 + 6 + 1)


class Roots(NetworkTest):
    BUNDLE = {"ca": {"from": ["net"], "path": "/etc/tls/ca.pem"}}

    def behave(self, behaviour):
        self.set({"net": self.step(behaviour)}, {"web": {"issuer": "net"}}, bundles=self.BUNDLE)

    def count(self):
        return self.host.path("/etc/tls/ca.pem").read_text().count(BEGIN)

    def all_in_step(self):
        return {action for action, _ in self.host.plan().values()} == {"none"}

    def test_a_bundle_follows_the_roots_of_its_ca(self):
        self.behave("good")
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual(self.count(), 1)
        asked = len(self.asked("GetRoots"))
        self.behave("two-roots")
        self.host.call("ListCertificates")
        self.host.plan()
        self.assertEqual(len(self.asked("GetRoots")), asked)
        self.assertEqual(self.host.renew_due()[0], "skipped")
        wait_for(lambda: self.count() == 2, "the second root")
        self.assertEqual(len(self.asked("GetRoots")), asked + 1)
        # And one that the CA takes back goes.
        self.behave("good")
        self.host.renew_due()
        wait_for(lambda: self.count() == 1, "the end of the second root")

    def test_while_the_ca_is_away_its_last_word_counts(self):
        self.behave("two-roots")
        self.host.renew_due()
        wait_for(lambda: self.count() == 2, "both roots")
        # The file is seen before its pass is over; and an answer that came in the midst of a pass may be for the next one.
        for _ in range(8):
            try:
                wait_for(self.all_in_step, "all in step", seconds=4)
                break
            except TimeoutError:
                asked = len(self.asked("GetRoots"))
                self.host.renew_due()
                wait_for(lambda: len(self.asked("GetRoots")) > asked, "another question")
        self.assertTrue(self.all_in_step())
        self.behave("unreachable")
        asked = len(self.asked("GetRoots"))
        self.assertEqual(self.host.renew_due()[0], "skipped")
        wait_for(lambda: len(self.asked("GetRoots")) == asked + 1, "the question")
        wait_for(lambda: "those that it said last count" in self.host.agent_log(), "the answer")
        self.assertEqual(self.count(), 2)
        self.assertEqual(self.host.call("ListCertificates")[0][0][1], "valid")
        # Written anew from what was kept, when somebody removes it.
        self.host.path("/etc/tls/ca.pem").unlink()
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual(self.count(), 2)


class Revocation(NetworkTest):
    def behave(self, behaviour):
        self.set({"net": self.step(behaviour)}, {"web": {"issuer": "net", "key": {"rotation": "reuse"}}})

    def fingerprint(self):
        pem = self.host.path("/etc/tls/web.pem").read_text()
        der = subprocess.run(["openssl", "x509", "-outform", "DER"], input=pem.encode(), capture_output=True,
                             check=True).stdout
        return hashlib.sha256(der).hexdigest()

    def key(self):
        return self.host.path("/etc/tls/web.key").read_text()

    def test_what_is_in_place_is_revoked_and_issued_anew_with_another_key(self):
        self.behave("good")
        self.host.renew_due()
        fingerprint, key = self.fingerprint(), self.key()
        self.host.call("Revoke", "ss", "web", "keyCompromise")
        wait_for(lambda: self.fingerprint() != fingerprint, "the new one")
        self.assertNotEqual(self.key(), key)
        self.assertEqual(self.asked("Revoke"), [f"Revoke keyCompromise {fingerprint}"])

    def test_a_new_one_that_is_not_to_be_had_stays_due(self):
        self.behave("good")
        self.host.renew_due()
        fingerprint, key = self.fingerprint(), self.key()
        self.behave("empty-chain")  # revokes, but does not issue
        self.host.call("Revoke", "ss", "web", "keyCompromise")
        wait_for(lambda: self.host.state("web") == "failed", "the failure")
        self.assertEqual(self.fingerprint(), fingerprint)
        self.assertEqual(self.host.plan("web")["web"][1], ["revoked"])
        self.host.stop_agent()
        self.host.start_agent()
        self.assertEqual(self.host.plan("web")["web"][1], ["revoked"])
        self.behave("good")
        self.assertEqual(self.host.renew("web")[0], "done")
        self.assertNotEqual(self.key(), key)
        self.assertEqual(self.host.plan("web")["web"][1], [])

    def test_an_issuer_that_does_not_know_it_or_is_away_changes_nothing(self):
        self.behave("good")
        self.host.renew_due()
        fingerprint = self.fingerprint()
        for behaviour, said in (("no-revoke", "does not know Revoke"), ("unreachable", "does not answer")):
            with self.subTest(behaviour):
                self.behave(behaviour)
                with self.assertRaisesRegex(BusError, said):
                    self.host.call("Revoke", "ss", "web", "superseded")
        self.assertEqual(self.fingerprint(), fingerprint)
        self.assertEqual(self.host.state("web"), "valid")


if __name__ == "__main__":
    unittest.main(verbosity=2)
