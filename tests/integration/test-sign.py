# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests from elsewhere: signed by a local authority, recorded, shown, revoked, and what a rotation waits for because of
them. The agent, the authority's process and the programs that make and verify are real; the requests are made by openssl(1)
and certtool(1)."""

import base64
import ctypes
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
from harness import wait_for  # noqa: E402

spec = importlib.util.spec_from_file_location("authority", HERE / "test-authority.py")
authority = importlib.util.module_from_spec(spec)
spec.loader.exec_module(authority)
openssl = authority.openssl

ISSUED = authority.CA + "/issued"
DAY = 86400 * 10**6
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", re.S)


class SignTest(authority.AuthorityTest):
    def setUp(self):
        super().setUp()
        self.elsewhere = self.host.root / "elsewhere"
        self.elsewhere.mkdir()

    # ---- Elsewhere ----

    def request(self, *extensions, subject="/CN=www.example.net", key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), name="r",
                further=()):
        """PEM of a request that another machine made; its key is kept there."""
        done = openssl("req", "-new", "-newkey", *key, "-nodes", "-keyout", self.elsewhere / f"{name}.key", "-subj", subject,
                       "-out", self.elsewhere / f"{name}.csr", *[x for e in extensions for x in ("-addext", e)], *further)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.elsewhere / f"{name}.csr").read_text()

    def server(self, name="www.example.net", **further):
        return self.request(f"subjectAltName=DNS:{name}", subject=f"/CN={name}", **further)

    # ---- The bus ----

    @staticmethod
    def options(usage=(), names=(), lifetime=0):
        given = []
        for key, values in (("usage", usage), ("names", names)):
            if values:
                given += [key, "as", len(values), *values]
        if lifetime:
            given += ["lifetime", "t", lifetime]
        return [bool(usage) + bool(names) + bool(lifetime), *given]

    def sign(self, pem, **options):
        """The blocks of the answer."""
        text = self.host.call("SignRequest", "ssa{sv}", "site", pem, *self.options(**options))[0]
        blocks = BLOCK.findall(text)
        self.assertEqual("".join(blocks), text)
        return blocks

    def refused(self, words, pem, **options):
        with self.assertRaisesRegex(Exception, words) as caught:
            self.sign(pem, **options)
        return str(caught.exception)

    def refused_at_length(self, words, pem):
        """The same of a text that is too long for a command line."""
        class Error(ctypes.Structure):
            _fields_ = [("name", ctypes.c_char_p), ("message", ctypes.c_char_p), ("_need_free", ctypes.c_int)]

        library, bus, error = ctypes.CDLL("libsystemd.so.0"), ctypes.c_void_p(), Error()
        library.sd_bus_new(ctypes.byref(bus))
        library.sd_bus_set_address(bus, f"unix:path={self.host.bus}".encode())
        library.sd_bus_set_bus_client(bus, 1)
        self.assertGreaterEqual(library.sd_bus_start(bus), 0)
        r = library.sd_bus_call_method(bus, b"org.certagent1", b"/org/certagent1", b"org.certagent1.Manager", b"SignRequest",
                                       ctypes.byref(error), None, b"ssa{sv}", b"site", pem.encode(), ctypes.c_uint(0))
        library.sd_bus_flush_close_unref(bus)
        self.assertLess(r, 0)
        self.assertRegex(error.message.decode(), words)

    def issued(self):
        return [{k: v["data"] for k, v in row.items()} for row in self.host.call("ListIssued", "s", "site")[0]]

    def revoke(self, serial, reason="keyCompromise"):
        self.host.call("RevokeIssued", "sss", "site", serial, reason)

    # ---- What came out ----

    def text(self, pem):
        return openssl("x509", "-noout", "-text", input=pem).stdout

    def chain_verifies(self, blocks, *arguments):
        leaf, ca = self.elsewhere / "leaf.pem", self.elsewhere / "ca.pem"
        leaf.write_text(blocks[0])
        ca.write_text(blocks[-1])
        good = openssl("verify", "-x509_strict", "-CAfile", ca, *arguments, leaf)
        tls = subprocess.run(["certtool", "--verify", "--load-ca-certificate", str(ca), "--infile", str(leaf)],
                             capture_output=True, text=True)
        return good.returncode == 0 and tls.returncode == 0

    def files(self):
        folder = self.host.path(ISSUED)
        return sorted(p.name for p in folder.glob("*.der")) if folder.exists() else []


class Signing(SignTest):
    def test_a_request_of_openssl(self):
        self.begin()
        before = self.snapshot_of_authority()
        blocks = self.sign(self.server())
        self.assertEqual(len(blocks), 2)
        self.assertTrue(self.chain_verifies(blocks, "-purpose", "sslserver", "-verify_hostname", "www.example.net"))
        self.assertIn("TLS Web Server Authentication", self.text(blocks[0]))
        self.assertNotIn("TLS Web Client Authentication", self.text(blocks[0]))
        self.assertEqual(len(self.files()), 1)
        listed = self.issued()
        self.assertEqual(len(listed), 1)
        self.assertEqual(listed[0]["SerialNumber"] + ".der", self.files()[0])
        self.assertEqual((listed[0]["SubjectAltNames"], listed[0]["Usage"], listed[0]["KeyType"], listed[0]["Revoked"]),
                         (["www.example.net"], ["server"], "ecdsa-p256", False))
        self.assertEqual(self.snapshot_of_authority(), before)
        self.assertIn(listed[0]["SerialNumber"], self.host.agent_log())
        self.assertIn(f"for user {os.getuid()}", self.host.agent_log())
        self.due("skipped")

    def snapshot_of_authority(self):
        return {p.name: p.stat().st_ino for p in self.host.path(authority.CA).iterdir() if p.is_file()}

    def test_a_request_of_certtool(self):
        self.begin()
        template, key, csr = (self.elsewhere / n for n in ("template", "t.key", "t.csr"))
        template.write_text('cn = "tool.example.net"\ndns_name = "tool.example.net"\nip_address = "192.0.2.7"\n'
                            'tls_www_client\ntls_www_server\nsigning_key\n')
        subprocess.run(["certtool", "--generate-privkey", "--key-type", "rsa", "--bits", "2048", "--outfile", key], check=True,
                       capture_output=True)
        subprocess.run(["certtool", "--generate-request", "--load-privkey", key, "--template", template, "--outfile", csr],
                       check=True, capture_output=True)
        text = csr.read_text()  # certtool writes the request in words, then as PEM
        blocks = self.sign(text)
        self.assertTrue(self.chain_verifies(blocks, "-purpose", "sslclient", "-verify_ip", "192.0.2.7"))
        words = self.text(blocks[0])
        self.assertIn("Key Encipherment", words)
        self.assertIn("TLS Web Server Authentication, TLS Web Client Authentication", words)
        self.assertEqual(self.issued()[0]["KeyType"], "rsa-2048")
        self.sign(text.replace("BEGIN CERTIFICATE", "BEGIN NEW CERTIFICATE").replace("END CERTIFICATE", "END NEW CERTIFICATE"))

    def test_every_kind_of_key(self):
        self.begin()
        for key in (["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], ["ed25519"],
                    ["rsa:3072"], ["rsa:5120"]):
            with self.subTest(key=key):
                self.assertTrue(self.chain_verifies(self.sign(self.server(key=key))))
        self.assertEqual([row["KeyType"] for row in self.issued()].count("rsa-5120"), 1)

    def test_what_the_administrator_says_wins(self):
        self.begin()
        blocks = self.sign(self.server(), usage=["client", "server"], names=["b.example.net", "ip:2001:db8::1", "B.example.net"],
                           lifetime=2 * DAY)
        words = self.text(blocks[0])
        self.assertIn("DNS:b.example.net, IP Address:2001:DB8:0:0:0:0:0:1", words)
        self.assertNotIn("DNS:www.example.net", words)
        self.assertIn("TLS Web Client Authentication", words)
        row = self.issued()[0]
        self.assertEqual(row["SubjectAltNames"], ["b.example.net", "ip:2001:db8::1"])
        self.assertAlmostEqual(row["NotAfter"] / 10**6, time.time() + 2 * 86400, delta=60)

    def test_it_lasts_no_longer_than_the_authority(self):
        self.begin({"lifetime": "30d", "certificate_lifetime": "1d"})
        self.sign(self.server(), lifetime=3650 * DAY)
        end = [row for row in self.authority()["Trusted"] if row[0] == "current"][0][3]
        self.assertEqual(self.issued()[0]["NotAfter"], end)
        self.sign(self.server())
        self.assertLess(min(row["NotAfter"] for row in self.issued()), (time.time() + 86400 + 60) * 10**6)

    def test_the_same_request_twice(self):
        self.begin()
        pem = self.server()
        first, second = self.sign(pem), self.sign(pem)
        self.assertNotEqual(first[0], second[0])
        self.assertEqual(first[1], second[1])
        self.assertEqual(len(self.files()), 2)
        self.assertEqual(len({row["SerialNumber"] for row in self.issued()}), 2)

    def test_many_at_once(self):
        self.begin()
        pem = self.server()
        command = ["busctl", f"--address=unix:path={self.host.bus}", "--json=short", "--", "call", "org.certagent1",
                   "/org/certagent1", "org.certagent1.Manager", "SignRequest", "ssa{sv}", "site", pem, "0"]
        callers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(40)]
        answers = [p.communicate(timeout=60) for p in callers]
        good = [out for out, _ in answers if out]
        self.assertGreaterEqual(len(good), 1)
        for out, error in answers:
            self.assertTrue(out or "Too many callers" in error, error)
        self.assertEqual((len(set(good)), len(self.files()), len(self.issued())), (len(good),) * 3)

    def test_an_agent_that_is_killed_leaves_only_whole_records(self):
        self.begin()
        pem = self.server()
        for i in range(8):
            caller = subprocess.Popen(
                ["busctl", f"--address=unix:path={self.host.bus}", "--", "call", "org.certagent1", "/org/certagent1",
                 "org.certagent1.Manager", "SignRequest", "ssa{sv}", "site", pem, "0"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            time.sleep(0.03 * i)
            self.host.stop_agent(signal.SIGKILL)
            given = caller.communicate(timeout=30)[0]
            self.host.start_agent()
            listed = len(self.issued())
            self.assertEqual(listed, len(self.files()))
            self.assertTrue(listed > 0 or not given)
        self.sign(pem)


    def test_a_record_that_cannot_be_read_holds_up_nothing_but_itself(self):
        self.begin()
        folder = self.host.path(ISSUED)
        folder.write_text("")
        with self.assertRaisesRegex(Exception, "issued"):
            self.sign(self.server())
        with self.assertRaisesRegex(Exception, "issued"):
            self.issued()
        self.assertEqual(self.host.renew("a", force=True)[0], "done")
        self.assertEqual(self.authority()["State"], "valid")
        folder.unlink()
        self.sign(self.server())
        self.assertEqual(len(self.issued()), 1)


class Refusals(SignTest):
    def refuse_all(self, cases):
        self.begin()
        for words, pem, options in cases:
            with self.subTest(words=words):
                self.refused(words, pem, **options)
        self.assertEqual((self.files(), self.issued()), ([], []))

    def test_what_is_no_sane_leaf(self):
        name = "subjectAltName=DNS:www.example.net"
        many = ",".join(f"DNS:h{i}.example.net" for i in range(101))
        self.refuse_all([
            ("RSA of 512 bits", self.server(key=["rsa:512"]), {}),
            ("RSA of 1024 bits", self.server(key=["rsa:1024"]), {}),
            ("RSA-PSS", self.server(key=["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"]), {}),
            ("not certified|cannot be read", self.server(key=["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]), {}),
            ("not certified|cannot be read", self.server(key=["ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"]), {}),
            ("EdDSA|Ed448|not certified", self.server(key=["ed448"]), {}),
            ("proves nothing", self.server(key=["rsa:2048"], further=["-md5"]), {}),
            ("proves nothing", self.server(further=["-sha1"]), {}),
            (r"CA:TRUE", self.request(name, "basicConstraints=critical,CA:TRUE"), {}),
            ("path length", self.request(name, "basicConstraints=CA:FALSE,pathlen:1"), {}),
            ("keyCertSign", self.request(name, "keyUsage=digitalSignature,keyCertSign"), {}),
            ("cRLSign", self.request(name, "keyUsage=cRLSign"), {}),
            ("critical extension 1.2.3.4", self.request(name, "1.2.3.4=critical,ASN1:NULL"), {}),
            ("1.3.6.1.5.5.7.3.3", self.request(name, "extendedKeyUsage=serverAuth,codeSigning"), {}),
            ("2.5.29.37.0", self.request(name, "extendedKeyUsage=anyExtendedKeyUsage"), {}),
            ("101 names", self.request(f"subjectAltName={many}"), {}),
            ("--name www.example.net", self.request(), {}),
            ("names nobody", self.request(subject="/"), {"usage": ["client"]}),
            ("under_score", self.request("subjectAltName=DNS:under_score.example.net"), {}),
            ("wildcard", self.request("subjectAltName=DNS:*.net"), {}),
            ("cannot be used|not certified", self.request("subjectAltName=dirName:d", further=self.directory_name()), {}),
            ("not signed by its own key", self.break_signature(self.server()), {}),
        ])

    def directory_name(self):
        config = self.elsewhere / "dn.cnf"
        config.write_text("[req]\ndistinguished_name=dn\n[dn]\n[d]\nCN=x\n")
        return ["-config", config]

    @staticmethod
    def break_signature(pem):
        der = bytearray(base64.b64decode("".join(pem.splitlines()[1:-1])))
        der[-1] ^= 1
        return "-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der).decode() + "-----END CERTIFICATE REQUEST-----\n"

    def test_ten_thousand_names(self):
        config = self.elsewhere / "many.cnf"
        config.write_text("[req]\ndistinguished_name=dn\nreq_extensions=e\n[dn]\n[e]\nsubjectAltName=@n\n[n]\n" +
                          "".join(f"DNS.{i}=h{i}.example.net\n" for i in range(10000)))
        pem = self.request(further=["-config", config])
        self.begin()
        began = time.monotonic()
        self.refused_at_length("larger than 128 KiB", pem)
        self.assertLess(time.monotonic() - began, 5)

    def test_what_is_no_request(self):
        pem = self.server()
        key = (self.elsewhere / "r.key").read_text()
        secret = key.splitlines()[2]
        certificate = openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=x").stdout
        self.begin()
        for text in (key, pem + key, key + pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n" + pem):
            self.assertNotIn(secret, self.refused("private key", text))
        self.assertNotIn(secret, self.host.agent_log())
        for text in ("", "hello", "<html><body>404</body></html>", certificate, pem + pem, certificate + pem, pem[:200],
                     pem.replace("M", "!", 5)):
            with self.subTest(text=text[:40]):
                self.refused("request|REQUEST", text)
        self.refused_at_length("larger than", "A" * 200000)
        self.assertEqual(self.files(), [])

    def test_options_that_make_no_sense(self):
        pem = self.server()
        self.begin()
        for words, arguments in (
                ("not known", ["1", "colour", "s", "red"]),
                ("is there twice", ["2", "lifetime", "t", DAY, "lifetime", "t", DAY]),
                ("is there twice", ["2", "usage", "as", "1", "client", "usage", "as", "1", "server"]),
                ("list of strings", ["1", "usage", "s", "client"]),
                ("microseconds", ["1", "lifetime", "s", "1d"]),
                ("is nothing", ["1", "lifetime", "t", "0"]),
                ("is empty", ["1", "names", "as", "0"]),
                ("is empty", ["1", "usage", "as", "0"]),
                ("is too long", ["1", "names", "as", "200", *["a.example.net"] * 200])):
            with self.subTest(words=words), self.assertRaisesRegex(Exception, words):
                self.host.call("SignRequest", "ssa{sv}", "site", pem, *arguments)
        self.refused("no usage", pem, usage=["admin"])
        self.refused("five minutes", pem, lifetime=10**6)
        self.refused("a hundred years", pem, lifetime=40000 * DAY)
        self.refused("a name is none", pem, names=["b_c.example.net"])
        self.refused("101 names", pem, names=[f"h{i}.example.net" for i in range(101)])
        self.assertEqual(self.files(), [])

    def test_names_that_the_authority_may_not_sign(self):
        self.begin({"names": {"permitted": ["example.org"]}})
        self.refused("permit only example.org", self.server())
        self.sign(self.server("www.example.org"))
        self.refused("permit only example.org", self.server("www.example.org"), names=["www.example.com"])
        self.assertEqual(len(self.files()), 1)

    def test_issuers_that_cannot(self):
        self.host.manifest({"a": self.host.certificate("a")}, {"site": {"type": "local"}, "other": {"type": "fake"}})
        self.host.start_agent()
        pem = self.server()
        for issuer, words in (("none", "no issuer"), ("other", "no authority of this host")):
            for method, arguments in (("SignRequest", ["ssa{sv}", issuer, pem, "0"]), ("ListIssued", ["s", issuer]),
                                      ("RevokeIssued", ["sss", issuer, "4711", "superseded"])):
                with self.subTest(method=method, issuer=issuer), self.assertRaisesRegex(Exception, words):
                    self.host.call(method, *arguments)

    def test_an_authority_that_was_never_made(self):
        self.declare()
        self.host.start_agent()
        self.refused("missing", self.server())
        self.assertEqual(self.issued(), [])

    def as_nobody(self, method, *arguments):
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl",
                               f"--address=unix:path={self.host.bus}", "--", "call", "org.certagent1", "/org/certagent1",
                               "org.certagent1.Manager", method, *arguments], capture_output=True, text=True)

    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_others_may_look_but_not_sign_or_revoke(self):
        self.begin()
        pem = self.server()
        self.sign(pem)
        serial = self.issued()[0]["SerialNumber"]
        for method, arguments, allowed in (("SignRequest", ["ssa{sv}", "site", pem, "0"], False),
                                           ("RevokeIssued", ["sss", "site", serial, "superseded"], False),
                                           ("ListIssued", ["s", "site"], True)):
            done = self.as_nobody(method, *arguments)
            self.assertEqual(done.returncode == 0, allowed, method + done.stderr)
            if not allowed:
                self.assertRegex(done.stderr, "not permitted|NotAuthorized|may not|authoris|authoriz")
        # Nobody's words are kept while polkit asks.
        self.assertIn("at most 64 characters", self.as_nobody("RevokeIssued", "sss", "site", serial, "a" * 100000).stderr)
        self.assertEqual(len(self.files()), 1)
        self.assertFalse(self.issued()[0]["Revoked"])

    @unittest.skipUnless(os.getuid() == 0, "only root can be somebody else")
    def test_polkit_is_asked_for_each_by_its_own_action(self):
        def polkit(method, *arguments, check=True):
            return self.host.busctl("call", "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                                    "org.certagent1.Fake", method, *arguments, check=check)

        self.host.start_program("fake-polkit")
        wait_for(lambda: polkit("Questions", check=False) is not None, "the fake polkit")
        self.begin()
        polkit("SetAnswer", "s", "yes")
        self.assertEqual(self.as_nobody("SignRequest", "ssa{sv}", "site", self.server(), "0").returncode, 0)
        serial = self.issued()[0]["SerialNumber"]
        self.assertEqual(self.as_nobody("RevokeIssued", "sss", "site", serial, "superseded").returncode, 0)
        asked = " ".join(polkit("Questions")["data"][0])
        self.assertRegex(asked, "org.certagent1.sign .*authority=site.*org.certagent1.authority .*" + serial)
        self.assertIn("for user 65534", self.host.agent_log())


class Revoking(SignTest):
    crl = authority.Revocation.crl
    revoked = authority.Revocation.revoked

    def test_one_of_two(self):
        self.begin(self.crl)
        pem = self.server()
        self.sign(pem), self.sign(pem)
        first, second = (row["SerialNumber"] for row in self.issued())
        self.revoke(first.upper())
        wait_for(lambda: first.upper() in self.revoked(), "the list")
        self.assertIn("Key Compromise", self.revoked())
        self.assertNotIn(second.upper(), self.revoked())
        self.assertEqual({row["SerialNumber"]: row["Revoked"] for row in self.issued()}, {first: True, second: False})
        self.assertIn(f"serial number {first}", self.host.agent_log())
        self.revoke(first)  # once more is fine
        self.revoke(":".join(second[i:i + 2] for i in range(0, len(second), 2)), "superseded")
        wait_for(lambda: second.upper() in self.revoked(), "the list")
        wait_for(lambda: self.host.renew_due()[0] == "skipped", "the end of the jobs")

    def test_where_no_list_is_written(self):
        self.begin()
        self.sign(self.server())
        self.revoke(self.issued()[0]["SerialNumber"], "")
        self.assertTrue(self.issued()[0]["Revoked"])

    def test_what_cannot_be_revoked(self):
        self.begin(self.crl)
        self.sign(self.server())
        serial = self.issued()[0]["SerialNumber"]
        own = self.serial("/etc/tls/a.pem").split("=")[1].lower()
        for number, reason, words in (("4711", "superseded", "no record"), (own, "superseded", "no record"),
                                      ("", "superseded", "hexadecimal"), ("g0", "superseded", "hexadecimal"),
                                      ("00" * 30, "superseded", "hexadecimal"), ("../ca", "superseded", "hexadecimal"),
                                      (serial, "because", "because"),
                                      (serial, "a" * 65, "at most 64 characters")):
            with self.subTest(number=number), self.assertRaisesRegex(Exception, words):
                self.revoke(number, reason)
        self.assertFalse(self.issued()[0]["Revoked"])


class Rotation(SignTest):
    """A grace of an hour, so that what is waited for is what was signed for others."""

    def rotate(self):
        result, steps = self.host.job("RotateAuthority", "s", "site")
        self.assertEqual(result, "done", steps)

    def later(self, seconds):
        """The agent is started again, and sees a later time."""
        self.host.stop_agent()
        self.host.shift_clock(seconds)
        self.host.start_agent()
        self.host.renew_due()

    def begin_and_rotate(self):
        # Certificates of the host last long: it is the others' that end.
        self.begin({"rotation_grace": "1h", "certificate_lifetime": "300d", "lifetime": "10y"})
        self.leaf = self.sign(self.server(), lifetime=20 * DAY)
        self.end = self.issued()[0]["NotAfter"]
        self.assertEqual(self.authority()["IssuedUntil"], 0)  # nothing is old yet
        self.rotate()
        self.assertEqual(set(self.roles()), {"current", "old"})

    def test_an_old_one_stays_until_what_it_signed_has_ended(self):
        self.begin_and_rotate()
        shown = self.authority()
        self.assertEqual((shown["IssuedUntil"], shown["Retirement"]), (self.end, self.end))
        self.assertIn("request from elsewhere", shown["Hint"])
        self.later(10 * 86400)
        self.assertEqual(set(self.roles()), {"current", "old"})
        self.assertEqual(len(self.in_bundle()), 2)
        bundle = self.host.path(authority.BUNDLE)
        leaf = self.elsewhere / "kept.pem"
        leaf.write_text(self.leaf[0])
        self.assertEqual(openssl("verify", "-x509_strict", "-CAfile", bundle, leaf).returncode, 0)
        self.later(20 * 86400 + 60)
        self.assertEqual(set(self.roles()), {"current"})
        self.assertEqual(self.authority()["IssuedUntil"], 0)
        self.assertEqual(len(self.issued()), 1)  # it is still known who got one

    def test_an_old_one_goes_when_what_it_signed_is_revoked(self):
        self.begin_and_rotate()
        self.later(2 * 3600)
        self.assertEqual(set(self.roles()), {"current", "old"})
        self.revoke(self.issued()[0]["SerialNumber"], "superseded")
        self.host.renew_due()
        self.assertEqual(set(self.roles()), {"current"})

    def test_what_the_new_one_signed_holds_up_nothing(self):
        self.begin({"rotation_grace": "1h", "certificate_lifetime": "300d", "lifetime": "10y"})
        self.rotate()
        blocks = self.sign(self.server())
        self.assertIn(openssl("x509", "-noout", "-fingerprint", "-sha256", input=blocks[1]).stdout.split("=")[1].strip()
                      .replace(":", "").lower(), self.roles()["current"])
        self.later(2 * 3600)
        self.assertEqual(set(self.roles()), {"current"})

    def test_an_emergency_waits_for_nobody(self):
        self.begin_and_rotate()
        result, steps = self.host.job("RecreateAuthority", "s", "site")
        self.assertEqual(result, "done", steps)
        self.assertEqual(set(self.roles()), {"current"})
        self.assertEqual(len(self.issued()), 1)
        with self.assertRaisesRegex(Exception, "not signed by the authority"):
            self.revoke(self.issued()[0]["SerialNumber"])

    def test_it_is_known_after_a_restart_before_anybody_was_asked(self):
        self.begin_and_rotate()
        self.host.stop_agent()
        self.host.start_agent()
        listed = {name: {k: v["data"] for k, v in facts.items()} for name, facts in self.host.call("ListAuthorities")[0]}
        self.assertEqual(listed["site"]["IssuedUntil"], self.end)


class Watched(SignTest):
    def test_a_signature_is_no_tampering(self):
        self.begin({"watch": True})
        calls = self.count("nginx.service")
        for _ in range(3):
            self.sign(self.server())
        time.sleep(1)
        self.assertEqual(self.count("nginx.service"), calls)
        self.assertEqual(set(self.roles()), {"current"})
        self.assertNotIn("replaced", self.host.agent_log())
        self.due("skipped")


if __name__ == "__main__":
    unittest.main()
