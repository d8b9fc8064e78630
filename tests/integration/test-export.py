# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl export: what is written, read back by OpenSSL, NSS and GnuTLS's certtool (and Java, where it is installed); where the
password comes from; and what is refused. The agent and its files are real."""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from certctl import CertctlTest  # noqa: E402

PASSWORD = "correct horse"


def run(*command, **further):
    p = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60, **further)
    assert p.returncode == 0, f"{command}:\n{p.stdout}{p.stderr}"
    return p.stdout


def certificates(text):
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.S)


class ExportTest(CertctlTest):
    def start(self, issuer=None, **further):
        self.host.manifest({"web": self.host.certificate("web", **further)}, {"site": dict({"type": "local"}, **(issuer or {}))})
        self.host.start_agent()
        self.host.renew_due()

    def file(self, name, text, mode=0o600):
        path = self.host.root / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def export(self, *arguments, password=PASSWORD, output="web.p12", status=0):
        """PKCS#12 of web in a file."""
        path = self.host.root / output
        secret = self.file("secret", password)
        p = self.run_certctl("export", "web", "--pkcs12", "-o", str(path), "--password-file", str(secret), *arguments,
                             status=status)
        return path, p

    @property
    def cert(self):
        return self.host.path("/etc/tls/web.pem")

    @property
    def key(self):
        return self.host.path("/etc/tls/web.key")


class Pem(ExportTest):
    def test_certificate_and_ca_without_the_key(self):
        self.start(ca_path="/etc/tls/ca.pem")
        out = self.run_certctl("export", "web").stdout
        self.assertNotIn("KEY", out)
        self.assertEqual(certificates(out), certificates(self.cert.read_text()) +
                         certificates(self.host.path("/etc/tls/ca.pem").read_text()))

    def test_the_issuers_root_where_there_is_no_ca_file(self):
        self.start()
        leaf, root = certificates(self.run_certctl("export", "web").stdout)
        path = self.file("root", root)
        run("openssl", "verify", "-CAfile", path, self.file("leaf", leaf))

    def test_of_a_combined_file_the_certificates_alone(self):
        self.host.manifest({"web": {"issuer": "site", "common_name": "web.example.org", "combined_path": "/etc/tls/all.pem"}})
        self.host.start_agent()
        self.host.renew_due()
        self.assertIn("PRIVATE KEY", self.host.path("/etc/tls/all.pem").read_text())
        out = self.run_certctl("export", "web").stdout
        self.assertNotIn("PRIVATE KEY", out)
        self.assertEqual(len(certificates(out)), 2)

    def test_who_may_read_the_certificate_alone_exports_that(self):
        self.start(permissions={"cert": "0644", "key": "0600"})
        nobody = dict(user=65534, group=65534, extra_groups=[])
        command = [self.program_for_everybody(), "export", "web"]
        p = subprocess.run(command, env=self.environment, capture_output=True, text=True, **nobody)
        self.assertEqual((p.returncode, len(certificates(p.stdout))), (0, 2), p.stderr)
        secret = self.file("secret", PASSWORD, 0o604)
        p = subprocess.run([*command, "--pkcs12", "--password-file", secret], env=self.environment, capture_output=True,
                           **nobody)
        self.assertEqual(p.returncode, 77)
        self.assertIn(b"cannot read /etc/tls/web.key: Permission denied", p.stderr)
        self.assertEqual(p.stdout, b"")

    def test_a_file_of_its_own(self):
        self.start()
        path = self.host.root / "web-export.pem"
        self.run_certctl("export", "web", "-o", str(path))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(len(certificates(path.read_text())), 2)


class Pkcs12(ExportTest):
    def read(self, path, password=PASSWORD):
        return run("openssl", "pkcs12", "-in", path, "-nodes", "-passin", f"pass:{password}")

    def assert_holds_the_key(self, text):
        found = re.findall("-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\n", text, re.S)
        self.assertEqual(len(found), 1)
        public = [run("openssl", "pkey", "-pubout", "-in", path) for path in (self.file("found", found[0]), self.key)]
        self.assertEqual(public[0], public[1])

    def test_openssl_reads_it(self):
        self.start()
        path, _ = self.export()
        out = self.read(path)
        self.assertEqual(len(certificates(out)), 2)
        self.assertEqual(out.count("friendlyName: web"), 2)  # certificate and key
        ids = re.findall("localKeyID: (.*?) *\n", out)
        self.assertEqual((len(ids), len(set(ids))), (2, 1))
        self.assert_holds_the_key(out)
        self.assertEqual(certificates(out)[0], certificates(self.cert.read_text())[0])

    def test_how_it_is_encrypted(self):
        self.start()
        path, _ = self.export()
        p = subprocess.run(["openssl", "pkcs12", "-in", path, "-info", "-noout", "-passin", f"pass:{PASSWORD}"],
                           capture_output=True, text=True, check=True)
        self.assertIn("MAC: sha256, Iteration ", p.stderr)
        both = re.findall(r"PBES2, PBKDF2, AES-256-CBC, Iteration (\d+), PRF hmacWithSHA256", p.stderr)
        self.assertEqual(len(both), 2)
        self.assertNotIn(b"web.example.org", path.read_bytes())

    def test_nss_reads_it(self):
        self.start()
        path, _ = self.export()
        database = self.host.root / "nss"
        database.mkdir()
        run("certutil", "-N", "-d", f"sql:{database}", "--empty-password")
        run("pk12util", "-i", path, "-d", f"sql:{database}", "-W", PASSWORD, "-K", "")
        self.assertRegex(run("certutil", "-L", "-d", f"sql:{database}"), r"(?m)^web +u,u,u")
        self.assertRegex(run("certutil", "-K", "-d", f"sql:{database}"), r"web")

    def test_certtool_reads_it(self):
        self.start()
        path, _ = self.export()
        out = run("certtool", "--p12-info", "--inder", "--infile", path, "--password", PASSWORD)
        self.assertIn("Friendly name: web", out)
        self.assertEqual(len(certificates(out)), 2)

    if shutil.which("keytool"):  # Java is large: it is no tool that the tests install

        def test_java_reads_it(self):
            self.start()
            path, _ = self.export()
            out = run("keytool", "-list", "-v", "-storetype", "PKCS12", "-keystore", path, "-storepass", PASSWORD)
            self.assertIn("Alias name: web", out)
            self.assertIn("Entry type: PrivateKeyEntry", out)
            self.assertIn("Certificate chain length: 2", out)

    def test_every_type_of_key(self):
        for kind in ("ecdsa-p384", "ed25519", "rsa-2048"):
            with self.subTest(kind):
                if self.host.agent_process:
                    self.host.manifest({"web": self.host.certificate("web", key={"type": kind})})
                    self.host.call("Reload")
                    self.host.renew_due()
                else:
                    self.start(key={"type": kind})
                path, _ = self.export("--force")
                self.assert_holds_the_key(self.read(path))

    def test_passwords_that_are_not_plain(self):
        self.start()
        for password in ("pässwörd ☃", " spaces around ", "x", "y" * 512):
            path, _ = self.export("--force", password=password + "\n")
            secret = self.file("again", password)
            self.assertIn("PRIVATE KEY", run("openssl", "pkcs12", "-in", path, "-nodes", "-passin", f"file:{secret}"))

    def test_a_pipe_gets_it(self):
        self.start()
        p = subprocess.run([self.program, "export", "web", "--pkcs12", "--password-file=-"], env=self.environment,
                           input=PASSWORD.encode(), capture_output=True)
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertIn("friendlyName: web", self.read(self.file_of(p.stdout)))

    def file_of(self, content):
        path = self.host.root / "piped.p12"
        path.write_bytes(content)
        return path

    def test_a_descriptor_holds_the_password(self):
        self.start()
        path = self.host.root / "fd.p12"
        reading, writing = os.pipe()
        os.write(writing, PASSWORD.encode() + b"\n")
        os.close(writing)
        subprocess.run([self.program, "export", "web", "--pkcs12", f"--password-file=/dev/fd/{reading}", "-o", path],
                       env=self.environment, pass_fds=[reading], check=True)
        os.close(reading)
        self.assertIn("friendlyName: web", self.read(path))


class Refused(ExportTest):
    def refuse(self, *arguments, status=1, **further):
        p = self.run_certctl("export", *arguments, status=status, **further)
        self.assertEqual(p.stdout, "")
        return p.stderr

    def test_a_key_of_another_certificate(self):
        self.start()
        self.key.write_text(run("openssl", "genpkey", "-algorithm", "ed25519"))
        path, p = self.export(status=1)
        self.assertIn("The key in /etc/tls/web.key is not the one of the certificate in /etc/tls/web.pem", p.stderr)
        self.assertFalse(path.exists())

    def test_no_key_and_no_certificate(self):
        self.start()
        self.key.write_text("nothing\n")
        self.assertIn("/etc/tls/web.key: ", self.export(status=1)[1].stderr)
        self.key.unlink()
        err = self.export(status=1)[1].stderr
        self.assertIn("cannot read /etc/tls/web.key: No such file", err)
        self.assertIn("\nSee: certctl status web\n", err)
        self.cert.write_text("<html>\n")
        self.assertIn("What is in /etc/tls/web.pem is no certificate", self.refuse("web"))
        self.assertIn("nosuch", self.refuse("nosuch", status=4))

    def test_a_key_in_a_token(self):
        entry = self.host.certificate("web", key={"uri": "pkcs11:token=none;object=web"})
        del entry["key_path"]
        self.host.manifest({"web": entry})
        self.host.start_agent()
        path, p = self.export(status=1)
        self.assertIn('The key of "web" is in a token, which does not give it out', p.stderr)
        self.assertFalse(path.exists())

    def test_what_is_there_is_not_replaced(self):
        self.start()
        there = self.file("web.p12", "mine", 0o644)
        _, p = self.export(status=1)
        self.assertIn("is there already, and stays as it is; --force replaces it", p.stderr)
        self.assertEqual(there.read_text(), "mine")
        self.export("--force")
        self.assertEqual(stat.S_IMODE(there.stat().st_mode), 0o600)
        there.unlink()
        os.symlink(self.file("target", "mine"), there)
        self.assertIn("is there already", self.export(status=1)[1].stderr)
        self.assertIn("it is no regular file", self.export("--force", status=1)[1].stderr)
        self.assertEqual((self.host.root / "target").read_text(), "mine")
        self.assertEqual([p.name for p in self.host.root.glob("web.p12*")], ["web.p12"])

    def test_passwords(self):
        self.start()
        def said(*arguments, **further):
            return self.refuse("web", "--pkcs12", "-o", str(self.host.root / "no.p12"), *arguments, **further)

        fifo = self.host.root / "fifo"
        os.mkfifo(fifo)
        rows = [
            (self.file("empty", ""), "The password is empty"), (self.file("newline", "\n"), "The password is empty"),
            (self.file("long", "x" * 513), "longer than 512 bytes"), (self.file("huge", "x" * 100000), "longer than 512"),
            (self.file("nul", "a\0b"), "no text of one line"), (self.file("lines", "a\nb\n"), "no text of one line"),
            (self.file("twice", "a\n\n"), "no text of one line"), (fifo, "no regular file"), (self.host.root, "a folder"),
            ("/dev/null", "no regular file"), (self.host.root / "gone", "No such file"), ("/dev/fd/99", "Bad file descriptor"),
        ]
        for path, words in rows:
            self.assertIn(words, said("--password-file", str(path)))
        (self.host.root / "latin").write_bytes(b"p\xe4ss")
        self.assertIn("no text of one line in UTF-8", said("--password-file", str(self.host.root / "latin")))
        self.assertFalse((self.host.root / "no.p12").exists())

    def test_a_password_file_that_others_can_read_is_said(self):
        self.start()
        secret = self.file("open", PASSWORD, 0o644)
        p = self.run_certctl("export", "web", "--pkcs12", "-o", str(self.host.root / "web.p12"), "--password-file", str(secret))
        self.assertIn(f"others than you can read the password in {secret}; run: chmod go= {secret}", p.stderr)

    def test_usage(self):
        self.start()
        self.assertIn("--password-file is for --pkcs12", self.refuse("web", "--password-file=x", status=2))
        self.refuse("web", "--password=secret", status=2)
        self.refuse(status=2)


class Terminal(ExportTest):
    """certctl on a terminal of its own."""

    def begin(self, *arguments, output="web.p12"):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(self.program, [self.program, "export", "web", "--pkcs12", *arguments,
                                     *(["-o", str(self.host.root / output)] if output else [])], self.environment)
        self.addCleanup(os.close, self.fd)
        self.said = b""

    def until(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.said:
            self.assertGreater(end, time.monotonic(), self.said)
            if select.select([self.fd], [], [], 0.1)[0]:
                self.said += os.read(self.fd, 65536)

    def answer(self, prompt, text):
        self.until(prompt)
        self.said = self.said.split(prompt, 1)[1]
        os.write(self.fd, text)

    def end(self):
        try:
            while True:
                data = os.read(self.fd, 65536)
                if not data:
                    break
                self.said += data
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    FIRST, SECOND = b"Password for the PKCS#12 file of web: ", b"The same again: "

    def test_asked_twice_and_not_shown(self):
        self.start()
        self.begin()
        self.answer(self.FIRST, b"secret word\n")
        self.assertFalse(self.echoes())
        self.answer(self.SECOND, b"secret word\n")
        self.assertEqual(self.end(), 0, self.said)
        self.assertNotIn(b"secret", self.said)
        self.assertTrue(self.echoes())
        self.assertIn("friendlyName: web", run("openssl", "pkcs12", "-in", self.host.root / "web.p12", "-nodes", "-passin",
                                               "pass:secret word"))

    def test_they_differ(self):
        self.start()
        self.begin()
        self.answer(self.FIRST, b"one\n")
        self.answer(self.SECOND, b"two\n")
        self.assertEqual(self.end(), 1)
        self.assertIn(b"The two passwords differ", self.said)
        self.assertFalse((self.host.root / "web.p12").exists())

    def test_nothing_typed(self):
        self.start()
        for typed in (b"\n", b"\x04"):
            self.begin()
            self.answer(self.FIRST, typed)
            self.assertEqual(self.end(), 1)
            self.assertIn(b"The password is empty", self.said)
            self.assertTrue(self.echoes())

    def test_signals_find_the_terminal_as_it_was(self):
        self.start()
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            self.begin()
            self.until(self.FIRST)
            self.assertFalse(self.echoes())
            if signo == signal.SIGINT:
                os.write(self.fd, b"\x03")
            else:
                os.kill(self.pid, signo)
            self.assertEqual(self.end(), -signo)
            self.assertTrue(self.echoes(), signo)
            self.assertEqual(list(self.host.root.glob("web.p12*")), [])

    def test_a_stop_asks_again(self):
        self.start()
        self.begin()
        self.answer(self.FIRST, b"half a wo")
        os.kill(self.pid, signal.SIGTSTP)  # of a group without a shell it stops nothing
        self.answer(self.FIRST, b"whole\n")
        self.answer(self.SECOND, b"whole\n")
        self.assertEqual(self.end(), 0, self.said)

    def test_not_onto_the_terminal(self):
        self.start()
        self.begin(output=None)
        self.assertEqual(self.end(), 2)
        self.assertIn(b"PKCS#12 is not for a terminal; name a file: -o FILE", self.said)

    def test_without_a_terminal(self):
        self.start()
        p = subprocess.run([self.program, "export", "web", "--pkcs12"], env=self.environment, capture_output=True,
                           start_new_session=True, stdin=subprocess.DEVNULL)
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"no terminal to ask for the password on", p.stderr)

    def test_nobody_looks_into_the_process(self):
        self.start()
        self.begin()
        self.until(self.FIRST)
        status = pathlib.Path(f"/proc/{self.pid}/limits").read_text()
        self.assertRegex(status, r"Max core file size +0 +0")
        self.assertEqual(os.stat(f"/proc/{self.pid}/mem").st_uid, 0)
        self.assertNotIn(b"secret", pathlib.Path(f"/proc/{self.pid}/environ").read_bytes())
        os.kill(self.pid, signal.SIGTERM)
        self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
