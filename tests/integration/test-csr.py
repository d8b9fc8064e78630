# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests that a person carries to a CA: the real agent and the real cert-issuer-csr, and a CA of openssl's in the place of
a company's. What is wrong with a file is said, and nothing changes."""

import json
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from company import DAY, LEAF, Company, fingerprint, pkcs7, run  # noqa: E402
from harness import BusError, Host, wait_for  # noqa: E402

ROOTS = "/etc/pki/company.pem"
HERE = pathlib.Path(__file__).parent


class CsrTest(unittest.TestCase):
    environment = None

    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.end)
        self.company = Company(self.host.root)
        self.host.path(ROOTS).parent.mkdir(parents=True, exist_ok=True)
        self.host.path(ROOTS).write_text(self.company.pem)

    # ---- The manifest ----

    def manifest(self, reload=True, issuer=None, certificates=None, **further):
        if certificates is None:
            certificates = {"web": self.host.certificate("web", issuer="paper", **further)}
        top = {"environment": self.environment} if self.environment else {}
        self.host.manifest(certificates, issuers={"paper": issuer or {"type": "csr", "roots": ROOTS}}, **top)
        if reload and self.host.agent_process:
            self.host.call("Reload")

    def start(self, **further):
        self.manifest(reload=False, **further)
        self.host.start_agent()

    def restart(self, how=signal.SIGTERM):
        self.host.stop_agent(how)
        self.host.start_agent()

    # ---- What a person does ----

    def request(self):
        return self.host.call("GetRequest", "s", "web")[0]

    def first_request(self, **further):
        self.start(**further)
        self.assertEqual(self.host.renew_due(), ("done", {"web": ("waiting", "")}))
        return self.request()

    def carry(self, pem):
        """Imports, and awaits the end of the job that it starts."""
        self.host.call("Import", "ss", "web", pem)
        wait_for(lambda: self.host.state("web") != "renewing", "the job")

    def refused(self, pem):
        with self.assertRaises(BusError) as e:
            self.host.call("Import", "ss", "web", pem)
        return str(e.exception)

    def in_place(self, **further):
        """A first certificate is in place; its PEM."""
        certificate = self.company.sign(self.first_request(), **further)
        self.carry(certificate)
        self.assertEqual(self.host.state("web"), "valid")
        return certificate

    # ---- What is there ----

    def installed(self):
        return fingerprint(self.host.path("/etc/tls/web.pem").read_text())

    def pair_matches(self):
        out = [run("openssl", *a) for a in (("x509", "-in", self.host.path("/etc/tls/web.pem"), "-noout", "-pubkey"),
                                            ("pkey", "-in", self.host.path("/etc/tls/web.key"), "-pubout"))]
        return out[0] == out[1]

    def disk(self):
        """Each file that is installed or kept, with its content."""
        return {str(p.relative_to(self.host.root)): p.read_bytes()
                for folder in ("etc/tls", "var/lib/cert-agent/generations", "var/lib/cert-agent/records")
                for p in sorted((self.host.root / folder).rglob("*")) if p.is_file()}

    def history(self):
        return [e[1] for e in self.host.get("web", "History")]


class Exchange(CsrTest):
    def test_the_whole_way(self):
        before = time.time()
        request = self.first_request()
        self.assertEqual(self.host.state("web"), "waiting")
        self.assertGreaterEqual(self.host.get("web", "RequestedAt"), before * 1e6)
        self.assertEqual(self.host.get("web", "NextRenewal"), 0)
        self.assertEqual(self.host.call("ListCertificates")[0][0][4], 0)
        self.assertFalse(self.host.path("/etc/tls/web.pem").exists())
        self.assertFalse(self.host.path("/etc/tls/web.key").exists())

        text = run("openssl", "req", "-noout", "-text", "-verify", data=request.encode()).decode()
        self.assertIn("DNS:web.example.org", text)
        self.assertNotIn("PRIVATE", request)
        certificate = self.company.sign(request)
        self.carry(certificate)
        self.assertEqual(self.host.state("web"), "valid")
        self.assertEqual(self.installed(), fingerprint(certificate))
        self.assertTrue(self.pair_matches())
        self.assertEqual(self.host.get("web", "RequestedAt"), 0)
        self.assertEqual(self.history(), ["waiting", "imported", "renewed"])
        self.assertEqual(self.host.renew_due()[0], "skipped")
        with self.assertRaisesRegex(BusError, "no request of \"web\" waits to be signed: its certificate ends on"):
            self.request()

    def test_the_request_is_the_same_each_time(self):
        request = self.first_request()
        self.assertEqual(self.request(), request)
        self.assertEqual(self.host.renew_due()[0], "skipped")
        self.assertEqual(self.host.renew("web"), ("done", {"web": ("waiting", "")}))
        self.assertEqual(self.request(), request)
        self.restart()
        self.assertEqual(self.request(), request)
        self.host.stop_agent(signal.SIGKILL)
        self.host.path("/var/lib/cert-agent/records.summary").unlink(missing_ok=True)
        self.host.start_agent()
        self.assertEqual((self.request(), self.host.state("web")), (request, "waiting"))

    def test_a_kill_as_soon_as_it_waits(self):
        self.start()
        self.host.call("RenewDue")
        wait_for(lambda: self.host.call("GetRequest", "s", "web", check=False), "the request")
        request = self.request()
        self.restart(signal.SIGKILL)
        self.assertEqual(self.request(), request)
        certificate = self.company.sign(request)
        self.carry(certificate)
        self.assertEqual(self.installed(), fingerprint(certificate))

    def test_a_kill_as_soon_as_it_was_brought(self):
        certificate = self.company.sign(self.first_request())
        self.host.call("Import", "ss", "web", certificate)
        self.restart(signal.SIGKILL)
        self.host.renew_due()
        self.assertEqual(self.installed(), fingerprint(certificate))
        self.assertTrue(self.pair_matches())
        self.assertEqual(self.host.state("web"), "valid")
        self.assertEqual(self.host.get("web", "RequestedAt"), 0)

    def test_force_makes_another_request(self):
        request = self.first_request()
        self.assertEqual(self.host.renew("web", force=True), ("done", {"web": ("waiting", "")}))
        self.assertNotEqual(self.request(), request)
        generations = list((self.host.root / "var/lib/cert-agent/generations/web").iterdir())
        self.assertEqual(len(generations), 1) # what was replaced is gone
        message = self.refused(self.company.sign(request))
        self.assertRegex(message, r"answers its request of 20\d\d-\d\d-\d\d .*, which was replaced by another")
        certificate = self.company.sign(self.request())
        self.carry(certificate)
        self.assertEqual(self.installed(), fingerprint(certificate))

    def test_an_answer_to_a_former_request_when_none_waits(self):
        former = self.in_place()
        self.host.renew("web", force=True)
        self.carry(self.company.sign(self.request()))
        present = self.installed()
        message = self.refused(former)
        self.assertRegex(message, r"answers its request of 20\d\d-\d\d-\d\d .*, which was followed by another")
        self.assertIn("no request waits now", message)
        self.assertEqual(self.installed(), present)

    def test_every_form_of_the_answer(self):
        below = Company(self.host.root, "Company Intermediate", above=self.company)
        request = self.first_request()
        stranger = Company(self.host.root, "Stranger").pem
        mail = "Dear all,\n\nhere it is:\n\n"
        forms = [lambda leaf: mail + leaf + "and\n" + below.pem, lambda leaf: below.pem + leaf,
                 lambda leaf: self.company.pem + below.pem + leaf, lambda leaf: stranger + leaf + below.pem + leaf,
                 lambda leaf: pkcs7(below.pem, leaf), lambda leaf: pkcs7(below.pem) + leaf]
        for n, form in enumerate(forms):
            leaf = below.sign(request, hours=(90 + n) * DAY)
            self.carry(form(leaf))
            self.assertEqual((self.host.state("web"), self.installed()), ("valid", fingerprint(leaf)))
            # The leaf and who signed it, no root.
            self.assertEqual(self.host.path("/etc/tls/web.pem").read_text().count("BEGIN CERTIFICATE"), 2)

    def test_what_has_no_request(self):
        self.host.manifest({"web": self.host.certificate("web", issuer="paper"), "other": self.host.certificate("other")},
                           issuers={"paper": {"type": "csr", "roots": ROOTS}, "site": {"type": "local"}})
        self.host.start_agent()
        for name, says in (("web", "no request of \"web\" waits to be signed\nMake one: certctl renew web"),
                           ("other", "its issuer \"site\" is asked by the agent itself"),
                           ("nobody", "The manifest has no certificate \"nobody\"")):
            with self.subTest(name), self.assertRaises(BusError) as e:
                self.host.call("GetRequest", "s", name)
            self.assertIn(says, str(e.exception))
        with self.assertRaisesRegex(BusError, "no request of \"web\" waits for an answer"):
            self.host.call("Import", "ss", "web", self.company.pem)
        with self.assertRaisesRegex(BusError, "the issuer \"site\" of \"other\" takes no certificates by hand"):
            self.host.call("Import", "ss", "other", self.company.pem)
        with self.assertRaisesRegex(BusError, "The manifest has no certificate \"nobody\""):
            self.host.call("Import", "ss", "nobody", self.company.pem)


class Renewal(CsrTest):
    def due(self, **further):
        """One is in place, and its renewal is due; the request that waits then."""
        first = self.in_place(since=-48, hours=88 * DAY, **further)
        self.manifest(renew_before="99%")
        self.assertEqual(self.host.renew_due(), ("done", {"web": ("waiting", "")}))
        return first, self.request()

    def test_the_old_pair_stays_until_the_answer_comes(self):
        first, request = self.due()
        self.assertEqual((self.host.state("web"), self.installed()), ("waiting", fingerprint(first)))
        self.assertTrue(self.pair_matches())
        self.assertEqual(self.host.plan("web")["web"], ("none", ["expiring"]))
        # What is in place is cared for meanwhile.
        self.host.path("/etc/tls/web.key").chmod(0o666)
        self.assertEqual(self.host.renew_due()[1]["web"][0], "done")
        self.assertEqual(self.host.path("/etc/tls/web.key").stat().st_mode & 0o777, 0o600)
        self.assertEqual((self.host.state("web"), self.request()), ("waiting", request))
        second = self.company.sign(request, hours=400 * DAY)
        self.carry(second)
        self.assertEqual(self.installed(), fingerprint(second))
        self.assertTrue(self.pair_matches())

    def test_one_for_the_key_in_place_ends_the_waiting_when_nothing_is_due_any_more(self):
        first = self.first_request()
        self.carry(self.company.sign(first, since=-48, hours=88 * DAY))
        self.manifest(renew_before="99%")
        self.host.renew_due()
        again = self.company.sign(first, hours=400 * DAY)
        self.manifest()
        self.carry(again)
        self.assertEqual(self.installed(), fingerprint(again))
        self.assertTrue(self.pair_matches())
        self.assertEqual((self.host.state("web"), self.host.get("web", "RequestedAt")), ("valid", 0))

    def test_one_for_the_key_in_place_and_the_renewal_is_still_due(self):
        first = self.first_request()
        self.carry(self.company.sign(first, since=-48, hours=88 * DAY))
        self.manifest(renew_before="99%")
        self.host.renew_due()
        request = self.request()
        again = self.company.sign(first, since=-48, hours=89 * DAY)
        self.carry(again)
        self.assertEqual(self.installed(), fingerprint(again))
        self.assertEqual((self.host.state("web"), self.request()), ("waiting", request))
        self.assertEqual(self.host.renew_due()[0], "skipped")
        third = self.company.sign(request, hours=200 * DAY)
        self.carry(third)
        self.assertEqual(self.installed(), fingerprint(third))
        self.assertTrue(self.pair_matches())

    def test_the_same_request_signed_twice(self):
        request = self.first_request()
        first, later, sooner = (self.company.sign(request, hours=d * DAY) for d in (90, 100, 80))
        self.carry(first)
        disk = self.disk()
        self.carry(first)  # fine, and nothing changes
        self.assertEqual(self.disk(), disk)
        self.assertEqual(len(self.history()), 3)
        self.assertRegex(self.refused(sooner), r"ends on .*, earlier than the one in place \(.*\), which has the same key")
        self.assertEqual(self.disk(), disk)
        self.carry(later)
        self.assertEqual(self.installed(), fingerprint(later))
        self.assertTrue(self.pair_matches())
        self.assertEqual(self.host.state("web"), "valid")

    def test_a_lost_answer_is_signed_again(self):
        _, request = self.due()
        self.company.sign(request)  # and it is lost
        again = self.company.sign(self.request(), hours=300 * DAY)
        self.carry(again)
        self.assertEqual(self.installed(), fingerprint(again))

    def test_force_with_one_in_place(self):
        first = self.in_place()
        self.assertEqual(self.host.renew("web", force=True)[1]["web"][0], "waiting")
        self.assertEqual(self.installed(), fingerprint(first))
        request = self.request()
        self.assertEqual(self.host.renew("web")[1]["web"][0], "waiting")
        second = self.company.sign(request)
        self.carry(second)
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(second), "valid"))

    def test_generations_are_pruned_and_the_request_is_not(self):
        request = self.first_request()
        for d in range(91, 95):
            self.carry(self.company.sign(request, hours=d * DAY))
        self.host.renew("web", force=True)
        waiting = self.request()
        for d in range(95, 100):  # the key in place is signed again and again meanwhile; a new one is still due
            self.manifest(renew_before="99%")
            self.carry(self.company.sign(request, since=-48, hours=d * DAY))
        self.assertEqual(self.request(), waiting)
        last = self.company.sign(waiting, hours=200 * DAY)
        self.carry(last)
        self.assertEqual(self.installed(), fingerprint(last))
        self.assertTrue(self.pair_matches())


class Faults(CsrTest):
    """What cannot be written has not happened; a kill at any time loses neither key nor request."""

    def block_records(self):
        """The record cannot be written: something stands where it would be staged."""
        path = self.host.path("/var/lib/cert-agent/records/.web.json.new")
        path.mkdir()
        self.addCleanup(lambda: path.exists() and path.rmdir())
        return path

    def test_the_record_of_a_request_cannot_be_written(self):
        request = self.first_request()
        blocked = self.block_records()
        result, steps = self.host.renew("web", force=True)
        self.assertEqual((result, steps["web"][0]), ("failed", "failed"))
        self.assertEqual(self.request(), request)
        blocked.rmdir()
        self.restart(signal.SIGKILL)
        self.assertEqual(self.request(), request)
        self.carry(self.company.sign(request))
        self.assertEqual(self.host.state("web"), "valid")

    def test_the_record_of_an_import_cannot_be_written(self):
        request = self.first_request()
        certificate = self.company.sign(request)
        blocked = self.block_records()
        self.assertIn("/var/lib/cert-agent", self.refused(certificate))
        self.assertEqual((self.host.state("web"), self.request()), ("waiting", request))
        self.assertFalse(self.host.path("/etc/tls/web.pem").exists())
        blocked.rmdir()
        self.carry(certificate)
        self.assertEqual(self.installed(), fingerprint(certificate))

    def test_an_answer_that_cannot_be_read_for_a_while_is_kept(self):
        request = self.first_request()
        certificate = self.company.sign(request)
        self.host.path("/etc/tls").rename(self.host.path("/etc/gone"))
        self.carry(certificate)
        self.assertEqual(self.host.state("web"), "failed")
        self.host.path("/etc/gone").rename(self.host.path("/etc/tls"))
        kept, = self.host.path("/var/lib/cert-agent/generations/web").glob("*/cert.pem")
        away = kept.rename(kept.with_name("away"))
        kept.mkdir()
        result, steps = self.host.renew("web")
        self.assertEqual((result, steps["web"][0]), ("failed", "failed"))
        self.assertIn("cannot be read from the state folder", steps["web"][1])
        kept.rmdir()
        away.rename(kept)
        self.assertEqual(self.host.renew("web")[0], "done")
        self.assertEqual(self.installed(), fingerprint(certificate))

    def test_a_kill_in_the_midst_of_an_import(self):
        first = self.in_place(since=-48, hours=88 * DAY)
        self.manifest(renew_before="99%")
        self.host.renew_due()
        second = self.company.sign(self.request(), hours=200 * DAY)
        installed = 0
        for milliseconds in (0, 5, 10, 20, 30, 40, 60, 80, 120, 200, 400):
            importing = subprocess.Popen(["busctl", f"--address=unix:path={self.host.bus}", "call", "org.certagent1",
                                          "/org/certagent1", "org.certagent1.Manager", "Import", "ss", "web", second],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(milliseconds / 1000)
            self.host.stop_agent(signal.SIGKILL)
            taken = importing.wait(30) == 0
            self.host.start_agent()
            self.assertTrue(self.pair_matches())
            if self.installed() == fingerprint(second):
                installed += 1
                break
            self.assertEqual(self.installed(), fingerprint(first))
            if taken or not self.host.call("GetRequest", "s", "web", check=False):
                # It was taken: nobody need bring it again.
                self.host.renew_due()
                self.assertEqual(self.installed(), fingerprint(second))
                installed += 1
                break
        if not installed:
            self.carry(second)
        self.host.renew_due()
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(second), "valid"))
        self.assertTrue(self.pair_matches())

    def lose_what_was_brought(self):
        """The record of somebody who brought an answer, of which the state folder knows nothing."""
        self.host.stop_agent()
        path = self.host.path("/var/lib/cert-agent/records/web.json")
        record = json.loads(path.read_text())
        record.update(pending=99, pending_digest=record["request_digest"], pending_imported=True)
        path.write_text(json.dumps(record))
        self.host.start_agent()

    def test_what_was_brought_is_lost_from_the_state_folder(self):
        first = self.in_place()
        self.lose_what_was_brought()
        self.assertEqual(self.host.plan("web")["web"], ("issue", ["forced"]))
        self.assertEqual(self.host.renew_due()[1]["web"][0], "waiting")
        request = self.request()
        self.assertEqual(self.host.renew_due()[0], "skipped")
        self.assertEqual((self.request(), self.installed()), (request, fingerprint(first)))
        self.assertIn("can no longer be installed", self.host.agent_log())

    def test_what_was_brought_is_lost_while_another_request_waits(self):
        self.in_place()
        self.host.renew("web", force=True)
        request = self.request()
        self.lose_what_was_brought()
        self.assertEqual(self.host.renew_due()[1]["web"][0], "waiting")
        self.assertEqual(self.request(), request)
        self.assertEqual(self.host.renew_due()[0], "skipped")
        certificate = self.company.sign(request)
        self.carry(certificate)
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(certificate), "valid"))


class Damage(CsrTest):
    """What was installed is kept, so that nobody has to sign it again."""

    def mended(self, certificate):
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual(self.installed(), fingerprint(certificate))
        self.assertTrue(self.pair_matches())
        self.assertEqual(self.host.state("web"), "valid")
        with self.assertRaisesRegex(BusError, "no request of \"web\" waits"):
            self.request()

    def test_the_certificate_is_deleted(self):
        certificate = self.in_place()
        self.host.path("/etc/tls/web.pem").unlink()
        self.mended(certificate)

    def test_the_key_is_deleted(self):
        certificate = self.in_place()
        self.host.path("/etc/tls/web.key").unlink()
        self.mended(certificate)

    def test_another_certificate_in_its_place(self):
        certificate = self.in_place()
        other = self.company.sign(self.company.request_for(["web.example.org"]))
        self.host.path("/etc/tls/web.pem").write_text(other)
        self.mended(certificate)

    def test_the_files_are_deleted_while_the_next_one_waits(self):
        first = self.in_place(since=-48, hours=88 * DAY)
        self.manifest(renew_before="99%")
        self.host.renew_due()
        request = self.request()
        for name in ("web.pem", "web.key"):
            self.host.path(f"/etc/tls/{name}").unlink()
        self.assertEqual(self.host.renew_due()[0], "done")
        self.assertEqual((self.installed(), self.host.state("web"), self.request()), (fingerprint(first), "waiting", request))
        self.assertTrue(self.pair_matches())
        second = self.company.sign(request, hours=200 * DAY)
        self.carry(second)
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(second), "valid"))

    def test_the_files_are_deleted_while_the_next_one_waits_and_nothing_is_kept(self):
        self.in_place(since=-48, hours=88 * DAY)
        self.manifest(renew_before="99%")
        self.host.renew_due()
        request = self.request()
        self.host.path("/etc/tls/web.pem").unlink()
        for kept in self.host.path("/var/lib/cert-agent/generations/web").glob("*/cert.pem"):
            kept.unlink()
        self.assertEqual(self.host.renew_due()[1]["web"][0], "waiting")
        self.assertEqual(self.request(), request)
        # there is nothing more that the agent could do: no pass of its own begins without end
        self.assertEqual((self.host.get("web", "NextRenewal"), self.host.renew_due()[0]), (0, "skipped"))

    def test_what_is_kept_is_damaged_as_well(self):
        self.in_place()
        self.host.path("/etc/tls/web.pem").unlink()
        for kept in self.host.path("/var/lib/cert-agent/generations/web").glob("*/cert.pem"):
            kept.unlink()
        self.assertEqual(self.host.renew_due()[1]["web"][0], "waiting")
        self.request()


class Manifest(CsrTest):
    def test_other_names_are_another_request(self):
        request = self.first_request()
        self.manifest(sans=["web.example.org", "www.example.org"])
        with self.assertRaisesRegex(BusError, "no request of \"web\" waits"):
            self.request()
        self.assertEqual(self.host.get("web", "RequestedAt"), 0)
        self.assertEqual(self.host.renew_due()[1]["web"][0], "waiting")
        self.assertNotEqual(self.request(), request)
        self.assertIn("replaced by another", self.refused(self.company.sign(request)))
        certificate = self.company.sign(self.request())
        self.carry(certificate)
        self.assertEqual(self.installed(), fingerprint(certificate))

    def test_back_to_what_is_in_place_nothing_waits(self):
        first = self.in_place()
        self.manifest(sans=["web.example.org", "www.example.org"])
        self.assertEqual(self.host.renew_due()[1]["web"][0], "waiting")
        self.manifest()
        self.assertEqual((self.host.state("web"), self.host.renew_due()[0]), ("valid", "skipped"))
        self.assertEqual(self.host.get("web", "RequestedAt"), 0)
        self.assertEqual(self.installed(), fingerprint(first))

    def test_an_issuer_that_answers_by_itself_takes_over(self):
        self.first_request()
        self.manifest(issuer={"type": "local"})
        self.assertEqual(self.host.renew_due()[1]["web"][0], "done")
        self.assertEqual((self.host.state("web"), self.host.get("web", "RequestedAt")), ("valid", 0))
        self.assertTrue(self.pair_matches())

    def test_it_leaves_the_manifest_and_comes_back(self):
        request = self.first_request()
        self.manifest(certificates={})
        self.host.renew_due()
        with self.assertRaisesRegex(BusError, "no certificate"):
            self.request()
        self.restart()
        self.manifest()
        self.assertEqual((self.host.state("web"), self.request()), ("waiting", request))

    def test_other_roots_are_the_same_request(self):
        request = self.first_request()
        other = Company(self.host.root, "Other Root")
        self.host.path("/etc/pki/other.pem").write_text(other.pem)
        self.manifest(issuer={"type": "csr", "roots": "/etc/pki/other.pem"})
        self.assertEqual(self.request(), request)
        self.assertIn("Company Root", self.refused(self.company.sign(request)))
        certificate = other.sign(request)
        self.carry(certificate)
        self.assertEqual(self.installed(), fingerprint(certificate))


class Wrong(CsrTest):
    """Each wrong file is refused in words of its own, and changes nothing."""

    def setUp(self):
        super().setUp()
        self.wanted = self.first_request()
        self.before = self.disk()

    def refuse(self, pem, *says):
        message = self.refused(pem)
        for words in says:
            self.assertRegex(message, words)
        self.assertNotRegex(message, "PRIVATE KEY-----|MIG|MII")
        self.assertEqual(self.disk(), self.before)
        self.assertEqual((self.host.state("web"), self.request()), ("waiting", self.wanted))
        self.assertEqual(self.host.get("web", "LastError"), "")

    def test_a_key(self):
        key = (self.company.folder / "ca.key").read_text()
        self.refuse(key, "holds a private key")
        self.refuse(self.company.sign(self.wanted) + key, "holds a private key")

    def test_a_web_page(self):
        self.refuse("<!DOCTYPE html>\n<html><body>503</body></html>\n", "web page")

    def test_an_empty_file(self):
        self.refuse("", "empty")

    def test_text(self):
        self.refuse("No, we do not sign this.\n", "no certificate")

    def test_the_request_itself(self):
        self.refuse(self.wanted, "request")

    def test_another_key(self):
        other = self.company.request_for(["web.example.org"])
        self.refuse(self.company.sign(other), "only for other keys")

    def test_other_names(self):
        names = self.company.sign(self.wanted, copy="none", extensions=LEAF + "\nsubjectAltName = DNS:web.example.com")
        self.refuse(names, "is wrong: it does not name web.example.org", "sign the request as it is")
        more = self.company.sign(self.wanted, copy="none",
                                 extensions=LEAF + "\nsubjectAltName = DNS:web.example.org,DNS:*.example.org")
        self.refuse(more, r"it also names \*.example.org")

    def test_another_subject(self):
        self.refuse(self.company.sign(self.wanted, subject="/O=Company/CN=web.example.org"),
                    "its subject is \"CN=web.example.org,O=Company\" in place of \"CN=web.example.org\"")

    def test_expired(self):
        self.refuse(self.company.sign(self.wanted, since=-48, hours=-24), "expired on")

    def test_not_yet_valid(self):
        self.refuse(self.company.sign(self.wanted, since=24), "not valid before", "clock")

    def test_a_ca_bit(self):
        ca = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,digitalSignature"
        self.refuse(self.company.sign(self.wanted, extensions=ca), "is a CA certificate")

    def test_another_use(self):
        mail = LEAF + "\nsubjectAltName = DNS:web.example.org\nextendedKeyUsage = emailProtection"
        self.refuse(self.company.sign(self.wanted, copy="none", extensions=mail), "not for use as: server")

    def test_another_root(self):
        stranger = Company(self.host.root, "Stranger Root")
        self.refuse(stranger.sign(self.wanted), "Stranger Root")
        self.refuse(stranger.sign(self.wanted) + stranger.pem, "Stranger Root")

    def test_the_chain_is_missing(self):
        below = Company(self.host.root, "Company Intermediate", above=self.company)
        self.refuse(below.sign(self.wanted), "Company Intermediate")

    def test_signed_by_itself(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            self.host.root / "self.key", "-subj", "/CN=web.example.org", "-out", self.host.root / "self.pem")
        self.refuse((self.host.root / "self.pem").read_text(), "signed by itself")

    def test_a_list_of_200_certificates(self):
        one = self.company.sign(self.company.request_for(["a.example.org"]))
        self.refuse(pkcs7(*[one] * 200), "other keys|other key")
        # Among them is the right one.
        right = self.company.sign(self.wanted)
        self.carry(pkcs7(*[one] * 100, right, *[one] * 100))
        self.assertEqual(self.installed(), fingerprint(right))

    def test_a_mebibyte_and_a_byte(self):
        self.refuse_large("x" * (1024 * 1024 + 1), "larger than 1 MiB")
        right = self.company.sign(self.wanted)
        self.refuse_large(right + "\n" * (1024 * 1024 + 1 - len(right)), "larger than 1 MiB")

    def test_a_mebibyte(self):
        right = self.company.sign(self.wanted)
        self.assertEqual(self.send_large(right + "\n" * (1024 * 1024 - len(right))), "")
        wait_for(lambda: self.host.state("web") == "valid", "the certificate")

    def send_large(self, text):
        """Past the limit of one argument of a command; what was answered."""
        return send_import(self.host, "web", text)

    def refuse_large(self, text, says):
        self.assertIn(says, self.send_large(text))
        self.assertEqual(self.disk(), self.before)

    def test_broken_pem(self):
        right = self.company.sign(self.wanted)
        self.refuse(right[:len(right) // 2], "end|cut|certificate")
        self.refuse(right.replace("MII", "!!!", 1), "base64|certificate")


def send_import(host, name, text):
    """Import by the bus's own wire, for what is larger than a command's argument; "" or what was refused."""
    script = ("import sys, ctypes\n"
              "lib = ctypes.CDLL('libsystemd.so.0')\n"
              "class Error(ctypes.Structure):\n"
              "    _fields_ = [('name', ctypes.c_char_p), ('message', ctypes.c_char_p), ('free', ctypes.c_int)]\n"
              "bus = ctypes.c_void_p()\n"
              "assert lib.sd_bus_open_system(ctypes.byref(bus)) >= 0\n"
              "error = Error()\n"
              "r = lib.sd_bus_call_method(bus, b'org.certagent1', b'/org/certagent1', b'org.certagent1.Manager', b'Import',\n"
              "                           ctypes.byref(error), None, b'ss', sys.argv[1].encode(), sys.stdin.buffer.read())\n"
              "print(error.message.decode() if r < 0 else '', end='')\n")
    p = subprocess.run([sys.executable, "-c", script, name], input=text.encode(), env=host.environment, capture_output=True,
                       timeout=60)
    assert p.returncode == 0, p.stderr.decode()
    return p.stdout.decode()


class Environments(CsrTest):
    environment = "production"

    def test_an_authority_of_another_environment(self):
        other = Company(self.host.root, "Test Root", comment="cert-agent environment: development")
        self.host.path(ROOTS).write_text(other.pem + self.company.pem)
        request = self.first_request()
        before = self.disk()
        message = self.refused(other.sign(request))
        self.assertIn("development", message)
        self.assertIn("production", message)
        self.assertEqual(self.disk(), before)
        self.carry(self.company.sign(request))
        self.assertEqual(self.host.state("web"), "valid")

    def test_an_authority_of_this_environment(self):
        ours = Company(self.host.root, "Our Root", comment="cert-agent environment: production")
        self.host.path(ROOTS).write_text(ours.pem)
        self.carry(ours.sign(self.first_request()))
        self.assertEqual(self.host.state("web"), "valid")


class Units(CsrTest):
    nginx = {"units": [{"unit": "nginx.service", "action": "reload"}]}

    def setUp(self):
        super().setUp()
        self.host.start_program("fake-systemd")
        wait_for(lambda: self.systemd("Calls", check=False) is not None, "the fake systemd")
        self.unit()

    def systemd(self, method, signature="", *arguments, check=True):
        reply = self.host.busctl("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.certagent1.Fake",
                                 method, *([signature] if signature else []), *[str(a) for a in arguments], check=check)
        return reply["data"] if isinstance(reply, dict) else reply

    def unit(self, **facts):
        known = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": "1", "JobResult": "done", **facts}
        self.systemd("SetUnit", "sa{ss}", "nginx.service", len(known), *[x for pair in known.items() for x in pair])

    def test_a_unit_that_refuses_it(self):
        request = self.first_request(**self.nginx)
        first = self.company.sign(request, since=-48, hours=88 * DAY)
        self.carry(first)
        self.assertEqual(self.host.state("web"), "valid")
        self.manifest(renew_before="99%", **self.nginx)
        self.host.renew_due()
        second = self.company.sign(self.request(), hours=300 * DAY)
        self.unit(JobResult="failed")
        self.carry(second)
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(first), "failed"))
        self.assertTrue(self.pair_matches())
        # Nobody has to bring it again, and no other request is made.
        with self.assertRaisesRegex(BusError, "has been answered; what was brought is not installed yet"):
            self.request()
        self.restart(signal.SIGKILL)
        self.unit()
        self.assertEqual(self.host.renew("web", force=True)[0], "done")
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(second), "valid"))
        self.assertTrue(self.pair_matches())

    def test_a_unit_that_refuses_it_and_a_better_one_is_brought(self):
        request = self.first_request(**self.nginx)
        first = self.company.sign(request)
        self.carry(first)
        self.host.renew("web", force=True)
        request = self.request()
        self.unit(JobResult="failed")
        self.carry(self.company.sign(request, hours=100 * DAY))
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(first), "failed"))
        self.unit()
        better = self.company.sign(request, hours=101 * DAY)  # the same request, signed again
        self.carry(better)
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(better), "valid"))
        self.assertTrue(self.pair_matches())


class Tokens(CsrTest):
    """A key that never leaves its token (SoftHSM2): the request alone is kept."""

    def setUp(self):
        super().setUp()
        self.host.make_token("web")
        self.wish = {"issuer": "paper", "common_name": "web.example.org", "sans": ["web.example.org"],
                     "cert_path": "/etc/tls/web.pem",
                     "key": {"uri": "pkcs11:token=web;object=web;type=private?pin-source=file:/etc/pin"}}

    def test_the_whole_way_and_again(self):
        request = self.first_request(certificates={"web": self.wish})
        kept = {p.name for p in (self.host.root / "var/lib/cert-agent/generations").rglob("*") if p.is_file()}
        self.assertEqual(kept, {"request.pem"})
        self.restart()
        self.assertEqual(self.request(), request)
        first = self.company.sign(request, since=-48, hours=88 * DAY)
        self.carry(first)
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(first), "valid"))
        self.manifest(certificates={"web": dict(self.wish, renew_before="99%")})
        self.assertEqual(self.host.renew_due()[1]["web"][0], "waiting")
        self.assertEqual((self.host.state("web"), self.installed()), ("waiting", fingerprint(first)))
        second = self.company.sign(self.request(), hours=200 * DAY)
        self.carry(second)
        self.assertEqual((self.installed(), self.host.state("web")), (fingerprint(second), "valid"))
        self.assertRegex(self.refused(first), "earlier than the one in place")


class Busy(CsrTest):
    """With the fake issuer, which can be slow; what is brought is what it is to do."""

    def start_fake(self, **further):
        self.start(issuer={"type": "fake", "behaviour": "by-hand", **further})
        self.host.renew_due()
        self.assertEqual(self.host.state("web"), "waiting")

    def test_two_imports_at_once(self):
        self.start_fake()
        results = []

        def bring():
            try:
                self.host.call("Import", "ss", "web", "good")
                results.append("")
            except BusError as e:
                results.append(str(e))

        threads = [threading.Thread(target=bring) for _ in range(2)]
        with self.host.fake_closed():
            for t in threads:
                t.start()
            wait_for(lambda: results, "the one that is refused")
        for t in threads:
            t.join()
        results.sort()
        self.assertEqual(results[0], "")
        self.assertIn("\"web\" is being worked on", results[1])
        wait_for(lambda: self.host.state("web") == "valid", "the certificate")

    def test_a_request_that_is_replaced_meanwhile(self):
        self.start_fake()
        results = []

        def bring():
            try:
                self.host.call("Import", "ss", "web", "good")
            except BusError as e:
                results.append(str(e))

        t = threading.Thread(target=bring)
        calls = self.host.path("/run/fake-calls")
        asked = calls.read_text().count("Poll\n")
        with self.host.fake_closed():
            t.start()
            wait_for(lambda: calls.read_text().count("Poll\n") > asked, "the question")
            self.host.call("Renew", "asa{sv}", 1, "web", 1, "force", "b", "true")
        t.join()
        self.assertEqual(len(results), 1)
        self.assertRegex(results[0], "was worked on while the answer was looked at|is being worked on")
        wait_for(lambda: self.host.state("web") == "waiting", "the other request")

    def while_it_is_looked_at(self, change):
        """What an import says during which `change` happens."""
        self.start_fake()
        results = []

        def bring():
            try:
                self.host.call("Import", "ss", "web", "good")
                results.append("")
            except BusError as e:
                results.append(str(e))

        t = threading.Thread(target=bring)
        calls = self.host.path("/run/fake-calls")
        asked = calls.read_text().count("Poll\n")
        with self.host.fake_closed():
            t.start()
            wait_for(lambda: calls.read_text().count("Poll\n") > asked, "the question")
            change()
        t.join()
        return results[0]

    def test_it_leaves_the_manifest_meanwhile(self):
        fake = {"type": "fake", "behaviour": "by-hand"}
        said = self.while_it_is_looked_at(lambda: self.manifest(issuer=fake, certificates={}))
        self.assertIn("The manifest has no certificate \"web\" any more", said)
        self.assertFalse(self.host.path("/etc/tls/web.pem").exists())

    def test_it_wants_other_names_meanwhile(self):
        fake = {"type": "fake", "behaviour": "by-hand"}
        before = len(self.host.agent_log())
        said = self.while_it_is_looked_at(lambda: self.manifest(issuer=fake, sans=["other.example.org"]))
        self.assertIn("was worked on while the answer was looked at", said, self.host.agent_log()[before:])
        self.assertFalse(self.host.path("/etc/tls/web.pem").exists())

    def test_what_the_agent_itself_refuses(self):
        self.start_fake()
        before = self.disk()
        for behaviour, says in (("wrong-names", "the certificate that was brought for \"web\" is wrong: it does not name"),
                                ("wrong-key", "another key"), ("expired", "expired on"), ("not-yet", "not valid before"),
                                ("ca", "is a CA certificate"), ("wrong-usage", "not for use as"), ("untrusted", "does not lead"),
                                ("by-hand", "says that it still waits"), ("unreachable", "does not answer")):
            with self.subTest(behaviour):
                self.assertIn(says, self.refused(behaviour))
                self.assertEqual(self.disk(), before)
                self.assertEqual(self.host.state("web"), "waiting")
        self.carry("good")
        self.assertEqual(self.host.state("web"), "valid")


class Reminders(CsrTest):
    def reminders(self):
        return re.findall(r"Its request waits since .*", self.host.agent_log())

    def at(self, hours):
        self.host.stop_agent()
        self.host.shift_clock(hours * 3600)
        self.host.start_agent()
        self.host.renew_due()
        return self.reminders()

    def test_once_a_day_over_restarts(self):
        first = self.in_place(hours=30 * DAY)
        self.host.renew("web", force=True)
        del first
        self.host.renew_due()
        self.assertEqual(self.reminders(), [])
        said = self.at(25)
        self.assertEqual(len(said), 1)
        self.assertIn("to be signed by hand; the certificate in place ends in 28d", said[0])
        self.assertIn("certctl csr web > web.csr; then bring the answer: certctl import web FILE", self.host.agent_log())
        self.assertEqual(len(self.at(26)), 1)
        self.host.renew_due()
        self.assertEqual(len(self.reminders()), 1)
        self.assertEqual(len(self.at(50)), 2)
        self.assertIn("has expired on", self.at(31 * DAY)[-1])

    def test_a_request_that_cannot_be_read_for_a_while_is_kept(self):
        request = self.first_request()
        kept, = (self.host.root / "var/lib/cert-agent/generations/web").rglob("request.pem")
        away = kept.rename(kept.with_name("away"))
        kept.mkdir()
        self.assertEqual(self.at(25), [])
        self.assertIn("cannot be read from the state folder; it is tried again", self.host.agent_log())
        kept.rmdir()
        away.rename(kept)
        self.assertEqual(self.request(), request)
        self.carry(self.company.sign(request))
        self.assertEqual(self.host.state("web"), "valid")

    def test_a_request_that_is_lost_is_made_again(self):
        request = self.first_request()
        for p in (self.host.root / "var/lib/cert-agent/generations/web").rglob("*.pem"):
            p.unlink()
        with self.assertRaisesRegex(BusError, "the request of \"web\" that waits is lost"):
            self.request()
        self.assertEqual(self.at(25), [])
        self.assertIn("is lost from the state folder", self.host.agent_log())
        self.host.renew_due()
        self.assertNotEqual(self.request(), request)


if __name__ == "__main__":
    unittest.main(verbosity=2)
