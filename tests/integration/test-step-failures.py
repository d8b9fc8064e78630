# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way in which getting a certificate from a step-ca can fail: its error, its words, its hint; no file is changed,
nobody else is held up, and when the fault is gone the next try works.

Each row of a table is an issuer and a certificate of its own behind a server of its own (faulty.py). All rows of a class
fail in one pass, together with a certificate of another issuer that must not notice: first everything is issued, then
everything is spoiled and is to have one name more, then it is mended and tried again. The tests look at what was seen
then."""

import base64
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import faulty  # noqa: E402
from faulty import certificate, change, provisioner, refuse, say, truncated  # noqa: E402
from harness import Host  # noqa: E402
from stepca import StepCA, free_port  # noqa: E402

PATIENCE = {"timeout": "10s"}  # with a server that stalls; the rest have the default, since all start at once
NOTHING = staticmethod(lambda s: None)


@dataclasses.dataclass
class Row:
    name: str
    error: str    # org.certagent1.Error.…
    message: str  # expressions that it must have, blanks between them and "~" for a blank
    hint: str     # the same of the hint
    spoil: object = NOTHING       # is given a Scene
    mend: object = NOTHING
    wish: dict = dataclasses.field(default_factory=dict)         # of the issuer, at all times
    spoiled_wish: dict = dataclasses.field(default_factory=dict)  # of the issuer while it is spoiled
    lifetime: str = None   # of the certificate while it is spoiled
    retry: tuple = None    # seconds until RetryAt: at least, at most
    state: str = "failed"
    rest: float = 0        # seconds after which the next try can work
    prepare: object = NOTHING


def answer(name, path, fault, error, message, hint, **further):
    """A row whose server spoils its answer."""
    return Row(name, error, message, hint, spoil=lambda s: s.server.spoil(path, fault), **further)


class Scene:
    """A row at work."""

    def __init__(self, row, host, ca):
        self.row, self.host, self.ca = row, host, ca
        self.server = faulty.Faulty(ca)
        self.folder = host.path(f"/etc/tls/{row.name}")
        self.folder.mkdir()
        self.password_path = f"/etc/cert-agent/{row.name}.password"
        self.password = ca.give_password(host, self.password_path)
        self.names = [f"{row.name}.example.org"]
        row.prepare(self)

    def issuer(self, spoiled):
        wish = {"url": self.server.url, "password_file": self.password_path, **self.row.wish}
        if spoiled:
            wish.update({k: v(self) if callable(v) else v for k, v in self.row.spoiled_wish.items()})
        return self.ca.issuer(**wish)

    def certificate(self, spoiled):
        further = {"lifetime": self.row.lifetime} if spoiled and self.row.lifetime else {}
        return self.host.certificate(self.row.name, issuer=self.row.name, cert_path=f"/etc/tls/{self.row.name}/cert.pem",
                                     key_path=f"/etc/tls/{self.row.name}/key.pem", sans=self.names, **further)

    def spoil(self):
        self.row.spoil(self)

    def mend(self):
        self.server.mend()
        self.row.mend(self)

    def files(self):
        """What its files are, to the last attribute that a reader or a watcher could notice."""
        facts = []
        for path in sorted(self.folder.iterdir()):
            s = path.stat()
            facts.append((path.name, s.st_ino, s.st_mtime_ns, s.st_mode, s.st_uid, s.st_gid,
                          hashlib.sha256(path.read_bytes()).hexdigest()))
        return facts

    def replace_password(self, how):
        self.password.unlink()
        how(self.password)

    def mend_password(self):
        if self.password.is_dir():
            self.password.rmdir()
        elif os.path.lexists(self.password):
            self.password.unlink()
        self.ca.give_password(self.host, self.password_path)

    def forget_roots(self):
        for path in self.host.path("/var/cache/cert-issuer-step").iterdir():
            path.unlink()


class Matrix(unittest.TestCase):
    """The pass of a table; see Rows below for what is asked of each row."""

    rows = []
    fresh = False  # the issuers' processes begin anew before anything is spoiled: they keep connections and provisioners

    @classmethod
    def setUpClass(cls):
        cls.ca = StepCA()
        cls.addClassCleanup(cls.ca.end)
        cls.prepare_ca()
        cls.ca.start()
        cls.host = Host()
        cls.addClassCleanup(cls.host.end)
        # No name server is there: a look-up that fails takes a second, not ten.
        cls.host.agent_environment["RES_OPTIONS"] = "timeout:1 attempts:1"
        cls.scenes = {row.name: Scene(row, cls.host, cls.ca) for row in cls.rows}
        for scene in cls.scenes.values():
            cls.addClassCleanup(scene.server.end)
        cls.declare(spoiled=False)
        cls.host.start_agent()
        result, steps = cls.host.renew_due()
        assert result == "done", "the first issue:\n" + "\n".join(f"{n}: {s}" for n, s in steps.items() if s[0] != "done")
        cls.fail_all()
        cls.mend_all()

    @classmethod
    def prepare_ca(cls):
        pass

    @classmethod
    def declare(cls, spoiled):
        issuers = {name: s.issuer(spoiled) for name, s in cls.scenes.items()}
        certificates = {name: s.certificate(spoiled) for name, s in cls.scenes.items()}
        names = max((s.names for s in cls.scenes.values()), key=len)
        certificates["other"] = cls.host.certificate("other", sans=names)
        cls.host.manifest(certificates, {**issuers, "site": {"type": "local"}})

    @classmethod
    def fail_all(cls):
        if cls.fresh:
            cls.host.stop_agent()
        before = cls.host.path("/etc/tls/other.pem").read_text()
        for s in cls.scenes.values():
            s.before = s.files()
            s.names.append(f"more.{s.row.name}.example.org")
            s.spoil()
        cls.declare(spoiled=True)
        if cls.fresh:
            cls.host.start_agent()
        else:
            cls.host.call("Reload")
        started = time.time()
        cls.result, cls.steps = cls.host.renew_due()
        cls.took = time.time() - started
        cls.listed = {c[0]: c for c in cls.host.call("ListCertificates")[0]}
        cls.other_is_new = cls.host.path("/etc/tls/other.pem").read_text() != before
        for name, s in cls.scenes.items():
            s.after = s.files()
            s.seen = {p: cls.host.get(name, p) for p in ("State", "LastError", "Hint", "RetryAt", "FailureCount")}
            s.seen["retry"] = s.seen["RetryAt"] / 1e6 - started
        cls.status = {name: subprocess.run([cls.host.build / "client/certctl", "--no-pager", "status", name],
                                           env=cls.host.environment, capture_output=True, text=True).stdout
                      for name in cls.scenes}

    @classmethod
    def mend_all(cls):
        time.sleep(max(row.rest for row in cls.rows))
        for s in cls.scenes.values():
            s.mend()
        cls.declare(spoiled=False)
        cls.host.call("Reload")
        cls.mended = cls.host.renew(*cls.scenes)[1]
        for name, s in cls.scenes.items():
            s.seen["state when mended"] = cls.host.state(name)

    # ---- What is asked of a row ----

    def has(self, text, expressions, what):
        for expression in expressions.split():
            self.assertRegex(text, re.compile(expression.replace("~", r"\s"), re.I), what)

    def check_row(self, name):
        s = self.scenes[name]
        seen, said = s.seen, f"{self.steps[name]}\n{s.seen}"
        self.assertEqual(self.steps[name][0], "failed", said)
        self.assertEqual(seen["State"], s.row.state, said)
        self.assertEqual(self.listed[name][5], s.row.error, said)
        self.has(seen["LastError"], s.row.message, said)
        self.has(seen["Hint"], s.row.hint, said)
        self.assertNotIn("\n", seen["LastError"].strip(), "a message is one line")
        self.assertNotIn(self.ca.password, said)
        self.assertEqual(s.before, s.after, "files were changed")
        self.assertEqual(seen["FailureCount"], 1)
        low, high = s.row.retry or (30, 8 * 3600)
        self.assertTrue(low <= seen["retry"] <= high, f"to be tried again in {seen['retry']:.0f} s")
        for text in (seen["LastError"], seen["Hint"]):
            self.assertIn(" ".join(text.split()), " ".join(self.status[name].split()), "certctl status does not say it")
        self.assertEqual(self.mended[name][0], "done", self.mended[name])
        self.assertEqual(seen["state when mended"], "valid")

    def others_did_not_notice(self):
        self.assertEqual(self.result, "failed")
        self.assertEqual(self.steps["other"][0], "done")
        self.assertTrue(self.other_is_new)


def with_rows(cls):
    """A test for each row of the table."""
    for row in cls.rows:
        def test(self, name=row.name):
            self.check_row(name)
        setattr(cls, "test_" + row.name.replace("-", "_"), test)
    cls.test_others_did_not_notice = Matrix.others_did_not_notice
    return cls


# ---- The way to the server, and who it is ----


@with_rows
class Reaching(Matrix):
    fresh = True
    rows = [
        Row("not-running", "IssuerUnreachable", r"127\.0\.0\.1:\d+ refuses", "listens firewall", spoil=lambda s: s.server.stop(),
            mend=lambda s: s.server.listen()),
        Row("no-such-host", "IssuerUnreachable", r"ca\.example\.invalid", "name|resolv|DNS",
            spoiled_wish={"url": "https://ca.example.invalid:9000"}),
        Row("firewall-drops", "IssuerTimeout", r"127\.0\.0\.1:\d+", "firewall", spoiled_wish=PATIENCE,
            spoil=lambda s: faulty.block(s.server.port, "drop"), mend=lambda s: faulty.unblock()),
        Row("firewall-resets", "IssuerUnreachable", r"127\.0\.0\.1:\d+ refuses", "firewall",
            spoil=lambda s: faulty.block(s.server.port, "reject with tcp reset"), mend=lambda s: faulty.unblock()),
        Row("firewall-forbids", "IssuerUnreachable", r"127\.0\.0\.1:\d+", "route|network|firewall",
            spoil=lambda s: faulty.block(s.server.port, "reject with icmpx type admin-prohibited"),
            mend=lambda s: faulty.unblock()),
        Row("all-of-a-list", "IssuerUnreachable", r"127\.0\.0\.1:\d+ refuses", "listens firewall",
            spoiled_wish={"url": lambda s: [f"https://127.0.0.1:{free_port()}" for _ in range(3)]}),
        Row("other-root", "IssuerAuthentication", "certificate root|trust", "root_fingerprint|root",
            spoil=lambda s: s.server.present(other_ca=True)),
        Row("server-expired", "IssuerUnreachable", "certificate expired", "clock|renew|CA",
            spoil=lambda s: s.server.present(ahead=-3)),
        Row("server-not-yet-valid", "IssuerUnreachable", "certificate not~valid~before", "clock",
            spoil=lambda s: s.server.present(ahead=3)),
        Row("other-host", "IssuerUnreachable", r"certificate name 127\.0\.0\.1", "url|dnsNames|name",
            spoil=lambda s: s.server.present(names="DNS:other.example.org")),
        Row("no-tls", "IssuerUnreachable", r"127\.0\.0\.1:\d+ TLS", "url|https|TLS",
            spoil=lambda s: setattr(s.server, "plain", True)),
    ]


# ---- What the server says ----



def http_date(ahead):
    """So many seconds from now (RFC 9110, section 5.6.7)."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + ahead))


def nested(e):
    depth = 100000
    return say('{"crt": ' + "[" * depth + "]" * depth + "}")(e)


@with_rows
class Refusing(Matrix):
    rows = [
        answer("s401", "/sign", refuse(401, "The request lacked necessary authorization.", date=lambda: http_date(0)),
               "IssuerAuthentication", "401", "dnsNames provisioner"),
        answer("s401-no-date", "/sign", refuse(401), "IssuerAuthentication", "401", "clock provisioner"),
        answer("s401-other-clock", "/sign", refuse(401, date=lambda: http_date(-3600)), "IssuerAuthentication",
               "401 1h|59min|60min", "clock"),
        answer("s403-names", "/sign", refuse(403, "x509 certificate request not allowed: dns name is not in policy"),
               "IssuerRefused", "not~in~policy", "sans|names|provisioner|polic"),
        answer("s403-key", "/sign", refuse(403, "certificate request RSA key must be at least 2048 bits (256 bytes)"),
               "IssuerRefused", "2048~bits", "key"),
        Row("s403-duration", "IssuerRefused", "more~than~the~authorized~maximum", "lifetime", lifetime="1000h"),
        answer("s403-escapes", "/sign", refuse(403, "\x1b[31mred\x07\n\u202eforged line"), "IssuerRefused", "red", "."),
        answer("s400", "/sign", refuse(400, "missing csr"), "IssuerRefused", "missing~csr", "."),
        answer("s404", "/sign", refuse(404), "IssuerProtocol", "404", "url"),
        answer("s429-seconds", "/sign", refuse(429, retry_after="300"), "IssuerRefused", "429|many", ".",
               retry=(290, 420)),
        answer("s503-date", "/sign", refuse(503, retry_after=lambda: http_date(900)), "IssuerUnreachable", "503", ".",
               retry=(600, 1100)),
        answer("s503-garbage", "/sign", refuse(503, retry_after="soon"), "IssuerUnreachable", "503", ".",
               retry=(30, 300)),
        answer("s503-huge", "/sign", refuse(503, retry_after="99999999999999999999"), "IssuerUnreachable",
               "503", ".", retry=(30, 366 * 86400)),
        answer("s500", "/sign", refuse(500), "IssuerProtocol", "500", "log"),
        answer("s302", "/sign", refuse(302, location="https://evil.example.org/"), "IssuerProtocol",
               r"302 evil\.example\.org", "url"),
        answer("s200-with-an-error", "/sign", say('{"status": 401, "message": "no"}', 200), "IssuerProtocol", ".", "."),
        answer("s99", "/sign", say("{}", 99), "IssuerProtocol", ".", "."),
    ]

    def test_what_a_server_writes_cannot_forge_a_line_or_colour_a_terminal(self):
        for text in (*self.scenes["s403-escapes"].seen.values(), self.status["s403-escapes"]):
            for forbidden in ("\x1b[31m", "\x07", "\u202e"):
                self.assertNotIn(forbidden, str(text))


@with_rows
class Answering(Matrix):
    rows = [
        answer("dies-at-once", "/sign", faulty.dies_at_once, "IssuerUnreachable", "broke|closed|without", "."),
        answer("dies-in-the-head", "/sign", faulty.dies_in_head, "IssuerUnreachable", "broke|closed|reset", "."),
        answer("dies-in-the-body", "/sign", truncated(), "IssuerUnreachable", "broke|closed|end", "."),
        answer("body-cut-off", "/sign", truncated(announced=False), "IssuerUnreachable", ".", "."),
        answer("announces-too-much", "/sign", faulty.overlong(), "IssuerProtocol", "more~than|large|big|long", "."),
        answer("says-too-much", "/sign", faulty.overlong(announced=False), "IssuerProtocol", "more~than|large|big|long", "."),
        answer("head-without-end", "/sign", faulty.endless_head, "IssuerProtocol", ".", "."),
        answer("a-byte-a-second", "/sign", faulty.slow, "IssuerTimeout", r"\d~?s", ".", spoiled_wish=PATIENCE),
        answer("never", "/sign", faulty.never, "IssuerTimeout", r"\d~?s", ".", spoiled_wish=PATIENCE),
        answer("no-http", "/sign", faulty.no_http, "IssuerProtocol", "HTTP", "url"),
        answer("html", "/sign", say("<html>Sign in to the guest network</html>", 200, "text/html"), "IssuerProtocol",
               "JSON|html", "."),
        answer("empty", "/sign", say("", 201), "IssuerProtocol", ".", "."),
        answer("an-array", "/sign", say("[]", 201), "IssuerProtocol", ".", "."),
        answer("without-members", "/sign", say("{}", 201), "IssuerProtocol", "certificate|crt|certChain", "."),
        answer("wrong-types", "/sign", say('{"crt": 5, "ca": [], "certChain": {"a": null}}', 201), "IssuerProtocol",
               ".", "."),
        answer("chain-of-numbers", "/sign", say('{"certChain": [1, 1e999, -0]}', 201), "IssuerProtocol", ".", "."),
        answer("nested", "/sign", nested, "IssuerProtocol", ".", "."),
        answer("nuls", "/sign", say(b'{"crt": "a\0b\\u0000"}', 201), "IssuerProtocol", ".", "."),
        answer("no-utf8", "/sign", say(b'{"crt": "\xff\xfe"}', 201), "IssuerProtocol", ".", "."),
    ]

    def test_a_server_that_stalls_costs_no_more_than_its_timeout(self):
        self.assertLess(self.took, 55)  # without PATIENCE it would be a minute


# ---- Certificates that no service must ever get ----


def names_of(row):
    """All that its certificate is to have, as openssl takes them."""
    return f"DNS:{row}.example.org,DNS:more.{row}.example.org"


def pem(label, text=b"garbage"):
    return f"-----BEGIN {label}-----\n{base64.b64encode(text).decode()}\n-----END {label}-----\n"


@with_rows
class Chains(Matrix):
    rows = [
        answer("signature", "/sign", certificate(chain=lambda c: [faulty.bad_signature(c[0]), *c[1:]]), "BadCertificate",
               "sign|verif", "."),
        answer("other-ca", "/sign", change(lambda a, e: {"certChain": [
            e.server.forge.sign(json.loads(e.body)["csr"], other_ca=True),
            e.server.forge.other.read_text()]}), "BadCertificate", "sign|verif|root", "."),
        answer("no-intermediate", "/sign", certificate(chain=lambda c: c[:1]), "BadCertificate", "sign|verif|root|chain", "."),
        answer("other-names", "/sign", certificate(lambda f, csr: f.sign(csr, "DNS:evil.example.org")), "BadCertificate",
               "name", "."),
        answer("more-names", "/sign", certificate(lambda f, csr: f.sign(csr, names_of("more-names") + ",DNS:evil.example.org")),
               "BadCertificate", "name", "."),
        answer("other-key", "/sign", certificate(lambda f, csr: f.sign(csr, names_of("other-key"), other_key=True)),
               "BadCertificate", "key", "."),
        answer("expired", "/sign", certificate(lambda f, csr: f.sign(csr, ahead=-3)),
               "BadCertificate", "expired", "."),
        answer("not-yet-valid", "/sign", certificate(lambda f, csr: f.sign(csr, ahead=3)),
               "BadCertificate", "not~yet|valid|clock", "."),
        answer("is-a-ca", "/sign", certificate(lambda f, csr: f.sign(
            csr, extensions=["basicConstraints=critical,CA:TRUE"])), "BadCertificate", "CA|author",
            "."),
        answer("reversed", "/sign", certificate(chain=lambda c: c[::-1]), "BadCertificate", ".", "."),
        answer("none", "/sign", certificate(chain=lambda c: []), "IssuerProtocol", "certificate", "."),
        answer("garbage", "/sign", certificate(chain=lambda c: [pem("CERTIFICATE")] * 2), "IssuerProtocol",
               "certificate", "."),
        answer("a-key", "/sign", certificate(chain=lambda c: [pem("PRIVATE KEY")] * 2), "IssuerProtocol",
               "certificate", "."),
        answer("a-thousand", "/sign", certificate(chain=lambda c: c[:1] + c[1:] * 1000), "IssuerProtocol",
               ".", "."),
    ]


# ---- Roots ----


def another_root(e):
    return say(json.dumps({"ca": e.server.forge.other.read_text()}), 200)(e)


def spoil_root(fault):
    def spoil(s):
        s.forget_roots()
        s.server.spoil("/root", fault)
    return spoil


@with_rows
class Roots(Matrix):
    fresh = True
    rows = [
        Row("another", "IssuerAuthentication", "root fingerprint", "in~between",
            spoil=spoil_root(another_root)),
        Row("unknown", "IssuerAuthentication", "root", "root_fingerprint",
            spoil=spoil_root(refuse(404, "root not found"))),
        Row("no-pem", "IssuerAuthentication", "root", ".", spoil=spoil_root(say('{"ca": "x"}', 200))),
        Row("no-json", "IssuerProtocol", "root|JSON", ".", spoil=spoil_root(say("<html>", 200, "text/html"))),
        Row("too-much", "IssuerProtocol", ".", ".", spoil=spoil_root(faulty.overlong())),
        Row("file-missing", "IssuerAuthentication",
            "/etc/cert-agent/file-missing.root", "root",
            wish={"root_fingerprint": None, "root": "/etc/cert-agent/file-missing.root"},
            prepare=lambda s: s.host.path("/etc/cert-agent/file-missing.root").write_text(s.ca.root_file.read_text()),
            spoil=lambda s: s.host.path("/etc/cert-agent/file-missing.root").unlink(),
            mend=lambda s: s.row.prepare(s)),
        Row("file-of-another", "IssuerAuthentication", "certificate root|trust", "root",
            wish={"root_fingerprint": None, "root": "/etc/cert-agent/file-of-another.root"},
            prepare=lambda s: s.host.path("/etc/cert-agent/file-of-another.root").write_text(s.ca.root_file.read_text()),
            spoil=lambda s: s.host.path("/etc/cert-agent/file-of-another.root").write_text(s.server.forge.other.read_text()),
            mend=lambda s: s.row.prepare(s)),
    ]


# ---- The account ----


def jwe_with(header):
    """The provisioner's own JWE, with other members in its head."""
    def how(answer, e):
        for p in answer["provisioners"]:
            if p["name"] == "admin":
                head, rest = p["encryptedKey"].split(".", 1)
                old = json.loads(base64.urlsafe_b64decode(head + "=="))
                new = base64.urlsafe_b64encode(json.dumps({**old, **header}).encode()).decode().rstrip("=")
                p["encryptedKey"] = f"{new}.{rest}"
    return change(how)


def spoil_key(name, fault, error, message, hint, **further):
    return answer(name, "/provisioners", fault, error, message, hint, **further)


@with_rows
class Accounts(Matrix):
    fresh = True

    @classmethod
    def prepare_ca(cls):
        cls.ca.add_provisioners({**cls.ca.provisioner("admin"), "name": "rotated"})

    @staticmethod
    def rotate(s):
        """The CA has the same key under another password, and was started anew."""
        password = s.ca.password
        s.ca.rotate_password("another one", provisioner="rotated")
        s.new_password, s.ca.password = s.ca.password, password
        s.ca.start()

    @staticmethod
    def follow_rotation(s):
        s.password.write_text(s.new_password + "\n")

    rows = [
        Row("missing", "KeyStorage", r"missing\.password", r"password_file|missing\.password", mend=Scene.mend_password,
            spoil=lambda s: s.password.unlink()),
        Row("unreadable", "KeyStorage", r"unreadable\.password", ".", mend=Scene.mend_password,
            spoil=lambda s: s.replace_password(lambda p: p.mkdir())),
        Row("loop", "KeyStorage", r"loop\.password", ".", mend=Scene.mend_password,
            spoil=lambda s: s.replace_password(lambda p: p.symlink_to(p.name))),
        Row("empty", "KeyStorage", r"empty\.password empty", "Write", mend=Scene.mend_password,
            spoil=lambda s: s.password.write_text("\n")),
        Row("too-long", "KeyStorage", r"too-long\.password", ".", mend=Scene.mend_password,
            spoil=lambda s: s.password.write_text("a" * (1 << 20))),
        Row("fifo", "KeyStorage", r"fifo\.password regular", ".", mend=Scene.mend_password,
            spoil=lambda s: s.replace_password(os.mkfifo)),
        # What hung is not asked again for as long as it was waited for.
        Row("hanging", "KeyStorage", r"hanging\.password", "share|mount", rest=10,
            spoil=lambda s: setattr(s, "hanging", faulty.HangingFile(s.password)), mend=lambda s: s.hanging.end()),
        Row("wrong", "IssuerAuthentication", "password", "password", mend=Scene.mend_password,
            spoil=lambda s: s.password.write_text("not the one\n")),
        Row("rotated", "IssuerAuthentication", "password", "password", wish={"provisioner": "rotated"},
            spoil=rotate.__func__, mend=follow_rotation.__func__),
        Row("unknown", "IssuerRefused", "nobody admin", "provisioner", spoiled_wish={"provisioner": "nobody"}),
        Row("other-type", "IssuerRefused", "acme ACME", "JWK", spoiled_wish={"provisioner": "acme"}),
        Row("x5c-with-a-password", "ManifestInvalid", "x5c", "x5c_cert_file",
            spoiled_wish={"provisioner": "x5c"}),
        spoil_key("p2c", jwe_with({"p2c": 2 ** 31}), "IssuerProtocol", "iterations|p2c|2147483648", "."),
        spoil_key("p2c-negative", jwe_with({"p2c": -1}), "IssuerProtocol", ".", "."),
        spoil_key("p2c-text", jwe_with({"p2c": "many"}), "IssuerProtocol", ".", "."),
        spoil_key("salt", jwe_with({"p2s": "!"}), "IssuerProtocol", ".", "."),
        spoil_key("algorithm", jwe_with({"alg": "RSA-OAEP"}), "NotSupported", "RSA-OAEP", ".", state="blocked"),
        spoil_key("compressed", jwe_with({"zip": "DEF"}), "NotSupported", "zip", ".",
                  state="blocked"),
        spoil_key("no-jwe", provisioner(encryptedKey="a.b.c"), "IssuerProtocol", ".", "."),
        spoil_key("no-text", provisioner(encryptedKey=5), "IssuerRefused", ".", "."),
        spoil_key("no-key", provisioner(encryptedKey=""), "IssuerRefused", ".", "."),
        spoil_key("pages-for-ever", faulty.pages_for_ever, "IssuerProtocol", "provisioners|page", "."),
        spoil_key("same-page", faulty.same_page_for_ever, "IssuerProtocol", "provisioners|page", "."),
        spoil_key("list-of-numbers", say('{"provisioners": [1, null, []], "nextCursor": 7}', 200),
                  "IssuerProtocol", ".", "."),
    ]


if __name__ == "__main__":
    faulty.own_network()
    unittest.main()
