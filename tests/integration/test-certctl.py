# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl: each verb against a scripted agent (fake-agent.c), and the whole way against the real one."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from certctl import CONTROLS, CertctlTest  # noqa: E402
from harness import listens, wait_for  # noqa: E402

TROUBLED = ["mail", "api", "edge", "gone"]  # of the scripted certificates


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
        self.assertLess(time.monotonic() - began, 100)

    def test_many_troubles_are_not_all_told(self):
        self.fake("--count=100")
        out = self.run_certctl("status", status=3).stdout
        self.assertRegex(out, r"\.\.\. and \d+ more")
        self.assertNotIn("... and", self.run_certctl("status", "--full", status=3).stdout)


class Terminal(CertctlTest):
    def test_hostile_text_is_made_harmless_everywhere(self):
        self.fake("--refuse", "--trust")
        for arguments in (["status"], ["status", "edge"], ["show", "edge"], ["show", "edge", "--json=short"], ["reload"],
                          ["authority"], ["authority", "show", "--json=short"], ["authority", "export", "lab", "--json=short"],
                          ["status", "bundle:edge-ca"], ["show", "authority:vault"]):
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
        self.assertEqual(self.run_certctl("renew", "--due").stdout, "There was nothing to do.\n")

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
        _, err = p.communicate(timeout=60)
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


class Authorities(CertctlTest):
    """--trust gives the fake agent three authorities (in order, in a rotation, blocked) and four bundles, of which two
    are in trouble; with --good one that is in order and two bundles."""

    def test_status_has_tables_for_them_only_when_there_are_some(self):
        fake = self.fake("--good", "--trust")
        out = self.run_certctl("status").stdout
        self.assertRegex(out, r"\n\nNAME +STATE +PHASE +EXPIRES +NEXT ROTATION +CERTIFICATES\nauthority:site +valid +steady ")
        self.assertRegex(out, r"\n\nNAME +STATE +FROM +PATH +UPDATED +NEXT UPDATE\n"
                              r"bundle:site-ca +valid +site lab +/etc/ssl/site-ca.pem +.* ago +-\n"
                              r"crl:site +valid +site +/etc/ssl/site.crl +.* ago +in \d")
        self.assertIn("\n1 certificate, 1 authority, 1 bundle, 1 revocation list, 0 need attention.\n", out)
        fake.terminate()
        fake.wait()
        self.fake("--good")
        out = self.run_certctl("status").stdout
        self.assertNotIn("PHASE", out)
        self.assertNotIn("PATH", out)
        self.assertIn("\n1 certificate, 0 need attention.\n", out)

    def test_status_tells_their_troubles_and_exits_3(self):
        self.fake("--trust")
        out = self.run_certctl("status", status=3).stdout
        for text in ('the token of the authority "vault" is locked', "Unlock it, then: certctl renew --due",
                     "edge.service did not take the bundle", "the authority does not answer"):
            self.assertIn(text, out)
        self.assertIn("8 certificates, 3 authorities, 2 bundles, 2 revocation lists, 7 need attention.", out)
        self.assertIsNone(CONTROLS.search(out))

    def test_every_entry_of_the_json_has_what_a_certificate_has(self):
        self.fake("--trust")
        rows = json.loads(self.run_certctl("status", "--json=short", status=3).stdout)
        for key in ("name", "kind", "state", "issuer", "not_after", "next_renewal", "error"):
            self.assertTrue(all(key in row for row in rows), key)
        self.assertEqual([row["kind"] for row in rows],
                         ["certificate"] * 8 + ["authority"] * 3 + ["bundle", "crl", "bundle", "crl"])
        by_name = {row["name"]: row for row in rows}
        self.assertEqual(by_name["authority:lab"]["phase"], "retiring")
        self.assertEqual(by_name["bundle:site-ca"]["from"], ["site", "lab"])
        self.assertGreater(by_name["crl:site"]["not_after"], 0)

    def test_status_of_one_by_its_name(self):
        self.fake("--trust")
        out = self.run_certctl("status", "authority:site", "bundle:site-ca", "crl:site").stdout
        for text in ("Phase: steady", "Rotation: in ", "Revoked: 2", "From: site lab", "Next update: in "):
            self.assertIn(text, out)
        self.run_certctl("status", "authority:vault", status=3)
        for name in ("authority:nosuch", "bundle:nosuch", "crl:nosuch"):
            self.run_certctl("status", name, status=4)

    def test_agent_that_is_older_than_authorities_still_has_a_status(self):
        self.fake("--good", "--old")
        self.assertIn("1 certificate, 0 need attention.", self.run_certctl("status").stdout)
        self.run_certctl("check")
        self.run_certctl("renew", "--due")
        self.assertIn("older", self.run_certctl("authority", status=1).stderr)

    def test_show_is_of_all_or_of_the_named(self):
        self.fake("--good", "--trust")
        self.assertIn("authority:site", self.run_certctl("authority").stdout)
        self.assertIn("authority:site", self.run_certctl("authority", "show").stdout)
        err = self.run_certctl("authority", "show", "sitee", status=4).stderr
        self.assertIn('Did you mean "site"?', err)

    def test_show_tells_what_each_certificate_is_for(self):
        self.fake("--trust")
        out = self.run_certctl("authority", "show", "lab").stdout
        self.assertRegex(out, r"Phase: retiring: the old one signs no more")
        self.assertRegex(out, r"Old one goes: in 1d ")
        self.assertRegex(out, r"old: 0123, expires in ")
        self.assertRegex(out, r"current: abcd, expires in ")
        told = json.loads(self.run_certctl("authority", "show", "lab", "--json=short").stdout)
        self.assertEqual([(c["Role"], c["PEM"]) for c in told[0]["Trusted"]],
                         [("old", "OLD PEM\n"), ("current", "CURRENT PEM\n")])
        self.assertEqual(self.run_certctl("show", "authority:lab", "-p", "Phase", "--value").stdout, "retiring\n")

    def test_authority_that_cannot_be_asked_is_shown_as_far_as_it_is_known(self):
        self.fake("--good", "--trust", "--mute")
        p = self.run_certctl("authority", "show", "site", status=1)
        self.assertIn("Phase: steady", p.stdout)
        self.assertIn("does not answer", p.stderr)
        self.assertEqual(self.run_certctl("authority", "export", "site").stdout, "CURRENT PEM\n")

    def test_export_is_all_that_is_trusted_or_the_current_one(self):
        self.fake("--trust")
        self.assertEqual(self.run_certctl("authority", "export", "lab").stdout, "OLD PEM\nCURRENT PEM\n")
        self.assertEqual(self.run_certctl("authority", "export", "lab", "--current").stdout, "CURRENT PEM\n")
        self.assertEqual([c["Role"] for c in json.loads(self.run_certctl("authority", "export", "lab", "--json=short").stdout)],
                         ["old", "current"])
        self.assertEqual(self.run_certctl("authority", "export", "nosuch", status=4).stdout, "")

    def test_rotate_shows_how_it_goes_and_what_comes_next(self):
        self.fake("--good", "--trust")
        out = self.run_certctl("authority", "rotate", "site").stdout
        for text in ("authority:site: at work\n", "bundle:site-ca: done\n", "stays trusted until", "in 1d (",
                     "certctl authority export site"):
            self.assertIn(text, out)
        self.run_certctl("authority", "rotate", "nosuch", status=4)

    def test_rotate_that_failed_says_why(self):
        self.fake("--trust", "--job=failed")
        err = self.run_certctl("authority", "rotate", "vault", status=1).stderr
        self.assertIn('certctl: authority:vault: the token of the authority "vault" is locked', err)
        self.assertIn("Unlock it, then", err)
        self.assertIsNone(CONTROLS.search(err))

    def test_rotation_that_is_cut_off_says_that_it_goes_on(self):
        self.fake("--trust", "--job=failed")
        self.assertIn("goes on by itself", self.run_certctl("authority", "rotate", "site", status=1).stderr)
        self.assertNotIn("goes on by itself", self.run_certctl("authority", "rotate", "site", "--now", status=1).stderr)

    def test_rotate_that_is_not_permitted_exits_77(self):
        self.fake("--good", "--trust", "--deny")
        self.run_certctl("authority", "rotate", "site", status=77)
        self.run_certctl("authority", "rotate", "site", "--now", status=77)
        self.run_certctl("revoke", "web", status=77)

    def test_rotate_now_asks_on_a_terminal_and_does_nothing_without_a_yes(self):
        self.fake("--good", "--trust")
        for text in (b"n\n", b"\n", b"yesterday\n", b"\x04"):
            status, out = self.answer(text, "authority", "rotate", "site", "--now")
            self.assertIn("refuses the certificates", out)
            self.assertIn("8 certificates", out)
            self.assertEqual((status, "nothing was done" in out), (1, True), out)
        status, out = self.answer(b"y\n", "authority", "rotate", "site", "--now")
        self.assertEqual(status, 0, out)
        self.assertIn("web: done", out)

    def test_rotate_now_does_not_ask_where_nobody_could_answer_or_yes_was_said(self):
        self.fake("--good", "--trust")
        self.assertNotIn("[y/N]", self.run_certctl("authority", "rotate", "site", "--now").stderr)
        status, out = self.answer(b"", "authority", "rotate", "site", "--now", "-y")
        self.assertEqual((status, "[y/N]" in out), (0, False))

    def test_revoke_tells_the_revoked_serial_and_the_new_one(self):
        self.fake("--good", "--trust")
        out = self.run_certctl("revoke", "web", "--reason=keycompromise").stdout
        self.assertIn("serial number 01:02:0a (keyCompromise)", out)
        self.assertIn("web: done\n", out)
        self.assertIn("serial number 77 now", out)

    def test_revoke_as_json(self):
        self.fake("--good", "--trust")
        told = json.loads(self.run_certctl("revoke", "web", "--json=short").stdout)
        self.assertEqual((told["revoked"], told["reason"], told["result"]), ("01:02:0a", "unspecified", "done"))

    def test_revoke_knows_the_reasons_of_the_standard(self):
        self.fake("--good", "--trust")
        self.assertIn('did you mean "keyCompromise"?',
                      self.run_certctl("revoke", "web", "--reason=key-compromise", status=2).stderr)
        self.assertIn("privilegeWithdrawn", self.run_certctl("revoke", "web", "--reason=because", status=2).stderr)
        self.run_certctl("revoke", "nosuch", status=4)

    def test_plan_is_in_the_order_in_which_it_is_done(self):
        self.fake("--good", "--trust")
        names = [line.split()[0] for line in self.run_certctl("plan", "--all", "--no-legend").stdout.splitlines()]
        self.assertEqual(names, ["authority:site", "web", "bundle:site-ca", "crl:site"])
        items = json.loads(self.run_certctl("plan", "crl:site", "authority:site", "--json=short").stdout)
        self.assertEqual([(i["name"], i["action"]) for i in items], [("authority:site", "begin"), ("crl:site", "issue")])
        self.run_certctl("plan", "bundle:nosuch", status=4)

    def test_check_counts_them(self):
        fake = self.fake("--good", "--trust")
        self.assertIn("CERTIFICATES OK", self.run_certctl("check").stdout)
        fake.terminate()
        fake.wait()
        self.fake("--trust")
        line = self.run_certctl("check", status=2).stdout
        self.assertIn("authority:vault blocked", line)
        self.assertIn("of 15", line)

    def test_check_warns_of_a_rotation_that_is_late(self):
        for days, status in ((600, 0), (300, 1), (90, 2), (-1, 2)):  # left of the 1,000 days and more of reserve
            fake = self.fake("--good", "--trust", f"--late={days}")
            line = self.run_certctl("check", status=status).stdout
            self.assertEqual("authority:site" in line, status > 0, line)
            fake.terminate()
            fake.wait()

    def test_due_fails_while_one_of_them_is_in_trouble(self):
        self.fake("--trust", "--job=skipped")
        err = self.run_certctl("renew", "--due", status=1).stderr
        for name in ("authority:vault (blocked)", "bundle:edge-ca (degraded)", "crl:lab (expired)"):
            self.assertIn(name, err)

    def test_watch_tells_their_steps_without_being_asked(self):
        self.fake("--good", "--trust")
        p = subprocess.Popen([self.program, "watch"], env=self.environment, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.assertIn("Watching", p.stderr.readline())
        self.run_certctl("authority", "rotate", "site")
        lines = []
        while not lines or "ends" not in lines[-1]:
            lines.append(p.stdout.readline().split(" ", 1)[1])
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=60)
        self.assertIn("job 7: done: authority:site\n", lines)
        self.assertIn("job 7: done: bundle:site-ca\n", lines)
        self.assertNotIn("job 7: done: web\n", lines)


class OtherVerbs(CertctlTest):
    def test_show_gives_every_property_or_those_asked_for(self):
        self.fake()
        out = self.run_certctl("show", "web").stdout
        self.assertEqual(len(out.splitlines()), 32)
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

    def test_findings_about_files(self):
        self.fake("--good", "--findings=2")
        line = self.run_certctl("check", status=1).stdout
        self.assertIn("CERTIFICATES WARNING - 1 certificate; 2 findings about files, of web first: key-readable; web ends", line)
        self.assertTrue(line.endswith(" findings=2;;;0\n"))
        out = self.run_certctl("status", "web").stdout  # they are no trouble of the certificate's
        self.assertIn("    All can read it\n    Run: chmod o= /etc/x.key\n", out)
        self.assertNotIn("\x1b", out)
        entry, = json.loads(self.run_certctl("status", "web", "--json=short").stdout)
        self.assertEqual(entry["Findings"][0], {"Code": "key-readable", "Message": "All can read it",
                                                "Hint": "Run: chmod o= /etc/x.key"})
        self.assertIn("key-readable: All can read it", self.run_certctl("show", "-p", "Findings", "web").stdout)

    def test_findings_that_cannot_be_had(self):
        self.fake("--good", "--findings=-1")
        line = self.run_certctl("check", status=1).stdout
        self.assertIn("the files could not be looked at: ", line)
        self.assertIn("64 callers wait", line)
        self.assertIn("64 callers wait", self.run_certctl("status", "web").stderr)
        self.assertNotIn("Findings", self.run_certctl("show", "-p", "Name", "web").stderr)

    def test_an_agent_that_is_older_has_no_findings(self):
        self.fake("--good", "--old")
        self.assertIn("CERTIFICATES OK", self.run_certctl("check").stdout)
        self.assertEqual(self.run_certctl("status", "web").stderr, "")

    def test_reload_prints_every_problem(self):
        self.fake("--refuse")
        err = self.run_certctl("reload", status=1).stderr
        self.assertEqual(err.count("manifest.json:3:"), 1)
        self.assertEqual(err.count("manifest.json:9:"), 1)
        self.assertIn("nothing of it is in force", err)

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
        self.assertEqual(err.count("bad.json:2"), 1)
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
        p.communicate(timeout=60)
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
        p.communicate(timeout=60)
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
                          ["renew", "--due", "--force"], ["status", "-H", "-oProxyCommand=x"], ["log"], ["revoke"],
                          ["authority", "frobnicate"], ["authority", "rotate"], ["authority", "export"],
                          ["authority", "show", "--now"], ["authority rotate", "site"], ["status", "--yes"]):
            p = self.run_certctl(*arguments, status=2)
            self.assertEqual(p.stdout, "")
            self.assertIn("certctl: ", p.stderr)

    def test_foreign_option_is_named_as_it_was_typed(self):
        for option in ("--lifetime=3d", "--yes", "--starttls=smtp", "--ca=x", "--serial=1", "--full", "--value"):
            self.assertIn(f"certctl: {option.split('=')[0]} means nothing to \"reload\"",
                          self.run_certctl("reload", option, status=2).stderr)

    def test_verb_that_was_meant(self):
        self.assertIn('did you mean "status"?', self.run_certctl("statsu", status=2).stderr)

    def test_help_of_every_verb_that_the_help_names(self):
        verbs = re.findall(r"^  ([a-z]+) ", self.run_certctl("--help").stdout.split("Options:")[0], re.M)
        self.assertGreaterEqual(len(verbs), 11)
        for verb in verbs:
            self.assertIn(f"certctl {verb}", self.run_certctl(verb, "--help").stdout)

    def test_no_line_of_the_help_is_wider_than_a_terminal(self):
        verbs = re.findall(r"^  ([a-z]+) ", self.run_certctl("--help").stdout.split("Options:")[0], re.M)
        for words in [[], *([verb] for verb in verbs), *(["authority", verb] for verb in ("show", "rotate", "export"))]:
            lines = self.run_certctl(*words, "--help").stdout.splitlines()
            self.assertEqual([line for line in lines if len(line) > 80], [], words)

    def test_no_verb_waits_for_gnutls_to_load(self):
        loaded = subprocess.run([self.program], env=dict(self.environment, LD_TRACE_LOADED_OBJECTS="1"), capture_output=True,
                                text=True, timeout=60).stdout
        self.assertIn("libsystemd", loaded)
        self.assertNotIn("gnutls", loaded)

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
        self.fake("--trust")
        self.assertLessEqual({"status", "renew", "watch"}, self.complete(shell, "certctl "))
        self.assertEqual(self.complete(shell, "certctl st"), {"status"})
        self.assertLessEqual({"web", "mail"}, self.complete(shell, "certctl renew "))
        self.assertIn("web", self.complete(shell, "certctl renew --force w"))
        self.assertIn("--no-wait", self.complete(shell, "certctl renew --n"))
        self.assertNotIn("--due", self.complete(shell, "certctl status --"))
        self.assertEqual(self.complete(shell, "certctl authority "), {"show", "rotate", "export"})
        self.assertLessEqual({"site", "lab"}, self.complete(shell, "certctl authority rotate "))
        self.assertIn("--now", self.complete(shell, "certctl authority rotate --n"))
        self.assertNotIn("--now", self.complete(shell, "certctl authority export --n"))
        self.assertNotIn("authority:site", self.complete(shell, "certctl renew "))
        self.assertIn("authority:site", self.complete(shell, "certctl status "))
        self.assertIn("web", self.complete(shell, "certctl import "))
        self.assertIn("web", self.complete(shell, "certctl export "))
        self.assertIn("web", self.complete(shell, "certctl doctor "))
        self.host.path("/home").mkdir()
        (self.host.path("/home") / "answer.pem").touch()
        self.assertIn(f"{self.host.path('/home')}/answer.pem", self.complete(shell, f"certctl import web {self.host.path('/home')}/an"))
        self.check_options(shell)

    def check_options(self, shell):
        """Each verb that the help names, and each option that the verb's help begins a line with."""
        verbs = re.findall(r"^  ([a-z]+) ", self.run_certctl("--help").stdout.split("Options:")[0], re.M)
        self.assertLessEqual({"csr", "import", "sign", "export", "doctor"}, set(verbs))
        self.assertLessEqual(set(verbs), self.complete(shell, "certctl "))
        for verb in [*verbs, "authority show", "authority rotate", "authority export"]:
            text = self.run_certctl(*verb.split(), "--help").stdout
            wanted = set(re.findall(r"^  (?:-.|  ) (--[a-z0-9-]+)", text, re.M))
            words = "convert phoenix" if verb == "convert" else verb  # what the issuer needs is phoenix's alone
            offered = {offer.rstrip("=") for offer in self.complete(shell, f"certctl {words} --")}
            self.assertLessEqual(wanted, offered, verb)

    def test_bash(self):
        self.check_shell("bash")
        # readline splits words at colons and equals signs.
        self.assertEqual(self.complete("bash", "certctl status authority : l"), {"lab"})
        self.assertEqual(self.complete("bash", "certctl status bundle :"), {"site-ca", "edge-ca"})
        self.assertEqual(self.complete("bash", "certctl revoke web --reason = key"), {"keyCompromise"})

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish(self):
        self.check_shell("fish")
        self.assertEqual(self.complete("fish", "certctl revoke web --reason=key"), {"--reason=keyCompromise"})

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

    def test_life_of_an_authority(self):
        self.host.manifest({"web": self.host.certificate("web"), "mail": self.host.certificate("mail")},
                           issuers={"site": {"type": "local", "crl_path": "/etc/tls/site.crl"}},
                           bundles={"site-ca": {"from": ["site"], "path": "/etc/tls/site-ca.pem"}})
        self.host.start_agent()
        self.assertIn("certctl renew --due", self.run_certctl("authority", "export", "site", status=1).stderr)
        self.run_certctl("authority")
        self.assertIn("certctl renew --due", self.run_certctl("authority", "export", "site", status=1).stderr)
        self.assertEqual(self.run_certctl("plan", "authority:site", "--no-legend").stdout.split(),
                         ["authority:site", "make", "missing-authority", "now"])
        self.run_certctl("renew", "--due")
        bundle = self.host.path("/etc/tls/site-ca.pem")
        first = bundle.read_text()
        self.assertEqual(self.run_certctl("authority", "export", "site").stdout, first)
        self.run_certctl("check")
        self.assertIn("2 certificates, 1 authority, 1 bundle, 1 revocation list, 0 need attention.",
                      self.run_certctl("status").stdout)

        out = self.run_certctl("authority", "rotate", "site").stdout
        self.assertIn("The old one stays trusted until it goes, in ", out)
        both = self.run_certctl("authority", "export", "site").stdout
        self.assertEqual((both.count("BEGIN"), bundle.read_text()), (2, both))
        self.assertIn(first, both)
        second = self.run_certctl("authority", "export", "site", "--current").stdout
        self.assertIn(second, both)
        self.assertNotEqual(second, first)
        told = json.loads(self.run_certctl("authority", "show", "--json=short").stdout)[0]
        self.assertEqual((told["Phase"], {c["Role"] for c in told["Trusted"]}), ("retiring", {"old", "current"}))
        self.assertLess(told["Retirement"], told["NextRotation"])

        serial = self.run_certctl("show", "web", "-p", "SerialNumber", "--value").stdout.strip()
        self.assertIn(serial, self.run_certctl("revoke", "web", "--reason=keyCompromise").stdout)
        self.assertNotEqual(self.run_certctl("show", "web", "-p", "SerialNumber", "--value").stdout.strip(), serial)
        self.assertEqual(self.run_certctl("show", "authority:site", "-p", "Revoked", "--value").stdout, "1\n")

        self.assertIn("trusted no more", self.run_certctl("authority", "rotate", "--now", "site").stdout)
        self.assertEqual(bundle.read_text().count("BEGIN"), 1)
        self.assertNotIn(bundle.read_text(), both)
        self.run_certctl("status")
        self.run_certctl("check")

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
        out = self.run_certctl("renew", "--due", status=1).stdout
        self.assertRegex(out, r"^Nothing is due now: of what failed 1 waits for the next try, in \d.* \(20.*\)\.$")
        self.run_certctl("ensure", "web", status=1)
        self.run_certctl("check", status=2)

    @unittest.skipIf(os.geteuid() != 0, "the private socket is root's")
    def test_private_socket_starts_the_real_agent(self):
        self.host.manifest({"web": self.host.certificate("web")})
        socket = self.host.path("/run/cert-agent/bus")
        self.host.start(["systemd-socket-activate", f"--listen={socket}",
                         *[f"--setenv={name}" for name in ("CERT_AGENT_TEST_ROOT", "DBUS_SYSTEM_BUS_ADDRESS")],
                         self.host.build / "agent/cert-agent"], log="agent")
        wait_for(lambda: listens(socket), "the private socket")
        nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/socket"}
        self.assertIn("web: done", self.run_certctl("renew", "web", environment=nowhere).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
