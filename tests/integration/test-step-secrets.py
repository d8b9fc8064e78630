# SPDX-License-Identifier: LGPL-2.1-or-later
"""The password and the provisioner's key are where they must be, and nowhere else: in no file, log, argument or environment,
and in the memory of the keyholder alone. Looked for where they are, while a token is in use and after that."""

import base64
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import faulty  # noqa: E402
from harness import Host, wait_for  # noqa: E402
from stepca import PASSWORD_FILE, StepCA, openssl  # noqa: E402

AGENT, ISSUER, KEYHOLDER = "cert-agent", "cert-issuer-step", "cert-keyholder"


def forms(scalar):
    """A private key's number as programs hold it: big-endian, little-endian, as a JWK's text, as hexadecimal digits."""
    text = base64.urlsafe_b64encode(scalar).rstrip(b"=")
    return {"raw": scalar, "reversed": scalar[::-1], "base64url": text, "base64": base64.b64encode(scalar).rstrip(b"="),
            "hex": scalar.hex().encode()}


def memory(pid):
    """All that a process can read of its own memory."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            bounds, rights, _ = line.split(maxsplit=2)
            begin, end = (int(x, 16) for x in bounds.split("-"))
            # A sanitizer's shadow is terabytes of nothing, and holds no data.
            if rights[0] != "r" or "[v" in line or end - begin > 1 << 34:
                continue
            parts += present(pid, mem, begin, end)
    return b"\0".join(parts)


def present(pid, mem, begin, end, page=4096):
    """The parts of a mapping that were ever written or read; the rest is not there."""
    with open(f"/proc/{pid}/pagemap", "rb", 0) as pagemap:
        pagemap.seek(begin // page * 8)
        entries = pagemap.read((end - begin) // page * 8)
    start = None
    for i in range(len(entries) // 8 + 1):
        there = i * 8 < len(entries) and entries[i * 8 + 7] & 0xc0  # in memory, or swapped out
        if there and start is None:
            start = i
        elif not there and start is not None:
            mem.seek(begin + start * page)
            try:
                yield mem.read((i - start) * page)
            except OSError:  # a device, or gone
                pass
            start = None


class Secrets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ca = StepCA(password="the-password-0f-the-provisioner")
        cls.addClassCleanup(cls.ca.end)
        cls.ca.start()
        cls.password = cls.ca.password.encode()
        jwk = cls.ca.private_key()["d"]
        cls.scalar = base64.urlsafe_b64decode(jwk + "=" * (-len(jwk) % 4))
        cls.server = faulty.Faulty(cls.ca)
        cls.addClassCleanup(cls.server.end)
        cls.host = Host()
        cls.addClassCleanup(cls.host.end)
        cls.ca.give_password(cls.host)
        cls.host.manifest({"web": cls.host.certificate("web", issuer="step", key={"rotation": "reuse"})},
                          {"step": cls.ca.issuer(url=cls.server.url, timeout="3min")})
        cls.host.start_agent()
        # While the server holds back its answer: the key was opened, the token is made.
        cls.server.spoil("/sign", faulty.never, times=1)
        path = cls.host.call("RenewDue")[0]
        wait_for(lambda: cls.server.asked("/sign"), "the token")
        cls.during = cls.look()
        cls.host.busctl("call", "org.certagent1", path, "org.certagent1.Job", "Cancel")
        result, steps = cls.host.renew("web", force=True)
        assert result == "done", steps
        result, steps = cls.host.renew("web", force=True)
        assert result == "done", steps
        cls.after = cls.look()

    @classmethod
    def processes(cls):
        """{name: [pid]} of the agent and what it started."""
        found, family = {}, {cls.host.agent_process.pid}
        for pid in sorted(int(p) for p in os.listdir("/proc") if p.isdigit()):
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
                name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
            except OSError:
                continue
            if pid in family or int(stat.rsplit(")", 1)[1].split()[1]) in family:
                family.add(pid)
                found.setdefault(name, []).append(pid)
        return found

    @classmethod
    def look(cls):
        """{name: {"cmdline", "environ", "memory"}} of all there are now."""
        seen = {}
        for name, pids in cls.processes().items():
            facts = seen.setdefault(name, {"cmdline": b"", "environ": b"", "memory": b""})
            for pid in pids:
                for what in ("cmdline", "environ"):
                    facts[what] += pathlib.Path(f"/proc/{pid}/{what}").read_bytes()
                facts["memory"] += memory(pid)
        return seen

    def holds_none(self, data, where):
        self.assertNotIn(self.password, data, f"the password is in {where}")
        for form, text in forms(self.scalar).items():
            self.assertNotIn(text, data, f"the provisioner's key ({form}) is in {where}")

    def test_all_processes_were_there_and_their_memory_was_read(self):
        self.assertEqual(set(self.during), {AGENT, ISSUER, KEYHOLDER})
        for name, facts in self.during.items():
            self.assertIn(b"cert-agent", facts["memory"], name)
        # The holder has what the others must not have: what is looked for is what there is.
        self.assertTrue(any(text in self.during[KEYHOLDER]["memory"] for text in forms(self.scalar).values()))

    def test_no_argument_and_no_variable(self):
        for seen in (self.during, self.after):
            for name, facts in seen.items():
                for what in ("cmdline", "environ"):
                    self.holds_none(facts[what], f"{what} of {name}")

    def test_memory_of_agent_and_issuer(self):
        for when, seen in (("during", self.during), ("after", self.after)):
            for name in (AGENT, ISSUER):
                if name in seen:
                    self.holds_none(seen[name]["memory"], f"the memory of {name} ({when})")

    def test_the_keyholder_has_no_password_once_the_key_is_open(self):
        for when, seen in (("during", self.during), ("after", self.after)):
            if KEYHOLDER in seen:
                self.assertNotIn(self.password, seen[KEYHOLDER]["memory"], when)

    def test_the_keyholder_has_no_text_of_the_key(self):
        for when, seen in (("during", self.during), ("after", self.after)):
            for form in ("base64url", "base64", "hex"):
                if KEYHOLDER in seen:
                    self.assertNotIn(forms(self.scalar)[form], seen[KEYHOLDER]["memory"], f"{when}: {form}")

    def test_the_keyholder_leaves_no_core_and_no_debugger_is_let_in(self):
        program = self.host.root / "cert-keyholder"
        shutil.copy(self.host.build / "issuers/cert-keyholder", program)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            p = subprocess.Popen(["sh", "-c", 'exec "$0" 3<&0', program], stdin=theirs, user=65534, group=65534)
            self.addCleanup(p.wait)
            self.addCleanup(p.terminate)
            # The kernel gives what concerns a process that must not be dumped to root (proc(5)).
            wait_for(lambda: os.path.basename(os.readlink(f"/proc/{p.pid}/exe")) == "cert-keyholder" and
                     os.stat(f"/proc/{p.pid}/environ").st_uid == 0, "the end of dumping")
            self.assertIn("Uid:\t65534\t", pathlib.Path(f"/proc/{p.pid}/status").read_text())

    def test_the_issuer_has_no_key_of_a_certificate(self):
        text = openssl("pkey", "-in", self.host.path("/etc/tls/web.key"), "-noout", "-text")
        digits = "".join(re.search(r"priv:\n([\s0-9a-f:]+)pub", text)[1].split()).replace(":", "")
        for form, key in forms(bytes.fromhex(digits)[-32:]).items():
            for seen in (self.during, self.after):
                if ISSUER in seen:
                    self.assertNotIn(key, seen[ISSUER]["memory"], form)

    def test_no_file_but_its_own(self):
        own = self.host.path(PASSWORD_FILE)
        for path in self.host.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path != own:
                self.holds_none(path.read_bytes(), path)

    def test_a_wrong_password_is_in_no_message(self):
        wrong = "wr0ng-and-secret-all-the-same"
        file = self.host.path(PASSWORD_FILE)
        right = file.read_text()
        file.write_text(wrong)
        self.addCleanup(file.write_text, right)
        # Another process: the one that has the key open needs no password.
        self.host.stop_agent()
        self.host.start_agent()
        self.assertEqual(self.host.renew("web", force=True)[0], "failed")
        said = subprocess.run([self.host.build / "client/certctl", "--no-pager", "show", "web"], env=self.host.environment,
                              capture_output=True, text=True).stdout
        for text in (said, self.host.agent_log(), self.host.get("web", "LastError"), self.host.get("web", "Hint")):
            self.assertNotIn(wrong, text)
            self.assertNotIn(wrong[:8], text)


if __name__ == "__main__":
    unittest.main()
