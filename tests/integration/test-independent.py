# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the local authority makes, judged by three programs that share no code with it but GnuTLS's library: openssl,
certtool, NSS. Authorities of each type of key, with and without name constraints, sign leaves with all kinds of names; the
three must take each of them, and must refuse what the authority would not have signed and somebody signed by hand with its
key. What one of them cannot do is in EXCEPTIONS, with the words it says then: it is checked that it says so, and a table at
the end shows who judged what."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["CERT_AGENT_BUILD"])
TOOL = BUILD / "tests/integration/authority-tool"

KEY_TYPES = ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048"]
NAMES = {"permitted": ["example.org", "ip:192.0.2.0/24", "ip:2001:db8::/32", "email:example.org", "uri:.example.org"],
         "excluded": ["secret.example.org", "ip:192.0.2.128/25"]}

SERVER_NAMES = ["www.example.org", "*.apps.example.org", "ip:192.0.2.1", "ip:2001:db8::1", "email:a@example.org",
                "uri:https://www.example.org/x"]

# (who, the authority's key type or "*", what): (why, what it says then). Whether it still is so is checked each time.
NO_ED25519 = "this NSS knows no Ed25519 keys: it cannot even hold the certificate"
NO_URIS = "GnuTLS passes over constraints on URIs (which is why the authority checks them before it signs)"
EXCEPTIONS = {
    ("nss", "ed25519", "*"): (NO_ED25519, r"SEC_ERROR_(ADDING_CERT|CERT_SIGNATURE_ALGORITHM|INVALID_ALGORITHM"
                                          r"|UNSUPPORTED_KEYALG)"),
    ("certtool", "*", "by hand: uri:https://www.example.com/"): (NO_URIS, r"Chain verification output: Verified"),
}

table = collections.OrderedDict()


def run(*argv, check=False, env=None, stdin=None):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, input=stdin or "",
                          env={**os.environ, **(env or {})})
    if check and done.returncode:
        raise AssertionError(f"{argv} → {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode == 0, done.stdout + done.stderr


def openssl_name(name):
    """A name of ours as openssl's configuration has it."""
    for ours, theirs in (("ip:", "IP:"), ("email:", "email:"), ("uri:", "URI:")):
        if name.startswith(ours):
            return theirs + name[len(ours):]
    return "DNS:" + name


class Leaf:
    """A certificate in a file, and what it is for."""

    def __init__(self, path, usage, names):
        self.path, self.usage, self.names = path, usage, names

    def hosts(self):
        return [n for n in self.names if ":" not in n]


class Authority:
    """One of ours, with its folder."""

    def __init__(self, name, key_type, names=None, path_length=None, token=False):
        self.name, self.key_type = name, key_type
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="independent-"))
        self.env = {"CERT_AGENT_TEST_ROOT": str(self.folder / "root"), "TSS2_LOG": "all+none"}
        self.config = {"name": name, "type": "local", "subject": f"CN={name},O=Example", "key": {"type": key_type}}
        if names:
            self.config["names"] = names
        if path_length is not None:
            self.config["path_length"] = path_length
        self.key = self.folder / "root/var/lib/cert-authority" / name / "ca.key"
        self.ca = self.folder / "ca.pem"
        (self.folder / "root").mkdir()
        if token:
            self.make_token()
        self.ca.write_text(self.tool("make"))
        self.leaf_key = self.folder / "leaf.key"
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.leaf_key, check=True)
        self.count = 0

    def make_token(self):
        conf, pin = self.folder / "softhsm2.conf", self.folder / "root/pin"
        (self.folder / "tokens").mkdir()
        conf.write_text(f"directories.tokendir = {self.folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        pin.write_text("1234\n")
        self.env["SOFTHSM2_CONF"] = str(conf)
        run("softhsm2-util", "--init-token", "--free", "--label", "ca", "--so-pin", "5678", "--pin", "1234", env=self.env,
            check=True)
        self.config["key"]["uri"] = "pkcs11:token=ca;object=authority?pin-source=file:/pin"

    def end(self):
        shutil.rmtree(self.folder)

    def tool(self, *arguments, refused=False):
        good, text = run(TOOL, json.dumps(self.config), *arguments, env=self.env)
        if good == refused:
            raise AssertionError(f"{arguments}: {text}")
        return text

    def request(self, subject, names, extensions=""):
        self.count += 1
        conf, csr = self.folder / f"{self.count}.conf", self.folder / f"{self.count}.csr"
        sans = "subjectAltName=" + ",".join(openssl_name(n) for n in names) + "\n" if names else ""
        conf.write_text(f"[req]\ndistinguished_name=dn\nprompt=no\n{'req_extensions=names' if sans else ''}\n[dn]\n"
                        f"{subject}\n[names]\n{sans}[ext]\n{sans}{extensions}\n")
        run("openssl", "req", "-new", "-key", self.leaf_key, "-config", conf, "-outform", "DER", "-out", csr,
            *(["-subj", "/"] if not subject else []), check=True)
        return conf, csr

    def issue(self, usage, names, subject="CN=www.example.org", refused=False):
        _, csr = self.request(subject, names)
        text = self.tool("issue", csr, usage, *sorted(names), refused=refused)
        if refused:
            return text
        path = self.folder / f"{self.count}.pem"
        path.write_text(text)
        return Leaf(path, usage, names)

    def forge(self, names, subject="CN=www.example.org"):
        """As issue() would, but with the authority's key by hand: nothing is refused."""
        conf, csr = self.request(subject, names, "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                                                 "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n"
                                                 "authorityKeyIdentifier=keyid\n")
        return Leaf(self.sign(conf, csr, self.ca, self.key), "both", names)

    def sign(self, conf, csr, ca, key):
        path = self.folder / f"{self.count}.pem"
        run("openssl", "x509", "-req", "-inform", "DER", "-in", csr, "-CA", ca, "-CAkey", key, "-days", "30", "-extfile", conf,
            "-extensions", "ext", "-out", path, "-set_serial", f"0x{self.count:x}77", check=True)
        return path


# ---- The three ----

class Openssl:
    name = "openssl"

    def judge(self, authority, leaf, purpose, between=(), crl=None):
        words = ["-untrusted", between[0]] if between else []
        words += ["-crl_check", "-CRLfile", crl] if crl else []
        checks = [[]]
        for name in leaf.names:
            if ":" not in name:
                checks.append(["-verify_hostname", name.replace("*", "any")])
            elif name.startswith("ip:"):
                checks.append(["-verify_ip", name[3:]])
            elif name.startswith("email:"):
                checks.append(["-verify_email", name[6:]])
        for check in checks:
            good, text = run("openssl", "verify", "-x509_strict", "-CAfile", authority.ca, "-purpose",
                             {"server": "sslserver", "client": "sslclient"}[purpose], *words, *check, leaf.path)
            if not good:
                break
        return good, text


class Certtool:
    name = "certtool"

    def judge(self, authority, leaf, purpose, between=(), crl=None):
        chain = authority.folder / "chain.pem"
        chain.write_text("".join(pathlib.Path(p).read_text() for p in (leaf.path, *between)))
        words = ["--load-crl", crl] if crl else []
        oid = {"server": "1.3.6.1.5.5.7.3.1", "client": "1.3.6.1.5.5.7.3.2"}[purpose]
        hosts = leaf.hosts() if purpose == "server" else []
        for host in hosts or [None]:
            good, text = run("certtool", "--verify", "--load-ca-certificate", authority.ca, "--verify-purpose", oid, "--infile",
                             chain, *(["--verify-hostname", host.replace("*", "any")] if host else []), *words)
            if not good:
                break
        return good, text


class Nss:
    """Its database of certificates: certutil by the classic way of verifying, vfychain by libpkix."""
    name = "nss"

    def judge(self, authority, leaf, purpose, between=(), crl=None):
        folder = tempfile.mkdtemp(prefix="nss-", dir=authority.folder)
        db = ["-d", f"sql:{folder}"]
        run("certutil", "-N", *db, "--empty-password", check=True)
        for nick, trust, path in (("ca", "CT,C,C", authority.ca), ("leaf", ",,", leaf.path),
                                  *((f"between{i}", ",,", p) for i, p in enumerate(between))):
            good, text = run("certutil", "-A", *db, "-n", nick, "-t", trust, "-a", "-i", path)
            if not good:
                return good, text
        if crl:
            good, text = run("crlutil", "-I", *db, "-i", self.der_of_crl(authority, crl))
            if not good:
                return good, text
        good, text = run("certutil", "-V", *db, "-n", "leaf", "-e", "-u", {"server": "V", "client": "C"}[purpose])
        if not good:
            return good, text
        return run("vfychain", *db, "-pp", "-u", {"server": "1", "client": "0"}[purpose], "-a", leaf.path)

    @staticmethod
    def der_of_crl(authority, crl):
        path = authority.folder / "crl.der"
        run("openssl", "crl", "-in", crl, "-outform", "DER", "-out", path, check=True)
        return path


JUDGES = [Openssl(), Certtool(), Nss()]


class Case(unittest.TestCase):
    def exception(self, judge, authority, what):
        for key in ((judge.name, authority.key_type, what), (judge.name, authority.key_type, "*"), (judge.name, "*", what)):
            if key in EXCEPTIONS:
                return EXCEPTIONS[key]
        return None

    def note(self, authority, what, judge, word):
        table.setdefault((authority.name, what), {})[judge.name] = word

    def accepted(self, authority, what, leaf, **more):
        purposes = {"both": ["server", "client"]}.get(leaf.usage, [leaf.usage])
        for judge in JUDGES:
            for purpose in purposes:
                good, text = judge.judge(authority, leaf, purpose, **more)
                excuse = self.exception(judge, authority, what)
                if excuse and not good:
                    self.assertRegex(text, excuse[1], f"{judge.name} refuses {what} of {authority.name}")
                    self.note(authority, what, judge, excuse[0])
                    break
                self.assertTrue(good, f"{judge.name} refuses {what} of {authority.name} for {purpose}: {text}")
                self.note(authority, what, judge, "takes it")

    def refused(self, authority, what, leaf, says, purpose="server", **more):
        """`says`: for each judge, so that it is refused for the right reason."""
        for judge in JUDGES:
            good, text = judge.judge(authority, leaf, purpose, **more)
            excuse = self.exception(judge, authority, what)
            if excuse and re.search(excuse[1], text):
                self.note(authority, what, judge, excuse[0])
                continue
            self.assertFalse(good, f"{judge.name} takes {what} of {authority.name}")
            self.assertRegex(text, says[judge.name], f"{judge.name} refuses {what} of {authority.name} for another reason")
            self.note(authority, what, judge, "refuses it")


OUTSIDE = {"openssl": r"permitted subtree violation|excluded subtree violation",
           "certtool": r"violat|name constraints",
           "nss": r"NAME_CONSTRAINT|CERT_NOT_IN_NAME_SPACE|name space|not permitted"}
TOO_DEEP = {"openssl": r"path length constraint exceeded|invalid CA certificate",
            "certtool": r"pathlen|path ?length|constraint|not verified|violat",
            "nss": r"PATH_LEN_CONSTRAINT|path length"}
REVOKED = {"openssl": r"certificate revoked", "certtool": r"revoked", "nss": r"REVOKED|revoked"}


def test_of(key_type, constrained):
    def test(self):
        names = None if not constrained else NAMES
        authority = Authority(f"{key_type}{'-constrained' if constrained else ''}", key_type, names, 0 if constrained else None)
        self.addCleanup(authority.end)
        self.judge_what_it_signs(authority)
        self.judge_its_lists(authority)
        self.judge_depth(authority, 0)
        if constrained:
            self.judge_forgeries(authority)
    return test


class IndependentTest(Case):
    def judge_what_it_signs(self, authority):
        self.accepted(authority, "server, all kinds of names", authority.issue("server", SERVER_NAMES))
        self.accepted(authority, "client", authority.issue("client", ["email:a@example.org"], subject="CN=Alice"))
        self.accepted(authority, "server and client", authority.issue("both", ["www.example.org"]))
        self.accepted(authority, "server, empty subject", authority.issue("server", ["www.example.org"], subject=""))
        self.accepted(authority, "server, IPv6 alone", authority.issue("server", ["ip:2001:db8::1"], subject=""))
        self.accepted(authority, "server, wildcard", authority.issue("server", ["*.apps.example.org"], subject=""))

    def judge_its_lists(self, authority):
        bad, good = (authority.issue("server", ["www.example.org"]) for _ in range(2))
        der, folder = authority.folder / "bad.der", authority.folder / "lists"
        folder.mkdir()
        run("openssl", "x509", "-in", bad.path, "-outform", "DER", "-out", der, check=True)
        authority.tool("revoke", der, "keyCompromise")
        authority.tool("crl", folder)
        crl = folder / "crl.pem"
        run("openssl", "crl", "-inform", "DER", "-in", folder / "0.crl", "-out", crl, check=True)
        ok, text = run("openssl", "crl", "-in", crl, "-CAfile", authority.ca, "-noout", "-text", "-verify")
        self.assertTrue(ok and "verify OK" in text, text)
        self.assertRegex(text, r"X509v3 CRL Number")
        self.assertRegex(text, r"Key Compromise")
        ok, text = run("certtool", "--verify-crl", "--load-ca-certificate", authority.ca, "--infile", crl)
        self.assertTrue(ok, text)
        self.accepted(authority, "not in the revocation list", good, crl=crl)
        self.refused(authority, "in the revocation list", bad, REVOKED, crl=crl)

    def subordinate(self, authority, name):
        """An authority below it, signed by hand."""
        key, folder = authority.folder / f"{name}.key", authority.folder
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key, check=True)
        keep, authority.leaf_key = authority.leaf_key, key
        conf, csr = authority.request(f"CN={name}", [], "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                                                       "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        authority.leaf_key = keep
        return key, authority.sign(conf, csr, authority.ca, authority.key)

    def judge_depth(self, authority, path_length):
        key, ca = self.subordinate(authority, "below")
        conf, csr = authority.request("CN=www.example.org", ["www.example.org"],
                                      "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                                      "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        leaf = Leaf(authority.sign(conf, csr, ca, key), "server", ["www.example.org"])
        if path_length == 0:
            self.refused(authority, "an authority below it", leaf, TOO_DEEP, between=[ca])
        else:
            self.accepted(authority, "an authority below it", leaf, between=[ca])

    def judge_forgeries(self, authority):
        names = ["www.example.com", "secret.example.org", "a.secret.example.org", "*.example.com", "badexample.org",
                     "ip:198.51.100.1", "ip:192.0.2.200", "ip:2001:dead::1", "email:a@example.com", "email:a@sub.example.org",
                     "uri:https://www.example.com/"]
        if authority.key_type != "ecdsa-p256":  # what a name is judged by does not depend on the key
            names = names[:1] + names[5:6]
        for name in names:
            told = authority.issue("server", [name], subject="", refused=True)
            self.assertIn(f'"{name}"', told)
            self.assertIn("constraints", told)
            self.refused(authority, f"by hand: {name}", authority.forge([name], subject=""), OUTSIDE)
        self.assertIn("constraints", authority.issue("server", [], subject="CN=www.example.com", refused=True))
        self.refused(authority, "by hand: common name www.example.com", authority.forge([], subject="CN=www.example.com"),
                     OUTSIDE)

    def test_a_path_length_allows_authorities_below(self):
        authority = Authority("path-length-2", "ecdsa-p256", path_length=2)
        self.addCleanup(authority.end)
        self.judge_depth(authority, 2)

    def test_keys_in_a_token(self):
        for key_type in ("ecdsa-p256", "ecdsa-p384", "rsa-2048"):
            authority = Authority(f"{key_type}-token", key_type, NAMES, token=True)
            self.addCleanup(authority.end)
            self.assertRegex(authority.key.read_text(), r"^pkcs11:[^?]*id=%[^?]*\nmade\n$")
            self.judge_what_it_signs(authority)
            self.judge_its_lists(authority)
            self.assertEqual(authority.tool("begin").count("BEGIN"), 2)

    def test_while_it_rotates_both_are_good(self):
        authority = Authority("rotating", "ecdsa-p256", NAMES)
        self.addCleanup(authority.end)
        authority.ca.write_text(authority.tool("begin"))
        self.assertEqual(authority.ca.read_text().count("BEGIN"), 2)
        leaf = authority.issue("server", ["www.example.org"])
        for judge in JUDGES[:2]:  # who trust all certificates of a file
            good, text = judge.judge(authority, leaf, "server")
            self.assertTrue(good, f"{judge.name}: {text}")


for _key_type in KEY_TYPES:
    for _constrained in (False, True):
        _name = f"test_{_key_type.replace('-', '_')}" + ("_with_name_constraints" if _constrained else "")
        setattr(IndependentTest, _name, test_of(_key_type, _constrained))


def tearDownModule():
    """The table; what a judge cannot do is a number in it, explained below."""
    width = max((len(f"{a}: {w}") for a, w in table), default=0)
    reasons = []
    print("\n" + " " * width, *(f"{j.name:12}" for j in JUDGES), sep="  ")
    for (authority, what), words in table.items():
        cells = []
        for judge in JUDGES:
            word = words.get(judge.name, "-")
            if word not in ("-", "takes it", "refuses it"):
                reasons += [word] if word not in reasons else []
                word = f"cannot ({reasons.index(word) + 1})"
            cells.append(f"{word:12}")
        print(f"{authority}: {what}".ljust(width), *cells, sep="  ")
    for i, reason in enumerate(reasons):
        print(f"({i + 1}) {reason}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
