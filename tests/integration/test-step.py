# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates from a real step-ca: the agent, the keyholder and the issuer are real, and so is the server. What can go wrong
on the way is in test-step-failures.py, renewal and revocation in test-step-renewal.py."""

import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Host, wait_for  # noqa: E402
from stepca import PASSWORD_FILE, StepCA, free_port, openssl  # noqa: E402

CERT, KEY, ROOTS = "/etc/tls/web.pem", "/etc/tls/web.key", "/etc/tls/step-ca.pem"
DAY = 86400


class StepTest(unittest.TestCase):
    def setUp(self):
        self.ca = StepCA()
        self.addCleanup(self.ca.end)
        self.ca.start()
        self.host = Host()
        self.addCleanup(self.host.end)
        self.ca.give_password(self.host)

    # ---- The host ----

    def declare(self, issuer=None, further=None, **wish):
        """A certificate "web" with these wishes, of an issuer with those; in force after Reload or a start."""
        self.host.manifest({"web": self.host.certificate("web", issuer="step", **wish)},
                           {"step": self.ca.issuer(**(issuer or {}))}, **(further or {}))

    def begin(self, issuer=None, further=None, **wish):
        self.declare(issuer, further, **wish)
        self.host.start_agent()
        self.renew_due()

    def renew_due(self, expected="done"):
        result, steps = self.host.renew_due()
        self.assertEqual(result, expected, f"{steps}\n{self.host.agent_log()}")
        return steps

    def force(self, expected="done"):
        result, steps = self.host.renew("web", force=True)
        self.assertEqual(result, expected, f"{steps}\n{self.host.agent_log()}")
        return steps["web"]

    def change(self, issuer=None, further=None, **wish):
        self.declare(issuer, further, **wish)
        self.host.call("Reload")

    # ---- What was issued ----

    def field(self, *options):
        return openssl("x509", "-in", self.host.path(CERT), "-noout", *options)

    @property
    def serial(self):
        return self.field("-serial").strip()

    @property
    def key(self):
        return self.host.path(KEY).read_text()

    def names(self):
        text = self.field("-ext", "subjectAltName").split("\n", 1)[1]
        return sorted(n.strip() for n in text.split(","))

    def lifetime(self):
        """In seconds, the minute left out by which step-ca sets notBefore back."""
        dates = dict(line.split("=") for line in self.field("-dates").splitlines())
        a, b = (time.mktime(time.strptime(dates[n], "%b %d %H:%M:%S %Y %Z")) for n in ("notBefore", "notAfter"))
        return b - a - 60

    def in_order(self):
        """The chain leads to the CA's root, and the key is the certificate's."""
        chain = self.host.path(CERT)
        openssl("verify", "-CAfile", self.ca.root_file, "-untrusted", chain, chain)
        self.assertEqual(self.field("-pubkey"), openssl("pkey", "-in", self.host.path(KEY), "-pubout"))
        self.assertEqual(self.host.state("web"), "valid")


class Issuing(StepTest):
    def test_first_issue(self):
        self.begin()
        self.in_order()
        self.assertEqual(self.names(), ["DNS:web.example.org"])
        self.assertEqual(self.host.path(CERT).read_text().count("BEGIN CERTIFICATE"), 2, "the intermediate is with it")
        self.assertEqual(self.host.path(KEY).stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_names_of_every_kind(self):
        sans = ["www.example.org", "*.example.org", "ip:192.0.2.1", "ip:2001:db8::1", "email:a@b.example",
                "uri:spiffe://example.org/web"]
        self.begin(common_name="www.example.org", sans=sans)
        self.in_order()
        self.assertEqual(self.names(), sorted(["DNS:www.example.org", "DNS:*.example.org", "IP Address:192.0.2.1",
                                               "IP Address:2001:DB8:0:0:0:0:0:1", "email:a@b.example",
                                               "URI:spiffe://example.org/web"]))
        self.assertEqual(self.host.renew_due()[0], "skipped", "what came is what was asked for")

    def test_only_an_address(self):
        self.begin(common_name="192.0.2.7", sans=["ip:192.0.2.7"])
        self.in_order()
        self.assertEqual(self.names(), ["IP Address:192.0.2.7"])

    def test_a_common_name_that_is_none_of_the_names(self):
        self.begin(common_name="The web server", sans=["web.example.org"])
        self.in_order()
        self.assertIn("The web server", self.field("-subject"))
        self.assertEqual(self.names(), ["DNS:web.example.org"])

    def test_a_common_name_that_must_be_escaped(self):
        self.begin({"renewal": "renew"}, common_name='Doe, Jane + "Co" = #1', sans=["email:jane@example.org"], usage=["client"])
        self.in_order()
        self.assertEqual(self.host.renew_due()[0], "skipped")
        self.force()
        self.assertEqual((self.ca.asked("/sign"), self.ca.asked("/renew")), (1, 1))

    def test_without_a_common_name_the_ca_writes_one_and_that_is_no_difference(self):
        for sans in (["b.example.org", "a.example.org"], ["ip:192.0.2.1"], ["ip:2001:db8::1"], ["email:a+b@c.example"],
                     ["uri:https://a.example/?b=c,d;e"]):
            wish = self.host.certificate("web", issuer="step", sans=sans)
            del wish["common_name"]
            self.host.manifest({"web": wish}, {"step": self.ca.issuer()})
            with self.subTest(sans[0]):
                if not self.host.agent_process:
                    self.host.start_agent()
                self.host.call("Reload")
                self.renew_due()
                self.in_order()
                self.assertEqual(self.host.renew_due()[0], "skipped")

    def test_as_many_names_as_a_manifest_may_have(self):
        sans = [f"n{i}.example.org" for i in range(100)]
        self.begin(common_name=sans[0], sans=sans)
        self.assertEqual(len(self.names()), 100)
        self.in_order()

    def test_key_types(self):
        for kind, word in (("ecdsa-p384", "384"), ("ed25519", "ED25519"), ("rsa-2048", "2048"), ("ecdsa-p521", "521")):
            with self.subTest(kind):
                if self.host.agent_process is None:
                    self.begin(key={"type": kind})
                else:
                    self.change(key={"type": kind})
                    self.renew_due()
                self.in_order()
                self.assertIn(word, self.field("-text"))

    def test_lifetime_of_the_provisioner_of_the_issuer_and_of_the_certificate(self):
        self.begin()
        self.assertAlmostEqual(self.lifetime(), DAY, delta=90)
        self.change({"certificate_lifetime": "3h"})
        self.force()
        self.assertAlmostEqual(self.lifetime(), 3 * 3600, delta=90)
        self.change({"certificate_lifetime": "3h"}, lifetime="48h")
        self.renew_due()
        self.assertAlmostEqual(self.lifetime(), 2 * DAY, delta=90)
        self.in_order()

    def test_force_always_gets_a_new_one_and_a_new_key(self):
        self.begin()
        serial, key = self.serial, self.key
        self.force()
        self.assertNotEqual(self.serial, serial)
        self.assertNotEqual(self.key, key)
        self.in_order()

    def test_a_key_that_is_reused(self):
        self.begin(key={"rotation": "reuse"})
        serial, key = self.serial, self.key
        self.force()
        self.assertNotEqual(self.serial, serial)
        self.assertEqual(self.key, key)

    def test_changed_names_are_issued_anew(self):
        self.begin()
        self.change(sans=["web.example.org", "www.example.org"])
        self.assertEqual(self.host.plan()["web"], ("issue", ["sans-differ"]))
        self.renew_due()
        self.assertEqual(self.names(), ["DNS:web.example.org", "DNS:www.example.org"])
        self.in_order()

    def test_a_short_lived_certificate_is_renewed_over_several_lifetimes(self):
        self.begin(lifetime="20s", renew_before="18s")
        seen = {self.serial}
        until = time.monotonic() + 90
        while len(seen) < 4 and time.monotonic() < until:
            self.host.renew_due()
            seen.add(self.serial)
            dates = self.field("-enddate").strip().split("=")[1]
            end = time.mktime(time.strptime(dates, "%b %d %H:%M:%S %Y %Z")) - time.timezone
            self.assertGreater(end, time.time(), "what is on disk is never expired")
            time.sleep(0.3)
        self.assertEqual(len(seen), 4)

    def test_many_at_once(self):
        names = [f"n{i}" for i in range(20)]
        self.host.manifest({n: self.host.certificate(n, issuer="step") for n in names},
                           {"step": self.ca.issuer(connections=4)})
        self.host.start_agent()
        self.renew_due()
        self.assertEqual({self.host.state(n) for n in names}, {"valid"})
        self.assertEqual(self.ca.asked("/sign"), 20, "no token was refused, none was used twice")


class Servers(StepTest):
    def test_the_second_of_a_list_while_the_first_is_not_there(self):
        self.begin({"url": [f"https://127.0.0.1:{free_port()}", self.ca.url]})
        self.in_order()

    def test_by_its_name_and_with_a_slash(self):
        self.begin({"url": f"https://localhost:{self.ca.port}/"})
        self.in_order()

    def test_root_from_a_file(self):
        self.host.path("/etc/cert-agent/root.pem").write_text(self.ca.root_file.read_text())
        self.begin({"root_fingerprint": None, "root": "/etc/cert-agent/root.pem"})
        self.in_order()

    def test_fingerprint_with_colons_and_capitals(self):
        digits = self.ca.fingerprint().upper()
        self.begin({"root_fingerprint": ":".join(digits[i:i + 2] for i in range(0, 64, 2))})
        self.in_order()

    def test_what_was_fetched_by_a_fingerprint_is_kept_and_not_trusted_when_it_was_changed(self):
        self.begin()
        kept = self.host.path(f"/var/cache/cert-issuer-step/{self.ca.fingerprint()}.pem")
        other = self.ca.add_root()
        self.host.stop_agent()
        kept.write_text(other.read_text())
        self.host.start_agent()
        self.force()
        self.in_order()

    def test_provisioners_that_come_in_pages(self):
        self.ca.add_fillers(45)
        self.ca.add_provisioners({**self.ca.provisioner("admin"), "name": "the last one"})
        self.ca.remove_provisioner("admin")
        self.ca.start()
        self.assertNotEqual(self.ca.get("/provisioners").get("nextCursor", ""), "", "they come in pages")
        self.begin({"provisioner": "the last one"})
        self.in_order()

    def test_provisioners_with_keys_of_other_kinds(self):
        for number, options in enumerate(({"kty": "RSA"}, {"kty": "OKP", "crv": "Ed25519"}, {"crv": "P-384"}, {"crv": "P-521"})):
            with self.subTest(str(options)):
                self.ca.add_provisioners({"type": "JWK", "name": f"kind-{number}", **self.ca.key(**options)})
                self.ca.start()
                if number == 0:
                    self.begin({"provisioner": "kind-0"})
                else:
                    self.change({"provisioner": f"kind-{number}"})
                    self.force()
                self.in_order()

    def test_after_a_restart_of_the_server_connections_that_are_dead_are_no_failure(self):
        self.begin()
        self.ca.start()
        self.force()
        self.ca.kill()
        self.ca.start()
        self.force()
        self.in_order()


class Passwords(StepTest):
    def test_a_password_without_a_line_end_and_one_with(self):
        file = self.host.path(PASSWORD_FILE)
        file.write_text(self.ca.password)
        self.begin()
        file.write_text(self.ca.password + "\r\n")
        self.host.stop_agent()
        self.host.start_agent()
        self.force()

    def test_a_password_of_other_letters(self):
        self.ca.rotate_password("pä ss\twörd ✓ ")
        self.ca.password = self.ca.password.strip()  # as Smallstep's programs read it
        self.ca.rotate_password("pä ss\twörd ✓")
        self.ca.start()
        self.ca.give_password(self.host)
        self.begin()
        self.in_order()

    def test_from_a_credential(self):
        folder = self.host.path("/run/credentials")
        folder.mkdir()
        (folder / "step").write_text(self.ca.password + "\n")
        self.host.agent_environment["CREDENTIALS_DIRECTORY"] = "/run/credentials"  # in the test root, as every path
        self.begin({"password_file": None, "password_credential": "step"})
        self.in_order()

    def test_a_rotated_password_is_followed_whatever_comes_first(self):
        self.begin()
        old = self.host.path(PASSWORD_FILE).read_text()
        self.ca.rotate_password("the next one")
        self.ca.start()
        self.force()  # the key is the same, and it is open
        self.ca.give_password(self.host)
        self.force()  # the key as the CA handed it out before is not opened by this one: it is asked for anew
        self.in_order()
        self.host.stop_agent()
        self.host.path(PASSWORD_FILE).write_text(old)
        self.host.start_agent()
        self.assertIn("password", self.force("failed")[1])
        self.ca.give_password(self.host)
        self.force()
        self.in_order()

    def test_another_key_of_the_provisioner_is_followed_without_a_failure(self):
        self.begin()
        self.ca.rotate_key()
        self.ca.start()
        self.force()
        self.in_order()

    def test_password_and_key_are_rotated_while_the_server_is_the_same(self):
        self.begin()
        self.ca.password = "all new"
        self.ca.rotate_key()
        self.ca.start()
        self.force("failed")
        self.ca.give_password(self.host)
        self.force()
        self.in_order()


class ByCertificate(StepTest):
    """The X5C provisioner: the account is a key and its certificate, of another CA. More of it is in test-step-renewal.py."""

    def give(self, encrypted=False):
        for source, name in ((self.ca.x5c_certificate, "device.pem"), (self.ca.x5c_key, "device.key")):
            self.host.path(f"/etc/cert-agent/{name}").write_text(source.read_text())
        if encrypted:
            openssl("pkcs8", "-topk8", "-in", self.ca.x5c_key, "-passout", f"pass:{self.ca.password}", "-out",
                    self.host.path("/etc/cert-agent/device.key"))
        return {"provisioner": "x5c", "x5c_cert_file": "/etc/cert-agent/device.pem",
                "x5c_key_file": "/etc/cert-agent/device.key", **({} if encrypted else {"password_file": None})}

    def test_with_a_key_that_is_encrypted(self):
        self.begin(self.give(encrypted=True))
        self.in_order()

    def test_a_key_that_is_not_the_certificate_s(self):
        issuer = self.give()
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                self.host.path("/etc/cert-agent/device.key"))
        self.declare(issuer)
        self.host.start_agent()
        self.renew_due("failed")
        self.assertIn("device", self.host.get("web", "LastError"))


class Bundles(StepTest):
    bundle = {"bundles": {"step-ca": {"from": ["step"], "path": ROOTS}}}

    def in_bundle(self):
        text = self.host.path(ROOTS).read_text()
        return {t for t in text.replace("-----END CERTIFICATE-----", "-----END CERTIFICATE-----\0").split("\0") if t.strip()}

    def has(self, *files):
        # as DER: who writes PEM may break its lines elsewhere
        out = {openssl("x509", "-in", f, "-noout", "-fingerprint", "-sha256") for f in files}
        inside = set()
        for pem in self.in_bundle():
            inside.add(subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem, text=True,
                                      capture_output=True, check=True).stdout)
        self.assertEqual(inside, out)

    def test_roots_feed_a_bundle_and_it_follows_when_the_ca_adds_one(self):
        self.begin(further=self.bundle, ca_path="/etc/tls/web-ca.pem")
        old = self.ca.root_file
        self.has(old)
        new = self.ca.add_root()
        self.ca.start()
        self.host.stop_agent()  # as it does by itself when it is idle
        self.host.start_agent()
        self.force()
        self.host.renew_due()
        self.has(old, new)
        self.assertEqual(self.host.renew_due()[0], "skipped")
        # Both are in every client's bundle: now the new one can sign. The pinned root no more vouches for the server.
        self.ca.use_new_root()
        self.ca.start()
        serial = self.serial
        self.change({"root_fingerprint": [self.ca.fingerprint(old), self.ca.fingerprint(new)]}, self.bundle,
                    ca_path="/etc/tls/web-ca.pem")
        self.force()
        self.assertNotEqual(self.serial, serial)
        self.in_order()

    def test_a_root_that_was_added_vouches_for_no_server(self):
        self.begin(further=self.bundle)
        self.ca.add_root()
        self.ca.start()
        self.force()
        pinned = self.ca.fingerprint()
        self.ca.use_new_root()
        self.ca.start()
        self.assertNotEqual(self.ca.fingerprint(), pinned)
        serial = self.serial
        self.change({"root_fingerprint": pinned}, self.bundle)
        self.force("failed")
        self.assertIn("root", self.host.get("web", "LastError") + self.host.get("web", "Hint"))
        self.assertEqual(self.serial, serial)

    def test_a_ca_that_was_replaced_is_an_error_that_says_so(self):
        self.begin()
        pinned = self.ca.fingerprint()
        before = self.host.path(CERT).read_text()
        self.ca.replace()
        self.ca.start()
        self.force("failed")
        self.assertRegex(self.host.get("web", "LastError") + self.host.get("web", "Hint"), "root")
        self.assertIn("root_fingerprint", self.host.get("web", "Hint"))
        self.assertEqual(self.host.path(CERT).read_text(), before)
        self.change({"root_fingerprint": self.ca.fingerprint()})
        self.assertNotEqual(self.ca.fingerprint(), pinned)
        self.force()
        self.in_order()


if __name__ == "__main__":
    unittest.main()
