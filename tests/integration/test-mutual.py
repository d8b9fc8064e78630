# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mutual TLS from one manifest: a server's and a client's certificate, the CA file beside both, a real nginx that asks for the
client's, and clients by the files (curl, gnutls-cli) and by the exported PKCS#12."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tlslab  # noqa: E402
from certctl import CertctlTest  # noqa: E402
from harness import wait_for  # noqa: E402

PASSWORD = "between us"
WHO = 'return 200 "$ssl_client_verify $ssl_client_s_dn $ssl_client_serial\\n";'


class MutualTest(CertctlTest):
    def setUp(self):
        super().setUp()
        beside = {"sans": ["localhost", "ip:127.0.0.1"], "ca_path": "/etc/tls/server-ca.pem"}
        self.host.manifest({
            "server": self.host.certificate("server", usage=["server"], **beside),
            "client": self.host.certificate("client", usage=["client"], ca_path="/etc/tls/client-ca.pem"),
            "both": self.host.certificate("both", usage=["server", "client"]),
            "stranger": self.host.certificate("stranger", issuer="elsewhere", usage=["client"])},
            {"site": {"type": "local"}, "elsewhere": {"type": "local"}})
        self.host.start_agent()
        self.assertEqual(self.host.renew_due()[0], "done")
        self.lab = tlslab.Lab(self.addCleanup)

    def path(self, name, kind="pem"):
        return self.host.path(f"/etc/tls/{name}.{kind}")

    def serve(self):
        where = self.lab.nginx(self.path("server"), self.path("server", "key"),
                               f"ssl_client_certificate {self.path('server-ca')}; ssl_verify_client on;", location=WHO)
        self.port = where.rsplit(":", 1)[1]
        return where

    def curl(self, *arguments):
        p = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", self.path("client-ca"), *map(str, arguments),
                            f"https://localhost:{self.port}/"], capture_output=True, text=True)
        return p.stdout + p.stderr

    def curl_as(self, name):
        return self.curl("--cert", self.path(name), "--key", self.path(name, "key"))

    def serial(self, name):
        return self.host.get(name, "SerialNumber").lower().replace(":", "").lstrip("0")

    def assert_taken(self, said, name):
        self.assertIn(f"SUCCESS CN={name}.example.org ", said)
        self.assertEqual(re.search(r"SUCCESS \S+ (\S+)", said).group(1).lower().lstrip("0"), self.serial(name))

    def pkcs12(self, name):
        path, secret = self.host.root / f"{name}.p12", self.host.root / "secret"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        self.run_certctl("export", name, "--pkcs12", "--force", "-o", str(path), "--password-file", str(secret))
        return path

    def test_by_the_files(self):
        self.serve()
        self.assert_taken(self.curl_as("client"), "client")
        self.assert_taken(self.curl_as("both"), "both")
        p = subprocess.run(["gnutls-cli", "--x509cafile", self.path("client-ca"), "--x509certfile", self.path("client"),
                            "--x509keyfile", self.path("client", "key"), "-p", self.port, "localhost"],
                           input="GET / HTTP/1.0\r\n\r\n", capture_output=True, text=True, timeout=120)
        self.assert_taken(p.stdout, "client")

    def test_by_the_exported_file(self):
        self.serve()
        path = self.pkcs12("client")
        self.assert_taken(self.curl("--cert-type", "P12", "--cert", f"{path}:{PASSWORD}"), "client")
        p = subprocess.run(["gnutls-cli", "--x509cafile", self.path("client-ca"), f"--x509certfile={path}",
                            f"--x509keyfile={path}", "--inder", "-p", self.port, "localhost"], capture_output=True, text=True,
                           input="", timeout=120)
        self.assertNotEqual(p.returncode, 0, "it holds a password, which gnutls-cli was not given")

    def test_whom_the_server_refuses(self):
        self.serve()
        self.assertIn("No required SSL certificate was sent", self.curl())
        self.assertIn("The SSL certificate error", self.curl_as("server"))  # of a server
        self.assertIn("The SSL certificate error", self.curl_as("stranger"))  # of another authority

    def test_the_client_refuses_a_server_of_another_authority(self):
        self.serve()
        stranger = self.host.root / "stranger-ca.pem"
        stranger.write_text(self.run_certctl("authority", "export", "elsewhere").stdout)
        self.assertIn("certificate problem", self.curl("--cacert", stranger, "--cert", self.path("client"), "--key",
                                                       self.path("client", "key")))

    def test_renewal_of_both(self):
        where = self.serve()
        before, first = self.pkcs12("client"), {name: self.serial(name) for name in ("server", "client")}
        self.assertEqual(self.host.renew("server", "client", force=True)[0], "done")
        pid, = pathlib.Path(self.lab.folder.name).glob("*.pid")
        os.kill(int(pid.read_text()), signal.SIGHUP)

        def served():
            out = subprocess.run(["openssl", "s_client", "-connect", where], input="", capture_output=True, text=True).stdout
            out = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=out, capture_output=True, text=True).stdout
            return out.strip().split("=")[-1].lower().lstrip("0")

        wait_for(lambda: served() == self.serial("server"), "the new certificate")
        for name, serial in first.items():
            self.assertNotEqual(self.serial(name), serial)
        self.assert_taken(self.curl_as("client"), "client")
        # Who still has the file of before is let in: the certificate in it is good.
        self.assertIn("SUCCESS CN=client.example.org", self.curl("--cert-type", "P12", "--cert", f"{before}:{PASSWORD}"))
        self.assert_taken(self.curl("--cert-type", "P12", "--cert", f"{self.pkcs12('client')}:{PASSWORD}"), "client")

    def test_an_authority_that_is_replaced_goes_on(self):
        self.serve()
        self.host.job("RecreateAuthority", "s", "site")
        pid, = pathlib.Path(self.lab.folder.name).glob("*.pid")
        os.kill(int(pid.read_text()), signal.SIGHUP)
        said = []

        def is_taken():  # by a worker of nginx that was started for the new one: those of before linger
            said.append(self.curl_as("client"))
            return "SUCCESS" in said[-1]

        wait_for(is_taken, "both with the new authority")
        self.assert_taken(said[-1], "client")


if __name__ == "__main__":
    unittest.main(verbosity=2)
