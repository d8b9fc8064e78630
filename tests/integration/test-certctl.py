# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl: each verb against a scripted agent (fake-agent.c), and the whole way against the real one."""

import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Host, wait_for  # noqa: E402

TROUBLED = ["mail", "api", "edge", "gone"]  # of the scripted certificates
# What must never reach a terminal or a log from the agent's text: controls, C1 in UTF-8, changes of direction.
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e]")


class CertctlTest(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        folder = self.host.path("/usr/lib/certctl")
        folder.mkdir(parents=True)
        os.symlink(self.host.build / "client/cert-validate", folder / "cert-validate")
        self.environment = dict(self.host.environment, LC_ALL="C.UTF-8", TZ="UTC", TERM="xterm", NO_COLOR="",
                                PAGER="cat")

    @property
    def program(self):
        return str(self.host.build / "client/certctl")

    def fake(self, *arguments):
        p = subprocess.Popen([self.host.build / "tests/integration/fake-agent", *arguments],
                             env=self.host.environment, stdout=subprocess.PIPE, text=True)
        self.host.processes.append(p)
        self.addCleanup(p.stdout.close)
        self.assertEqual(p.stdout.readline(), "ready\n")
        return p

    def run_certctl(self, *arguments, status=0, environment=None):
        p = subprocess.run([self.program, *arguments], env=dict(self.environment, **(environment or {})),
                           capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(p.returncode, status, f"certctl {' '.join(arguments)}:\n{p.stdout}{p.stderr}")
        return p

    def run_on_terminal(self, *arguments, columns=80, environment=None):
        """Gives (exit status, all that was written) of certctl on a terminal of its own."""
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(self.program, [self.program, *arguments], dict(self.environment, **(environment or {})))
        written = b""
        while True:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            written += data
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), written.decode()


class Status(CertctlTest):
    def test_table_has_a_row_for_each_and_tells_the_troubles(self):
        self.fake()
        p = self.run_certctl("status", status=3)
        lines = p.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "STATE", "ISSUER", "EXPIRES", "NEXT", "RENEWAL"])
        self.assertEqual([line.split()[:3] for line in lines[1:4]],
                         [["web", "valid", "site"], ["mail", "failed", "site"], ["db", "due", "site"]])
        self.assertIn('the issuer "site" refused the name mail.example.org', p.stdout)
        self.assertIn("Add the name to the issuer's policy.", p.stdout)
        self.assertEqual(lines[-1], "8 certificates, 4 need attention.")

    def test_all_in_order_exits_0(self):
        self.fake("--good")
        self.assertIn("1 certificate, 0 need attention.", self.run_certctl("status").stdout)

    def test_without_legend_there_are_rows_only(self):
        self.fake()
        lines = self.run_certctl("status", "--no-legend", status=3).stdout.splitlines()
        self.assertEqual(len(lines), 8)

    def test_quiet_says_it_by_the_status_alone(self):
        self.fake()
        self.assertEqual(self.run_certctl("status", "-q", status=3).stdout, "")

    def test_json_is_one_array_of_all(self):
        self.fake()
        short = self.run_certctl("status", "--json=short", status=3).stdout
        self.assertEqual(short.count("\n"), 1)
        rows = json.loads(short)
        pretty = json.loads(self.run_certctl("status", "--json=pretty", status=3).stdout)
        self.assertEqual([r["name"] for r in rows], [r["name"] for r in pretty])
        self.assertEqual(rows[1]["error"], "IssuerRefused")
        self.assertEqual(rows[2]["not_after"], 0)

    def test_one_certificate_in_full(self):
        self.fake()
        out = self.run_certctl("status", "mail", status=3).stdout
        for text in ("State: failed (expiring)", "Units: nginx.service", "Failed: 3 times in a row", "Next try: in "):
            self.assertIn(text, out)

    def test_unknown_name_exits_4_after_the_known_ones_are_shown(self):
        self.fake()
        p = self.run_certctl("status", "nosuch", "web", status=4)
        self.assertIn("State: valid", p.stdout)
        self.assertIn('no certificate "nosuch"', p.stderr)

    def test_refused_manifest_is_told_and_exits_3(self):
        self.fake("--good", "--refuse")
        self.assertIn('unknown key "sitee"', self.run_certctl("status", status=3).stderr)

    def test_ten_thousand_certificates(self):
        self.fake("--good", "--count=10000")
        began = time.monotonic()
        rows = json.loads(self.run_certctl("status", "--json=short").stdout)
        self.assertEqual(len(rows), 10000)
        out = self.run_certctl("status").stdout
        self.assertIn("\n10000 certificates, 0 need attention.\n", out)
        self.assertLess(time.monotonic() - began, 30)

    def test_many_troubles_are_not_all_told(self):
        self.fake("--count=100")
        out = self.run_certctl("status", status=3).stdout
        self.assertRegex(out, r"\.\.\. and \d+ more")
        self.assertNotIn("... and", self.run_certctl("status", "--full", status=3).stdout)


class Terminal(CertctlTest):
    def test_hostile_text_is_made_harmless_everywhere(self):
        self.fake("--refuse")
        for arguments in (["status"], ["status", "edge"], ["show", "edge"], ["show", "edge", "--json=short"], ["reload"]):
            p = subprocess.run([self.program, *arguments], env=self.environment, capture_output=True, text=True,
                               timeout=60)
            self.assertIn("rm -rf", p.stdout + p.stderr)
            self.assertIsNone(CONTROLS.search(p.stdout + p.stderr), arguments)

    def test_on_a_terminal_that_is_not_utf8_no_byte_is_over_0x7f(self):
        self.fake()
        _, out = self.run_on_terminal("status", environment={"LC_ALL": "C"})
        self.assertTrue(out.isascii())

    def test_colour_is_for_terminals_and_without_NO_COLOR(self):
        self.fake()
        status, out = self.run_on_terminal("status")
        self.assertEqual(status, 3)
        self.assertIn("\x1b[0;1;31mfailed\x1b[0m", out)
        self.assertNotIn("\x1b", self.run_on_terminal("status", environment={"NO_COLOR": "1"})[1])
        self.assertNotIn("\x1b", self.run_on_terminal("status", environment={"TERM": "dumb"})[1])
        self.assertNotIn("\x1b", self.run_certctl("status", status=3).stdout)

    def test_table_is_cut_to_the_terminal_unless_full(self):
        self.fake()
        _, out = self.run_on_terminal("status", "--no-legend", columns=60, environment={"NO_COLOR": "1"})
        self.assertTrue(all(len(line) <= 60 for line in out.splitlines()), out)
        self.assertIn("…", out)
        _, out = self.run_on_terminal("status", "--no-legend", "--full", columns=60, environment={"NO_COLOR": "1"})
        self.assertNotIn("…", out)

    def test_pager_gets_the_output(self):
        self.fake()
        _, out = self.run_on_terminal("status", environment={"PAGER": "sed s/^/paged:/"})
        self.assertIn("paged:", out)
        _, out = self.run_on_terminal("status", "--no-pager", environment={"PAGER": "sed s/^/paged:/"})
        self.assertNotIn("paged:", out)

    def test_missing_pager_costs_no_output(self):
        self.fake()
        self.assertIn("mail", self.run_on_terminal("status", environment={"PAGER": "/no/such/pager"})[1])

    def test_progress_is_redrawn_in_place(self):
        self.fake()
        status, out = self.run_on_terminal("renew", "web", "mail")
        self.assertEqual(status, 0)
        self.assertIn("\x1b[3A", out)  # two at work and the count
        self.assertEqual(out.count("web: done"), 1)


class Renew(CertctlTest):
    def test_lines_when_piped(self):
        self.fake()
        lines = self.run_certctl("renew", "web").stdout.splitlines()
        self.assertEqual(lines[0], "web: asking the issuer")
        self.assertEqual(lines[-1], "web: done")

    def test_failure_says_what_and_what_to_do(self):
        self.fake("--job=failed")
        err = self.run_certctl("renew", "mail", status=1).stderr
        self.assertIn("refused the name mail.example.org", err)
        self.assertIn("Add the name to the issuer's policy.", err)
        self.assertIn("tries again by itself in", err)

    def test_job_that_is_gone_before_it_is_looked_at(self):
        self.fake("--job=gone")
        self.run_certctl("renew", "web")

    def test_nothing_to_do_is_success(self):
        self.fake("--job=skipped")
        self.assertIn("nothing to do", self.run_certctl("renew", "web").stdout.lower())

    def test_canceled_job_fails(self):
        self.fake("--job=canceled")
        self.assertIn("canceled", self.run_certctl("renew", "web", status=1).stderr)

    def test_agent_that_dies_ends_the_waiting(self):
        self.fake("--job=die")
        self.assertIn("went away", self.run_certctl("renew", "web", status=1).stderr)

    def test_due_fails_while_a_certificate_is_in_trouble(self):
        self.fake("--job=skipped")
        err = self.run_certctl("renew", "--due", status=1).stderr
        for name in TROUBLED:
            self.assertIn(name, err)

    def test_due_with_nothing_due_exits_0(self):
        self.fake("--job=skipped", "--good")
        self.run_certctl("renew", "--due")

    def test_refusal_exits_77_and_unknown_name_4(self):
        self.fake("--deny")
        self.assertIn("polkit", self.run_certctl("renew", "web", status=77).stderr)
        self.run_certctl("renew", "nosuch", status=4)

    def test_without_waiting_the_job_is_named(self):
        self.fake("--job=slow")
        self.assertIn("Job 7", self.run_certctl("renew", "web", "--no-wait").stdout)

    def test_interrupt_leaves_the_job_at_work_and_says_so(self):
        self.fake("--job=slow")
        p = subprocess.Popen([self.program, "renew", "web"], env=self.environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(p.stdout.readline())
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=10)
        self.assertEqual(p.returncode, 130)
        self.assertIn("job 7 goes on", err)

    def test_json_tells_the_result(self):
        self.fake("--job=failed")
        told = json.loads(self.run_certctl("renew", "mail", "--json=short", status=1).stdout)
        self.assertEqual((told["result"], told["certificates"][0]["stage"]), ("failed", "failed"))

    def test_ensure_wants_a_usable_certificate(self):
        self.fake()
        self.run_certctl("ensure", "web")
        self.run_certctl("ensure", "mail")  # its renewal failed, what it has still serves
        self.assertIn("no usable certificate", self.run_certctl("ensure", "db", status=1).stderr)
        self.run_certctl("ensure", "gone", status=1)
        self.run_certctl("ensure", "nosuch", status=4)


class OtherVerbs(CertctlTest):
    def test_show_gives_every_property_or_those_asked_for(self):
        self.fake()
        out = self.run_certctl("show", "web").stdout
        self.assertEqual(len(out.splitlines()), 23)
        self.assertIn("NotAfter=20", out)
        self.assertEqual(self.run_certctl("show", "web", "-p", "State", "--value").stdout, "valid\n")
        self.assertEqual(json.loads(self.run_certctl("show", "web", "-p", "Units", "--json=short").stdout),
                         {"Units": ["nginx.service"]})
        self.run_certctl("show", "web", "-p", "Nonsense", status=2)

    def test_plan_shows_what_is_to_be_done(self):
        self.fake()
        rows = [line.split() for line in self.run_certctl("plan").stdout.splitlines()[1:]]
        self.assertEqual([r[:3] for r in rows][:2], [["mail", "issue", "expiring"], ["db", "issue", "missing-cert"]])
        self.assertEqual(len(json.loads(self.run_certctl("plan", "--json=short").stdout)), 8)

    def test_plan_with_nothing_to_do_says_what_comes_next(self):
        self.fake("--good")
        self.assertRegex(self.run_certctl("plan").stdout, r"^Nothing to do. The next one is web, in \d+d")

    def test_check_is_one_line_with_the_plugins_statuses(self):
        self.run_certctl("check", status=3)
        good = self.fake("--good")
        line = self.run_certctl("check").stdout
        self.assertRegex(line, r"^CERTIFICATES OK - 1 certificate; web ends first, in 80d \| total=1;;;0 trouble=0;;;0 "
                               r"soonest=\d+s;;;0\n$")
        good.terminate()
        good.wait()
        self.fake()
        line = self.run_certctl("check", status=2).stdout
        self.assertEqual(line.count("\n"), 1)
        self.assertEqual(line.count("|"), 1)

    def test_reload_prints_every_problem(self):
        self.fake("--refuse")
        err = self.run_certctl("reload", status=1).stderr
        self.assertIn("manifest.json:3:", err)
        self.assertIn("manifest.json:9:", err)

    def test_init_writes_a_manifest_that_is_valid_and_never_touches_one(self):
        out = self.run_certctl("init").stdout
        manifest = self.host.path("/etc/cert-agent/manifest.json")
        self.assertIn("certctl validate", out)
        self.assertEqual(manifest.stat().st_mode & 0o7777, 0o644)
        self.assertEqual([p.name for p in manifest.parent.iterdir()].sort(), ["manifest.json", "manifest.d"].sort())
        self.assertIn("without fault", self.run_certctl("validate").stdout)
        manifest.write_text("mine")
        self.assertIn("stays as it is", self.run_certctl("init", status=1).stderr)
        self.assertEqual(manifest.read_text(), "mine")

    def test_validate_prints_every_problem_of_a_file(self):
        file = self.host.path("/etc/bad.json")
        file.write_text('{ "version": 1,\n "issuerz": {},\n "certificates": { "web": { "issuer": "none" } } }\n')
        err = self.run_certctl("validate", str(file), status=1).stderr
        self.assertIn("bad.json:2", err)
        self.assertIn("did you mean", err.lower())
        problems = json.loads(self.run_certctl("validate", str(file), "--json=short", status=1).stdout)
        self.assertGreater(len(problems), 1)

    def test_watch_prints_what_happens(self):
        self.fake()
        p = subprocess.Popen([self.program, "watch"], env=self.environment, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.assertIn("Watching", p.stderr.readline())
        self.run_certctl("renew", "web")
        self.run_certctl("reload")
        lines = [p.stdout.readline() for _ in range(3)]
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=10)
        self.assertEqual([line.split(" ", 1)[1] for line in lines],
                         ["job 7: begins: renew\n", "job 7: ends: done\n", "manifest: reloaded: beef\n"])

    def test_watch_of_a_name_tells_each_step_once(self):
        self.fake()
        p = subprocess.Popen([self.program, "watch", "mail"], env=self.environment, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.assertIn("Watching", p.stderr.readline())
        self.run_certctl("renew", "web", "mail")
        lines = []
        while not lines or "ends" not in lines[-1]:
            lines.append(p.stdout.readline().split(" ", 1)[1])
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=10)
        self.assertEqual(lines, [f"job 7: {step}\n" for step in
                                 ("begins: renew", "issuing: mail", "installing: mail", "units: mail", "verifying: mail",
                                  "done: mail", "ends: done")])

    def test_log_asks_journalctl(self):
        tools = self.host.path("/bin")
        tools.mkdir()
        (tools / "journalctl").write_text('#!/bin/sh\necho "$@"\n')
        (tools / "journalctl").chmod(0o755)
        path = {"PATH": f"{tools}:{os.environ['PATH']}"}
        self.assertEqual(self.run_certctl("log", "web", "-n", "3", "-f", "--no-pager", environment=path).stdout,
                         "--lines=3 --follow --no-pager -- CERT_NAME=web\n")

    def test_names_for_the_shells(self):
        self.fake()
        self.assertEqual(self.run_certctl("__names").stdout.splitlines()[:3], ["web", "mail", "db"])

    def test_wrong_use_exits_2_and_says_what_to_type(self):
        for arguments in (["renew"], ["renew", "--due", "web"], ["renew", "--all", "--due"], ["ensure"], ["ensure", "a", "b"],
                          ["frobnicate"], [], ["--nonsense"], ["check", "--force"], ["status", "--json=xml"],
                          ["renew", "--due", "--force"], ["status", "-H", "-oProxyCommand=x"], ["log"]):
            p = self.run_certctl(*arguments, status=2)
            self.assertEqual(p.stdout, "")
            self.assertIn("certctl: ", p.stderr)

    def test_help_of_every_verb_that_the_help_names(self):
        verbs = re.findall(r"^  ([a-z]+) ", self.run_certctl("--help").stdout.split("Options:")[0], re.M)
        self.assertGreaterEqual(len(verbs), 11)
        for verb in verbs:
            self.assertIn(f"certctl {verb}", self.run_certctl(verb, "--help").stdout)

    def test_full_disk_under_the_output_is_a_failure(self):
        self.fake("--good")
        with open("/dev/full", "w") as full:
            p = subprocess.run([self.program, "status"], env=self.environment, stdout=full, stderr=subprocess.PIPE,
                               timeout=60)
        self.assertEqual(p.returncode, 1)

    @unittest.skipIf(os.geteuid() != 0, "the private socket is root's")
    def test_without_a_system_bus_root_uses_the_private_socket(self):
        self.fake("--good", f"--socket={self.host.path('/run/cert-agent/bus')}")
        nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/socket"}
        self.assertIn("web", self.run_certctl("status", environment=nowhere).stdout)
        self.assertIn("web: done", self.run_certctl("renew", "web", environment=nowhere).stdout)

    @unittest.skipUnless(shutil.which("systemd-stdio-bridge"), "no systemd-stdio-bridge here")
    def test_another_host_is_reached_by_ssh(self):
        self.fake("--good")
        tools = self.host.path("/bin")
        tools.mkdir()
        (tools / "ssh").write_text('#!/bin/sh\necho "$@" >$CERT_AGENT_TEST_ROOT/ssh-arguments\n'
                                   'exec systemd-stdio-bridge --bus-path="$BRIDGE_TO"\n')
        (tools / "ssh").chmod(0o755)
        remote = {"PATH": f"{tools}:{os.environ['PATH']}", "BRIDGE_TO": self.environment["DBUS_SYSTEM_BUS_ADDRESS"],
                  "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/socket"}
        self.assertIn("web", self.run_certctl("-H", "admin@far.example", "status", environment=remote).stdout)
        self.assertIn("admin@far.example", self.host.path("/ssh-arguments").read_text())
        self.assertIn("web: done", self.run_certctl("renew", "web", "-H", "far.example", environment=remote).stdout)

    def test_container_that_is_none(self):
        self.assertIn("nosuchcontainer", self.run_certctl("status", "-M", "nosuchcontainer", status=1).stderr)

    def test_no_bus_and_no_socket_says_what_to_start(self):
        nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/socket"}
        self.assertIn("systemctl start", self.run_certctl("status", status=1, environment=nowhere).stderr)


class Completion(CertctlTest):
    SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "client/completion"

    def complete(self, shell, line):
        """What `shell` offers for the command line so far."""
        bash = """source "$1"; eval "COMP_WORDS=($2)"; [[ $2 == *' ' ]] && COMP_WORDS+=("")
                  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { :; }; _certctl; printf '%s\\n' "${COMPREPLY[@]}" """
        command = {"bash": ["bash", "-c", bash, "bash", str(self.SCRIPTS / "bash"), line],
                   "fish": ["fish", "-c", f"source {self.SCRIPTS / 'fish'}; complete -C '{line}'"]}[shell]
        path = f"{self.host.build / 'client'}:{os.environ['PATH']}"
        p = subprocess.run(command, env=dict(self.environment, PATH=path, HOME=str(self.host.root)), text=True,
                           capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(p.stderr, "")
        return {offer.split("\t")[0] for offer in p.stdout.splitlines()}

    def check_shell(self, shell):
        self.fake()
        self.assertLessEqual({"status", "renew", "watch"}, self.complete(shell, "certctl "))
        self.assertEqual(self.complete(shell, "certctl st"), {"status"})
        self.assertLessEqual({"web", "mail"}, self.complete(shell, "certctl renew "))
        self.assertIn("web", self.complete(shell, "certctl renew --force w"))
        self.assertIn("--no-wait", self.complete(shell, "certctl renew --n"))
        self.assertNotIn("--due", self.complete(shell, "certctl status --"))

    def test_bash(self):
        self.check_shell("bash")

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish(self):
        self.check_shell("fish")

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_reads_its_script(self):
        self.assertEqual(subprocess.run(["zsh", "-n", self.SCRIPTS / "zsh"], timeout=60).returncode, 0)


class RealAgent(CertctlTest):
    def test_from_init_to_a_renewed_certificate(self):
        self.run_certctl("init")
        self.host.start_agent()
        self.assertIn("No certificates", self.run_certctl("status").stdout)
        self.host.manifest({"web": self.host.certificate("web")})
        self.run_certctl("validate")
        self.run_certctl("reload")
        self.assertIn("missing-cert", self.run_certctl("plan").stdout)
        self.assertIn("web: done", self.run_certctl("renew", "--due").stdout)
        self.assertEqual(self.run_certctl("show", "web", "-p", "State", "--value").stdout, "valid\n")
        before = self.run_certctl("show", "web", "-p", "SerialNumber", "--value").stdout
        self.run_certctl("renew", "web")
        self.assertEqual(before, self.run_certctl("show", "web", "-p", "SerialNumber", "--value").stdout)
        self.assertIn("web: done", self.run_certctl("renew", "--force", "web").stdout)
        self.assertNotEqual(before, self.run_certctl("show", "web", "-p", "SerialNumber", "--value").stdout)
        self.run_certctl("ensure", "web")
        self.run_certctl("check")
        self.run_certctl("status")
        self.run_certctl("status", "nosuch", status=4)
        self.run_certctl("renew", "nosuch", status=4)

    def test_before_the_first_manifest_status_says_how_to_begin(self):
        self.host.start_agent()
        p = self.run_certctl("status", status=3)
        self.assertEqual(p.stdout, "")
        self.assertIn("certctl init", p.stderr)

    def test_refused_manifest_is_told_by_reload_and_status(self):
        self.host.manifest({"web": self.host.certificate("web")})
        self.host.start_agent()
        self.host.manifest({"web": self.host.certificate("web", nonsense=1), "two": self.host.certificate("two", sans=["?"])})
        err = self.run_certctl("reload", status=1).stderr
        self.assertIn("nonsense", err)
        self.assertIn("certificates.two.sans[0]", err)
        self.assertIn("refused", self.run_certctl("status", status=3).stderr)

    def test_failed_renewal_is_told_with_its_hint(self):
        self.host.manifest({"web": self.host.certificate("web", issuer="bad")},
                           issuers={"bad": {"type": "fake", "behaviour": "refuse"}})
        self.host.start_agent()
        err = self.run_certctl("renew", "web", status=1).stderr
        self.assertIn("certctl: web: ", err)
        self.run_certctl("status", status=3)
        self.run_certctl("renew", "--due", status=1)
        self.run_certctl("ensure", "web", status=1)
        self.run_certctl("check", status=2)

    @unittest.skipIf(os.geteuid() != 0, "the private socket is root's")
    def test_private_socket_starts_the_real_agent(self):
        self.host.manifest({"web": self.host.certificate("web")})
        socket = self.host.path("/run/cert-agent/bus")
        self.host.start(["systemd-socket-activate", f"--listen={socket}",
                         *[f"--setenv={name}" for name in ("CERT_AGENT_TEST_ROOT", "DBUS_SYSTEM_BUS_ADDRESS")],
                         self.host.build / "agent/cert-agent"], log="agent")
        wait_for(socket.exists, "the private socket")
        nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/socket"}
        self.assertIn("web: done", self.run_certctl("renew", "web", environment=nowhere).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
