# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real step-ca on loopback, with a folder of its own: Smallstep's server as tests/step-ca builds it.

    with StepCA() as ca:
        ca.start()
        ca.give_password(host)
        host.manifest({"web": host.certificate("web", issuer="step")}, {"step": ca.issuer()})

Its provisioners: "admin" (JWK; the password is `ca.password`), "norenew" and "afterexpiry" (the same key, other claims),
"x5c" (by certificates of `ca.x5c_certificate`'s root) and "acme"; add_fillers() makes so many that they come in pages. What
is changed in its configuration is in force after the next start()."""

import base64
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import urllib.request

from harness import wait_for

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD_FILE = "/etc/cert-agent/step.password"


def program():
    """The server's program; made where it is not made yet."""
    given = os.environ.get("CERT_AGENT_STEP_CA")
    if given:
        return pathlib.Path(given)
    path = pathlib.Path(os.environ["CERT_AGENT_BUILD"]).resolve() / "tests/step-ca/step-ca"
    subprocess.run([HERE.parent / "step-ca/build", path], check=True)
    return path


PORTS_TAKEN = []  # sockets that say so to other tests, for as long as this process lives


def free_port():
    """A port of loopback that stays free while the server is stopped: none that the kernel gives to others, nor another
    test that runs at the same time takes."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(low - 12000, low)
        taken = socket.socket(socket.AF_UNIX)
        try:
            taken.bind(f"\0cert-agent-tests-port-{port}")
        except OSError:
            taken.close()
            continue
        PORTS_TAKEN.append(taken)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


class StepCA:
    def __init__(self, name="Test", port=None, password=None, durations=("5s", "24h", "720h")):
        """`durations` of certificates: the shortest, the default, the longest."""
        self.program = program()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="step-ca-"))
        self.name = name
        self.port = port or free_port()
        self.password = password or base64.b64encode(os.urandom(18)).decode()
        self.environment = {"HOME": str(self.folder), "STEPPATH": str(self.folder / "first")}
        self.process = None
        self.roots_made = 0
        (self.folder / "password").write_text("of the authority itself\n")
        self.config_file = self._init("first") / "config/ca.json"
        self._add_usual(durations)

    def _init(self, name):
        """A new root, intermediate and provisioner in a folder of their own."""
        folder = self.folder / name
        folder.mkdir()
        self._run("init", "--password-file", self.folder / "password", "--provisioner-password-file",
                  self._password_file(self.password), "--address", f"127.0.0.1:{self.port}",
                  "--name", f"{self.name} {name}", environment={"STEPPATH": str(folder)})
        return folder

    def _run(self, *arguments, environment=None):
        p = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True,
                           env={**self.environment, **(environment or {})})
        assert p.returncode == 0, f"step-ca {arguments[0]}:\n{p.stdout}{p.stderr}"
        return p.stdout

    def _password_file(self, text):
        path = self.folder / "provisioner-password"
        path.write_text(text)
        return path

    # ---- The server ----

    def start(self):
        """Starts it, or starts it anew with the configuration as it is now."""
        if self.process:
            self.stop()
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "start", self.config_file, "--password-file", self.folder / "password"], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, env=self.environment)
        wait_for(lambda: self._answers() or self.process.poll() is not None, "step-ca")
        assert self.process.poll() is None, "step-ca ended:\n" + self.log()
        return self

    def _answers(self):
        asked = subprocess.run(["curl", "-ks", self.url + "/health"], capture_output=True, text=True)
        return '"ok"' in asked.stdout

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # it waits for connections that clients keep
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self):
        self.stop(signal.SIGKILL)

    def hang(self):
        """Connections are taken by the kernel, and nobody answers; go_on() ends it."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        if self.process:
            self.kill()
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(self.log())
        self.end()

    @property
    def log_file(self):
        return self.folder / "log"

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def get(self, path):
        """What it answers to GET, as an object; its certificate is not looked at."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with urllib.request.urlopen(self.url + path, context=context, timeout=60) as answer:
            return json.loads(answer.read())

    def asked(self, path):
        """How often `path` ("/sign") was asked for, by whomever, according to its log."""
        return len(re.findall(rf"path=(?:/1\.0)?{re.escape(path)} ", self.log()))

    # ---- What a manifest says about it ----

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def root_file(self):
        return pathlib.Path(self.config()["root"] if isinstance(self.config()["root"], str) else self.config()["root"][0])

    def fingerprint(self, root_file=None):
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert((root_file or self.root_file).read_text())).hexdigest()

    def issuer(self, **further):
        """The object of an issuer; a key that is given as None is left out."""
        wish = {"type": "step", "url": self.url, "root_fingerprint": self.fingerprint(), "provisioner": "admin",
                "password_file": PASSWORD_FILE, **further}
        return {key: value for key, value in wish.items() if value is not None}

    def give_password(self, host, path=PASSWORD_FILE):
        file = host.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.password + "\n")
        file.chmod(0o600)
        return file

    # ---- The configuration ----

    def config(self):
        return json.loads(self.config_file.read_text())

    def change(self, how):
        """`how` is given the configuration, and changes it."""
        config = self.config()
        how(config)
        self.config_file.write_text(json.dumps(config, indent=1))

    def change_provisioner(self, name, **keys):
        """Sets keys of a provisioner; `claims` are added to those that it has."""
        def how(config):
            p = next(p for p in config["authority"]["provisioners"] if p["name"] == name)
            claims = {**p.get("claims", {}), **keys.pop("claims", {})}
            p.update(keys, claims=claims)
        self.change(how)

    def add_provisioners(self, *provisioners):
        self.change(lambda config: config["authority"]["provisioners"].extend(provisioners))

    def remove_provisioner(self, name):
        def how(config):
            config["authority"]["provisioners"] = [p for p in config["authority"]["provisioners"] if p["name"] != name]
        self.change(how)

    def provisioner(self, name):
        return next(p for p in self.config()["authority"]["provisioners"] if p["name"] == name)

    def _add_usual(self, durations):
        claims = dict(zip(("minTLSCertDuration", "defaultTLSCertDuration", "maxTLSCertDuration"), durations))
        self.change_provisioner("admin", claims=claims)
        admin = self.provisioner("admin")
        root = self._make_x5c()
        self.add_provisioners(
            {**admin, "name": "norenew", "claims": {**claims, "disableRenewal": True}},
            {**admin, "name": "afterexpiry", "claims": {**claims, "allowRenewalAfterExpiry": True}},
            {"type": "X5C", "name": "x5c", "roots": base64.b64encode(root.read_bytes()).decode(), "claims": claims},
            {"type": "ACME", "name": "acme", "claims": claims})

    def _make_x5c(self):
        """A root of its own and a client's certificate of it, as a host might have from elsewhere."""
        d = self.folder / "x5c"
        d.mkdir()
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *new, "-keyout", d / "root.key", "-out", d / "root.pem", "-days", "30", "-subj", "/CN=Devices",
                "-addext", "keyUsage=critical,keyCertSign")
        openssl("req", "-x509", *new, "-keyout", d / "leaf.key", "-out", d / "leaf.pem", "-days", "10", "-subj", "/CN=device-1",
                "-CA", d / "root.pem", "-CAkey", d / "root.key", "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "keyUsage=critical,digitalSignature", "-addext", "subjectAltName=DNS:device-1")
        self.x5c_certificate, self.x5c_key = d / "leaf.pem", d / "leaf.key"
        return d / "root.pem"

    def key(self, password=None, **options):
        """{"key", "encryptedKey"} of a new provisioner; options of `step-ca key`, such as iterations=1000."""
        words = [w for name, value in options.items() for w in ("--" + name, value)]
        return json.loads(self._run("key", "--password-file", self._password_file(password or self.password), *words))

    def add_fillers(self, count=25):
        """Provisioners that are nobody's, so that /provisioners gives them in pages (of 20)."""
        key = self.key("of nobody")
        self.add_provisioners(*({"type": "JWK", "name": f"filler-{i:02}", **key} for i in range(count)))

    def private_key(self, provisioner="admin"):
        """The provisioner's private key (JWK)."""
        return json.loads(self._run("open", "--password-file", self._password_file(self.password),
                                    self.provisioner(provisioner)["encryptedKey"]))

    def rotate_password(self, password=None, iterations=None, provisioner="admin"):
        """The same key under a new password, or with another p2c."""
        old = self.folder / "old-password"
        old.write_text(self.password)
        if password:
            self.password = password
        words = ["--iterations", iterations] if iterations else []
        sealed = json.loads(self._run("seal", "--old-password-file", old, "--password-file",
                                      self._password_file(self.password), *words,
                                      self.provisioner(provisioner)["encryptedKey"]))
        self.change_provisioner(provisioner, **sealed)

    def rotate_key(self, provisioner="admin", **options):
        """Another key under the same password."""
        self.change_provisioner(provisioner, **self.key(**options))

    # ---- Roots ----

    def add_root(self):
        """A new root is announced beside the old one, which goes on signing. Gives the new one's file."""
        self.roots_made += 1
        self.next = self._init(f"next-{self.roots_made}")
        root = self.next / "certs/root_ca.crt"
        self.change(lambda config: config.update(root=[str(self.root_file), str(root)]))
        return root

    def use_new_root(self, keep_old=True):
        """The intermediate of the new root signs from now on, and answers TLS."""
        def how(config):
            old, new = config["root"]
            config.update(root=[new, old] if keep_old else [new], crt=str(self.next / "certs/intermediate_ca.crt"),
                          key=str(self.next / "secrets/intermediate_ca_key"))
        self.change(how)

    def replace(self):
        """As if it had been installed anew: another root and intermediate, and nothing said about it."""
        self.add_root()
        self.use_new_root(keep_old=False)

    # ---- Smallstep's own client ----

    def issue(self, folder, count=1, at_once=4):
        """So many certificates by Smallstep's own client library; how long that took, in microseconds."""
        return int(self._run("issue", "--url", self.url, "--root", self.root_file, "--password-file",
                             self._password_file(self.password), "--folder", folder, "--count", count, "--at-once", at_once))
