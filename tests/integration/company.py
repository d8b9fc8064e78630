# SPDX-License-Identifier: LGPL-2.1-or-later
"""A company's CA, as somebody elsewhere runs it: openssl in a folder, and a person who carries files."""

import datetime
import pathlib
import subprocess
import tempfile

CONFIG = """
[ca]
default_ca = it
[it]
dir = {folder}
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}/new
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
rand_serial = yes
copy_extensions = {copy}
[any]
countryName = optional
organizationName = optional
commonName = optional
[leaf]
{extensions}
"""

LEAF = "basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature"
DAY = 24


def run(*command, data=None, folder=None):
    p = subprocess.run([str(c) for c in command], input=data, capture_output=True, cwd=folder)
    assert p.returncode == 0, p.stderr.decode(errors="replace")
    return p.stdout


def when(hours):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)).strftime("%Y%m%d%H%M%SZ")


class Company:
    """`above` is the company whose CA signed this one's; `comment` goes into the CA's certificate."""

    def __init__(self, folder, name="Company Root", above=None, comment=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="company-", dir=folder))
        self.above = above
        (self.folder / "new").mkdir()
        (self.folder / "index").touch()
        extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
                      "subjectKeyIdentifier=hash"]
        if comment:
            extensions.append(f"nsComment={comment}")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.folder / "ca.key"]
        if above:
            request = run("openssl", "req", "-new", *key, "-subj", f"/CN={name}")
            self.pem = above.sign(request.decode(), extensions="\n".join(e.replace("=", " = ", 1) for e in extensions))
        else:
            added = [x for e in extensions for x in ("-addext", e)]
            self.pem = run("openssl", "req", "-x509", "-days", "3650", *key, "-subj", f"/CN={name}", *added).decode()
        (self.folder / "ca.pem").write_text(self.pem)

    def sign(self, request, hours=90 * DAY, since=-1, extensions=LEAF, copy="copy", subject=None):
        """The certificate (PEM) for a request (PEM), as this CA's people see fit."""
        config = self.folder / "config"
        config.write_text(CONFIG.format(folder=self.folder, copy=copy, extensions=extensions))
        named = ["-subj", subject] if subject else []
        return run("openssl", "ca", "-batch", "-notext", "-config", config, "-extensions", "leaf", "-startdate", when(since),
                   "-enddate", when(hours), "-in", "/dev/stdin", *named, data=request.encode()).decode()

    def request_for(self, names):
        """A request with a key that is nobody's."""
        sans = ",".join(f"DNS:{n}" for n in names)
        return run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                   self.folder / "other.key", "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={sans}").decode()


def der(pem):
    return run("openssl", "x509", "-outform", "DER", data=pem.encode())


def pkcs7(*pems):
    """The certificates as one PKCS#7 (PEM)."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as f:
        f.write("".join(pems))
        f.flush()
        return run("openssl", "crl2pkcs7", "-nocrl", "-certfile", f.name).decode()


def fingerprint(pem):
    out = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", data=pem.encode()).decode()
    return out.split("=")[1].strip().replace(":", "").lower()
