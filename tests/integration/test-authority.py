# SPDX-License-Identifier: LGPL-2.1-or-later
"""A local authority, its certificates, bundles and revocation lists kept in step: the seven rules, a rotation step by step,
and what happens when one of the steps fails. The agent and the authority's process are real, systemd is a fake."""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
from harness import Host, wait_for  # noqa: E402

spec = importlib.util.spec_from_file_location("rollback", HERE / "test-rollback.py")
rollback = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rollback)

CA = "/var/lib/cert-authority/site"
BUNDLE = "/etc/tls/site-ca.pem"


def openssl(*arguments, **further):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, **further)


class AuthorityTest(rollback.UnitTest):
    def setUp(self):
        super().setUp()
        self.unit("nginx.service")
        self.unit("client.service")

    # ---- The host ----

    def declare(self, authority=None, certificates=None, bundles=None, **further):
        self.host.manifest(certificates if certificates is not None else self.two(),
                           {"site": {"type": "local", **(authority or {})}},
                           bundles=bundles if bundles is not None else self.bundle(), **further)

    def two(self, **further):
        return {n: self.host.certificate(n, units=[{"unit": "nginx.service", "action": "reload"}], **further)
                for n in ("a", "b")}

    def bundle(self, **further):
        return {"site-ca": {"from": ["site"], "path": BUNDLE,
                            "units": [{"unit": "client.service", "action": "reload"}], **further}}

    def begin(self, authority=None, **further):
        self.declare(authority, **further)
        self.host.start_agent()
        self.due("done")

    def due(self, wanted):
        """The timer's pass; shows what failed."""
        result, steps = self.host.renew_due()
        self.assertEqual(result, wanted, steps)
        return steps

    # ---- What is there ----

    def serial(self, path):
        return openssl("x509", "-in", self.host.path(path), "-noout", "-serial").stdout.strip()

    def in_bundle(self, path=BUNDLE):
        """Fingerprints of the certificates in a bundle, in its order."""
        text = self.host.path(path).read_text()
        blocks = [b + "-----END CERTIFICATE-----\n" for b in text.split("-----END CERTIFICATE-----\n") if b.strip()]
        return [openssl("x509", "-noout", "-fingerprint", "-sha256", input=b).stdout.split("=")[1].strip()
                .replace(":", "").lower() for b in blocks]

    def verifies(self, name, bundle=BUNDLE):
        return openssl("verify", "-x509_strict", "-CAfile", self.host.path(bundle),
                       self.host.path(f"/etc/tls/{name}.pem")).returncode == 0

    def authority(self, name="site"):
        return {k: v["data"] for k, v in self.host.call("GetAuthority", "s", name)[0].items()}

    def bundles(self):
        return {name: {k: v["data"] for k, v in facts.items()} for name, facts in self.host.call("ListBundles")[0]}

    def roles(self):
        return {row[0]: row[1] for row in self.authority()["Trusted"]}

    def count(self, unit):
        return len(self.calls(unit))

    def in_step(self):
        roles = self.roles()
        self.assertEqual(set(roles), {"current"})
        self.assertEqual(self.in_bundle(), [roles["current"]])
        self.assertTrue(self.verifies("a") and self.verifies("b"))
        self.assertEqual({n: a for n, (a, _) in self.host.plan().items() if a != "none"}, {})
        self.assertEqual(self.authority()["State"], "valid")

    def snapshot(self):
        """Inode, time and content of all that the agent and the authority keep."""
        found = {}
        for top in ("etc", "var/lib/cert-agent/records", "var/lib/cert-agent/generations", "var/lib/cert-authority"):
            for p in sorted((self.host.root / top).rglob("*")):
                s = p.lstat()
                found[str(p)] = (s.st_ino, s.st_mtime_ns, s.st_size)
        return found


class Rules(AuthorityTest):
    def test_first_run_makes_authority_certificates_and_bundle_with_one_job_a_unit(self):
        self.declare()
        self.host.start_agent()
        plan = self.host.plan()
        self.assertEqual(plan["authority:site"], ("make", ["missing-authority"]))
        self.assertEqual(plan["bundle:site-ca"], ("issue", ["bundle-differ"]))
        self.assertIn("missing-cert", plan["a"][1])
        result, steps = self.host.renew_due()
        self.assertEqual(result, "done", steps)
        self.assertEqual((self.count("nginx.service"), self.count("client.service")), (1, 1))
        self.in_step()

    def test_rule_1_authority_certificate_gone(self):
        self.begin()
        before = (self.in_bundle(), self.serial("/etc/tls/a.pem"))
        self.host.path(CA + "/ca.pem").unlink()
        plan = self.host.plan()
        self.assertEqual(plan["authority:site"], ("make", ["missing-authority"]))
        self.assertEqual(plan["a"], ("issue", ["missing-authority"]))
        self.due("done")
        self.in_step()
        self.assertNotEqual(self.in_bundle(), before[0])
        self.assertNotEqual(self.serial("/etc/tls/a.pem"), before[1])

    def test_rule_1_authority_key_gone(self):
        self.begin()
        before = self.in_bundle()
        self.host.path(CA + "/ca.key").unlink()
        self.due("done")
        self.in_step()
        self.assertNotEqual(self.in_bundle(), before)

    def test_rule_1_by_name_of_one_certificate_takes_all_that_hangs_on_it(self):
        self.begin()
        self.host.path(CA + "/ca.key").unlink()
        self.assertEqual(self.host.renew("a")[0], "done")
        self.in_step()

    def test_rule_2_certificate_gone(self):
        self.begin()
        self.host.path("/etc/tls/a.pem").unlink()
        self.assertEqual(self.host.plan()["a"], ("issue", ["missing-cert"]))
        b = self.serial("/etc/tls/b.pem")
        self.due("done")
        self.in_step()
        self.assertEqual(self.serial("/etc/tls/b.pem"), b)

    def test_rule_3_bundle_edited_is_written_again(self):
        self.begin()
        ca = self.roles()
        self.host.path(BUNDLE).write_text("edited\n")
        self.assertEqual(self.host.plan()["bundle:site-ca"], ("issue", ["bundle-differ"]))
        self.due("done")
        self.in_step()
        self.assertEqual(self.roles(), ca)
        self.assertEqual(self.count("client.service"), 2)

    def test_rule_3_bundle_edited_means_a_new_authority_if_the_manifest_says_so(self):
        self.begin({"bundle_drift": "recreate"})
        ca = self.roles()
        self.host.path(BUNDLE).write_text("edited\n")
        self.assertEqual(self.host.plan()["authority:site"], ("recreate", ["bundle-differ"]))
        self.due("done")
        self.in_step()
        self.assertNotEqual(self.roles(), ca)
        again = self.roles()
        self.due("skipped")
        self.assertEqual(self.roles(), again, "once")
        self.host.path(BUNDLE).unlink()
        self.due("done")
        self.in_step()
        self.assertNotEqual(self.roles(), again, "and again for the next change")

    def replace_by_foreign(self, name):
        cert, key = (self.host.path(f"/etc/tls/{name}.{e}") for e in ("pem", "key"))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                cert, "-subj", f"/CN={name}.example.org", "-addext", f"subjectAltName=DNS:{name}.example.org", "-days",
                "90")

    def test_rule_4_a_foreign_certificate_is_signed_again(self):
        self.begin()
        ca = self.roles()
        self.replace_by_foreign("a")
        action, reasons = self.host.plan()["a"]
        self.assertEqual(action, "issue")
        self.assertIn("not-signed-by-authority", reasons)
        self.due("done")
        self.in_step()
        self.assertEqual(self.roles(), ca)

    def test_rule_4_a_foreign_certificate_means_a_new_authority_if_the_manifest_says_so(self):
        self.begin({"stray": "recreate"})
        ca = self.roles()
        self.replace_by_foreign("a")
        self.assertEqual(self.host.plan()["authority:site"], ("recreate", ["not-signed-by-authority"]))
        self.due("done")
        self.in_step()
        self.assertNotEqual(self.roles(), ca)
        self.due("skipped")

    def test_rule_5_an_authority_that_expires_soon_is_rotated_in_one_job(self):
        wish = {"lifetime": "10d", "certificate_lifetime": "5d", "renew_before": "4d"}
        self.begin(wish)
        ca = self.roles()["current"]
        self.host.stop_agent()
        self.host.shift_clock(6 * 86400 + 3600)
        self.host.start_agent()
        self.assertEqual(self.host.plan()["authority:site"], ("begin", ["authority-expiring"]))
        self.due("done")
        self.assertEqual(self.roles()["old"], ca)
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_rule_6_a_certificate_that_expires_soon(self):
        self.begin(certificates=self.two(lifetime="1h", renew_before="59min59s"))
        before = self.serial("/etc/tls/a.pem")
        wait_for(lambda: "expiring" in self.host.plan()["a"][1], "the certificate to be due")
        self.due("done")
        self.assertNotEqual(self.serial("/etc/tls/a.pem"), before)

    def test_rule_7_a_pass_that_finds_nothing_writes_nothing(self):
        self.begin()
        before = self.snapshot()
        self.due("skipped")
        self.assertEqual(self.snapshot(), before)


class Rotation(AuthorityTest):
    """Old, old and new, new; and never a certificate that a bundle in use does not trust."""

    # as long as that none is over by itself; grace_is_over() makes it short
    grace = {"rotation_grace": "1h"}

    def grace_is_over(self, **further):
        self.declare({"rotation_grace": "1s"}, **further)
        self.host.call("Reload")
        wait_for(lambda: self.host.plan()["authority:site"] == ("retire", ["authority-rotated"]), "the end of the grace time")

    def rotate(self):
        return self.host.job("RotateAuthority", "s", "site")

    def test_planned_by_hand(self):
        self.begin(self.grace)
        old = self.roles()["current"]
        result, steps = self.rotate()
        self.assertEqual(result, "done", steps)
        roles = self.roles()
        self.assertEqual(roles["old"], old)
        self.assertEqual(set(self.in_bundle()), {old, roles["current"]})
        self.assertTrue(self.verifies("a") and self.verifies("b"))
        self.assertEqual(self.authority()["Phase"], "retiring")
        self.assertEqual(self.host.renew_due()[0], "skipped", "the grace time is not over")
        self.grace_is_over()
        self.due("done")
        self.in_step()
        self.assertEqual(self.roles()["current"], roles["current"])

    def test_bundles_are_told_before_any_certificate_of_the_new_one_is_in_place(self):
        self.begin(self.grace)
        before = len(self.systemd("Calls")[0])
        self.rotate()
        units = [c.split()[1] for c in self.systemd("Calls")[0][before:]]
        self.assertEqual(units, ["client.service", "nginx.service"])

    def test_order_of_a_bundle_does_not_change_when_the_new_one_takes_over(self):
        self.begin(self.grace)
        time.sleep(1.1)  # made in one second, they would stand in the order of their fingerprints
        old = self.roles()["current"]
        self.rotate()
        self.assertEqual(self.in_bundle(), [old, self.roles()["current"]])

    def test_a_unit_that_does_not_take_the_bundle_holds_up_the_rotation(self):
        self.begin(self.grace)
        old = self.roles()["current"]
        serial = self.serial("/etc/tls/a.pem")
        self.unit("client.service", JobResult="failed")
        self.assertEqual(self.rotate()[0], "failed")
        self.assertEqual(self.roles()["current"], old)
        self.assertEqual(self.authority()["Phase"], "introducing")
        self.assertEqual(self.serial("/etc/tls/a.pem"), serial)
        self.assertIn(old, self.in_bundle())
        self.unit("client.service", JobResult="done")
        self.due("done")
        self.assertEqual(self.authority()["Phase"], "retiring")
        self.assertNotEqual(self.serial("/etc/tls/a.pem"), serial)

    def test_ca_files_of_certificates_are_told_first_as_well(self):
        certificates = {"a": self.host.certificate("a", ca_path="/etc/tls/a-ca.pem",
                                                   units=[{"unit": "nginx.service", "action": "reload"}]),
                        "b": self.host.certificate("b", units=[{"unit": "client.service", "action": "reload"}])}
        self.begin(self.grace, certificates=certificates, bundles={})
        old = self.roles()["current"]
        before = len(self.systemd("Calls")[0])
        self.assertEqual(self.rotate()[0], "done")
        self.assertEqual(set(self.in_bundle("/etc/tls/a-ca.pem")), {old, self.roles()["current"]})
        self.assertEqual(self.systemd("Calls")[0][before].split()[1], "nginx.service", "before anything is issued")
        self.assertTrue(self.verifies("b", "/etc/tls/a-ca.pem"))
        self.grace_is_over(certificates=certificates, bundles={})
        self.due("done")
        self.assertEqual(self.in_bundle("/etc/tls/a-ca.pem"), [self.roles()["current"]])
        self.due("skipped")

    def test_an_agent_that_is_killed_goes_on_where_it_stood(self):
        self.begin(self.grace)
        old = self.roles()["current"]
        self.unit("client.service", JobDelay="never")
        self.host.call("RotateAuthority", "s", "site")
        wait_for(lambda: self.calls("client.service")[1:], "the reload")
        self.host.stop_agent(signal.SIGKILL)
        self.systemd("Finish", "ss", "client.service", "canceled")
        self.unit("client.service", JobDelay="1")
        self.host.start_agent()
        self.assertEqual(self.authority()["Phase"], "introducing")
        self.due("done")
        self.assertEqual(self.roles()["old"], old)
        self.assertTrue(self.verifies("a") and self.verifies("b"))

    def test_at_once(self):
        self.begin(self.grace)
        old = self.roles()["current"]
        before = len(self.systemd("Calls")[0])
        self.assertEqual(self.host.job("RecreateAuthority", "s", "site")[0], "done")
        self.in_step()
        self.assertNotIn(old, self.in_bundle())
        units = sorted(c.split()[1] for c in self.systemd("Calls")[0][before:])
        self.assertEqual(units, ["client.service", "nginx.service"], "one job for each unit")

    def test_a_changed_subject_rotates(self):
        self.begin(self.grace)
        self.declare({"subject": "CN=Another", **self.grace})
        self.host.call("Reload")
        self.assertEqual(self.host.plan()["authority:site"], ("begin", ["manifest-changed"]))
        self.due("done")
        self.assertEqual(self.authority()["Subject"], "CN=Another")


class Revocation(AuthorityTest):
    crl = {"crl_path": "/etc/tls/site.crl", "crl_units": [{"unit": "client.service", "action": "reload"}]}

    def revoked(self):
        return openssl("crl", "-in", self.host.path("/etc/tls/site.crl"), "-noout", "-text").stdout

    def test_revoke_issues_anew_and_lists_the_old_serial(self):
        self.begin(self.crl)
        serial = self.serial("/etc/tls/a.pem")
        self.assertIn("No Revoked Certificates", self.revoked())
        self.host.call("Revoke", "ss", "a", "keyCompromise")
        wait_for(lambda: self.serial("/etc/tls/a.pem") != serial and self.host.state("a") == "valid", "a new certificate")
        wait_for(lambda: serial.split("=")[1] in self.revoked(), "the list")
        self.assertIn("Key Compromise", self.revoked())
        self.assertEqual(self.authority()["Revoked"], 1)
        self.due("skipped")

    def test_an_edited_list_is_written_again(self):
        self.begin(self.crl)
        self.host.path("/etc/tls/site.crl").write_text("")
        self.assertEqual(self.host.plan()["crl:site"][0], "issue")
        self.due("done")
        self.assertIn("No Revoked Certificates", self.revoked())

    def test_as_many_as_may_be_revoked_and_one_more(self):
        self.begin(self.crl)
        most, serial = 16384, self.serial("/etc/tls/a.pem")
        end, authority = int(time.time()) + 86400, self.roles()["current"][:16]
        with open(self.host.path(CA + "/revoked"), "w") as f:
            for i in range(most - 1):  # the longest serial numbers, the longest entries
                f.write(f"40{i:038x} {authority} {end - 86400} {end} superseded\n")
        self.host.call("Revoke", "ss", "a", "keyCompromise")
        wait_for(lambda: self.serial("/etc/tls/a.pem") != serial and self.host.state("a") == "valid", "a new certificate")
        self.assertEqual(self.authority()["Revoked"], most)
        wait_for(lambda: serial.split("=")[1] in self.revoked(), "the list")
        self.assertEqual(self.revoked().count("Serial Number:"), most)
        with self.assertRaisesRegex(Exception, "cannot revoke one more"):
            self.host.call("Revoke", "ss", "a", "keyCompromise")
        self.assertEqual(self.host.plan()["a"][0], "none")

    def test_what_cannot_be_revoked_is_refused(self):
        self.begin(self.crl)
        for name, reason, words in (("none", "superseded", "no certificate"), ("a", "because", "because")):
            with self.assertRaisesRegex(Exception, words):
                self.host.call("Revoke", "ss", name, reason)


class Trouble(AuthorityTest):
    def test_a_key_of_another_is_an_error_and_everything_stays_as_it_is(self):
        self.begin()
        other = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").stdout
        key = self.host.path(CA + "/ca.key")
        good = key.read_text()
        key.write_text(other)
        before = (self.in_bundle(), self.serial("/etc/tls/a.pem"))
        result, steps = self.host.renew_due()
        self.assertEqual(result, "failed")
        self.assertIn("authority:site", steps)
        self.assertEqual(self.authority()["State"], "blocked")
        self.assertIn("ca.key", self.authority()["Message"])
        self.assertEqual((self.in_bundle(), self.serial("/etc/tls/a.pem")), before)
        self.assertTrue(self.verifies("a"))
        key.write_text(good)
        self.due("skipped")
        self.in_step()

    def test_a_unit_is_not_held_up_by_an_authority_that_is_damaged_while_its_certificate_is_good(self):
        self.begin()
        self.host.path(CA + "/ca.key").write_text("garbage")
        self.assertEqual(self.host.job("Ensure", "s", "a")[0], "skipped")
        self.assertEqual(self.host.renew("a")[0], "skipped")
        self.host.path("/etc/tls/a.pem").unlink()
        result, steps = self.host.job("Ensure", "s", "a")
        self.assertEqual((result, steps["a"][0]), ("failed", "failed"))
        self.assertIn("ca.key", steps["a"][1])

    def test_what_is_damaged_for_good_can_be_given_up(self):
        self.begin()
        before = self.roles()
        self.host.path(CA + "/ca.key").write_text("garbage")
        self.assertEqual(self.host.job("RotateAuthority", "s", "site")[0], "failed")
        result, steps = self.host.job("RecreateAuthority", "s", "site")
        self.assertEqual(result, "done", steps)
        self.in_step()
        self.assertNotEqual(self.roles(), before)

    def test_two_authorities_do_not_mix(self):
        self.host.manifest({"a": self.host.certificate("a"), "b": self.host.certificate("b", issuer="other")},
                           {"site": {"type": "local"}, "other": {"type": "local"}},
                           bundles={"one": {"from": ["site"], "path": "/etc/tls/one.pem"},
                                    "both": {"from": ["other", "site"], "path": "/etc/tls/both.pem"}})
        self.host.start_agent()
        self.due("done")
        self.assertTrue(self.verifies("a", "/etc/tls/one.pem") and not self.verifies("b", "/etc/tls/one.pem"))
        self.assertTrue(self.verifies("a", "/etc/tls/both.pem") and self.verifies("b", "/etc/tls/both.pem"))

    def test_another_environment_is_refused(self):
        self.begin(environment="production")
        self.declare(environment="testing")
        self.host.call("Reload")
        self.due("failed")
        self.assertIn("production", self.authority()["Message"])

    def test_bundle_of_an_issuer_that_is_no_authority_asks_it_for_its_roots(self):
        self.host.manifest({}, {"ca": {"type": "fake"}}, bundles={"ca": {"from": ["ca"], "path": BUNDLE}})
        self.host.start_agent()
        self.due("done")
        self.assertEqual(len(self.in_bundle()), 1)
        self.due("skipped")


class Overtaken(AuthorityTest):
    """What another pass has in hand, or could go back to, when an authority is replaced or a certificate revoked."""

    def slow(self):
        self.unit("slow.service")
        return {"a": self.host.certificate("a", units=[{"unit": "slow.service", "action": "reload"}]),
                "b": self.host.certificate("b", units=[{"unit": "nginx.service", "action": "reload"}])}

    def begin_with_a_in_hand(self):
        self.begin(certificates=self.slow())
        self.unit("slow.service", JobDelay="never")
        told = self.count("slow.service")
        self.host.call("Renew", "asa{sv}", 1, "a", 1, "force", "b", "true")
        wait_for(lambda: self.count("slow.service") > told, "the reload")

    def let_go(self):
        self.systemd("Finish", "ss", "slow.service", "done")
        self.unit("slow.service", JobDelay="1")

    def test_replaced_while_a_unit_is_slow(self):
        self.begin_with_a_in_hand()
        self.host.call("RecreateAuthority", "s", "site")
        wait_for(lambda: self.host.state("b") == "valid" and self.verifies("b"), "b")
        self.let_go()
        wait_for(lambda: self.verifies("a") and self.host.state("a") == "valid", "a of the new authority")

    def test_revoked_while_a_unit_is_slow(self):
        self.begin_with_a_in_hand()
        serial = self.serial("/etc/tls/a.pem")
        self.host.call("Revoke", "ss", "a", "keyCompromise")
        self.let_go()
        wait_for(lambda: self.serial("/etc/tls/a.pem") != serial and self.host.state("a") == "valid", "another serial")

    def test_replaced_while_what_it_signed_waits_for_its_batch(self):
        certificates = {**self.two(), "z": self.host.certificate("z", issuer="slow")}
        self.host.manifest(certificates, {"site": {"type": "local"},
                                          "slow": {"type": "fake"}},
                           bundles=self.bundle())
        self.host.start_agent()
        self.due("done")
        before = self.serial("/etc/tls/a.pem")
        with self.host.fake_closed():
            self.host.call("Renew", "asa{sv}", 2, "a", "z", 1, "force", "b", "true")
            time.sleep(2)
            self.assertEqual(self.serial("/etc/tls/a.pem"), before, "it waits for z")
            self.host.call("RecreateAuthority", "s", "site")
        wait_for(lambda: self.serial("/etc/tls/a.pem") != before and self.host.state("a") == "valid", "a")
        self.assertTrue(self.verifies("a"))

    def test_a_revoked_certificate_is_not_gone_back_to(self):
        self.begin()
        serial = self.serial("/etc/tls/a.pem")
        self.unit("nginx.service", JobResult="failed")
        self.host.call("Revoke", "ss", "a", "keyCompromise")
        wait_for(lambda: self.host.state("a") == "degraded", "the failure")
        self.assertNotEqual(self.serial("/etc/tls/a.pem"), serial)

    def test_a_former_authority_is_not_trusted_again_because_a_unit_fails(self):
        self.begin()
        old = self.roles()["current"]
        self.unit("client.service", JobResult="failed")
        self.unit("nginx.service", JobResult="failed")
        self.assertEqual(self.host.job("RecreateAuthority", "s", "site")[0], "failed")
        self.assertEqual(self.in_bundle(), [self.roles()["current"]])
        self.assertNotIn(old, self.in_bundle())
        self.assertTrue(self.verifies("a") and self.verifies("b"))
        self.assertEqual(self.host.state("a"), "degraded")
        self.unit("client.service", JobResult="done")
        self.unit("nginx.service", JobResult="done")
        self.due("done")
        self.in_step()


class Tampering(AuthorityTest):
    wish = {"bundle_drift": "recreate"}

    def test_it_is_answered_later_if_it_cannot_be_now(self):
        self.begin(self.wish)
        ca = self.roles()
        self.host.path(BUNDLE).write_text("tampered\n")
        aside = self.host.path(CA + "-aside")
        self.host.path(CA).rename(aside)
        self.host.path(CA).write_text("no folder")
        self.assertEqual(self.host.renew_due()[0], "failed")
        self.assertEqual(self.host.path(BUNDLE).read_text(), "tampered\n", "it is the evidence")
        self.host.path(CA).unlink()
        aside.rename(self.host.path(CA))
        self.due("done")
        self.assertNotEqual(self.roles(), ca)
        self.in_step()

    def test_it_has_an_end(self):
        self.begin(self.wish)
        made = set()
        for i in range(22):
            self.host.path(BUNDLE).write_text(f"tampered {i}\n")
            self.due("done")
            made.add(self.roles()["current"])
            self.assertNotIn("tampered", self.host.path(BUNDLE).read_text())
        self.assertEqual(len(made), 20)
        self.assertIn("keeps being changed", self.host.agent_log())

    def test_reading_does_not_forget_that_it_was_answered(self):
        self.begin(self.wish)
        self.host.path(BUNDLE).unlink()
        self.host.path(BUNDLE).mkdir()
        self.assertEqual(self.host.renew_due()[0], "failed")
        ca = self.roles()
        for _ in range(2):
            self.host.stop_agent()
            self.host.start_agent()
            self.host.call("ListAuthorities")
            self.host.renew_due()
            self.assertEqual(self.roles(), ca)

    def test_facts_from_before_a_crash_are_not_signed_by(self):
        self.begin(certificates=self.two(watch=True))
        self.host.stop_agent(signal.SIGKILL)
        for f in ("ca.pem", "ca.key"):
            self.host.path(f"{CA}/{f}").unlink()
        with Host() as other:  # makes another authority for the first one's folder
            other.manifest({"x": other.certificate("x")})
            other.start_agent()
            other.renew_due()
            for f in ("ca.pem", "ca.key"):
                (other.path(CA) / f).rename(self.host.path(f"{CA}/{f}"))
        self.host.start_agent()
        before = self.serial("/etc/tls/a.pem")
        self.host.path("/etc/tls/a.pem").unlink()
        wait_for(lambda: self.host.path("/etc/tls/a.pem").exists() and self.serial("/etc/tls/a.pem") != before, "a")
        wait_for(lambda: self.host.state("a") == "valid", "a, told")
        self.assertTrue(openssl("verify", "-CAfile", self.host.path(CA + "/ca.pem"),
                                self.host.path("/etc/tls/a.pem")).returncode == 0)
        self.host.renew_due()  # what the watch, which stands by now, has left to do
        self.in_step()


class Watching(AuthorityTest):
    """Each change is mended by itself; the figure is printed, and bounded only against hanging."""

    def mended(self, change, condition, what):
        change()
        start = time.monotonic()
        wait_for(condition, what)
        print(f"# {what}: {(time.monotonic() - start) * 1000:.0f} ms", file=sys.stderr)

    def test_every_managed_file(self):
        self.begin({"watch": True}, certificates=self.two(watch=True), bundles=self.bundle(watch=True))
        files = {"certificate": "/etc/tls/a.pem", "key": "/etc/tls/a.key", "bundle": BUNDLE}
        for what, path in files.items():
            p = self.host.path(path)
            self.mended(p.unlink, lambda: p.exists() and self.host.state("a") == "valid", what)
        for what in ("ca.pem", "ca.key"):
            old = self.roles()["current"]
            p = self.host.path(f"{CA}/{what}")
            self.mended(p.unlink, lambda: p.exists() and old not in self.in_bundle() and self.verifies("a"), what)
        # what is installed is seen before its units have been told
        wait_for(lambda: {action for action, _ in self.host.plan().values()} == {"none"}, "everything in step")
        self.in_step()

    def watchers(self):
        """The authority's processes that stay: those of the watch, when nothing else is under way."""
        found = []
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                status = (p / "status").read_text()
                command = (p / "cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:
                continue
            if f"PPid:\t{self.host.agent_process.pid}\n" in status and command.endswith("cert-issuer-local"):
                found.append(int(p.name))
        return found

    def the_one_that_stays(self):
        found = []

        def one():
            found[:] = self.watchers()
            return len(found) == 1

        wait_for(one, "the one process that stays")
        return found

    def test_the_next_change_is_found_when_the_process_that_watches_was_killed(self):
        self.begin({"watch": True}, certificates=self.two(watch=True), bundles=self.bundle(watch=True))
        (worker,) = self.the_one_that_stays()
        old = self.roles()["current"]
        # while nobody watches: found when somebody does again
        os.kill(worker, signal.SIGKILL)
        p = self.host.path(f"{CA}/ca.pem")
        self.mended(p.unlink, lambda: p.exists() and old not in self.in_bundle() and self.verifies("a"),
                    "ca.pem, nobody watching")
        self.assertNotIn("Cannot watch", self.host.agent_log())
        # and by the process that watches now
        old = self.roles()["current"]
        self.mended(p.unlink, lambda: p.exists() and old not in self.in_bundle() and self.verifies("a"),
                    "ca.pem, watched again")
        self.assertNotIn(worker, self.watchers())

    def test_a_folder_in_step_is_left_alone_and_another_wish_ends_the_watch(self):
        self.begin({"watch": True}, certificates=self.two(), bundles=self.bundle())
        self.the_one_that_stays()
        time.sleep(2)
        self.assertEqual(len(self.watchers()), 1)  # no look begets another
        self.declare({"watch": False}, certificates=self.two(), bundles=self.bundle())
        self.host.call("Reload")
        wait_for(lambda: not self.watchers(), "no process")


if __name__ == "__main__":
    os.environ.setdefault("CERT_AGENT_BUILD", "build")
    unittest.main(verbosity=2)
