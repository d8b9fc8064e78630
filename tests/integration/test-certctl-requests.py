# SPDX-License-Identifier: LGPL-2.1-or-later
"""certctl and requests that travel: csr, import, sign, what was signed, and certificates that wait, against a scripted agent
(fake-agent.c); the requests are OpenSSL's."""

import base64
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from certctl import CONTROLS, CertctlTest  # noqa: E402

SECRET = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"  # how a PKCS#8 key begins


def der_of(pem):
    return base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))


def pem_of(der, label="CERTIFICATE REQUEST"):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def tlv(tag, content):
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big") if size > 127 else b""
    return bytes([tag, 0x80 | len(octets) if octets else size]) + octets + content


class RequestTest(CertctlTest):
    def setUp(self):
        super().setUp()
        self.folder = self.host.path("/home")
        self.folder.mkdir()

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60, cwd=self.folder)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def request(self, *extensions, subject="/CN=www.example.org", key=("ec", "ec_paramgen_curve:P-256"), name="web"):
        """A request in a file; gives its path."""
        self.openssl("req", "-new", "-newkey", key[0], *(["-pkeyopt", key[1]] if len(key) > 1 else []), "-nodes", "-utf8",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject,
                     *[word for e in extensions for word in ("-addext", e)])
        return str(self.folder / f"{name}.csr")

    def certificate(self, request, name="web"):
        """A certificate and that of a CA, one text in a file; gives its path."""
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                     "-out", "ca.pem", "-subj", "/CN=Site CA", "-days", "400")
        self.openssl("x509", "-req", "-in", request, "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "90", "-out", "leaf.pem",
                     "-copy_extensions", "copy", "-set_serial", "0x0abc")
        return self.file(f"{name}.pem", (self.folder / "leaf.pem").read_text() + (self.folder / "ca.pem").read_text())

    def kept(self, name):
        return self.host.path(f"/{name}").read_text()

    def nothing_was_sent(self):
        for name in ("imported", "signed"):
            self.assertFalse(self.host.path(f"/{name}").exists(), name)


class Csr(RequestTest):
    def setUp(self):
        super().setUp()
        self.path = self.request("subjectAltName=DNS:www.example.org,IP:192.0.2.1")
        self.pem = pathlib.Path(self.path).read_text()
        self.fake(f"--request={self.path}")

    def test_piped_it_is_the_request_and_nothing_else(self):
        p = self.run_certctl("csr", "paper")
        self.assertEqual((p.stdout, p.stderr), (self.pem, ""))

    def test_on_a_terminal_it_says_in_words_what_is_requested(self):
        status, out = self.run_on_terminal("csr", "paper", environment={"NO_COLOR": "1"})
        self.assertEqual(status, 0)
        for text in ("Subject: CN=www.example.org", "Names: www.example.org ip:192.0.2.1", "Key: ecdsa-p256, 256 bits",
                     "Made: 3d ago", "Signature: by its key", "certctl import paper FILE"):
            self.assertIn(text, out)

    def test_what_is_copied_from_the_terminal_is_a_request_for_others(self):
        _, out = self.run_on_terminal("csr", "paper")
        copy = self.file("copy", out.replace("\r\n", "\n"))
        self.openssl("req", "-in", copy, "-noout", "-verify")

    def test_json_has_what_it_says_and_the_request(self):
        told = json.loads(self.run_certctl("csr", "paper", "--json=short").stdout)
        self.assertEqual((told["name"], told["pem"], told["subject"], told["names"], told["key_type"], told["key_strength"]),
                         ("paper", self.pem, "CN=www.example.org", ["www.example.org", "ip:192.0.2.1"], "ecdsa-p256", "high"))
        self.assertGreater(told["requested_at"], 0)
        self.assertIs(told["signature_valid"], True)

    def test_when_none_waits_it_says_what_to_do(self):
        err = self.run_certctl("csr", "web", status=1).stderr
        self.assertIn('no request of "web" waits', err)
        self.assertIn("certctl renew web", err)
        self.run_certctl("csr", "nosuch", status=4)

    def test_words_that_cannot_be_had_do_not_cost_the_request(self):
        os.unlink(self.host.path("/usr/lib/certctl/cert-request"))
        status, out = self.run_on_terminal("csr", "paper")
        self.assertEqual(status, 0)
        self.assertIn("cannot run /usr/lib/certctl/cert-request", out)
        self.assertIn(self.pem, out.replace("\r\n", "\n"))


class Import(RequestTest):
    def start(self, *arguments):
        self.path = self.request()
        self.answer_path = self.certificate(self.path)
        self.fake(f"--request={self.path}", *arguments)

    def test_answer_is_sent_and_followed_until_it_is_in_place(self):
        self.start()
        p = self.run_certctl("import", "paper", self.answer_path)
        self.assertIn("paper: done\n", p.stdout)
        self.assertRegex(p.stdout, r"paper is in place: serial number 77, ends ")
        self.assertIn("Told: nginx.service.", p.stdout)
        self.assertEqual(self.kept("imported"), pathlib.Path(self.answer_path).read_text())

    def test_what_is_in_place_already_is_said_and_is_no_failure(self):
        self.start("--job=skipped")
        self.assertIn("letter has this certificate in place already: serial number 01:02:0a",
                      self.run_certctl("import", "letter", self.answer_path).stdout)

    def test_wrong_answer_is_told_and_nothing_is_followed(self):
        self.start("--wrong-answer")
        p = self.run_certctl("import", "paper", self.answer_path, status=1)
        self.assertIn("this is a certificate for another key", p.stderr)
        self.assertIsNone(CONTROLS.search(p.stderr))
        self.assertEqual(p.stdout, "")

    def test_installation_that_fails_says_that_the_agent_has_it(self):
        self.start("--job=failed")
        self.assertIn("The agent has it all the same", self.run_certctl("import", "paper", self.answer_path, status=1).stderr)

    def test_refusal_and_unknown_name(self):
        self.start("--deny")
        self.run_certctl("import", "paper", self.answer_path, status=77)
        self.run_certctl("import", "nosuch", self.answer_path, status=4)

    def test_json(self):
        self.start()
        told = json.loads(self.run_certctl("import", "paper", self.answer_path, "--json=short").stdout)
        self.assertEqual((told["imported"], told["result"]), ("paper", "done"))

    def test_der_becomes_pem_and_several_files_are_one_text(self):
        self.start()
        leaf = self.file("leaf.der", der_of((self.folder / "leaf.pem").read_text()))
        self.run_certctl("import", "paper", leaf, str(self.folder / "ca.pem"))
        sent = self.kept("imported")
        self.assertEqual(sent.count("-----BEGIN CERTIFICATE-----"), 2)
        self.assertIn((self.folder / "leaf.pem").read_text().strip(), sent)

    def test_standard_input(self):
        self.start()
        text = "The certificate that you asked for:\n\n" + pathlib.Path(self.answer_path).read_text()
        self.run_certctl("import", "paper", "-", given=text)
        self.assertEqual(self.kept("imported"), text)
        self.assertIn("once only", self.run_certctl("import", "paper", "-", "-", status=1).stderr)

    def refused(self, path, words):
        p = self.run_certctl("import", "paper", path, status=1)
        self.assertIn(words, p.stderr)
        self.nothing_was_sent()
        return p

    def test_private_key_is_refused_loudly_and_not_echoed(self):
        self.start()
        key = (self.folder / "web.key").read_text()
        body = "".join(key.splitlines()[1:-1])
        beside = self.file("both.pem", pathlib.Path(self.answer_path).read_text() + key)
        for path in (str(self.folder / "web.key"), beside, self.file("key.der", der_of(key))):
            p = self.refused(path, "a private key")
            self.assertIn("NOTHING WAS SENT", p.stderr)
            self.assertNotIn(body[:16], p.stdout + p.stderr)
        p = self.run_certctl("import", "paper", "-", status=1, given=key)
        self.assertIn("standard input is a private key", p.stderr)
        self.nothing_was_sent()

    def test_files_that_are_none_of_it(self):
        self.start()
        self.refused(self.path, "This is the request itself.")
        self.refused(self.file("empty", ""), "an empty file")
        self.refused(self.file("page", "<!DOCTYPE html><html><body>Log in</body></html>"), "a web page")
        self.refused(self.file("text", "hello\n"), "a text")
        self.refused(self.file("noise", os.urandom(64) + b"\0\1\2"), "a binary file")
        self.openssl("pkcs12", "-export", "-inkey", "web.key", "-in", "leaf.pem", "-out", "web.p12", "-passout", "pass:x")
        self.refused(str(self.folder / "web.p12"), "PKCS#12")
        self.refused(str(self.folder / "nosuch"), "No such file")

    def test_what_is_no_file_does_not_hang(self):
        self.start()
        os.mkfifo(self.folder / "pipe")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.folder / "socket"))
        self.refused(str(self.folder), "is a folder")
        self.refused(str(self.folder / "pipe"), "is a named pipe")
        self.refused(str(self.folder / "socket"), "is a socket")
        self.refused("/dev/zero", "is a device")

    def test_a_gigabyte_is_not_read(self):
        self.start()
        path = self.file("big", "")
        os.truncate(path, 1 << 30)
        self.refused(path, "is too large")
        half = self.file("half", pathlib.Path(self.answer_path).read_text() + "#" * 600000)
        self.assertIn("is too large", self.run_certctl("import", "paper", half, half, status=1).stderr)
        p = self.run_certctl("import", "paper", "-", status=1, given="x" * (2 << 20))
        self.assertIn("standard input is too large", p.stderr)
        self.nothing_was_sent()


class Sign(RequestTest):
    def start(self, *extensions, **how):
        self.path = self.request(*(extensions or ["subjectAltName=DNS:www.example.org"]), **how)
        self.answer_path = self.certificate(self.path)
        self.pem = pathlib.Path(self.answer_path).read_text()
        return self.fake(f"--answer={self.answer_path}")

    def test_output_is_the_certificate_and_the_talk_goes_elsewhere(self):
        self.start("subjectAltName=DNS:www.example.org,DNS:example.org")
        p = self.run_certctl("sign", self.path, "--issuer=site", "--yes")
        self.assertEqual(p.stdout, self.pem)
        for text in ("Subject: CN=www.example.org", "Names: www.example.org example.org", "Key: ecdsa-p256, 256 bits, strength: high",
                     'What "site" is to certify', "Usage: server", "Signed: serial number 0abc, ends in 89d 23h",
                     "certctl import NAME FILE"):
            self.assertIn(text, p.stderr)
        self.assertEqual(self.kept("signed"), pathlib.Path(self.path).read_text())
        self.assertEqual(self.kept("signed-options"), "")

    def test_wishes_are_shown_and_sent(self):
        self.start("subjectAltName=DNS:other.example.org", "extendedKeyUsage=serverAuth", "1.2.3.4=DER:0500")
        err = self.run_certctl("sign", self.path, "--issuer", "site", "--as=both", "--lifetime=90d", "--name=a.example.org",
                               "--name", "ip:192.0.2.7", "-y").stderr
        self.assertIn("Not taken: its names, its usage, the extension 1.2.3.4", err)
        self.assertIn("Names: a.example.org ip:192.0.2.7", err)
        self.assertIn("Usage: server and client", err)
        self.assertIn("Lifetime: 90d", err)
        self.assertEqual(self.kept("signed-options"),
                         f"lifetime={90 * 86400 * 10**6} usage=server,client names=a.example.org,ip:192.0.2.7 ")

    def test_a_person_is_asked_and_only_yes_is_yes(self):
        self.start()
        for typed in (b"n\n", b"\n", b"yesterday\n", b"\x04"):
            status, out = self.answer(typed, "sign", self.path, "--issuer=site")
            self.assertIn("Subject: CN=www.example.org", out)
            self.assertEqual((status, "nothing was signed" in out), (1, True), out)
            self.nothing_was_sent()
        status, out = self.answer(b"y\n", "sign", self.path, "--issuer=site")
        self.assertEqual(status, 0, out)
        self.assertLess(out.index("Key: "), out.index("Sign it? [y/N]"))
        self.assertIn(self.pem, out.replace("\r\n", "\n"))

    def test_a_request_that_brings_its_own_yes_is_not_signed(self):
        """As it may be pasted: the request, the end of the input, and an answer to what is asked then."""
        self.start()
        ahead = pathlib.Path(self.path).read_bytes() + b"\x04y\ny\n"
        status, out = self.run_on_terminal("sign", "-", "--issuer=site", environment={"NO_COLOR": "1"}, ahead=ahead, typed=b"n\n")
        self.assertIn("Sign it? [y/N]", out)
        self.assertEqual((status, "nothing was signed" in out), (1, True), out)
        self.nothing_was_sent()

    def test_where_nobody_can_be_asked_it_wants_yes(self):
        self.start()
        p = self.run_certctl("sign", self.path, "--issuer=site", status=2)
        self.assertIn("--yes", p.stderr)
        self.assertEqual(p.stdout, "")
        self.nothing_was_sent()

    def test_request_from_standard_input(self):
        self.start()
        p = self.run_certctl("sign", "-", "--issuer=site", "--yes", given=pathlib.Path(self.path).read_text())
        self.assertEqual(p.stdout, self.pem)

    def test_der_request(self):
        self.start()
        path = self.file("web.der", der_of(pathlib.Path(self.path).read_text()))
        self.run_certctl("sign", path, "--issuer=site", "--yes")
        self.assertEqual(der_of(self.kept("signed")), pathlib.Path(path).read_bytes())

    def test_output_file_is_new_whole_and_readable(self):
        self.start()
        out = self.folder / "out.pem"
        p = self.run_certctl("sign", self.path, "--issuer=site", "--yes", "-o", str(out))
        self.assertEqual((p.stdout, out.read_text(), out.stat().st_mode & 0o7777), ("", self.pem, 0o644))
        self.assertIn(f"certctl import NAME {out}", p.stderr)
        os.unlink(self.host.path("/signed"))
        out.write_text("mine")
        p = self.run_certctl("sign", self.path, "--issuer=site", "--yes", "-o", str(out), status=1)
        self.assertIn("stays as it is; nothing was signed", p.stderr)
        self.assertEqual(out.read_text(), "mine")
        self.nothing_was_sent()
        self.run_certctl("sign", self.path, "--issuer=site", "--yes", "-o", str(out), "--force")
        self.assertEqual(out.read_text(), self.pem)
        self.assertEqual([f.name for f in self.folder.iterdir() if f.name.startswith("out.pem")], ["out.pem"])

    def test_what_cannot_be_written_is_found_before_it_is_signed(self):
        self.start()
        err = self.run_certctl("sign", self.path, "--issuer=site", "--yes", "-o", "/nosuch/out.pem", status=1).stderr
        self.assertIn("nothing was signed", err)
        self.assertIn("nothing was signed", self.run_certctl("sign", self.path, "--issuer=site", "--yes", "--force", "-o",
                                                             str(self.folder), status=1).stderr)
        self.nothing_was_sent()

    def test_ca_certificate_in_a_file_of_its_own(self):
        self.start()
        leaf, ca = self.folder / "only-leaf.pem", self.folder / "only-ca.pem"
        self.run_certctl("sign", self.path, "--issuer=site", "--yes", f"--output={leaf}", f"--ca-output={ca}")
        self.assertEqual(leaf.read_text(), (self.folder / "leaf.pem").read_text())
        self.assertEqual(ca.read_text(), (self.folder / "ca.pem").read_text())

    def test_json_is_all_of_it_without_talk(self):
        self.start("subjectAltName=DNS:www.example.org")
        p = self.run_certctl("sign", self.path, "--issuer=site", "--yes", "--json=short")
        self.assertEqual(p.stderr, "")
        told = json.loads(p.stdout)
        self.assertEqual((told["issuer"], told["serial_number"], told["names"], told["chain"]),
                         ("site", "0abc", ["www.example.org"], []))
        self.assertEqual(der_of(told["certificate"]), der_of((self.folder / "leaf.pem").read_text()))
        self.assertEqual(der_of(told["ca"]), der_of((self.folder / "ca.pem").read_text()))
        self.assertGreater(told["not_after"], told["not_before"])

    def not_signed(self, path, *words):
        p = self.run_certctl("sign", path, "--issuer=site", "--yes", "--quiet", status=1)
        for text in words:
            self.assertIn(text, p.stderr)
        self.assertIsNone(CONTROLS.search(p.stderr), p.stderr)
        self.assertEqual(p.stdout, "")
        self.nothing_was_sent()

    def test_bad_requests_are_told_in_words_and_not_sent(self):
        self.start()
        der = der_of(pathlib.Path(self.path).read_text())
        broken = self.file("broken", pem_of(der[:-1] + bytes([der[-1] ^ 1])))
        self.not_signed(broken, "not signed by its own key", "Have it sent again")
        negative = self.file("negative", pem_of(der.replace(b"\x02\x01\x00", b"\x02\x01\xff", 1)))
        self.not_signed(negative, "a negative version")
        self.not_signed(self.request(key=("rsa:512",), name="weak"), "RSA of 512 bits is not certified", "Make a new key")
        self.not_signed(self.request("basicConstraints=CA:TRUE", name="ca"), "asks for a CA certificate (CA:TRUE)")
        self.not_signed(self.request("keyUsage=keyCertSign", name="signer"), "asks to sign certificates")
        self.not_signed(self.request("1.2.3.4=critical,DER:0500", name="odd"), "the critical extension 1.2.3.4")
        nul = b"www.example.org\0.evil.example"
        self.not_signed(self.request(f"subjectAltName=DER:30{len(nul) + 2:02x}82{len(nul):02x}{nul.hex()}", name="nul"),
                        "holds a NUL byte")
        self.not_signed(self.request(name="nameless"), "no subject alternative name", "certctl sign --name www.example.org")
        self.not_signed(self.request("extendedKeyUsage=codeSigning", "subjectAltName=DNS:a.example", name="code"),
                        "neither serverAuth nor clientAuth", "--as")
        cut = self.file("cut", pem_of(der[:-40]))
        self.not_signed(cut, "cannot be read")

    def test_name_with_a_nul_byte_shows_where_it_is(self):
        self.start()
        nul = b"www.example.org\0.evil.example"
        path = self.request(f"subjectAltName=DER:30{len(nul) + 2:02x}82{len(nul):02x}{nul.hex()}", name="nul")
        self.assertIn("dns:www.example.org\\00.evil.example", self.run_certctl("sign", path, "--issuer=site", "--yes", status=1).stderr)

    def test_names_that_would_write_on_the_terminal(self):
        self.start()
        path = self.request("subjectAltName=DNS:a.example", subject="/CN=\x1b]0;owned\x07\x1b[2Jweb\u202e", name="hostile")
        p = self.run_certctl("sign", path, "--issuer=site", "--yes", status=1)
        self.assertIn("owned", p.stderr)
        self.assertIn("cannot be printed", p.stderr)
        self.assertIsNone(CONTROLS.search(p.stderr))
        status, out = self.answer(b"y\n", "sign", path, "--issuer=site")
        self.assertEqual((status, "\x1b" in out), (1, False))
        self.nothing_was_sent()

    def test_ten_thousand_names_are_shown_shortened(self):
        self.start()
        names = ",".join(f"DNS:host{i}.example.org" for i in range(10000))
        config = self.file("many.cnf", f"[req]\ndistinguished_name=dn\nreq_extensions=e\nprompt=no\n[dn]\nCN=x\n[e]\n"
                                       f"subjectAltName={names}\n")
        self.openssl("req", "-new", "-key", "web.key", "-config", config, "-out", "many.csr")
        p = self.run_certctl("sign", str(self.folder / "many.csr"), "--issuer=site", "--yes", status=1)
        self.assertIn("host9.example.org ... and 9990 more", p.stderr)
        self.assertLess(len(p.stderr), 2000)
        self.assertRegex(p.stderr, r"a request of \d+ bytes \(from 1 to 65536\)")
        self.nothing_was_sent()

    def test_thousands_of_extensions_hold_nobody_up(self):
        """GnuTLS looks for one in a time that grows with the square of their number, even to read the key."""
        self.start()
        self.openssl("pkey", "-in", "web.key", "-pubout", "-outform", "DER", "-out", "public.der")
        extensions = b"".join(tlv(0x30, tlv(6, bytes([0x2a, 3, 0x81 + i // 128, i % 128])) + tlv(4, b"")) for i in range(6500))
        attributes = tlv(0x30, bytes.fromhex("06092a864886f70d01090e") + tlv(0x31, tlv(0x30, extensions)))
        info = tlv(0x30, tlv(2, b"\0") + tlv(0x30, b"") + (self.folder / "public.der").read_bytes() + tlv(0xa0, attributes))
        der = tlv(0x30, info + bytes.fromhex("300a06082a8648ce3d040302") + tlv(3, b"\0" + bytes.fromhex("3006020101020101")))
        self.assertLess(len(der), 1 << 16)
        began = time.monotonic()
        self.not_signed(self.file("thousands.der", der), "more than 32 extensions")
        self.assertLess(time.monotonic() - began, 20)

    def test_what_is_wished_mends_what_the_request_lacks(self):
        self.start("extendedKeyUsage=codeSigning")
        err = self.run_certctl("sign", self.path, "--issuer=site", "--yes", "--name=a.example.org", "--as=server").stderr
        self.assertIn("Not taken: its usage", err)
        os.unlink(self.host.path("/signed"))
        self.run_certctl("sign", self.request(name="person"), "--issuer=site", "--yes", "--as=client")

    def test_every_name_that_is_signed_is_seen(self):
        names = [f"host{i}.example.org" for i in range(100)]
        self.start("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
        self.assertEqual(self.run_certctl("sign", self.path, "--issuer=site", "--yes").stderr.count(" ".join(names)), 2)

    def test_challenge_password_is_not_shown(self):
        config = self.file("c.cnf", "[req]\ndistinguished_name=dn\nattributes=a\nprompt=no\n[dn]\nCN=x\n[a]\n"
                                    "challengePassword=geheim99\n")
        self.start()
        self.openssl("req", "-new", "-key", "web.key", "-config", config, "-out", "c.csr")
        p = self.run_certctl("sign", str(self.folder / "c.csr"), "--issuer=site", "--yes", "--name=x.example")
        self.assertIn("Not taken: its challenge password", p.stderr)
        self.assertNotIn("geheim99", p.stdout + p.stderr)

    def test_files_that_are_no_request(self):
        self.start()
        for path, words in ((self.answer_path, "What is signed is a request"),
                            (str(self.folder / "web.key"), "NOTHING WAS SENT")):
            self.assertIn(words, self.run_certctl("sign", path, "--issuer=site", "--yes", status=1).stderr)
        self.nothing_was_sent()

    def test_refusals(self):
        self.start()
        self.run_certctl("sign", self.path, "--issuer=nosuch", "--yes", status=4)
        self.run_certctl("sign", self.path, "--yes", status=2)
        self.run_certctl("sign", self.path, "--issuer=site", "--yes", "--as=ca", status=2)
        self.run_certctl("sign", self.path, "--issuer=site", "--yes", "--lifetime=soon", status=2)
        self.run_certctl("sign", self.path, "--issuer=site", "--yes", "--lifetime=0", status=2)

    def test_not_permitted(self):
        self.path = self.request("subjectAltName=DNS:www.example.org")
        self.fake("--deny", f"--answer={self.path}")
        self.run_certctl("sign", self.path, "--issuer=site", "--yes", status=77)

    def test_describing_program_that_is_killed_is_no_yes(self):
        self.start()
        program = self.host.path("/usr/lib/certctl/cert-request")
        os.unlink(program)
        program.write_text("#!/bin/sh\nkill -KILL $$\n")
        program.chmod(0o755)
        self.assertIn(f"ended by signal {int(signal.SIGKILL)}",
                      self.run_certctl("sign", self.path, "--issuer=site", "--yes", status=1).stderr)
        self.nothing_was_sent()


class Issued(RequestTest):
    def test_table_of_what_was_signed(self):
        self.fake("--good", "--trust")
        for arguments in (["authority", "show", "--issued", "site"], ["authority", "show", "--issued"], ["authority", "--issued"]):
            lines = self.run_certctl(*arguments).stdout.splitlines()
            self.assertEqual(lines[0].split(), ["SERIAL", "NAMES", "USAGE", "STATE", "ENDS"])
            self.assertEqual(lines[1].split()[:4], ["0a01", "www.example.org", "server", "valid"])
            self.assertEqual([line.split()[0] for line in lines[1:]], ["0a01", "0a02", "0a03"])
            self.assertIn(" expired ", lines[2])
            self.assertIn(" revoked ", lines[3])
            self.assertIsNone(CONTROLS.search("\n".join(lines)))

    def test_of_several_authorities_it_says_which(self):
        self.fake("--trust")
        lines = self.run_certctl("authority", "show", "--issued").stdout.splitlines()
        self.assertEqual(lines[1].split()[:3], ["0a01", "site", "www.example.org"])

    def test_serial_number_is_never_cut(self):
        self.fake("--good", "--trust")
        _, out = self.run_on_terminal("authority", "show", "--issued", "--no-pager", columns=24)
        self.assertIn("0a01", out)
        self.assertNotIn("www.example.org", out)

    def test_json(self):
        self.fake("--good", "--trust")
        told = json.loads(self.run_certctl("authority", "show", "--issued", "site", "--json=short").stdout)
        self.assertEqual([(e["Issuer"], e["SerialNumber"], e["Revoked"]) for e in told],
                         [("site", "0a01", False), ("site", "0a02", False), ("site", "0a03", True)])

    def test_none_and_those_that_cannot_be_asked(self):
        fake = self.fake("--trust")
        self.assertIn("Nothing was signed", self.run_certctl("authority", "show", "--issued", "lab").stdout)
        self.assertEqual(json.loads(self.run_certctl("authority", "show", "--issued", "lab", "--json=short").stdout), [])
        fake.terminate()
        fake.wait()
        self.fake("--trust", "--mute")
        self.assertIn("does not answer", self.run_certctl("authority", "show", "--issued", status=1).stderr)

    def test_revoke_by_serial_number(self):
        self.fake("--good", "--trust")
        out = self.run_certctl("revoke", "--issuer=site", "--serial=0x0A:01", "--reason=superseded").stdout
        self.assertIn('serial number 0a01 that "site" signed (superseded)', out)
        self.assertEqual(self.kept("revoked"), "superseded")
        told = json.loads(self.run_certctl("revoke", "--issuer=site", "--serial=0a01", "--json=short").stdout)
        self.assertEqual(told, {"revoked": "0a01", "issuer": "site", "reason": "unspecified"})
        self.run_certctl("revoke", "--issuer=site", "--serial=77", status=4)

    def test_revoke_knows_what_belongs_together(self):
        self.fake("--good", "--trust")
        for arguments in (["--serial=0a01"], ["--issuer=site"], ["web", "--issuer=site", "--serial=0a01"], [],
                          ["--issuer=site", "--serial=xyz"], ["--issuer=site", "--serial="]):
            self.run_certctl("revoke", *arguments, status=2)


class Waiting(RequestTest):
    """"paper" waits and has nothing, "letter" waits beside a live pair with 18 of 30 days left, "late" with 1 of 41."""

    def start(self, *arguments):
        self.path = self.request()
        return self.fake(f"--request={self.path}", "--good", *arguments)

    def test_status_says_since_when_and_what_to_do(self):
        self.start()
        out = self.run_certctl("status").stdout
        self.assertRegex(out, r"\* paper waits for its answer since \d{4}-\d\d-\d\d .* UTC: certctl csr paper > paper.csr, "
                              r"have it signed, certctl import paper FILE\n|"
                              r"● paper waits for its answer since \d{4}-\d\d-\d\d .* UTC: certctl csr paper > paper.csr, "
                              r"have it signed, certctl import paper FILE\n")
        self.assertEqual(out.count("waits for its answer since"), 3)
        self.assertRegex(out, r" certificates, \d need attention, 3 wait for an answer\.\n")
        self.assertRegex(out, r"\nletter +waiting +site +in 18d .*\) +-\n")

    def test_status_of_one(self):
        self.start()
        out = self.run_certctl("status", "letter").stdout
        self.assertIn("Requested: 11d 23h ago", out)
        self.assertIn("To do: certctl csr letter > letter.csr, have it signed, certctl import letter FILE", out)

    def test_a_time_that_never_comes_is_shown_nowhere(self):
        self.start()
        for arguments in (["status"], ["status", "paper"], ["show", "paper"], ["plan", "--all"], ["status", "--json=short"],
                          ["show", "paper", "--json=short"], ["plan", "--json=short"], ["check"]):
            p = subprocess.run([self.program, *arguments], env=self.environment, capture_output=True, text=True, timeout=60)
            self.assertNotRegex(p.stdout, r"18446744073709|58454[0-9]|9999", arguments)
            self.assertEqual(p.stderr, "")

    def test_show_has_since_when(self):
        self.start()
        self.assertGreater(json.loads(self.run_certctl("show", "paper", "-p", "RequestedAt", "--json=short").stdout)["RequestedAt"], 0)
        self.assertEqual(self.run_certctl("show", "paper", "-p", "NextRenewal", "--value").stdout, "\n")

    def test_check_warns_and_is_critical_near_the_end(self):
        self.start()
        line = self.run_certctl("check", status=2).stdout
        self.assertRegex(line, r"letter waits for its answer since \d{4}-")
        self.assertEqual(line.count("\n"), 1)

    def test_renew_says_what_to_do_about_what_waits(self):
        self.start("--job=waiting")
        out = self.run_certctl("renew", "paper").stdout
        self.assertRegex(out, r"paper waits for its answer since .*: certctl csr paper > paper.csr")

    def test_plan_says_what_it_waits_for(self):
        self.start()
        self.assertRegex(self.run_certctl("plan", "paper").stdout, r"paper +none +missing-cert missing-key +when its answer comes")


class RealAgent(RequestTest):
    """The whole way, with the real authority; what the requests hold is judged by OpenSSL."""

    def setUp(self):
        super().setUp()
        self.host.manifest({"web": self.host.certificate("web")},
                           issuers={"site": {"type": "local", "crl_path": "/etc/tls/site.crl"}})
        self.host.start_agent()
        self.run_certctl("renew", "--due")

    def test_signed_listed_and_revoked(self):
        path = self.request("subjectAltName=DNS:far.example.org,IP:192.0.2.9", "extendedKeyUsage=clientAuth", name="far")
        out, ca = self.folder / "far.pem", self.folder / "site-ca.pem"
        self.assertIn("Usage: client", self.run_certctl("sign", path, "--issuer=site", "--yes", "--lifetime=9d", f"-o{out}",
                                                        f"--ca-output={ca}").stderr)
        self.openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", str(ca), str(out))
        listed = json.loads(self.run_certctl("authority", "show", "--issued", "--json=short").stdout)
        self.assertEqual([(e["Issuer"], e["SubjectAltNames"], e["Usage"], e["Revoked"]) for e in listed],
                         [("site", ["far.example.org", "ip:192.0.2.9"], ["client"], False)])
        serial = listed[0]["SerialNumber"]
        self.assertIn(serial, self.run_certctl("revoke", "--issuer=site", f"--serial={serial.upper()}").stdout)
        self.assertRegex(self.run_certctl("authority", "show", "--issued", "site").stdout, serial + r" .* revoked ")
        self.run_certctl("revoke", "--issuer=site", "--serial=77", status=4)

    def test_request_goes_to_an_authority_and_comes_back(self):
        self.host.path("/etc/tls/site-ca.pem").write_text(self.run_certctl("authority", "export", "site").stdout)
        self.host.manifest({"web": self.host.certificate("web"), "far": self.host.certificate("far", issuer="paper")},
                           issuers={"site": {"type": "local", "crl_path": "/etc/tls/site.crl"},
                                    "paper": {"type": "csr", "roots": "/etc/tls/site-ca.pem"}})
        self.run_certctl("reload")
        err = self.run_certctl("csr", "far", status=1).stderr
        self.assertIn("certctl renew far", err)
        self.assertRegex(self.run_certctl("renew", "far").stdout,
                         r"far waits for its answer since .*: certctl csr far > far.csr, have it signed, certctl import far FILE")
        self.assertRegex(self.run_certctl("status").stdout, r"far waits for its answer since .* UTC: certctl csr far")
        self.assertRegex(self.run_certctl("plan", "far").stdout, r"far +none +missing-cert.* when its answer comes")
        self.run_certctl("renew", "--due")
        self.assertEqual(self.run_certctl("renew", "--due").stdout,
                         "There was nothing to do.\n1 waits for an answer by hand: certctl status\n")
        self.assertRegex(self.run_certctl("check", status=1).stdout, r"far waits for its answer since ")
        request, answer = self.file("far.csr", self.run_certctl("csr", "far").stdout), self.folder / "answer.pem"
        told = json.loads(self.run_certctl("csr", "far", "--json=short").stdout)
        self.assertEqual((told["pem"], told["signature_valid"]), (pathlib.Path(request).read_text(), True))
        self.openssl("req", "-in", request, "-noout", "-verify")
        self.run_certctl("sign", request, "--issuer=site", "--yes", "-o", str(answer))

        wrong = self.certificate(self.request(name="other"), name="other")
        self.assertIn("import", self.run_certctl("import", "far", wrong, status=1).stderr)
        out = self.run_certctl("import", "far", str(answer)).stdout
        serial = json.loads(self.run_certctl("show", "far", "-p", "SerialNumber", "--json=short").stdout)["SerialNumber"]
        self.assertIn(f"far is in place: serial number {serial}, ends in ", out)
        self.assertEqual(self.run_certctl("show", "far", "-p", "State", "--value").stdout, "valid\n")
        self.assertIn(f"far has this certificate in place already: serial number {serial}", self.run_certctl("import", "far", str(answer)).stdout)
        self.run_certctl("csr", "far", status=1)
        self.run_certctl("check")
        self.run_certctl("renew", "--force", "far")
        self.assertIn(" 1 waits for an answer by hand", self.run_certctl("plan").stdout)

    def test_every_usage(self):
        path = self.request("subjectAltName=DNS:far.example.org", name="far")
        for usage, words in (("server", ["server"]), ("client", ["client"]), ("both", ["server", "client"])):
            told = json.loads(self.run_certctl("sign", path, "--issuer=site", "--yes", f"--as={usage}", "--json=short").stdout)
            self.assertEqual(told["usage"], words)

    def test_authority_refuses_what_is_only_its_to_know(self):
        path = self.request("subjectAltName=DNS:far.example.org", name="far")
        self.assertIn("IP address", self.run_certctl("sign", path, "--issuer=site", "--yes", "--name=ip:1.2.3", status=1).stderr)
        self.assertEqual(json.loads(self.run_certctl("authority", "show", "--issued", "--json=short").stdout), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
