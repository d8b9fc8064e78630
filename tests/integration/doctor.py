# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl doctor for tests: a host with its own trust store, a CA, and what is found as a script gets it."""

import json
import os
import subprocess
import tempfile

from certctl import CONTROLS, CertctlTest
from tlslab import Authority, Lab


class DoctorTest(CertctlTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="cert-agent-pki-")
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        cls.ca = ca = Authority(folder.name)
        ca.root("root", "Lab Root")
        ca.root("other", "Other Root")
        ca.intermediate("middle", "root", subject="Lab Middle")
        ca.leaf("leaf", "middle")
        ca.join("full", "leaf", "middle")

    def setUp(self):
        super().setUp()
        self.lab = Lab(self.addCleanup)
        self.host.path("/etc/ssl/certs").mkdir(parents=True)
        self.host.path("/etc/ssl/certs/ca-certificates.crt").write_bytes(self.ca.path("other.pem").read_bytes())
        self.environment["NO_COLOR"] = "1"

    def run_doctor(self, *arguments, status, environment=None, program=None, **further):
        p = subprocess.run([program or self.program, "doctor", *[str(a) for a in arguments]],
                           env=dict(self.environment, **(environment or {})), capture_output=True, text=True, timeout=120,
                           stdin=subprocess.DEVNULL, **further)
        self.assertEqual(p.returncode, status, f"doctor {arguments}:\n{p.stdout}{p.stderr}")
        self.assertNotRegex(p.stderr, "Sanitizer|runtime error")
        self.assertIsNone(CONTROLS.search(p.stdout), repr(p.stdout))
        return p

    def examine(self, *arguments, status=3, **further):
        """The whole of what is found, as a script gets it."""
        out = json.loads(self.run_doctor("--json=short", *arguments, status=status, **further).stdout)
        self.assertEqual(out["healthy"], status == 0)
        for d in out["diagnoses"]:
            self.assertTrue(d["message"] and d["hint"], d)
        return out

    def finds(self, codes, *arguments, status=3, **further):
        """Exactly these; gives message and hint of the first."""
        out = self.examine(*arguments, status=status, **further)
        self.assertEqual([d["code"] for d in out["diagnoses"]], codes.split(), out)
        return out["diagnoses"][0]["message"] + "\n" + out["diagnoses"][0]["hint"]

    def healthy(self, *arguments, **further):
        out = self.examine(*arguments, status=0, **further)
        self.assertEqual(out["diagnoses"], [])
        return out

    def pem(self, name):
        return self.ca.path(f"{name}.pem")

    def key(self, name):
        return self.ca.path(f"{name}.key")

    def trust(self, name):
        """A file of the host that has it, for --ca."""
        self.host.path(f"/etc/{name}.pem").write_bytes(self.pem(name).read_bytes())
        return f"/etc/{name}.pem"

    def system_store(self, *names):
        self.host.path("/etc/ssl/certs/ca-certificates.crt").write_text("".join(self.pem(n).read_text() for n in names))
