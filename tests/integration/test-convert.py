# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl convert: what phoenix, certbot and certmonger left is converted, checked by certctl validate and taken over by
the real agent, which gets no new certificate for what is in order; and what cannot be converted is said."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Host, wait_for  # noqa: E402

DAY = 86400
PROGRAMS = ["cert-validate", "cert-convert"]


class Authority:
    """Some CA, not ours: openssl's."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.file("key"), "-out", self.file("pem"),
                 "-subj", "/CN=Some CA", "-days", "3650")

    def file(self, name):
        return self.folder / f"ca.{name}"

    @staticmethod
    def run(*arguments):
        subprocess.run(["openssl", *[str(a) for a in arguments]], check=True, capture_output=True, timeout=60)

    def issue(self, cert, key, names, subject=None, kind="ec", days=90, usage="serverAuth", chain=True):
        """A pair in place; `names` as openssl writes them (DNS:…); gives its serial."""
        new = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"],
               "ec384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]}[kind]
        for path in cert, key:
            path.parent.mkdir(parents=True, exist_ok=True)
        subject = f"/CN={names[0].split(':')[1]}" if subject is None else subject
        self.run("req", "-new", *new, "-nodes", "-keyout", key, "-out", self.file("csr"), "-subj", subject)
        self.file("ext").write_text(f"subjectAltName={','.join(names)}\nextendedKeyUsage={usage}\n")
        self.run("x509", "-req", "-in", self.file("csr"), "-CA", self.file("pem"), "-CAkey", self.file("key"),
                 "-CAcreateserial", "-days", str(days), "-extfile", self.file("ext"), "-out", cert)
        if chain:
            cert.write_text(cert.read_text() + self.file("pem").read_text())
        os.chmod(key, 0o600)
        os.chmod(cert, 0o644)
        return serial(cert)


def serial(path):
    return subprocess.run(["openssl", "x509", "-in", path, "-noout", "-serial"], capture_output=True, text=True,
                          timeout=30).stdout.strip()


class ConvertTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        folder = self.host.path("/usr/lib/certctl")
        folder.mkdir(parents=True)
        for name in PROGRAMS:
            os.symlink(self.host.build / "client" / name, folder / name)
        self.environment = dict(self.host.environment, LC_ALL="C.UTF-8")
        self.ca = Authority(self.host.root / "ca")
        self.work = self.host.root / "work"
        self.work.mkdir()

    def certctl(self, *arguments, status=0, before=()):
        # The sanitizer's search for leaks is not possible in a process that is traced.
        environment = dict(self.environment, ASAN_OPTIONS="detect_leaks=0") if before else self.environment
        p = subprocess.run([*before, self.host.build / "client/certctl", *[str(a) for a in arguments]], env=environment,
                           cwd=self.work, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(p.returncode, status, f"certctl {' '.join(map(str, arguments))}:\n{p.stdout}{p.stderr}")
        return p

    def phoenix(self, entries, *arguments, status=0):
        file = self.work / "certificate-manifest.json"
        file.write_text(entries if isinstance(entries, str) else json.dumps(entries))
        return self.certctl("convert", "phoenix", file, *arguments, status=status)

    def take_over(self, *arguments, status=0):
        """Converts into a drop-in, which must be without fault, and lets the agent make its first pass."""
        self.host.manifest({}, {"ca": {"type": "fake"}})
        dropin = self.host.path("/etc/cert-agent/manifest.d/converted.json")
        report = self.certctl("convert", *arguments, "--issuer", "ca", "-o", dropin, status=status).stderr
        self.certctl("validate")
        self.host.start_agent()
        self.assertEqual([reasons for action, reasons in self.host.plan().values() if action == "issue"], [])
        result, _ = self.host.renew_due()  # which mends owners and modes, where the old program had none
        self.assertIn(result, ("done", "skipped"), self.host.agent_log())
        return json.loads(dropin.read_text())["certificates"], report

    def assert_renews_later(self, names, days=89):
        """Near their end they are renewed, each of them."""
        self.host.stop_agent()
        self.host.shift_clock(days * DAY)
        self.host.start_agent()
        result, progress = self.host.renew_due()
        self.assertEqual(result, "done", progress)
        self.assertEqual(sorted(progress), sorted(names))


class Phoenix(ConvertTest):
    def entry(self, n, **further):
        name = f"host{n}.example.org"
        entry = {"common_name": name, "cert_path": f"/etc/tls/{n}.pem", "key_path": f"/etc/tls/{n}.key",
                 "owner": "root:root", "permissions": "640", "sans": [name],
                 "post_renewal_command": f"sudo systemctl reload service{n}"}
        entry.update(further)
        return entry

    def place(self, entry, **further):
        return self.ca.issue(self.host.path(entry["cert_path"]), self.host.path(entry["key_path"]),
                             [f"DNS:{n}" for n in entry["sans"]], **further)

    def test_twenty_entries_are_taken_over_and_renewed_later(self):
        kinds = ["ec", "rsa", "ec384"]
        entries = [self.entry(n, permissions=["600", "0640", 640, "644"][n % 4], post_renewal_command=None)
                   for n in range(20)]
        serials = {e["cert_path"]: self.place(e, kind=kinds[n % 3]) for n, e in enumerate(entries)}
        file = self.work / "certificate-manifest.json"
        file.write_text(json.dumps(entries))
        converted, _ = self.take_over("phoenix", file)
        self.assertEqual(list(converted), [e["common_name"] for e in entries])
        self.assertEqual({p: serial(self.host.path(p)) for p in serials}, serials)
        for n, entry in enumerate(entries):
            self.assertEqual(os.stat(self.host.path(entry["key_path"])).st_mode & 0o777, 0o600 if n % 4 == 0 else 0o640)
        self.assertEqual({action for action, _ in self.host.plan().values()}, {"none"})
        self.assert_renews_later(converted, 90)
        for path, before in serials.items():
            self.assertNotEqual(serial(self.host.path(path)), before)

    def test_units_are_told_at_the_renewal_and_not_at_the_first_pass(self):
        commands = ["systemctl reload nginx", "systemctl reload nginx && systemctl restart postfix", "docker restart web"]
        entries = [self.entry(n, permissions="600", post_renewal_command=commands[n % 3]) for n in range(20)]
        for entry in entries:
            self.place(entry)
            os.chmod(self.host.path(entry["cert_path"]), 0o600)
        self.host.start_program("fake-systemd")
        systemd = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.certagent1.Fake")
        wait_for(lambda: self.host.busctl("call", *systemd, "Calls", check=False), "the fake systemd")
        hooks = [f"cert-hook-host{n}.example.org.service" for n in range(2, 20, 3)]
        for unit in ["nginx.service", "postfix.service", *hooks]:
            facts = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": str(os.getpid())}
            if unit in hooks:
                facts = {"LoadState": "loaded", "Type": "oneshot"}
            self.host.busctl("call", *systemd, "SetUnit", "sa{ss}", unit, str(len(facts)), *[x for f in facts.items() for x in f])

        def calls():
            made = [call.split()[:2] for call in self.host.busctl("call", *systemd, "Calls")["data"][0]]
            return [call for call in made if call[0] != "ResetFailedUnit"]

        file = self.work / "certificate-manifest.json"
        file.write_text(json.dumps(entries))
        converted, _ = self.take_over("phoenix", file)
        self.assertEqual(calls(), [])
        self.assert_renews_later(converted, 90)
        self.assertEqual(sorted(calls()), sorted([["ReloadUnit", "nginx.service"], ["RestartUnit", "postfix.service"],
                                                  *[["RestartUnit", hook] for hook in hooks]]))
        self.assertEqual({self.host.state(name) for name in converted}, {"valid"})

    def test_units_and_one_shots_of_twenty_commands(self):
        commands = [
            "systemctl reload nginx", "systemctl restart postfix && systemctl reload dovecot", "/bin/systemctl try-restart x",
            "sudo -n systemctl reload-or-restart a.service b.socket; systemctl kill -s HUP --kill-who=main c",
            "service nginx reload", "", "systemctl reload nginx\nsystemctl reload haproxy\n",
            "docker exec web nginx -s reload", "cp /etc/tls/a /srv/ && chown www /srv/a", "nginx -s reload",
            "systemctl reload $UNIT", "systemctl reload 'nginx*'", "systemctl reload a | logger", "/opt/reload.sh",
            "cat /etc/tls/x.pem /etc/tls/x.key > /etc/haproxy/x.pem; systemctl reload haproxy", "systemctl --user reload a",
            "echo \"100% $HOME\" 'a'", "systemctl start a", "systemctl reload a || true", "systemctl reload grün",
        ]
        entries = [self.entry(n, post_renewal_command=c) for n, c in enumerate(commands)]
        folder = self.work / "units"
        folder.mkdir()
        self.host.manifest({}, {"ca": {"type": "fake"}})
        dropin = self.host.path("/etc/cert-agent/manifest.d/converted.json")
        p = self.phoenix(entries, "--issuer=ca", "-o", dropin, "--emit-units", folder)
        self.certctl("validate")
        certificates = json.loads(dropin.read_text())["certificates"]
        units = [[(u["unit"], u["action"]) for u in certificates[f"host{n}.example.org"].get("units", [])]
                 for n in range(20)]
        self.assertEqual(units[:7], [
            [("nginx.service", "reload")], [("postfix.service", "restart"), ("dovecot.service", "reload")],
            [("x.service", "try-restart")],
            [("a.service", "reload-or-restart"), ("b.socket", "reload-or-restart"), ("c.service", "signal:SIGHUP")],
            [("nginx.service", "reload")], [], [("nginx.service", "reload"), ("haproxy.service", "reload")]])
        hooks = [f"cert-hook-host{n}.example.org.service" for n in range(7, 20)]
        self.assertEqual(units[7:], [[(hook, "restart")] for hook in hooks])
        self.assertEqual(sorted(os.listdir(folder)), sorted(hooks))
        for n, command in list(enumerate(commands))[7:]:
            self.assertIn(command, p.stderr)
        self.assertIn('\nExecStart=/bin/sh -c "echo \\"100%% $$HOME\\" \'a\'"\n', (folder / hooks[9]).read_text())
        self.assertEqual(os.stat(folder / hooks[0]).st_mode & 0o777, 0o644)
        # A second time nothing is overwritten, and said so.
        (folder / hooks[0]).write_text("mine")
        p = self.phoenix(entries[:9], "--emit-units", folder, "--issuer=ca", status=1)
        self.assertIn("--force replaces a file", p.stderr)
        self.assertIn(f"Look at {folder}/{hooks[1]}", p.stderr)  # the same as before
        self.assertEqual((folder / hooks[0]).read_text(), "mine")
        self.phoenix(entries[:8], "--emit-units", folder, "--issuer=ca", "--force")
        self.assertIn("docker", (folder / hooks[0]).read_text())

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_one_shot_units_are_good_units(self):
        folder = self.work / "units"
        folder.mkdir()
        self.phoenix([self.entry(0, post_renewal_command="a='b \"c\"'; echo %h ${a} \\\n >&2; true")], "--issuer=ca",
                     "--emit-units", folder)
        p = subprocess.run(["systemd-analyze", "verify", "--man=no", folder / "cert-hook-host0.example.org.service"],
                           capture_output=True, text=True, timeout=60)
        self.assertEqual((p.returncode, p.stderr), (0, ""))

    def test_the_issuer_from_options_and_what_is_missing_of_it(self):
        p = self.phoenix([self.entry(1)])
        self.assertEqual(json.loads(p.stdout)["issuers"], {"step": {"type": "step"}})
        self.assertIn('still needs: "url", "root_fingerprint", "provisioner", "password_file"', p.stderr)
        p = self.phoenix([self.entry(1)], "--issuer=smallstep", "--url=https://ca.internal:9000", "--root=/etc/ssl/root.pem",
                         "--provisioner=admin", "--password-file=/etc/cert-agent/step.password")
        self.assertEqual(json.loads(p.stdout)["issuers"], {"smallstep": {
            "type": "step", "url": "https://ca.internal:9000", "root": "/etc/ssl/root.pem", "provisioner": "admin",
            "password_file": "/etc/cert-agent/step.password"}})
        self.assertNotIn("still needs", p.stderr)
        self.phoenix([self.entry(1)], "--root=/a", "--root-fingerprint=00", status=2)

    def test_the_manifest_of_a_step_ca_is_valid_with_all_options_and_else_says_where_not(self):
        out = self.work / "out.json"
        self.phoenix([self.entry(n) for n in range(20)], "--url=https://ca.internal:9000", f"--root-fingerprint={'84' * 32}",
                     "--provisioner=admin", "--password-file=/etc/cert-agent/step.password", "-o", out)
        self.assertIn("20 certificates, 1 issuer", self.certctl("validate", out).stdout)
        self.phoenix([self.entry(1)], "--url=https://ca.internal:9000", "-o", out, "--force")
        p = self.certctl("validate", out, status=1)
        self.assertRegex(p.stderr, r"out\.json:4: issuers\.step: ")
        self.assertIn("provisioner", p.stderr)

    def test_names_permissions_and_the_rest_of_an_entry(self):
        p = self.phoenix([{"common_name": "*.example.org", "cert_path": "/etc/tls/a.pem", "key_path": "/etc/tls/a.key",
                           "owner": "root:ssl-cert", "permissions": "0644", "colour": "green",
                           "sans": ["192.0.2.1", "2001:DB8::1", "a@b.example", "spiffe://x/y", "IP:192.0.2.2", "example.org"]},
                          dict(self.entry(2), common_name="*.example.org", sans=None, permissions=None)])
        document = json.loads(p.stdout)
        first, second = document["certificates"].items()
        self.assertEqual(first, ("wildcard.example.org", {
            "issuer": "step", "common_name": "*.example.org",
            "sans": ["ip:192.0.2.1", "ip:2001:db8::1", "email:a@b.example", "uri:spiffe://x/y", "ip:192.0.2.2", "example.org",
                     "*.example.org"],
            "cert_path": "/etc/tls/a.pem", "key_path": "/etc/tls/a.key", "owner": "root:ssl-cert",
            "permissions": {"cert": "0644", "key": "0640"}, "renew_before": "12h"}))
        self.assertEqual(second[0], "wildcard.example.org-2")
        self.assertEqual(second[1]["sans"], ["*.example.org"])
        self.assertNotIn("permissions", second[1])
        for text in ("every user could use its key", '"*.example.org" was added', '"colour" is not known'):
            self.assertIn(text, p.stderr)
        self.assertTrue(p.stdout.startswith('{\n  "version": 1,\n  "issuers": {\n    "step": {\n'))

    def test_a_link_in_place_is_followed_to_its_file(self):
        entry = self.entry(1)
        real = dict(entry, cert_path="/etc/tls/real/1.pem")
        before = self.place(real)
        os.symlink("real/1.pem", self.host.path(entry["cert_path"]))
        file = self.work / "m.json"
        file.write_text(json.dumps([dict(entry, post_renewal_command=None)]))
        converted, report = self.take_over("phoenix", file)
        self.assertIn("/etc/tls/1.pem is a link to /etc/tls/real/1.pem", report)
        self.assertEqual(converted["host1.example.org"]["cert_path"], "/etc/tls/real/1.pem")
        self.assertEqual(serial(self.host.path(entry["cert_path"])), before)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a link away")
    def test_a_link_of_another_user_is_not_followed(self):
        entry = self.entry(1)
        os.symlink("/etc/shadow", self.host.path(entry["cert_path"]))
        os.chown(self.host.path(entry["cert_path"]), 65534, 65534, follow_symlinks=False)
        p = self.phoenix([entry], "--issuer=ca", status=1)
        self.assertIn("it is a link that belongs to another user", p.stderr)
        self.assertEqual(json.loads(p.stdout)["certificates"], {})

    def test_what_will_be_issued_anew_is_foretold(self):
        due, other, gone = self.entry(1), self.entry(2), self.entry(3)
        self.place(due, days=1)
        self.place(dict(other, sans=["else.example.org"]))
        p = self.phoenix([due, other, gone], "--issuer=ca")
        self.assertIn("in place of the one in /etc/tls/2.pem: it has other names", p.stderr)
        self.assertIn("there is no certificate in /etc/tls/3.pem yet", p.stderr)
        self.assertNotIn("in place of the one in /etc/tls/1.pem", p.stderr)
        self.place(due, days=0)
        self.assertIn("/etc/tls/1.pem: it ", self.phoenix([due], "--issuer=ca").stderr)

    def test_a_list_in_an_object(self):
        p = self.phoenix({"ca_url": "https://ca", "certificates": [self.entry(1)]}, "--issuer=ca")
        self.assertEqual(list(json.loads(p.stdout)["certificates"]), ["host1.example.org"])
        self.assertIn('the key "ca_url" beside "certificates"', p.stderr)

    def test_a_name_in_place_that_lacks_the_common_name_stays(self):
        entry = self.entry(1, sans=["a.example.org", "b.example.org"], post_renewal_command=None)
        before = self.ca.issue(self.host.path(entry["cert_path"]), self.host.path(entry["key_path"]),
                               ["DNS:a.example.org", "DNS:b.example.org"], subject="/CN=host1.example.org")
        file = self.work / "m.json"
        file.write_text(json.dumps({"certificates": [entry]}))
        converted, _ = self.take_over("phoenix", file)
        self.assertEqual(converted["host1.example.org"]["sans"], ["a.example.org", "b.example.org"])
        self.assertEqual(serial(self.host.path(entry["cert_path"])), before)


class Faults(ConvertTest):
    def entry(self, **further):
        entry = {"common_name": "a.example.org", "cert_path": "/etc/tls/a.pem", "key_path": "/etc/tls/a.key"}
        entry.update(further)
        return {k: v for k, v in entry.items() if v != "-"}

    def phoenix(self, text, status=1):
        file = self.work / "m.json"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.certctl("convert", "phoenix", file, "--issuer=ca", status=status)

    def test_an_entry_that_cannot_be_converted_is_named_and_left_out(self):
        cases = [
            (5, "it is a number, not an object"),
            (self.entry(cert_path="-"), 'it has no "cert_path"'),
            (self.entry(key_path=""), 'it has no "key_path"'),
            (self.entry(common_name="-"), 'it has no "common_name"'),
            (self.entry(common_name=["a"]), 'its "common_name" is a list, not a string'),
            (self.entry(common_name="x" * 65), "longer than 64 characters"),
            (self.entry(cert_path="tls/a.pem"), "is not absolute"),
            (self.entry(cert_path="/etc/../a.pem"), "is not in its plain form"),
            (self.entry(key_path="/etc/tls/a.pem"), 'two of its files are the same, "/etc/tls/a.pem"'),
            (self.entry(permissions="u=rw"), 'its permissions, "u=rw"'),
            (self.entry(permissions=0.5), 'its "permissions" is a number, not a string'),
            (self.entry(permissions="4755"), 'its permissions, "4755"'),
            (self.entry(sans="a.example.org"), 'its "sans" are a string, not a list'),
            (self.entry(sans=["a.example.org", 1]), 'in its "sans" stands a number'),
            (self.entry(sans=[f"n{n}.example.org" for n in range(1001)]), "at most 1000 names"),
            (self.entry(sans=["no name"]), 'its name "no name" cannot be one'),
            (self.entry(post_renewal_command=["a"]), 'its "post_renewal_command" is a list'),
            (self.entry(cert_path="/etc/tls/good.pem"), 'entry 1 (good.example.org) writes to "/etc/tls/good.pem" already'),
        ]
        good = self.entry(common_name="good.example.org", cert_path="/etc/tls/good.pem", key_path="/etc/tls/good.key")
        last = dict(good, cert_path="/etc/tls/last.pem", key_path="/etc/tls/last.key")
        p = self.phoenix(json.dumps([good, *[c for c, _ in cases], last]))
        report = p.stderr.split("\nentry ")
        for n, (_, text) in enumerate(cases, 2):
            with self.subTest(text):
                own = [part for part in report if part.startswith(f"{n} ") or part.startswith(f"{n}:")]
                self.assertEqual(len(own), 1, p.stderr)
                self.assertIn("left out: ", own[0])
                self.assertIn(text, own[0])
        self.assertEqual(list(json.loads(p.stdout)["certificates"]), ["good.example.org", "good.example.org-2"])
        self.assertIn(f"2 certificates converted, {len(cases)} left out", p.stderr)

    def test_a_file_that_is_none_is_refused(self):
        cases = [
            (b"", "the file is empty"), (b"[", "the file ends"), (b"nothing", "line 1, column 1"),
            (b"[{]", "line 1, column 3"), (b'"text"', "neither a list"), (b"{}", "neither a list"),
            (b'{"certificates": {}}', "neither a list"), (b'[{"a": "\x00"}]', "NUL byte"),
            (b'[{"common_name": "a\\u0000"}]', "NUL"), (b'[{"common_name": "\xff"}]', "m.json"),
            (b'[{"common_name": 1, "common_name": 2}]', "stands twice"),
        ]
        for content, text in cases:
            with self.subTest(content):
                p = self.phoenix(content)
                self.assertIn(text, p.stderr)
                self.assertEqual(p.stdout, "")

    def test_files_that_cannot_be_read(self):
        def fails(path, text):
            p = self.certctl("convert", "phoenix", path, status=1)
            self.assertIn(text, p.stderr)
            self.assertEqual(p.stdout, "")

        os.symlink("b", self.work / "a")
        os.symlink("a", self.work / "b")
        os.mkfifo(self.work / "fifo")
        with open(self.work / "huge", "wb") as f:
            f.truncate(1 << 30)
        fails("a", "circle")
        fails("fifo", "no regular file")
        fails("huge", "larger than 16777216 bytes")
        fails("/dev/zero", "no regular file")
        fails(self.work, "a folder")
        fails("missing", "No such file")
        self.assertIn("No such file", self.certctl("convert", "certbot", "missing", status=1).stderr)
        self.assertIn("No such file", self.certctl("convert", "certmonger", "missing", status=1).stderr)
        # Where certbot and certmonger have them, when nothing is said.
        self.assertIn("/etc/letsencrypt/renewal", self.certctl("convert", "certbot", status=1).stderr)
        self.assertIn("/var/lib/certmonger/requests", self.certctl("convert", "certmonger", status=1).stderr)

    def test_ten_thousand_entries(self):
        entries = [self.entry(common_name="same.example.org", cert_path=f"/etc/tls/{n}.pem", key_path=f"/etc/tls/{n}.key",
                              post_renewal_command="systemctl reload nginx") for n in range(10000)]
        p = self.phoenix(json.dumps(entries), status=0)
        certificates = json.loads(p.stdout)["certificates"]
        self.assertEqual(len(certificates), 10000)
        self.assertIn("same.example.org-10000", certificates)

    def test_the_output_is_never_overwritten(self):
        file = self.work / "m.json"
        file.write_text(json.dumps([self.entry()]))
        out = self.work / "out.json"
        self.certctl("convert", "phoenix", file, "-o", out)
        self.assertEqual(os.stat(out).st_mode & 0o777, 0o644)
        out.write_text("mine")
        self.assertIn("--force replaces it", self.certctl("convert", "phoenix", file, "-o", out, status=1).stderr)
        self.assertEqual(out.read_text(), "mine")
        self.certctl("convert", "phoenix", file, "-o", out, "--force")
        self.assertIn("a.example.org", out.read_text())
        os.unlink(out)
        os.symlink("m.json", out)
        self.certctl("convert", "phoenix", file, "-o", out, "--force", status=1)
        self.assertTrue(out.is_symlink())
        self.assertIn("No such file", self.certctl("convert", "phoenix", file, "-o", "no/where", status=1).stderr)
        self.assertEqual([n for n in os.listdir(self.work) if n.startswith("out.json.")], [])

    def test_wrong_use(self):
        self.assertIn('did you mean "phoenix"', self.certctl("convert", "phonix", "x", status=2).stderr)
        self.certctl("convert", status=2)
        self.certctl("convert", "phoenix", "a", "b", status=2)
        self.certctl("convert", "phoenix", "a", "--json=short", status=2)
        self.assertIn("is for phoenix", self.certctl("convert", "certbot", "--url=https://ca", status=2).stderr)
        self.assertIn("--issuer means nothing", self.certctl("status", "--issuer=x", status=2).stderr)
        self.assertIn("--emit-units", self.certctl("convert", "--help").stdout)

    def test_nothing_reaches_the_terminal_uncleaned(self):
        p = self.phoenix(json.dumps([self.entry(common_name="\u001b[31m\u202e", post_renewal_command="a \u009b\u2066")]))
        for c in "\u001b\u202e\u009b\u2066":
            self.assertNotIn(c, p.stderr)

    @unittest.skipUnless(shutil.which("strace"), "no strace")
    def test_nothing_is_run(self):
        witness = self.work / "witness"
        file = self.work / "m.json"
        file.write_text(json.dumps([self.entry(post_renewal_command=f"touch {witness}; systemctl reload nginx $(touch {witness})")]))
        trace = self.work / "trace"
        self.certctl("convert", "phoenix", file, "--emit-units", self.work,
                     before=["strace", "-f", "-o", trace, "-e", "trace=execve,execveat,fork,vfork,clone,clone3"])
        self.assertFalse(witness.exists())
        run = [line for line in trace.read_text().splitlines() if "exec" in line and " = 0" in line]
        self.assertEqual([line.split('"')[1].rsplit("/", 1)[1] for line in run], ["certctl", "cert-convert"])
        self.assertNotIn("fork", trace.read_text())


class Certbot(ConvertTest):
    ROOT = "/etc/letsencrypt"
    SERVER = "https://acme-v02.api.letsencrypt.org/directory"

    def lineage(self, name, n=3, names=None, parameters="", top="", **further):
        """As certbot leaves it: numbered files in archive, links in live, and how in renewal."""
        archive, live = self.host.path(f"{self.ROOT}/archive/{name}"), self.host.path(f"{self.ROOT}/live/{name}")
        renewal = self.host.path(f"{self.ROOT}/renewal")
        for folder in live, renewal:
            folder.mkdir(parents=True, exist_ok=True)
        number = self.ca.issue(archive / f"fullchain{n}.pem", archive / f"privkey{n}.pem",
                               names or [f"DNS:{name}"], **further)
        full = (archive / f"fullchain{n}.pem").read_text()
        end = "-----END CERTIFICATE-----\n"
        (archive / f"cert{n}.pem").write_text(full.split(end)[0] + end)
        (archive / f"chain{n}.pem").write_text(full.split(end, 1)[1])
        for kind in "cert", "privkey", "chain", "fullchain":
            os.symlink(f"../../archive/{name}/{kind}{n}.pem", live / f"{kind}.pem")
        paths = "".join(f"{key} = {self.ROOT}/live/{name}/{key}.pem\n" for key in ("cert", "privkey", "chain", "fullchain"))
        (renewal / f"{name}.conf").write_text(
            f"# renew_before_expiry = 30 days\nversion = 2.1.0\narchive_dir = {self.ROOT}/archive/{name}\n{top}{paths}\n"
            f"# Options used in the renewal process\n[renewalparams]\naccount = 0123456789abcdef\nserver = {self.SERVER}\n"
            f"{parameters}")
        return number

    def test_lineages_are_taken_over_and_renewed_behind_their_links(self):
        before = {
            "a.example.org": self.lineage("a.example.org", kind="rsa", parameters="authenticator = webroot\n"),
            "b.example.org": self.lineage("b.example.org", names=["DNS:b.example.org", "DNS:*.b.example.org"], n=12,
                                          subject="/", parameters="authenticator = dns-cloudflare\nreuse_key = True\n"),
            "c.example.org": self.lineage("c.example.org", usage="serverAuth,clientAuth", top="renew_before_expiry = 30 days\n"),
        }
        os.chmod(self.host.path(f"{self.ROOT}/archive/a.example.org/privkey3.pem"), 0o640)
        converted, report = self.take_over("certbot", self.host.path(self.ROOT))
        self.assertEqual(list(converted), list(before))
        live = {name: self.host.path(f"{self.ROOT}/live/{name}/fullchain.pem") for name in before}
        self.assertEqual({name: serial(path) for name, path in live.items()}, before)
        a, b, c = converted.values()
        self.assertEqual(a["cert_path"], f"{self.ROOT}/archive/a.example.org/fullchain3.pem")
        self.assertEqual((a["key"], a["permissions"]), ({"type": "rsa-2048"}, {"cert": "0644", "key": "0640"}))
        self.assertNotIn("common_name", b)
        self.assertEqual((b["sans"], b["key"]), (["*.b.example.org", "b.example.org"],
                                                 {"type": "ecdsa-p256", "rotation": "reuse"}))
        self.assertEqual((c["usage"], c["renew_before"]), (["server", "client"], "30d"))
        self.assertIn("certbot.timer", report)
        self.assertIn("ln -sfn fullchain.pem", report)
        self.assert_renews_later(before)
        for name, path in live.items():
            self.assertTrue(path.is_symlink())
            self.assertNotEqual(serial(path), before[name])
            self.assertEqual((path.parent / "chain.pem").read_text(), path.read_text().split("-----END CERTIFICATE-----\n", 1)[1])

    def test_the_issuer_is_what_certbot_used(self):
        self.lineage("a.example.org", parameters="authenticator = webroot\n")
        self.lineage("b.example.org", parameters="authenticator = dns-rfc2136\n")
        p = self.certctl("convert", "certbot", self.host.path(self.ROOT))
        document = json.loads(p.stdout)
        self.assertEqual(document["issuers"], {
            "letsencrypt": {"type": "acme", "directory": self.SERVER, "challenge": {"type": "http-01"}},
            "letsencrypt-dns-rfc2136": {"type": "acme", "directory": self.SERVER}})
        self.assertEqual([c["issuer"] for c in document["certificates"].values()], list(document["issuers"]))
        self.assertIn("cert-issuer-acme", p.stderr)
        self.assertIn('by "dns-rfc2136"', p.stderr)
        # Until that is installed, the manifest is refused at the right place.
        out = self.work / "out.json"
        out.write_text(p.stdout)
        self.assertIn("cert-issuer-acme", self.certctl("validate", out, status=1).stderr)

    def test_hooks(self):
        self.lineage("a.example.org", parameters="authenticator = standalone\npre_hook = systemctl stop nginx\n"
                                                 "post_hook = systemctl start nginx\nrenew_hook = systemctl reload postfix\n")
        self.lineage("b.example.org", parameters='renew_hook = "cat $RENEWED_LINEAGE/fullchain.pem, x > /srv/b.pem"\n')
        self.lineage("c.example.org", parameters="renew_hook = a, b\n")
        self.lineage("d.example.org", parameters="directory_hooks = False\n")
        hooks = self.host.path(f"{self.ROOT}/renewal-hooks")
        for kind in "pre", "deploy", "post":
            (hooks / kind).mkdir(parents=True)
        for name, mode in (("deploy/20 second.sh", 0o755), ("deploy/10-first", 0o755), ("deploy/10-first~", 0o755),
                           ("deploy/README", 0o644), ("pre/stop", 0o755)):
            (hooks / name).write_text("#!/bin/sh\nfalse\n")
            os.chmod(hooks / name, mode)
        p = self.certctl("convert", "certbot", self.host.path(self.ROOT), "--emit-units", self.work)
        certificates = json.loads(p.stdout)["certificates"]
        self.assertEqual([u["unit"] for u in certificates["a.example.org"]["units"]],
                         ["cert-hook-a.example.org.service", "postfix.service"])
        self.assertEqual([u["unit"] for u in certificates["b.example.org"]["units"]], ["cert-hook-b.example.org.service"])
        self.assertNotIn("units", certificates["d.example.org"])
        folder = str(hooks)
        unit = (self.work / "cert-hook-b.example.org.service").read_text()
        self.assertIn(f'Environment="RENEWED_LINEAGE={self.ROOT}/live/b.example.org"\n'
                      'Environment="RENEWED_DOMAINS=b.example.org"\n'
                      f'ExecStart="{folder}/deploy/10-first"\nExecStart="{folder}/deploy/20 second.sh"\n'
                      'ExecStart=/bin/sh -c "cat $$RENEWED_LINEAGE/fullchain.pem, x > /srv/b.pem"\n', unit)
        for text in ("before a renewal it ran: systemctl stop nginx", "its renew_hook is written in a way", "renewal-hooks/pre/stop"):
            self.assertIn(text, p.stderr)

    def test_lineages_that_cannot_be_converted(self):
        self.lineage("good.example.org", parameters="authenticator = nginx\n")
        self.lineage("loop.example.org")
        live = self.host.path(f"{self.ROOT}/live/loop.example.org")
        os.unlink(live / "fullchain.pem")
        os.symlink("fullchain.pem", live / "fullchain.pem")
        self.lineage("gone.example.org")
        os.unlink(self.host.path(f"{self.ROOT}/archive/gone.example.org/fullchain3.pem"))
        renewal = self.host.path(f"{self.ROOT}/renewal")
        (renewal / "bad.example.org.conf").write_text("a = 1\na = 2\n")
        (renewal / "empty.example.org.conf").write_text("")
        (renewal / "nul.example.org.conf").write_bytes(b"a = \0\n")
        os.mkfifo(renewal / "fifo.example.org.conf")
        p = self.certctl("convert", "certbot", self.host.path(self.ROOT), status=1)
        self.assertEqual(list(json.loads(p.stdout)["certificates"]), ["good.example.org"])
        for text in ("circle", "there is no certificate in", "line 2: this key stands here for the second time",
                     'does not say where "fullchain" is', "NUL", "no regular file"):
            self.assertIn(text, p.stderr)


class Certmonger(ConvertTest):
    FOLDER = "/var/lib/certmonger/requests"

    def request(self, number, **further):
        values = {"id": number, "key_type": "RSA", "key_gen_type": "RSA", "key_gen_size": "2048", "key_storage_type": "FILE",
                  "key_storage_location": f"/etc/pki/tls/private/{number}.key", "cert_storage_type": "FILE",
                  "cert_storage_location": f"/etc/pki/tls/certs/{number}.crt", "state": "MONITORING", "autorenew": "1",
                  "ca_name": "IPA", "template_subject": f"CN=h{number}.example.org",
                  "template_hostname": f"h{number}.example.org"}
        values.update(further)
        folder = self.host.path(self.FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / number).write_text("".join(f"{k}={v}\n" for k, v in values.items()) +
                                     "cert=-----BEGIN CERTIFICATE-----\n MIIB\n -----END CERTIFICATE-----\n")

    def place(self, number, **further):
        return self.ca.issue(self.host.path(f"/etc/pki/tls/certs/{number}.crt"),
                             self.host.path(f"/etc/pki/tls/private/{number}.key"), [f"DNS:h{number}.example.org"], chain=False,
                             **further)

    def test_a_common_name_is_written_without_the_escapes_of_a_subject(self):
        self.request("1")
        before = self.place("1", subject="/CN=One, Two", kind="rsa")
        converted, _ = self.take_over("certmonger", self.host.path(self.FOLDER))
        self.assertEqual([c["common_name"] for c in converted.values()], ["One, Two"])
        self.assertEqual(serial(self.host.path("/etc/pki/tls/certs/1.crt")), before)

    def test_requests_are_taken_over_and_renewed_later(self):
        self.request("1")
        self.request("2")
        serials = {"1": self.place("1", kind="rsa"), "2": self.place("2", subject="/O=Example/CN=h2.example.org", days=730)}
        keys = {n: self.host.path(f"/etc/pki/tls/private/{n}.key").read_text() for n in serials}
        converted, report = self.take_over("certmonger", self.host.path(self.FOLDER))
        self.assertEqual(list(converted), ["h1.example.org", "h2.example.org"])
        self.assertEqual({n: serial(self.host.path(f"/etc/pki/tls/certs/{n}.crt")) for n in serials}, serials)
        self.assertEqual(converted["h1.example.org"]["key"], {"type": "rsa-2048", "rotation": "reuse"})
        self.assertEqual(converted["h2.example.org"]["subject"], "CN=h2.example.org,O=Example")
        self.assertEqual(converted["h2.example.org"]["renew_before"], "28d")
        self.assertIn("getcert stop-tracking", report)
        self.assert_renews_later(["h1.example.org"])
        self.assertNotEqual(serial(self.host.path("/etc/pki/tls/certs/1.crt")), serials["1"])
        self.assertEqual(serial(self.host.path("/etc/pki/tls/certs/2.crt")), serials["2"])
        self.assertEqual({n: public_key(self.host.path(f"/etc/pki/tls/private/{n}.key")) for n in keys},
                         {n: public_key_of(k) for n, k in keys.items()})

    def test_what_has_no_file_yet_is_made_of_what_was_asked_for(self):
        self.request("1", template_hostname="a.example.org,b.example.org", template_ipaddress="192.0.2.1",
                     template_email="a@b.example", template_subject="CN=a.example.org", key_gen_type="EC", key_gen_size="384",
                     key_perms="640", key_owner="root", ca_name="SelfSign")
        document = json.loads(self.certctl("convert", "certmonger", self.host.path(self.FOLDER)).stdout)
        self.assertEqual(document["issuers"], {"local": {"type": "local"}})
        self.assertEqual(document["certificates"], {"a.example.org": {
            "issuer": "local", "common_name": "a.example.org",
            "sans": ["a.example.org", "b.example.org", "email:a@b.example", "ip:192.0.2.1"],
            "key": {"type": "ecdsa-p384", "rotation": "reuse"}, "cert_path": "/etc/pki/tls/certs/1.crt",
            "key_path": "/etc/pki/tls/private/1.key", "owner": {"key": "root"}, "permissions": {"key": "0640"}}})
        out = self.work / "out.json"
        out.write_text(json.dumps(document))
        self.certctl("validate", out)

    def test_commands(self):
        self.request("1", post_certsave_command="/bin/systemctl restart httpd", post_certsave_uid="0")
        self.request("2", post_certsave_command="systemctl reload a && systemctl reload b")
        self.request("3", post_certsave_command="/usr/bin/reload", post_certsave_uid="1000", pre_certsave_command="/bin/stop x")
        p = self.certctl("convert", "certmonger", self.host.path(self.FOLDER), "--issuer=ca", "--emit-units", self.work)
        certificates = json.loads(p.stdout)["certificates"]
        self.assertEqual([c["units"][0]["unit"] for c in certificates.values()],
                         ["httpd.service", "cert-hook-h2.example.org.service", "cert-hook-h3.example.org.service"])
        self.assertIn("written for a shell, and was run without one", p.stderr)
        self.assertIn("/bin/stop x", p.stderr)
        self.assertIn("\nUser=1000\n", (self.work / "cert-hook-h3.example.org.service").read_text())

    def test_requests_that_cannot_be_converted(self):
        self.request("1", key_storage_type="NSSDB", cert_storage_type="NSSDB")
        self.request("2", key_pin_file="/etc/pin")
        self.request("3", template_principal="host/a@EXAMPLE.ORG")
        self.request("4", template_is_ca="1")
        self.request("5", cert_storage_location="")
        self.request("6", template_hostname="no name")
        self.request("7", autorenew="0")
        self.request("6b", template_subject="nothing")
        folder = self.host.path(self.FOLDER)
        (folder / "8").write_text("nothing\n")
        (folder / "9").write_bytes(b"id=\0\n")
        (folder / "7.tmp").write_text("nothing\n")
        p = self.certctl("convert", "certmonger", folder, status=1)
        self.assertEqual(list(json.loads(p.stdout)["certificates"]), ["h7.example.org"])
        for text in ("in an NSS database", "encrypted with a PIN", "Kerberos", "an authority's own", 'no "cert_storage_location"',
                     '"no name" cannot be one', "did not renew it by itself", "line 1: this is no", "NUL", 'CA "IPA"',
                     'its subject "nothing" is none'):
            self.assertIn(text, p.stderr)
        self.assertIn("1 certificate converted, 9 left out", p.stderr)


def public_key_of(pem):
    return subprocess.run(["openssl", "pkey", "-pubout"], input=pem, capture_output=True, text=True, timeout=30).stdout


def public_key(path):
    return public_key_of(path.read_text())


if __name__ == "__main__":
    unittest.main()
