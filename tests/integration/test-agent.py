# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real agent with the real local issuer on a private bus: from a manifest to files, and back to order."""

import os
import pathlib
import signal
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import BusError, Host, wait_for  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def openssl(*arguments):
    return subprocess.run(["openssl", *[str(a) for a in arguments]], capture_output=True, text=True, timeout=30)


def serial(path):
    return openssl("x509", "-in", path, "-noout", "-serial").stdout.strip()


def public_keys_match(cert, key):
    return (openssl("x509", "-in", cert, "-noout", "-pubkey").stdout ==
            openssl("pkey", "-in", key, "-pubout").stdout != "")


class AgentTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)

    def start(self, certificates, **further):
        self.host.manifest(certificates, **further)
        self.host.start_agent()

    def web(self, **further):
        return {"web": self.host.certificate("web", **further)}

    @property
    def cert(self):
        return self.host.path("/etc/tls/web.pem")

    @property
    def key(self):
        return self.host.path("/etc/tls/web.key")

    def assert_in_order(self, name="web"):
        self.assertEqual(self.host.state(name), "valid")
        self.assertTrue(public_keys_match(self.host.path(f"/etc/tls/{name}.pem"),
                                          self.host.path(f"/etc/tls/{name}.key")))


class FirstIssue(AgentTest):
    def test_missing_certificate_is_issued_and_verifies(self):
        self.start(self.web(ca_path="/etc/tls/ca.pem", chain_path="/etc/tls/chain.pem",
                            combined_path="/etc/tls/combined.pem"))
        self.assertEqual(self.host.plan()["web"], ("issue", ["missing-cert", "missing-key", "missing-authority"]))
        self.assertEqual(self.host.renew_due(), ("done", {"authority:site": ("done", ""), "web": ("done", "")}))
        self.assert_in_order()
        check = openssl("verify", "-x509_strict", "-verify_hostname", "web.example.org",
                        "-CAfile", self.host.path("/etc/tls/ca.pem"), self.cert)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertEqual(self.key.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(self.cert.stat().st_mode & 0o7777, 0o644)
        self.assertEqual(self.host.path("/etc/tls/combined.pem").stat().st_mode & 0o7777, 0o600)
        self.assertEqual([e[1] for e in self.host.get("web", "History")], ["renewed"])
        self.assertEqual(self.host.get("web", "Generation"), 1)

    def test_a_pass_with_nothing_due_writes_nothing(self):
        self.start(self.web())
        self.host.renew_due()
        before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in self.host.path("/etc").rglob("*")}
        self.assertEqual(self.host.renew_due(), ("skipped", {}))
        self.assertEqual(before, {p: (p.stat().st_ino, p.stat().st_mtime_ns)
                                  for p in self.host.path("/etc").rglob("*")})

    def test_renewing_by_name_leaves_alone_what_is_in_order(self):
        self.start(self.web())
        self.host.renew_due()
        first = serial(self.cert)
        self.assertEqual(self.host.renew("web"), ("skipped", {"web": ("skipped", "")}))
        self.assertEqual(serial(self.cert), first)

    def test_force_always_gets_a_new_one_and_keeps_three_generations(self):
        self.start(self.web())
        self.host.renew_due()
        seen = {serial(self.cert)}
        for _ in range(4):
            self.assertEqual(self.host.renew("web", force=True)[0], "done")
            seen.add(serial(self.cert))
            self.assert_in_order()
        self.assertEqual(len(seen), 5)
        kept = sorted(p.name for p in self.host.path("/var/lib/cert-agent/generations/web").iterdir())
        self.assertEqual(kept, ["3", "4", "5"])

    def test_directory_layout_is_flipped_in_one_link(self):
        self.start({"web": {"issuer": "site", "common_name": "web.example.org", "directory": "/etc/tls/web"}})
        self.host.renew_due()
        folder = self.host.path("/etc/tls/web")
        self.assertTrue(folder.is_symlink())
        first = os.readlink(folder)
        self.assertTrue(public_keys_match(folder / "cert.pem", folder / "key.pem"))
        self.assertEqual(self.host.state("web"), "valid")
        self.host.renew("web", force=True)
        self.assertNotEqual(os.readlink(folder), first)
        self.assertTrue(public_keys_match(folder / "fullchain.pem", folder / "key.pem"))


class Properties(AgentTest):
    PATHS = ("CertPath", "KeyPath", "ChainPath", "CaPath", "CombinedPath")

    def paths(self, name):
        return [self.host.get(name, prop) for prop in self.PATHS]

    def test_paths(self):
        self.start({
            "files": self.host.certificate("files", ca_path="/etc/tls/ca.pem"),
            "one": {"issuer": "site", "common_name": "one.example.org", "combined_path": "/etc/tls/one.pem"},
            "folder": {"issuer": "site", "common_name": "folder.example.org", "directory": "/etc/tls/folder"}})
        self.assertEqual(self.paths("files"), ["/etc/tls/files.pem", "/etc/tls/files.key", "", "/etc/tls/ca.pem", ""])
        self.assertEqual(self.paths("one"), ["/etc/tls/one.pem", "/etc/tls/one.pem", "", "", "/etc/tls/one.pem"])
        self.assertEqual(self.paths("folder"), [f"/etc/tls/folder/{name}.pem" for name in
                                                ("fullchain", "key", "chain", "ca", "combined")])

    def test_usage_and_how_to_verify(self):
        self.start({
            "plain": self.host.certificate("plain"),
            "mail": self.host.certificate("mail", usage=["server", "client"], verify={
                "connect": "127.0.0.1:25", "server_name": "mail.example.org", "starttls": "smtp"})})
        verify = ("VerifyConnect", "VerifyName", "VerifyStarttls")
        self.assertEqual(self.host.get("mail", "Usage"), ["server", "client"])
        self.assertEqual([self.host.get("mail", p) for p in verify], ["127.0.0.1:25", "mail.example.org", "smtp"])
        self.assertEqual(self.host.get("plain", "Usage"), ["server"])
        self.assertEqual([self.host.get("plain", p) for p in verify], ["", "", ""])


class Drift(AgentTest):
    def spoil(self, how, reasons, action="issue", mended=True):
        self.start(self.web(owner="root:daemon", permissions={"cert": "0644", "key": "0640"}))
        self.host.renew_due()
        first = serial(self.cert)
        how()
        self.assertEqual(self.host.plan()["web"], (action, reasons))
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assert_in_order()
        self.assertEqual(serial(self.cert) != first, action == "issue")
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_deleted_certificate(self):
        self.spoil(lambda: self.cert.unlink(), ["missing-cert"])

    def test_deleted_key(self):
        self.spoil(lambda: self.key.unlink(), ["missing-key"])

    def test_truncated_certificate(self):
        self.spoil(lambda: os.truncate(self.cert, 100), ["unreadable"])

    def test_emptied_key(self):
        self.spoil(lambda: os.truncate(self.key, 0), ["unreadable"])

    def test_swapped_key(self):
        def swap():
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                            self.key], check=True, capture_output=True)
            os.chmod(self.key, 0o640)
            import shutil
            shutil.chown(self.key, "root", "daemon")

        self.spoil(swap, ["key-mismatch"])

    def test_mode_changed_by_hand(self):
        self.spoil(lambda: self.key.chmod(0o644), ["mode-drift"], "repair")

    def test_owner_changed_by_hand(self):
        self.spoil(lambda: os.chown(self.key, 65534, 65534), ["owner-drift"], "repair")

    def test_certificate_replaced_by_a_fifo_does_not_block(self):
        def replace():
            self.cert.unlink()
            os.mkfifo(self.cert)

        self.spoil(replace, ["unreadable"])

    def test_certificate_replaced_by_a_link_is_not_followed(self):
        victim = self.host.root / "victim"
        victim.write_text("precious")

        def replace():
            self.cert.unlink()
            self.cert.symlink_to(victim)

        self.spoil(replace, ["unreadable"])
        self.assertEqual(victim.read_text(), "precious")
        self.assertFalse(self.cert.is_symlink())


class Wishes(AgentTest):
    def change(self, reasons, **wish):
        self.start(self.web(), issuers={"site": {"type": "local"}, "other": {"type": "local"}})
        self.host.renew_due()
        self.host.manifest(self.web(**wish), issuers={"site": {"type": "local"}, "other": {"type": "local"}})
        self.host.call("Reload")
        self.assertEqual(self.host.plan()["web"], ("issue", reasons))
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assert_in_order()
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_names(self):
        self.change(["sans-differ"], sans=["web.example.org", "www.example.org", "ip:192.0.2.1"])

    def test_subject(self):
        self.change(["subject-differ"], common_name="other.example.org")

    def test_usage(self):
        self.change(["usage-differ"], usage=["server", "client"])

    def test_key_type(self):
        self.change(["key-type-differ"], key={"type": "ed25519"})

    def test_issuer(self):
        self.change(["issuer-differ"], issuer="other")

    def test_lifetime(self):
        self.change(["manifest-changed"], lifetime="30d")

    def test_short_lifetime_is_due_at_its_share(self):
        self.start(self.web(lifetime="5min", renew_before="4min"))
        self.host.renew_due()
        due = self.host.get("web", "NextRenewal")
        end = self.host.get("web", "NotAfter")
        self.assertEqual(end - due, 4 * 60 * 1000000)


class Manifests(AgentTest):
    def test_a_refused_manifest_leaves_the_last_good_one_in_force(self):
        self.start(self.web())
        self.host.renew_due()
        self.host.path("/etc/cert-agent/manifest.json").write_text('{"version": 1, "certificats": {}}')
        with self.assertRaises(BusError) as refused:
            self.host.call("Reload")
        self.assertIn("did you mean", str(refused.exception).lower() + str(self.problems()).lower())
        self.assertEqual(self.host.state("web"), "valid")
        self.assertEqual(self.host.renew("web", force=True)[0], "done")

    def test_a_manifest_is_said_to_be_in_force_once(self):
        self.start(self.web())
        self.host.call("Reload")
        self.assertEqual(self.host.agent_log().count("The manifest is in force: 1 certificate, "), 1)
        self.host.path("/etc/cert-agent/manifest.json").write_text("{")
        with self.assertRaises(BusError):
            self.host.call("Reload")
        self.host.manifest(self.web())
        self.host.call("Reload")
        self.assertEqual(self.host.agent_log().count("The manifest is in force"), 2)

    def problems(self):
        return self.host.busctl("get-property", "org.certagent1", "/org/certagent1", "org.certagent1.Manager",
                                "ManifestProblems")["data"]

    def test_the_last_good_one_outlives_the_agent(self):
        self.start(self.web())
        self.host.renew_due()
        self.host.path("/etc/cert-agent/manifest.json").write_text("{")
        self.host.stop_agent()
        self.host.start_agent()
        self.assertEqual(self.host.state("web"), "valid")
        self.assertTrue(self.problems())
        self.assertEqual(self.host.renew("web", force=True)[0], "done")

    def test_without_any_manifest_the_agent_says_what_to_do(self):
        self.host.start_agent()
        self.assertEqual(self.host.call("ListCertificates"), [[]])
        self.assertIn("certctl init", " ".join(self.problems()))

    def test_a_certificate_that_left_the_manifest_is_gone(self):
        self.start(self.web())
        self.host.manifest({})
        self.host.call("Reload")
        with self.assertRaises(BusError) as gone:
            self.host.call("GetCertificate", "s", "web")
        self.assertIn("no certificate", str(gone.exception))


class Troubles(AgentTest):
    def fake(self, behaviour, **further):
        return {"site": {"type": "local"}, "bad": dict({"type": "fake", "behaviour": behaviour}, **further)}

    def bad(self, **further):
        return {"bad": self.host.certificate("bad", issuer="bad", **further), "web": self.host.certificate("web")}

    def test_one_that_fails_does_not_hold_up_another(self):
        for behaviour, word in (("refuse", "IssuerRefused"), ("wrong-key", "BadCertificate"),
                                ("wrong-names", "BadCertificate"), ("expired", "BadCertificate"),
                                ("garbage", "BadCertificate"), ("crash", "IssuerProtocol")):
            with self.subTest(behaviour):
                host = Host()
                self.addCleanup(host.end)
                host.manifest({"bad": host.certificate("bad", issuer="bad"), "web": host.certificate("web")},
                              issuers=self.fake(behaviour))
                host.start_agent()
                result, steps = host.renew_due()
                self.assertEqual(result, "failed")
                self.assertEqual(steps["web"][0], "done")
                self.assertEqual(steps["bad"][0], "failed")
                listed = {c[0]: c for c in host.call("ListCertificates")[0]}
                self.assertEqual(listed["bad"][1], "failed")
                if behaviour != "garbage":
                    self.assertEqual(listed["bad"][5], word)
                self.assertFalse(host.path("/etc/tls/bad.pem").exists())
                self.assertGreater(host.get("bad", "RetryAt"), 0)
                self.assertEqual(host.get("bad", "FailureCount"), 1)
                # Not due again before its retry time.
                self.assertEqual(host.renew_due()[0], "skipped")
                self.assertEqual(host.get("bad", "FailureCount"), 1)

    def test_a_good_one_that_could_not_be_forced_is_not_tried_again_by_itself(self):
        self.start({"bad": self.host.certificate("bad", issuer="bad")}, issuers=self.fake("good"))
        self.host.renew_due()
        self.host.manifest({"bad": self.host.certificate("bad", issuer="bad")}, issuers=self.fake("refuse"))
        self.host.call("Reload")
        self.assertEqual(self.host.renew("bad", force=True)[0], "failed")
        self.assertEqual(self.host.state("bad"), "valid")
        self.assertEqual(self.host.get("bad", "FailureCount"), 1)
        self.assertEqual(self.host.get("bad", "RetryAt"), 0)
        self.assertNotIn("tried again", self.host.agent_log())

    def test_an_issuer_that_hangs_holds_up_nobody(self):
        self.start(self.bad(), issuers=self.fake("hang"))
        path = self.host.call("RenewDue")[0]
        wait_for(lambda: self.host.state("web") == "valid", "web, while the other issuer hangs")
        self.assertEqual(self.host.state("bad"), "renewing")
        self.host.busctl("call", "org.certagent1", path, "org.certagent1.Job", "Cancel")
        wait_for(lambda: self.host.busctl("get-property", "org.certagent1", path, "org.certagent1.Job",
                                          "Result")["data"] == "canceled", "the canceled job")
        self.assertEqual(self.host.state("bad"), "due")

    def test_an_issuer_that_asks_to_wait_is_asked_again(self):
        self.start({"bad": self.host.certificate("bad", issuer="bad")}, issuers=self.fake("wait", polls=1))
        self.assertEqual(self.host.renew_due()[1]["bad"][0], "waiting")
        self.assertEqual(self.host.state("bad"), "waiting")
        self.host.stop_agent()
        self.host.start_agent()
        self.assertEqual(self.host.state("bad"), "waiting")
        for _ in range(5):
            if self.host.renew("bad")[1]["bad"][0] == "done":
                break
        self.assertEqual(self.host.state("bad"), "valid")
        self.assertTrue(public_keys_match(self.host.path("/etc/tls/bad.pem"), self.host.path("/etc/tls/bad.key")))

    def test_what_could_not_be_installed_is_installed_later_without_asking_again(self):
        self.start(self.web(cert_path="/etc/gone/web.pem", key_path="/etc/gone/web.key"))
        result, steps = self.host.renew_due()
        self.assertEqual(result, "failed")
        self.assertIn("/etc/gone", steps["web"][1])
        kept = self.host.path("/var/lib/cert-agent/generations/web/1/cert.pem").read_text()
        self.host.path("/etc/gone").mkdir(mode=0o755)
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertIn(kept.strip(), self.host.path("/etc/gone/web.pem").read_text())
        self.assertEqual(self.host.state("web"), "valid")

    def test_unknown_names_are_refused_by_name(self):
        self.start(self.web())
        for method, signature, *arguments in (("GetCertificate", "s", "wbe"), ("Ensure", "s", "wbe"),
                                              ("Renew", "asa{sv}", 1, "wbe", 0), ("Plan", "as", 1, "wbe")):
            with self.assertRaises(BusError) as refused:
                self.host.call(method, signature, *arguments)
            self.assertIn('no certificate "wbe"', str(refused.exception))

    def test_a_name_that_is_said_often_is_one_name(self):
        self.start(self.web())
        self.assertEqual(self.host.plan(*["web"] * 1000), {"web": ("issue", ["missing-cert", "missing-key", "missing-authority"])})
        path = self.host.call("Renew", "asa{sv}", 3, "web", "web", "web", 0)[0]
        progress = lambda: self.host.busctl("get-property", "org.certagent1", path, "org.certagent1.Job",
                                            "Progress")["data"]
        wait_for(lambda: [p for p in progress() if p[0] == "web"] == [["web", "done", ""]], "one step")
        with self.assertRaises(BusError):
            self.host.call("Renew", "asa{sv}", 1, "web", 2, "force", "b", "true", "force", "b", "true")

    def test_a_second_job_for_the_same_certificate_joins_the_first(self):
        self.start({"bad": self.host.certificate("bad", issuer="bad")}, issuers=self.fake("good"))
        with self.host.fake_closed():
            jobs = [self.host.call("Renew", "asa{sv}", 1, "bad", 0)[0] for _ in range(3)]
        for job in jobs:
            self.assertEqual(self.host.end_of_job(job, "the job"), ("done", {"bad": ("done", "")}))
        self.assertEqual(self.host.get("bad", "Generation"), 1)

    def test_a_certificate_may_leave_the_manifest_while_its_issuer_thinks(self):
        self.start(self.bad(), issuers=self.fake("refuse"))
        with self.host.fake_closed():
            path = self.host.call("Renew", "asa{sv}", 1, "bad", 0)[0]
            self.host.manifest({"web": self.host.certificate("web")}, issuers=self.fake("refuse"))
            self.host.call("Reload")
            # A pass that ends forgets what is not in the manifest, but for what another pass is at.
            self.assertEqual(self.host.renew("web")[0], "done")
        wait_for(lambda: self.host.busctl("get-property", "org.certagent1", path, "org.certagent1.Job",
                                          "Result")["data"] == "failed", "the job of what has gone")
        self.assertEqual(self.host.state("web"), "valid")

    def test_a_certificate_that_comes_back_while_its_issuer_thinks_is_the_same_one(self):
        wanted = {"bad": self.host.certificate("bad", issuer="bad")}
        self.start(wanted, issuers=self.fake("good"))
        with self.host.fake_closed():
            self.host.call("Renew", "asa{sv}", 1, "bad", 0)
            for certificates in ({}, wanted):
                self.host.manifest(certificates, issuers=self.fake("good"))
                self.host.call("Reload")
            self.assertEqual(self.host.state("bad"), "renewing")
        self.assertEqual(self.host.renew("bad"), ("done", {"bad": ("done", "")}))
        self.assertEqual(self.host.get("bad", "Generation"), 1)

    def test_a_unit_without_systemd_is_a_clear_error_and_the_certificate_stays(self):
        self.start(self.web(units=["nginx.service"]))
        result, steps = self.host.renew_due()
        self.assertEqual(result, "failed")
        self.assertEqual(self.host.state("web"), "degraded")
        self.assertIn("nginx.service", steps["web"][1])


class Watching(AgentTest):
    def test_drift_is_mended_as_it_happens(self):
        self.start(self.web(watch=True))
        self.host.renew_due()
        for spoil in (lambda: self.cert.unlink(), lambda: self.key.chmod(0o644), lambda: os.truncate(self.key, 10)):
            spoil()
            wait_for(lambda: self.cert.exists() and self.key.stat().st_mode & 0o777 == 0o600 and
                     self.host.state("web") == "valid", "the repair")
            self.assert_in_order()

    def test_no_change_is_missed_while_a_pass_is_at_work(self):
        self.start(self.web(watch=True))
        self.host.renew_due()

        def removed_until_made_again():
            self.cert.unlink(missing_ok=True)
            return self.host.get("web", "Generation") > 3

        wait_for(removed_until_made_again, "the third repair")
        wait_for(lambda: self.cert.exists() and self.host.state("web") == "valid", "the last repair")
        self.assert_in_order()


class Clocks(AgentTest):
    def test_with_a_clock_before_2020_nothing_is_issued_and_it_is_said(self):
        self.host.manifest(self.web())
        self.host.shift_clock(-35 * 365 * 86400)
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "skipped")
        self.assertEqual(self.host.state("web"), "blocked")
        self.assertIn("clock", self.host.get("web", "Hint").lower())
        self.assertIn("before 2020", self.host.agent_log())
        self.assertFalse(self.cert.exists())

    def test_a_clock_set_back_re_issues_nothing(self):
        self.start(self.web())
        self.host.renew_due()
        first = serial(self.cert)
        self.host.stop_agent()
        self.host.shift_clock(-40 * 86400)
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "skipped")
        self.assertEqual(serial(self.cert), first)


class Records(AgentTest):
    def test_state_and_history_outlive_the_agent(self):
        self.start(self.web())
        self.host.renew_due()
        self.host.renew("web", force=True)
        before = self.host.get("web", "History"), self.host.get("web", "LastRenewal")
        self.host.stop_agent(signal.SIGKILL)
        self.host.start_agent()
        self.assertEqual((self.host.get("web", "History"), self.host.get("web", "LastRenewal")), before)
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_a_damaged_record_is_set_aside_and_nothing_is_re_issued(self):
        self.start(self.web())
        self.host.renew_due()
        first = serial(self.cert)
        self.host.stop_agent()
        record = self.host.path("/var/lib/cert-agent/records/web.json")
        record.write_text('{"version": 1, "generation": "x')
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "skipped")
        self.assertEqual(self.host.state("web"), "valid")
        self.assertEqual(serial(self.cert), first)
        self.assertTrue(list(record.parent.glob("web.json.damaged*")))

    def test_no_secret_is_in_log_record_or_cache(self):
        self.start(self.web())
        self.host.renew_due()
        secret = self.key.read_text().splitlines()[1]
        for file in ("/run/agent.log", "/var/lib/cert-agent/records/web.json", "/var/lib/cert-agent/facts"):
            path = self.host.path(file)
            if path.exists():
                self.assertNotIn(secret.encode(), path.read_bytes())


class Tokens(AgentTest):
    """A key that never leaves its token (SoftHSM2)."""

    def setUp(self):
        super().setUp()
        self.pin = self.host.make_token("web")

    def wish(self):
        return {"web": {"issuer": "site", "common_name": "web.example.org", "cert_path": "/etc/tls/web.pem",
                        "key": {"uri": f"pkcs11:token=web;object=web;type=private?pin-source=file:/etc/pin"}}}

    def test_certificate_is_for_the_key_in_the_token_and_the_key_is_no_file(self):
        self.start(self.wish())
        result, steps = self.host.renew_due()
        self.assertEqual(result, "done", steps)
        self.assertEqual(self.host.state("web"), "valid")
        self.assertFalse(list(self.host.path("/etc/tls").glob("*.key")))
        self.assertFalse(list(self.host.path("/var/lib/cert-agent/generations").rglob("key.pem")))
        first = openssl("x509", "-in", self.cert, "-noout", "-pubkey").stdout
        self.assertEqual(self.host.renew("web", force=True)[0], "done")
        self.assertEqual(openssl("x509", "-in", self.cert, "-noout", "-pubkey").stdout, first)
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_a_wrong_pin_blocks_at_once_so_that_the_token_is_not_locked(self):
        self.pin.write_text("9999")
        self.start(self.wish())
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.host.state("web"), "blocked")
        self.assertIn("PIN", self.host.get("web", "LastError"))
        self.assertEqual(self.host.renew_due()[0], "skipped")
        self.pin.write_text("1234")
        self.assertEqual(self.host.renew("web")[0], "done")


class Interfaces(AgentTest):
    def introspect(self, path):
        p = subprocess.run(["busctl", f"--address=unix:path={self.host.bus}", "introspect", "--xml-interface",
                            "org.certagent1", path], capture_output=True, text=True, timeout=30)
        self.assertEqual(p.returncode, 0, p.stderr)
        return ElementTree.fromstring(p.stdout)

    @staticmethod
    def describe(root, interface):
        node = next(i for i in root.iter("interface") if i.get("name") == interface)
        members = set()
        for member in node:
            arguments = tuple((a.get("name"), a.get("type"), a.get("direction", "out")) for a in member.iter("arg"))
            changes = [a.get("value") for a in member.iter("annotation")
                       if a.get("name") == "org.freedesktop.DBus.Property.EmitsChangedSignal"]
            members.add((member.tag, member.get("name"), member.get("type"), arguments, (changes or ["true"])[0]
                         if member.tag == "property" else None))
        return members

    def test_the_running_agent_offers_what_the_files_in_dbus_say(self):
        self.start(self.web())
        job = self.host.call("RenewDue")[0]
        for interface, path in (("Manager", "/org/certagent1"), ("Certificate", "/org/certagent1/certificate/web"),
                                ("Job", job)):
            with self.subTest(interface):
                name = f"org.certagent1.{interface}"
                said = ElementTree.parse(SOURCE / f"dbus/{name}.xml").getroot()
                self.assertEqual(self.describe(self.introspect(path), name), self.describe(said, name))

    def test_the_roots_of_an_issuer_are_given_once_there_are_any(self):
        self.start(self.web(ca_path="/etc/tls/ca.pem"))
        with self.assertRaisesRegex(BusError, "missing"):
            self.host.call("GetBundle", "s", "site")
        self.host.renew_due()
        first = self.host.call("GetBundle", "s", "site")[0]
        self.assertEqual(self.host.path("/etc/tls/ca.pem").read_text().strip(), first.strip())
        self.assertEqual(self.host.call("GetBundle", "s", "site")[0], first)
        with self.assertRaises(BusError):
            self.host.call("GetBundle", "s", "nobody")

    def test_object_manager_has_every_certificate(self):
        names = [f"c{i}" for i in range(20)]
        self.start({n: self.host.certificate(n) for n in names})
        objects = self.host.busctl("call", "org.certagent1", "/org/certagent1/certificate",
                                   "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")["data"][0]
        self.assertEqual(len(objects), 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
