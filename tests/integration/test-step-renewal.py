# SPDX-License-Identifier: LGPL-2.1-or-later
"""The next certificate by the one before, an X5C provisioner, and revocation: the real agent and a real step-ca."""

import json
import pathlib
import re
import ssl
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import BusError, Host, wait_for  # noqa: E402
from stepca import StepCA  # noqa: E402


class RenewalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ca = StepCA()
        cls.addClassCleanup(cls.ca.end)
        cls.ca.start()
        cls.begin = time.monotonic()

    def setUp(self):
        self.new_host()

    def new_host(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        self.ca.give_password(self.host)

    def issuer(self, renewal, **further):
        return self.ca.issuer(renewal=renewal, **further)

    def start(self, renewal="renew", provisioner="admin", issuer=None, **certificate):
        self.manifest(renewal, provisioner, issuer, **certificate)
        self.host.start_agent()
        self.assert_done(self.host.renew_due())

    def manifest(self, renewal="renew", provisioner="admin", issuer=None, **certificate):
        wish = self.host.certificate("web", issuer="step", **certificate)
        self.host.manifest({"web": {key: value for key, value in wish.items() if value is not None}},
                           {"step": self.issuer(renewal, provisioner=provisioner, **(issuer or {}))})

    def reload(self, *arguments, **certificate):
        self.manifest(*arguments, **certificate)
        self.host.call("Reload")

    def assert_done(self, outcome):
        self.assertEqual(outcome, ("done", {"web": ("done", "")}), self.host.agent_log())

    def renew(self):
        self.assert_done(self.host.renew("web", force=True))

    def assert_renewed(self, how, by=None):
        """`how`: the questions that it took (sign, renew, rekey). The files are a pair, and not the one from before."""
        before, serial = self.asked(), self.serial()
        (by or self.renew)()
        self.assertEqual(tuple(now - then for now, then in zip(self.asked(), before)), how, self.host.agent_log())
        self.assertNotEqual(self.serial(), serial)
        self.assertEqual(self.key_of_file(), self.public_key())

    def forget_password(self):
        self.host.path("/etc/cert-agent/step.password").unlink()

    def wait_until_expired(self):
        """Nobody renews it meanwhile. A certificate of less than a minute is good for the CA only when that is older than a
        minute itself: a token's certificate is looked at as of a minute before its end."""
        self.host.stop_agent()
        time.sleep(max(0, self.begin + 62 - time.monotonic()))
        wait_for(lambda: subprocess.run(["openssl", "x509", "-in", self.host.path("/etc/tls/web.pem"), "-noout", "-checkend",
                                         "0"], capture_output=True).returncode != 0, "the certificate to expire")
        time.sleep(1)
        self.host.start_agent()

    def asked(self):
        """How often for each: (sign, renew, rekey)."""
        return tuple(self.ca.asked(p) for p in ("/sign", "/renew", "/rekey"))

    # ---- What is there ----

    def openssl(self, *arguments, file="/etc/tls/web.pem", what="x509"):
        return subprocess.run(["openssl", what, "-in", self.host.path(file), "-noout", *arguments], check=True,
                              capture_output=True, text=True).stdout.strip()

    def serial(self):
        return self.openssl("-serial")

    def public_key(self):
        return self.openssl("-pubkey")

    def key_of_file(self):
        return subprocess.run(["openssl", "pkey", "-in", self.host.path("/etc/tls/web.key"), "-pubout"], check=True,
                              capture_output=True, text=True).stdout.strip()

    def lifetime(self):
        dates = dict(line.split("=") for line in self.openssl("-startdate", "-enddate").splitlines())
        form = "%b %d %H:%M:%S %Y %Z"
        return time.mktime(time.strptime(dates["notAfter"], form)) - time.mktime(time.strptime(dates["notBefore"], form))

    # ---- With the same key ----

    def test_every_kind_of_key_renews_itself_without_a_password(self):
        for key in ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"):
            with self.subTest(key=key):
                self.new_host()
                self.start("renew", key={"type": key}, lifetime="2h")
                public = self.public_key()
                self.forget_password()
                self.assert_renewed((0, 1, 0))
                self.assertEqual(self.public_key(), public)
                self.assertEqual(self.lifetime(), 2 * 3600 + 60)

    def test_all_kinds_of_names_are_carried_on(self):
        names = ["a.example.org", "ip:192.0.2.1", "ip:2001:db8::1", "email:m@example.org", "uri:spiffe://x/y"]
        for renewal, how in (("renew", (0, 1, 0)), ("rekey", (0, 0, 1))):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal, sans=names)
                before = self.openssl("-ext", "subjectAltName")
                self.assert_renewed(how)
                self.assertEqual(self.openssl("-ext", "subjectAltName"), before)
                for name in ("DNS:a.example.org", "IP Address:192.0.2.1", "IP Address:2001:DB8:0:0:0:0:0:1",
                             "email:m@example.org", "URI:spiffe://x/y"):
                    self.assertIn(name, before)

    def test_without_a_common_name(self):
        self.start("renew", common_name=None, sans=["ip:192.0.2.1", "b.example.org"])
        self.assert_renewed((0, 1, 0))

    def test_one_that_has_expired_where_the_provisioner_allows_it(self):
        self.start("renew", "afterexpiry", lifetime="5s", renew_before="1s")
        self.wait_until_expired()
        self.forget_password()
        self.assert_renewed((0, 1, 0))

    # ---- With a new key ----

    def test_every_kind_of_key_is_replaced_without_a_password(self):
        for key in ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"):
            with self.subTest(key=key):
                self.new_host()
                self.start("rekey", key={"type": key}, lifetime="2h")
                public = self.public_key()
                self.forget_password()
                self.assert_renewed((0, 0, 1))
                self.assertNotEqual(self.public_key(), public)
                self.assertEqual(self.lifetime(), 2 * 3600 + 60)

    def test_many_at_once(self):
        names = [f"c{i}" for i in range(12)]
        self.host.manifest({n: self.host.certificate(n, issuer="step") for n in names}, {"step": self.issuer("rekey")})
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "done")
        before = self.asked()
        self.assertEqual(self.host.renew(*names, force=True), ("done", {n: ("done", "") for n in names}))
        self.assertEqual(self.asked()[2] - before[2], 12)

    # ---- What a renewal cannot give is signed ----

    def test_other_names_are_signed(self):
        for renewal in ("renew", "rekey"):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal)
                self.reload(renewal, sans=["web.example.org", "more.example.org"])
                self.assert_renewed((1, 0, 0), lambda: self.assert_done(self.host.renew_due()))
                self.assertIn("more.example.org", self.openssl("-ext", "subjectAltName"))
                self.assert_renewed((0, 1, 0) if renewal == "renew" else (0, 0, 1))

    def test_another_lifetime_is_signed(self):
        self.start("renew", lifetime="2h")
        self.reload("renew", lifetime="5h")
        self.assert_renewed((1, 0, 0))
        self.assertEqual(self.lifetime(), 5 * 3600 + 60)
        self.assert_renewed((0, 1, 0))

    def test_another_kind_of_key_is_signed(self):
        for renewal in ("renew", "rekey"):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal, key={"type": "rsa-2048"})
                self.reload(renewal, key={"type": "ecdsa-p256"})
                self.assert_renewed((1, 0, 0), lambda: self.assert_done(self.host.renew_due()))

    def test_a_key_file_that_was_overwritten_is_no_loss(self):
        for renewal, how in (("renew", (0, 1, 0)), ("rekey", (0, 0, 1))):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal)
                subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", self.host.path("/etc/tls/web.key")],
                               check=True, capture_output=True)
                self.assert_renewed(how, lambda: self.assert_done(self.host.renew_due()))

    def test_renewal_that_the_provisioner_forbids(self):
        for renewal, how in (("renew", (1, 1, 0)), ("rekey", (1, 0, 1))):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal, "norenew")
                self.assert_renewed(how)
                self.assertIn("asking for it as for a first one", self.host.agent_log())

    def test_one_that_has_expired(self):
        for renewal, how in (("renew", (1, 1, 0)), ("rekey", (1, 0, 0))):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal, lifetime="5s", renew_before="1s")
                self.wait_until_expired()
                self.assert_renewed(how)

    def test_one_of_another_authority(self):
        """The CA knows no such certificate: its token is refused, and TLS with it ends before anything is asked."""
        for renewal, how in (("renew", (1, 1, 0)), ("rekey", (1, 0, 0))):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.host.manifest({"web": self.host.certificate("web", usage=["server", "client"],
                                                                 key={"rotation": "reuse"} if renewal == "renew" else {})})
                self.host.start_agent()
                self.assertEqual(self.host.renew_due()[0], "done")
                self.reload(renewal)
                self.assert_renewed(how, lambda: self.assert_done(self.host.renew_due()))
                self.assertIn("asking for it as for a first one", self.host.agent_log())

    def test_neither_is_possible(self):
        self.start("renew", "norenew")
        serial = self.serial()
        self.forget_password()
        result, steps = self.host.renew("web", force=True)
        self.assertEqual((result, steps["web"][0]), ("failed", "failed"))
        self.assertIn("step.password does not exist", steps["web"][1])
        self.assertIn("not renewed by itself", self.host.agent_log())
        self.assertEqual(self.serial(), serial)
        self.ca.give_password(self.host)
        self.assert_renewed((1, 1, 0))

    # ---- A certificate in the place of a password ----

    def x5c(self, renewal="sign"):
        folder = self.host.path("/etc/cert-agent")
        for file, name in ((self.ca.x5c_certificate, "device.pem"), (self.ca.x5c_key, "device.key")):
            (folder / name).write_bytes(file.read_bytes())
            (folder / name).chmod(0o600)
        self.forget_password()
        return {"password_file": None, "x5c_cert_file": "/etc/cert-agent/device.pem",
                "x5c_key_file": "/etc/cert-agent/device.key"}

    def test_an_x5c_provisioner_signs_and_renews(self):
        self.start("sign", "x5c", self.x5c(), sans=["web.example.org", "ip:192.0.2.7"])
        self.assert_renewed((1, 0, 0))
        self.reload("renew", "x5c", {"password_file": None, "x5c_cert_file": "/etc/cert-agent/device.pem",
                                     "x5c_key_file": "/etc/cert-agent/device.key"}, sans=["web.example.org", "ip:192.0.2.7"])
        self.assert_renewed((0, 1, 0))

    def test_an_x5c_certificate_of_another_root(self):
        files = self.x5c()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        self.host.path(files["x5c_key_file"]), "-out", self.host.path(files["x5c_cert_file"]), "-subj",
                        "/CN=other", "-days", "1"], check=True, capture_output=True)
        self.manifest("sign", "x5c", files)
        self.host.start_agent()
        result, steps = self.host.renew_due()
        self.assertEqual(result, "failed")
        self.assertIn("401", steps["web"][1])
        self.assertFalse(self.host.path("/etc/tls/web.pem").exists())

    # ---- Revocation ----

    def revoke(self, reason="keyCompromise"):
        serial = self.serial()
        self.host.call("Revoke", "ss", "web", reason)
        wait_for(lambda: self.serial() != serial and self.host.state("web") == "valid", "the new certificate")

    def revoke_elsewhere(self):
        """As whoever has the certificate and its key may: over TLS, without a token."""
        number = int(self.serial().removeprefix("serial="), 16)
        context = ssl.create_default_context(cafile=self.ca.root_file)
        context.load_cert_chain(self.host.path("/etc/tls/web.pem"), self.host.path("/etc/tls/web.key"))
        body = json.dumps({"serial": str(number), "passive": True, "reasonCode": 1}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.ca.url + "/1.0/revoke", body), context=context) as answer:
            self.assertEqual(json.loads(answer.read()), {"status": "ok"})

    def reasons_at_the_ca(self):
        return [int(code) for code in re.findall(r"path=/1.0/revoke .*?reasonCode=(\d+)", self.ca.log())]

    def test_revoked_at_the_ca_and_replaced_with_another_key(self):
        for renewal in ("sign", "renew", "rekey"):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal)
                public, before = self.public_key(), self.ca.asked("/revoke")
                self.assert_renewed((1, 0, 0), self.revoke)
                self.assertEqual(self.ca.asked("/revoke"), before + 1)
                self.assertNotEqual(self.public_key(), public)

    def test_each_reason_has_its_number(self):
        reasons = {"unspecified": 0, "keyCompromise": 1, "affiliationChanged": 3, "superseded": 4, "cessationOfOperation": 5,
                   "privilegeWithdrawn": 9}
        self.start("sign")
        for reason, number in reasons.items():
            self.revoke(reason)
            self.assertEqual(self.reasons_at_the_ca()[-1], number, self.ca.log())
        with self.assertRaisesRegex(BusError, "keyCompromise"):
            self.host.call("Revoke", "ss", "web", "boredom")

    def test_an_x5c_provisioner_revokes(self):
        self.start("sign", "x5c", self.x5c())
        self.assert_renewed((1, 0, 0), self.revoke)

    def test_what_is_revoked_already_is_no_failure(self):
        self.start("sign")
        self.revoke_elsewhere()
        before = self.ca.asked("/revoke")
        self.assert_renewed((1, 0, 0), self.revoke)
        self.assertEqual(self.ca.asked("/revoke"), before + 1)

    def test_a_revoked_one_cannot_renew_itself(self):
        for renewal, how in (("renew", (1, 1, 0)), ("rekey", (1, 0, 1))):
            with self.subTest(renewal=renewal):
                self.new_host()
                self.start(renewal)
                self.revoke_elsewhere()
                self.assert_renewed(how)

    def test_what_the_ca_was_not_told_is_not_done_here(self):
        self.start("sign")
        serial = self.serial()
        self.forget_password()
        with self.assertRaisesRegex(BusError, "step.password does not exist"):
            self.host.call("Revoke", "ss", "web", "keyCompromise")
        self.assertEqual((self.serial(), self.host.state("web")), (serial, "valid"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
