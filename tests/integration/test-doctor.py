# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl doctor: each diagnosis of a server is provoked with a real one (nginx, gnutls-serv, openssl s_server), or with a plain
listener where it is about no TLS."""

import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import longkey  # noqa: E402
from doctor import DoctorTest  # noqa: E402
from tlslab import DAY, free_port  # noqa: E402

TLS13 = "ssl_protocols TLSv1.2 TLSv1.3;"


class Healthy(DoctorTest):
    def test_nginx_gnutls_and_openssl_with_a_good_chain_are_healthy(self):
        for serve, further in ((self.lab.nginx, [TLS13]), (self.lab.gnutls, []),
                               (self.lab.openssl, ["-cert_chain", self.pem("middle")])):
            where = serve(self.pem("full") if serve != self.lab.openssl else self.pem("leaf"), self.key("leaf"), *further)
            with self.subTest(where=serve.__name__):
                out = self.healthy(where, "--ca", self.trust("root"))
                self.assertEqual(out["protocol"], "TLS1.3")
                self.assertEqual(out["certificate"]["subject"], "CN=leaf")
                self.assertEqual(out["certificate"]["names"], ["ip:127.0.0.1", "localhost"])

    def test_words_say_where_what_and_until_when(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"), TLS13)
        out = self.run_doctor(where, "--ca", self.trust("root"), status=0).stdout
        self.assertRegex(out, rf'^{where}: TLS 1\.3, serves "leaf" of "Lab Middle" \([0-9a-f]{{16}}…\), ends in 89d')
        self.assertIn("Healthy.", out)

    def test_without_ca_the_systems_store_is_what_is_trusted(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"))
        self.system_store("other", "root")
        self.healthy(where)

    def test_quiet_says_nothing_of_what_is_healthy(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"))
        self.assertEqual(self.run_doctor("-q", where, "--ca", self.trust("root"), status=0).stdout, "")


class Chain(DoctorTest):
    def test_unknown_authority_that_nothing_on_this_host_knows(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"))
        said = self.finds("unknown-authority", where)
        self.assertIn('signed by "Lab Root"', said)
        self.assertIn("/etc/ssl/certs/ca-certificates.crt", said)
        self.assertIn("--ca", said)

    def test_unknown_authority_that_the_systems_store_knows(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"))
        self.system_store("root")
        said = self.finds("unknown-authority", where, "--ca", self.trust("other"))
        self.assertIn("known by: this system's trust store", said)

    def test_certificate_signed_by_itself(self):
        self.ca.self_signed("self")
        where = self.lab.nginx(self.pem("self"), self.key("self"))
        out = self.examine(where, "--ca", self.trust("root"))
        self.assertIn("signed by itself", out["diagnoses"][0]["message"])

    def test_authority_of_the_same_name_with_another_key(self):
        self.ca.root("impostor", "Lab Root")
        where = self.lab.nginx(self.pem("full"), self.key("leaf"))
        said = self.finds("unknown-authority", where, "--ca", self.trust("impostor"))
        self.assertIn("a CA of that name, but with another key", said)

    def test_intermediate_missing_and_nowhere_known(self):
        where = self.lab.nginx(self.pem("leaf"), self.key("leaf"))
        said = self.finds("incomplete-chain", where, "--ca", self.trust("root"))
        self.assertIn('"Lab Middle"', said)

    def test_intermediate_missing_that_this_host_has(self):
        where = self.lab.openssl(self.pem("leaf"), self.key("leaf"))
        self.system_store("other", "middle")
        said = self.finds("incomplete-chain", where, "--ca", self.trust("root"))
        self.assertIn('does not send the intermediate certificate "Lab Middle"', said)
        self.assertIn("ca-certificates.crt", said)

    def test_intermediate_missing_that_the_ca_file_makes_up_for_is_a_warning(self):
        where = self.lab.gnutls(self.pem("leaf"), self.key("leaf"))
        self.ca.join("both", "middle", "root")
        out = self.examine(where, "--ca", self.trust("both"), status=0)
        self.assertEqual([(d["code"], d["severity"]) for d in out["diagnoses"]], [("incomplete-chain", "warning")])

    def test_intermediate_missing_whose_address_the_certificate_tells(self):
        self.ca.leaf("aia", "middle", extra="authorityInfoAccess=caIssuers;URI:http://ca.example.org/middle.cer\n")
        where = self.lab.nginx(self.pem("aia"), self.key("aia"))
        said = self.finds("incomplete-chain", where)
        self.assertIn("http://ca.example.org/middle.cer", said)

    def test_wrong_order(self):
        self.ca.intermediate("lower", "middle", subject="Lab Lower")
        self.ca.leaf("deep", "lower")
        self.ca.join("wrong", "deep", "middle", "lower")
        where = self.lab.nginx(self.pem("wrong"), self.key("deep"))
        said = self.finds("chain-order", where, "--ca", self.trust("root"))
        self.assertIn('"Lab Middle" comes where "Lab Lower" should be', said)

    def test_superfluous_root_is_a_warning(self):
        self.ca.join("with-root", "leaf", "middle", "root")
        where = self.lab.nginx(self.pem("with-root"), self.key("leaf"))
        self.assertIn('the root "Lab Root"', self.finds("superfluous-certificate", where, "--ca", self.trust("root"), status=0))

    def test_certificate_that_has_nothing_to_do_with_it_is_a_warning(self):
        self.ca.leaf("alien", "other")
        self.ca.join("with-alien", "leaf", "middle", "alien")
        where = self.lab.nginx(self.pem("with-alien"), self.key("leaf"))
        self.assertIn("nothing to do", self.finds("superfluous-certificate", where, "--ca", self.trust("root"), status=0))

    def test_names_that_the_authority_must_not_sign(self):
        self.ca.sign("bounded", "root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
                     "subjectKeyIdentifier=hash\nnameConstraints=critical,permitted;DNS:example.org\n", subject="Bounded")
        self.ca.leaf("outside", "bounded", sans="DNS:localhost")
        self.ca.join("outside-full", "outside", "bounded")
        where = self.lab.nginx(self.pem("outside-full"), self.key("outside"))
        said = self.finds("invalid-chain", where, "--ca", self.trust("root"), "--server-name", "localhost")
        self.assertRegex(said, "constraints")


class Time(DoctorTest):
    def test_expired(self):
        self.ca.leaf("expired", "root", start=-20 * DAY, end=-2 * DAY)
        for serve in (self.lab.nginx, self.lab.gnutls, self.lab.openssl):
            with self.subTest(server=serve.__name__):
                said = self.finds("expired", serve(self.pem("expired"), self.key("expired")), "--ca", self.trust("root"))
                self.assertIn('The certificate of "expired" expired at ', said)
                self.assertIn("This host's clock says ", said)

    def test_expired_intermediate(self):
        self.ca.intermediate("gone", "root", subject="Gone", start=-20 * DAY, end=-2 * DAY)
        self.ca.leaf("under-gone", "gone")
        self.ca.join("under-gone-full", "under-gone", "gone")
        where = self.lab.nginx(self.pem("under-gone-full"), self.key("under-gone"))
        self.assertIn('of "Gone" expired', self.finds("expired", where, "--ca", self.trust("root")))

    def test_not_yet_valid(self):
        self.ca.leaf("future", "root", start=10 * DAY, end=20 * DAY)
        where = self.lab.gnutls(self.pem("future"), self.key("future"))
        self.assertIn("not valid before", self.finds("not-yet-valid", where, "--ca", self.trust("root")))

    def shifted(self, seconds):
        preload = [str(self.host.build / "tests/integration/libshift-clock.so")]
        linked = subprocess.run(["ldd", self.host.build / "client/cert-doctor"], capture_output=True, text=True).stdout
        preload = [line.split()[2] for line in linked.splitlines() if "libasan" in line] + preload
        # certctl itself runs as it is: it hands over, and only cert-doctor asks for the time
        return {"LD_PRELOAD": ":".join(preload), "SHIFT_CLOCK": str(seconds)}

    def test_this_hosts_clock_is_behind_as_its_files_show(self):
        where = self.lab.gnutls(self.pem("full"), self.key("leaf"))
        said = self.finds("clock", where, "--ca", self.trust("root"), environment=self.shifted(-400 * DAY))
        self.assertIn("ca-certificates.crt is of ", said)
        self.assertIn("timedatectl", said)

    def test_this_hosts_clock_is_behind_as_the_servers_shows(self):
        old = time.time() - 800 * DAY
        os.utime(self.host.path("/etc/ssl/certs/ca-certificates.crt"), (old, old))
        where = self.lab.nginx(self.pem("full"), self.key("leaf"), TLS13)
        said = self.finds("clock", where, "--ca", self.trust("root"), environment=self.shifted(-400 * DAY))
        self.assertIn("agrees with the server", said)

    def test_clocks_disagree_about_an_expired_certificate(self):
        old = time.time() - 800 * DAY
        os.utime(self.host.path("/etc/ssl/certs/ca-certificates.crt"), (old, old))
        where = self.lab.nginx(self.pem("full"), self.key("leaf"), TLS13)
        said = self.finds("expired expired", where, "--ca", self.trust("root"), environment=self.shifted(400 * DAY))
        self.assertIn("one of the two is wrong", said)

    def test_expires_soon_is_a_warning(self):
        self.ca.leaf("soon", "root", start=-80 * DAY, end=3 * DAY)
        where = self.lab.nginx(self.pem("soon"), self.key("soon"))
        said = self.finds("expires-soon", where, "--ca", self.trust("root"), status=0)
        self.assertIn("expires in 2d 23h", said)


class Names(DoctorTest):
    def test_name_that_is_not_in_it(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"))
        said = self.finds("name-mismatch", where, "--ca", self.trust("root"), "--server-name", "www.example.org")
        self.assertIn('not for "www.example.org"; it is for: ip:127.0.0.1, localhost', said)

    def test_address_that_is_not_in_it(self):
        self.ca.leaf("named", "root", sans="DNS:localhost")
        where = self.lab.gnutls(self.pem("named"), self.key("named"))
        self.assertIn("not for the address 127.0.0.1; it is for: localhost",
                      self.finds("address-mismatch", where, "--ca", self.trust("root")))
        self.healthy(where.replace("127.0.0.1", "localhost"), "--ca", self.trust("root"))

    def test_name_only_in_the_common_name(self):
        self.ca.leaf("localhost", "root", sans=None)
        where = self.lab.openssl(self.pem("localhost"), self.key("localhost")).replace("127.0.0.1", "localhost")
        self.assertIn("only as its common name", self.finds("name-mismatch", where, "--ca", self.trust("root")))

    def test_name_that_the_server_refuses(self):
        where = self.lab.openssl(self.pem("leaf"), self.key("leaf"), "-servername", "known.example.org", "-servername_fatal",
                                 "-cert2", self.pem("leaf"), "-key2", self.key("leaf"), "-cert_chain", self.pem("middle"))
        said = self.finds("name-mismatch", where, "--ca", self.trust("root"), "--server-name", "unknown.example.org")
        self.assertIn("unknown.example.org", said)


class Strength(DoctorTest):
    def test_not_for_servers(self):
        self.ca.leaf("usage", "root", usage="clientAuth")
        where = self.lab.nginx(self.pem("usage"), self.key("usage"))
        self.assertIn("serverAuth", self.finds("server-usage", where, "--ca", self.trust("root")))

    def test_key_that_may_not_sign(self):
        self.ca.leaf("crlsign", "root", extra="keyUsage=critical,cRLSign\n")
        where = self.lab.openssl(self.pem("crlsign"), self.key("crlsign"))
        self.assertIn("digitalSignature", self.finds("server-usage", where, "--ca", self.trust("root")))

    def test_rsa_of_1024_bits(self):
        self.ca.leaf("weak", "root", key="1024")
        where = self.lab.nginx(self.pem("weak"), self.key("weak"), "ssl_ciphers DEFAULT@SECLEVEL=0;")
        self.assertIn("RSA key of 1024 bits", self.finds("key-too-weak", where, "--ca", self.trust("root")))

    def test_signature_with_sha1(self):
        self.ca.leaf("sha1", "root", digest="sha1")
        where = self.lab.openssl(self.pem("sha1"), self.key("sha1"), "-cipher", "ALL:@SECLEVEL=0")
        self.assertIn("SHA1", self.finds("key-too-weak", where, "--ca", self.trust("root")))

    def test_tls_1_1_and_1_0(self):
        for version in ("tls1_1", "tls1"):
            where = self.lab.openssl(self.pem("leaf"), self.key("leaf"), f"-{version}", "-cipher", "ALL:@SECLEVEL=0",
                                     "-cert_chain", self.pem("middle"))
            with self.subTest(version=version):
                said = self.finds("protocol-too-old", where, "--ca", self.trust("root"))
                self.assertIn("The server speaks TLS 1.1" if version == "tls1_1" else "The server speaks TLS 1.0", said)

    def test_nothing_in_common(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"), "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-ARIA256-GCM-SHA384;")
        self.assertIn("alert 40", self.finds("handshake-failed", where, "--ca", self.trust("root")))

    def test_server_without_a_certificate(self):
        port = free_port()
        where = self.lab.start(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-nocert", "-cipher",
                                "ALL:aNULL:@SECLEVEL=0", "-tls1_2"], port)
        self.assertEqual({d["code"] for d in self.examine(where, "--ca", self.trust("root"))["diagnoses"]} -
                         {"no-certificate", "handshake-failed"}, set())

    def test_several_problems_at_once_are_all_told(self):
        self.ca.leaf("bad", "root", sans="DNS:elsewhere.example.org", usage="clientAuth", key="1024", start=-9 * DAY, end=-DAY)
        where = self.lab.nginx(self.pem("bad"), self.key("bad"), "ssl_ciphers DEFAULT@SECLEVEL=0;")
        codes = {d["code"] for d in self.examine(where)["diagnoses"]}
        self.assertEqual(codes, {"unknown-authority", "expired", "address-mismatch", "server-usage", "key-too-weak"})


class NoTls(DoctorTest):
    def test_nothing_listens(self):
        self.assertIn("Connection refused", self.finds("not-listening", f"127.0.0.1:{free_port()}"))

    def test_no_unix_socket(self):
        self.finds("not-listening", "/run/nosuch.socket")

    def test_unknown_host(self):
        self.assertIn("nosuch.invalid", self.finds("unknown-host", "nosuch.invalid:443"))

    def test_listener_whose_backlog_is_full_does_not_answer(self):
        s = socket.socket()
        self.addCleanup(s.close)
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(s.getsockname())
            self.addCleanup(c.close)
        begun = time.monotonic()
        self.finds("unreachable", f"127.0.0.1:{s.getsockname()[1]}")
        self.assertLess(time.monotonic() - begun, 100)

    def test_http_without_tls(self):
        where = self.lab.nginx(None, None)
        self.assertIn("HTTP without TLS", self.finds("not-tls", where))

    def test_silence(self):
        where = self.lab.listener(lambda c: time.sleep(60))
        begun = time.monotonic()
        self.assertIn("answers neither", self.finds("unreachable", where))
        self.assertLess(time.monotonic() - begun, 100)

    def test_closed_at_once(self):
        self.finds("handshake-failed", self.lab.listener(lambda c: c.close()))

    def test_closed_when_the_handshake_begins(self):
        self.finds("handshake-failed", self.lab.listener(lambda c: c.recv(100)))

    def test_ssh(self):
        def talk(c):
            c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            c.recv(4096)
            c.sendall(b"Invalid SSH identification string.\r\n")

        self.assertIn("SSH", self.finds("not-tls", self.lab.listener(talk)))

    def test_garbage_is_shown_as_far_as_it_can_be_printed(self):
        where = self.lab.listener(lambda c: c.sendall(b"\x1b]0;owned\x07\xff\xfe\x9b31m what?\r\n" * 20))
        self.assertIn("what?", self.finds("not-tls", where))
        self.assertNotIn("\x1b", self.run_doctor(where, status=3).stdout)

    def test_endless_greeting_ends(self):
        def talk(c):
            while True:
                c.sendall(b"x" * 65536)

        begun = time.monotonic()
        self.finds("not-tls", self.lab.listener(talk))
        self.assertLess(time.monotonic() - begun, 100)


class Starttls(DoctorTest):
    def upgrade(self, connection):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.pem("full"), self.key("leaf"))
        with c.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1024)

    def lines(self, *talk, greeting=b""):
        """A server that begins with the greeting, and knows these (command, answer)."""
        def serve(connection):
            if greeting:
                connection.sendall(greeting)
            for_line = connection.makefile("rb", buffering=0)
            while True:
                line = for_line.readline(4096)
                if not line:
                    return
                for command, answer in talk:
                    if line.upper().startswith(command):
                        connection.sendall(answer)
                        if command in (b"STARTTLS", b"STLS", b"AUTH TLS", b"A1 STARTTLS"):
                            self.upgrade(connection)
                            return
                        break
                else:
                    connection.sendall(b"500 what?\r\n")

        return self.lab.listener(serve)

    SMTP = dict(greeting=b"220 mail.example.org ESMTP\r\n")
    SMTP_TALK = ((b"EHLO", b"250-mail\r\n250-STARTTLS\r\n250 8BITMIME\r\n"), (b"STARTTLS", b"220 go\r\n"))

    def both(self, where, name):
        """The doctor finds out by itself; and is content when it is told."""
        said = self.finds("starttls-needed", where, "--ca", self.trust("root"))
        self.assertIn(f"--starttls {name}", said)
        out = self.healthy(where, "--ca", self.trust("root"), "--starttls", name)
        self.assertEqual(out["starttls"], name)

    def test_smtp(self):
        self.both(self.lines(*self.SMTP_TALK, **self.SMTP), "smtp")

    def test_imap(self):
        self.both(self.lines((b"A1 STARTTLS", b"a1 OK\r\n"), greeting=b"* OK ready\r\n"), "imap")

    def test_pop3(self):
        self.both(self.lines((b"STLS", b"+OK\r\n"), greeting=b"+OK POP3 ready\r\n"), "pop3")

    def test_ftp_that_says_so_and_that_does_not(self):
        for greeting in (b"220 FTP server ready\r\n", b"220-Welcome\r\n we are\r\n220 here\r\n"):
            self.both(self.lines((b"AUTH TLS", b"234 go\r\n"), (b"EHLO", b"500 what?\r\n"), greeting=greeting), "ftp")

    def test_postgresql(self):
        def talk(c):
            if c.recv(8, socket.MSG_WAITALL) == struct.pack("!II", 8, 80877103):
                c.sendall(b"S")
                self.upgrade(c)

        self.both(self.lab.listener(talk), "postgresql")

    def test_ldap(self):
        def talk(c):
            said = c.recv(2, socket.MSG_WAITALL)
            if len(said) < 2:
                return
            said += c.recv(said[1], socket.MSG_WAITALL)
            if said[0] != 0x30:
                return
            if said[5] == 0x60:
                c.sendall(bytes.fromhex("300c02010161070a010004000400"))
            if b"1.3.6.1.4.1.1466.20037" in said:
                c.sendall(bytes.fromhex("300c02010178070a010004000400"))
                self.upgrade(c)

        self.both(self.lab.listener(talk), "ldap")

    def test_what_is_wrong_beyond_starttls_is_told_as_well(self):
        where = self.lines(*self.SMTP_TALK, **self.SMTP)
        self.finds("starttls-needed unknown-authority", where)

    def test_starttls_that_is_not_offered(self):
        where = self.lines((b"EHLO", b"250 mail\r\n"), **self.SMTP)
        self.assertIn("does not offer STARTTLS", self.finds("handshake-failed", where, "--starttls", "smtp"))

    def test_mysql_begins_in_the_clear_but_cannot_be_started(self):
        where = self.lab.listener(lambda c: (c.sendall(b"\x4a\x00\x00\x00\x0a5.5.5-10.11\x00" + b"x" * 60), c.recv(10)))
        self.assertIn("MySQL", self.finds("starttls-needed", where))


class Hostile(DoctorTest):
    """What comes over the wire cannot move a cursor, forge a line, or hold the doctor up."""

    def test_names_that_are_no_text(self):
        subject = "a\x1b[31m\nHealthy.\u202e\x9b"
        self.ca.leaf("hostile", "root", sans="DNS:localhost,email:a\x07b@c", subject=subject.replace("/", ""))
        where = self.lab.nginx(self.pem("hostile"), self.key("hostile"))
        out = self.run_doctor(where, status=3).stdout
        self.assertNotRegex(out, r"(?m)^Healthy")
        self.examine(where)

    def test_many_certificates(self):
        self.ca.join("many", "leaf", "middle", *["other"] * 30)
        where = self.lab.nginx(self.pem("many"), self.key("leaf"))
        out = self.examine(where, "--ca", self.trust("root"))
        self.assertEqual({d["code"] for d in out["diagnoses"]}, {"invalid-chain", "superfluous-certificate"})

    def test_handshake_that_never_ends(self):
        def talk(c):
            c.recv(4096)
            while True:
                c.sendall(b"\x16\x03\x03\x00\x01\x02")
                time.sleep(1)

        begun = time.monotonic()
        self.examine(self.lab.listener(talk))
        self.assertLess(time.monotonic() - begun, 100)

    def test_key_that_takes_hours(self):
        begun = time.monotonic()
        out = self.examine(self.lab.listener(longkey.talk))
        self.assertIn("handshake-failed", [d["code"] for d in out["diagnoses"]])
        self.assertLess(time.monotonic() - begun, 30)

    def test_answer_within_tls_that_never_ends(self):
        def talk(c):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.pem("full"), self.key("leaf"))
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self.pem("root"))
            with context.wrap_socket(c, server_side=True) as tls:
                while True:
                    tls.sendall(b"x" * 65536)

        begun = time.monotonic()
        self.healthy(self.lab.listener(talk), "--ca", self.trust("root"))
        self.assertLess(time.monotonic() - begun, 100)


    def test_server_that_hangs_up_on_http_is_not_said_to_want_a_certificate(self):
        def talk(c):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.pem("full"), self.key("leaf"))
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self.pem("root"))
            with context.wrap_socket(c, server_side=True) as tls:
                tls.recv(4096)

        out = self.healthy(self.lab.listener(talk), "--ca", self.trust("root"))
        self.assertIn("lets in those without one", " ".join(out["notes"]))


class Places(DoctorTest):
    def serve(self, connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem("full"), self.key("leaf"))
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    def test_unix_socket(self):
        path = self.host.path("/run/web.socket")
        self.lab.listener(self.serve, socket.AF_UNIX, str(path))
        out = self.healthy("/run/web.socket", "--ca", self.trust("root"))
        self.assertEqual(out["name"], "")
        self.finds("name-mismatch", "/run/web.socket", "--ca", self.trust("root"), "--server-name", "x.example.org")

    if os.path.exists("/proc/net/if_inet6"):  # a kernel may be without IPv6

        def test_address_of_ipv6(self):
            port = free_port()
            self.lab.listener(self.serve, socket.AF_INET6, ("::1", port))
            self.finds("address-mismatch", f"[::1]:{port}", "--ca", self.trust("root"))
            self.healthy(f"[::1]:{port}", "--ca", self.trust("root"), "--server-name", "localhost")

    def test_lines_are_wrapped_to_the_terminal(self):
        where = self.lab.nginx(self.pem("full"), self.key("leaf"))
        status, written = self.run_on_terminal("doctor", where, columns=60)
        self.assertEqual(status, 3)
        lines = written.splitlines()
        self.assertLessEqual(max(len(line) for line in lines), 60, lines)
        self.assertGreater(len(lines), 6)


class Usage(DoctorTest):
    def test_wrong_targets_and_options_exit_2(self):
        for arguments in (["https://localhost/"], ["localhost:http"], ["::1:443"], ["a:b:c"], ["x:443", "--starttls", "gopher"], [],
                          ["a:1", "b:2"]):
            with self.subTest(arguments=arguments):
                self.run_doctor(*arguments, status=2)

    def test_ca_file_that_is_none_exits_1(self):
        self.assertIn("cannot read /nosuch", self.run_doctor("localhost:1", "--ca", "/nosuch", status=1).stderr)
        self.host.path("/etc/empty.pem").write_text("nothing")
        self.assertIn("no certificate", self.run_doctor("localhost:1", "--ca", "/etc/empty.pem", status=1).stderr)
        os.mkfifo(self.host.path("/etc/fifo"))
        self.assertIn("no regular file", self.run_doctor("localhost:1", "--ca", "/etc/fifo", status=1).stderr)


class Manual(unittest.TestCase):
    def test_every_code_is_in_the_manual_and_no_other(self):
        root = pathlib.Path(__file__).parents[2]
        codes = re.findall(r'\[DIAGNOSIS_\w+\] = "([a-z-]+)"', (root / "client/doctor/diagnosis.c").read_text())
        section = (root / "docs/certctl.1").read_text().split(".Sh THE DOCTOR")[1].split(".Sh ")[0]
        self.assertEqual(sorted(codes), sorted(re.findall(r"^\.It Li ([a-z-]+)$", section, re.M)))
        self.assertGreater(len(codes), 20)


if __name__ == "__main__":
    unittest.main()
