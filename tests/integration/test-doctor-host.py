# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl doctor with the real agent and a real local authority: client certificates of this host, and what is wrong with the
agent's own certificates, on the wire and on disk."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from doctor import DoctorTest  # noqa: E402
from harness import wait_for  # noqa: E402
from tlslab import DAY, free_port, openssl  # noqa: E402

TLS13 = "ssl_protocols TLSv1.2 TLSv1.3;"


class ClientCertificate(DoctorTest):
    """Servers that ask for a certificate; the agent has one of a CA that they take, and others."""

    def setUp(self):
        super().setUp()
        host = self.host
        self.ca.leaf("app", "root", usage="clientAuth", sans="DNS:app.example.org")
        usage = {"app": ["client"], "home": ["client"], "server": ["server"], "old": ["client"]}
        host.manifest({name: host.certificate(name, usage=u, issuer="site") for name, u in usage.items()})
        host.start_agent()
        self.assertEqual(host.renew(*usage)[0], "done")
        self.site = host.path("/etc/site.pem")
        self.site.write_text(host.call("GetBundle", "s", "site")[0])

    def servers(self):
        """One of each kind that insists on a certificate of the authority of this host."""
        cert, key = self.pem("full"), self.key("leaf")
        yield "nginx", self.lab.nginx(cert, key, f"ssl_client_certificate {self.site}; ssl_verify_client on; {TLS13}")
        yield "nginx 1.2", self.lab.nginx(cert, key, f"ssl_client_certificate {self.site}; ssl_verify_client on; ssl_protocols TLSv1.2;")
        yield "gnutls", self.lab.gnutls(cert, key, "--require-client-cert", "--verify-client-cert", "--x509cafile", self.site)
        yield "gnutls 1.2", self.lab.gnutls(cert, key, "--require-client-cert", "--verify-client-cert", "--x509cafile", self.site,
                                            "--priority", "NORMAL:-VERS-TLS1.3")
        yield "openssl", self.lab.openssl(self.pem("leaf"), key, "-cert_chain", self.pem("middle"), "-Verify", "3", "-CAfile",
                                          self.site, "-verify_return_error")
        yield "openssl 1.2", self.lab.openssl(self.pem("leaf"), key, "-cert_chain", self.pem("middle"), "-Verify", "3", "-CAfile",
                                              self.site, "-verify_return_error", "-tls1_2")

    def test_missing_refused_of_the_wrong_usage_and_good(self):
        for kind, where in self.servers():
            with self.subTest(server=kind):
                said = self.finds("client-certificate-missing", where, "--ca", self.trust("root"))
                self.assertIn("--cert", said)
                out = self.healthy(where, "--ca", self.trust("root"), "--cert", "app")
                self.assertTrue(out["client_certificate_wanted"])
                takes_it = "gnutls" in kind  # gnutls-serv does not look at the usage: a warning
                self.assertIn("clientAuth", self.finds("client-certificate-usage", where, "--ca", self.trust("root"), "--cert",
                                                       "server", status=0 if takes_it else 3))

    def test_refused_because_of_another_authority(self):
        for name in ("pem", "key"):
            self.host.path(f"/etc/tls/home.{name}").write_bytes(self.ca.path(f"app.{name}").read_bytes())
        for kind, where in self.servers():
            with self.subTest(server=kind):
                said = self.finds("client-certificate-refused", where, "--ca", self.trust("root"), "--cert", "home")
                self.assertIn('"Lab Root"', said)
                self.assertRegex(said, "takes those of .*CN=")

    def test_expired_one_is_said_to_be_expired(self):
        self.ca.leaf("stale", "root", usage="clientAuth", start=-20 * DAY, end=-DAY)
        for name in ("pem", "key"):
            self.host.path(f"/etc/tls/old.{name}").write_bytes(self.ca.path(f"stale.{name}").read_bytes())
        where = self.lab.nginx(self.pem("full"), self.key("leaf"),
                               f"ssl_client_certificate {self.pem('root')}; ssl_verify_client on; {TLS13}")
        self.assertIn('"old", shown to the server, expired at', self.finds("expired", where, "--ca", self.trust("root"), "--cert", "old"))

    def test_certificates_of_this_host_that_would_be_taken_are_named(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"), f"ssl_client_certificate {self.site}; ssl_verify_client on; {TLS13}")
        notes = " ".join(self.examine(where, "--ca", self.trust("root"))["notes"])
        self.assertIn("this host has these certificates: app, home, old.", notes)  # and not "server"
        other = self.lab.nginx(self.pem("full"), self.key("leaf"),
                               f"ssl_client_certificate {self.pem('root')}; ssl_verify_client on; {TLS13}")
        self.assertEqual(self.examine(other, "--ca", self.trust("root"))["notes"], [])

    def test_server_that_asks_but_does_not_insist_is_healthy(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"),
                               f"ssl_client_certificate {self.site}; ssl_verify_client optional; {TLS13}")
        out = self.healthy(where, "--ca", self.trust("root"))
        self.assertIn("lets in those without one", " ".join(out["notes"]))

    def test_server_that_does_not_ask_is_told(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"), TLS13)
        self.assertIn("did not ask", " ".join(self.healthy(where, "--ca", self.trust("root"), "--cert", "app")["notes"]))

    def test_unknown_certificate_exits_4(self):
        self.assertIn("nosuch", self.run_doctor("127.0.0.1:1", "--cert", "nosuch", status=4).stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_key_that_the_caller_may_not_read_is_told_and_the_rest_goes_on(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"),
                               f"ssl_client_certificate {self.site}; ssl_verify_client on; {TLS13}")
        os.chmod(self.host.path("/etc/tls/app.key"), 0o600)
        out = self.examine(where, "--ca", self.trust("root"), "--cert", "app", program=self.program_for_everybody(), user="nobody",
                           group="nogroup", extra_groups=[])
        self.assertEqual([d["code"] for d in out["diagnoses"]], ["client-certificate-missing"])
        self.assertIn("/etc/tls/app.key: Permission denied", " ".join(out["notes"]))


class Certificates(DoctorTest):
    """Certificates of the agent's, by name."""

    def begin(self, port=None, further=None, **document):
        entry = dict(sans=["web.example.org", "localhost"], **(further or {}))
        if port:
            entry["verify"] = {"connect": f"127.0.0.1:{port}", "server_name": "web.example.org"}
        self.host.manifest({"web": self.host.certificate("web", **entry)}, **document)
        self.host.start_agent()

    def pair(self):
        return self.host.path("/etc/tls/web.pem"), self.host.path("/etc/tls/web.key")

    def serve(self, port, cert, key):
        return self.lab.start(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key], port)

    def issue(self):
        """Issued without its server being there, which the agent counts as a failure: so the server comes first."""
        self.assertEqual(self.host.renew("web")[0], "done", self.host.agent_log())

    def test_without_verify_the_files_and_the_state_are_judged(self):
        self.begin()
        self.issue()
        out = self.healthy("web")
        self.assertIn('does not say where "web" is served', " ".join(out["notes"]))

    def test_unknown_name_exits_4(self):
        self.begin()
        self.run_doctor("nosuch", status=4)
        self.assertIn("certctl doctor www.example.org:443\n", self.run_doctor("www.example.org", status=4).stderr)

    def test_nothing_issued_yet(self):
        self.begin()
        out = self.examine("web")
        self.assertIn("certificate-state", [d["code"] for d in out["diagnoses"]])

    def test_no_agent_is_a_failure_for_a_name(self):
        self.assertIn("the agent does not answer", self.run_doctor("web", status=1).stderr)

    def test_healthy_and_then_old_certificate_still_served(self):
        port = free_port()
        self.begin()
        self.issue()
        cert, key = self.pair()
        self.serve(port, cert, key)
        self.host.stop_agent()
        self.begin(port)
        self.healthy("web")
        first = cert.read_bytes()
        self.host.stop_agent()
        self.begin()
        self.assertEqual(self.host.renew("web", force=True)[0], "done")
        self.assertNotEqual(cert.read_bytes(), first)
        self.host.stop_agent()
        self.begin(port)
        said = self.finds("old-certificate", "web")
        self.assertIn('in the files of "web"', said)

    def test_roots_of_the_issuer_are_what_is_trusted(self):
        port = free_port()
        self.begin()
        self.issue()
        self.serve(port, *self.pair())
        self.host.stop_agent()
        self.begin(port)
        self.assertEqual(self.healthy("web")["name"], "web.example.org")

    def test_bundle_that_would_know_the_authority_is_named(self):
        self.host.path("/etc/ssl").mkdir(exist_ok=True)
        self.begin(bundles={"site-ca": {"from": ["site"], "path": "/etc/ssl/site-ca.pem"}})
        self.assertEqual(self.host.renew_due()[0], "done")
        port = free_port()
        where = self.serve(port, *self.pair()).replace("127.0.0.1", "localhost")
        said = self.finds("unknown-authority", where)
        self.assertIn('the bundle "site-ca" (/etc/ssl/site-ca.pem)', said)
        self.assertIn("--ca /etc/ssl/site-ca.pem", said)
        self.healthy(where, "--ca", "/etc/ssl/site-ca.pem")

    def test_issuer_that_would_know_the_authority_is_named(self):
        self.begin()
        self.issue()
        where = self.serve(free_port(), *self.pair()).replace("127.0.0.1", "localhost")
        self.assertIn("certctl authority export site", self.finds("unknown-authority", where))

    def test_ca_file_of_a_certificate_would_know_it(self):
        self.begin(further={"ca_path": "/etc/tls/web-ca.pem"})
        self.issue()
        where = self.serve(free_port(), *self.pair()).replace("127.0.0.1", "localhost")
        self.assertIn("/etc/tls/web-ca.pem", self.finds("unknown-authority", where))

    def test_revoked_certificate_that_is_still_served(self):
        self.host.path("/etc/ssl").mkdir(exist_ok=True)
        self.begin(issuers={"site": {"type": "local", "crl_path": "/etc/ssl/site.crl"}})
        self.assertEqual(self.host.renew_due()[0], "done")
        cert, key = self.pair()
        for source in (cert, key):
            (source.parent / f"kept-{source.name}").write_bytes(source.read_bytes())
        where = self.serve(free_port(), cert.parent / "kept-web.pem", key.parent / "kept-web.key").replace("127.0.0.1", "localhost")
        self.host.call("Revoke", "ss", "web", "superseded")
        site = self.host.path("/etc/site.pem")
        site.write_text(self.host.call("GetBundle", "s", "site")[0])
        wait_for(lambda: self.host.path("/etc/ssl/site.crl").exists() and b"Revoked Certificates" in
                 openssl("crl", "-in", self.host.path("/etc/ssl/site.crl"), "-noout", "-text", cwd="/"), "the revocation list")
        self.assertIn("was revoked", self.finds("revoked", where, "--ca", "/etc/site.pem"))

    def test_failed_issue_tells_the_agents_error_and_hint(self):
        self.begin(issuers={"site": {"type": "step", "url": f"https://127.0.0.1:{free_port()}", "root_fingerprint": "a" * 64,
                                     "provisioner": "x", "password_file": "/etc/x"}})
        self.assertNotEqual(self.host.renew("web")[0], "done")
        out = self.examine("web")
        self.assertEqual([d["code"] for d in out["diagnoses"]], ["certificate-state"])
        self.assertIn("failed", out["diagnoses"][0]["message"])

    def test_nothing_listens_where_the_manifest_says(self):
        self.begin()
        self.issue()
        self.host.stop_agent()
        self.begin(free_port())
        self.assertIn("Connection refused", self.finds("not-listening", "web"))

    def test_private_key_that_all_can_read(self):
        self.begin()
        self.issue()
        os.chmod(self.host.path("/etc/tls/web.key"), 0o644)
        said = self.finds("key-exposed", "web")
        self.assertIn("/etc/tls/web.key", said)


    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_key_that_the_units_user_cannot_read(self):
        self.host.start_program("fake-systemd")

        def systemd(*arguments, check=True):
            return self.host.busctl("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.certagent1.Fake",
                                    *arguments, check=check)

        wait_for(lambda: systemd("Calls", check=False), "the fake systemd")
        facts = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": str(os.getpid()),
                 "User": "daemon"}
        systemd("SetUnit", "sa{ss}", "db.service", str(len(facts)), *[x for pair in facts.items() for x in pair])
        self.begin(further={"units": [{"unit": "db.service", "action": "reload"}]})
        self.host.renew_due()
        out = self.examine("web")
        found = {d["code"]: d["message"] for d in out["diagnoses"]}
        self.assertIn("key-unreadable", found, out)
        self.assertIn("daemon", found["key-unreadable"])


if __name__ == "__main__":
    unittest.main()
