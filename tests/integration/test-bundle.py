# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bundles from end to end: what was in their place before, what stands in their way, and whether what a service serves is
trusted by them. The agent, the authority's process and the servers are real, systemd is a fake."""

import importlib.util
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

spec = importlib.util.spec_from_file_location("authority", HERE / "test-authority.py")
authority = importlib.util.module_from_spec(spec)
spec.loader.exec_module(authority)


class BundleTest(authority.AuthorityTest):
    def stranger(self, name):
        """A certificate of its own, from nobody; its text."""
        cert, key = (self.host.path(f"/etc/tls/{name}.{e}") for e in ("pem", "key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "90", "-subj", f"/CN={name}", "-keyout", key, "-out", cert], check=True, capture_output=True)
        return cert.read_text()

    def verified(self, port, patience="60s"):
        return self.bundle(verify={"connect": f"127.0.0.1:{port}", "server_name": "a.example.org", "timeout": patience})


class Place(BundleTest):
    def test_a_file_that_was_there_before_us_is_gone_back_to_byte_by_byte(self):
        path = self.host.path(authority.BUNDLE)
        before = "# Our own CA\n" + self.stranger("before") + "\n# and once more\n" + self.stranger("again")
        path.write_text(before)
        self.unit("client.service", JobResult="failed")
        self.declare()
        self.host.start_agent()
        result, steps = self.host.renew_due()
        self.assertEqual((result, steps["bundle:site-ca"][0]), ("failed", "failed"), steps)
        self.assertEqual(path.read_text(), before)
        self.unit("client.service", JobResult="done")
        self.due("done")
        self.in_step()

    def test_a_folder_in_its_place(self):
        path = self.host.path(authority.BUNDLE)
        path.mkdir()
        self.declare()
        self.host.start_agent()
        result, steps = self.host.renew_due()
        self.assertEqual((result, steps["bundle:site-ca"][0], steps["a"][0]), ("failed", "failed", "done"), steps)
        self.assertIn("A folder stands at " + authority.BUNDLE, steps["bundle:site-ca"][1])
        path.rmdir()
        self.host.call("Reload")
        self.host.renew("bundle:site-ca")
        self.in_step()

    def test_a_folder_that_is_gone(self):
        bundle = {"site-ca": {"from": ["site"], "path": "/etc/gone/site-ca.pem"}}
        self.host.path("/etc/gone").mkdir()
        self.declare(bundles=bundle)
        self.host.start_agent()
        self.host.path("/etc/gone").rmdir()
        result, steps = self.host.renew_due()
        self.assertEqual((result, steps["bundle:site-ca"][0], steps["a"][0]), ("failed", "failed", "done"), steps)
        self.assertIn("The folder /etc/gone does not exist", steps["bundle:site-ca"][1])


class Served(BundleTest):
    def begin_serving(self):
        """A server with certificate "a", which reads it again when it is told, and a bundle that must trust it."""
        self.begin()
        self.server, self.port = self.serve("a")
        self.unit("nginx.service", MainPID=self.server.pid, Exec=f"kill -HUP {self.server.pid}")
        self.declare(bundles=self.verified(self.port))
        self.host.call("Reload")

    def test_a_rotation_of_what_is_served(self):
        self.begin_serving()
        old = self.roles()["current"]
        self.assertEqual(self.host.renew("bundle:site-ca", force=True)[0], "done")
        self.host.job("RotateAuthority", "s", "site")
        self.assertNotEqual(self.roles()["current"], old)
        self.assertEqual(self.bundles()["bundle:site-ca"]["State"], "valid")
        self.assertTrue(self.verifies("a"))

    def test_a_service_that_serves_what_the_bundle_does_not_trust(self):
        self.begin()
        before = self.host.path(authority.BUNDLE).read_bytes()
        self.stranger("foreign")
        _, port = self.serve("foreign")
        self.declare(bundles=self.verified(port, "3s"))
        self.host.call("Reload")
        self.host.path(authority.BUNDLE).write_text("tampered with\n")
        result, steps = self.host.renew_due()
        self.assertEqual((result, steps["bundle:site-ca"][0]), ("failed", "failed"), steps)
        self.assertIn('"bundle:site-ca" does not trust', steps["bundle:site-ca"][1])
        self.assertEqual(self.bundles()["bundle:site-ca"]["Error"], "NotServing", self.bundles())
        self.assertEqual(self.host.path(authority.BUNDLE).read_bytes(), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
