# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests from elsewhere: signed by a local authority, recorded, shown, revoked, and what a rotation waits for because of
them. The agent, the authority's process and the programs that make and verify are real; the requests are made by openssl(1)
and certtool(1)."""

import importlib.util
import os
import pathlib
import re
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

    def issued(self):
        return [{k: v["data"] for k, v in row.items()} for row in self.host.call("ListIssued", "s", "site")[0]]

    def revoke(self, serial, reason="keyCompromise"):
        self.host.call("RevokeIssued", "sss", "site", serial, reason)

    # ---- What came out ----

    def text(self, pem):
        return openssl("x509", "-noout", "-text", "-ext", "subjectAltName,extendedKeyUsage", input=pem).stdout

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


if __name__ == "__main__":
    unittest.main()
