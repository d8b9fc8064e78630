# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of its own for one test: a test root, a private message bus, the real agent and the real issuers.

The agent is the build's (made with -Dtest-root=true); it reads CERT_AGENT_TEST_ROOT, and sd-bus reads
DBUS_SYSTEM_BUS_ADDRESS. Everything that a test starts ends with it."""

import contextlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""

WAIT = 120  # seconds: a limit against hanging, not a measure


class Host:
    def __init__(self, build=None):
        self.build = pathlib.Path(build or os.environ["CERT_AGENT_BUILD"]).resolve()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="cert-agent-host-"))
        self.processes = []
        self.agent_process = None
        os.chmod(self.root, 0o755)
        for folder in ("etc/cert-agent/manifest.d", "etc/tls", "usr/lib/cert-agent", "run/cert-agent/issuer",
                       "var/lib/cert-agent", "var/lib/cert-authority", "var/cache/cert-issuer-step"):
            (self.root / folder).mkdir(parents=True)
        for folder in ("var/lib/cert-agent", "var/lib/cert-authority"):
            os.chmod(self.root / folder, 0o700)
        for program in ("cert-issuer-local", "cert-issuer-csr", "cert-issuer-fake", "cert-issuer-step", "cert-keyholder",
                        "cert-probe"):
            source = self.build / "issuers" / program
            if source.exists():
                os.symlink(source, self.root / "usr/lib/cert-agent" / source.name)
        self.bus = self.root / "run/system-bus"
        self.environment = dict(os.environ, CERT_AGENT_TEST_ROOT=str(self.root),
                                DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={self.bus}")
        self.environment.pop("JOURNAL_STREAM", None)
        self.agent_environment = {}  # further variables for the agent alone
        self._start_bus()

    # ---- Processes ----

    def _start_bus(self):
        config = self.root / "run/bus.conf"
        config.write_text(BUS_CONFIG.format(socket=self.bus))
        self.start(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"])

        wait_for(lambda: listens(self.bus), "the message bus")

    def start(self, command, log=None, environment=None):
        output = open(self.root / f"run/{log}.log", "ab") if log else subprocess.DEVNULL
        p = subprocess.Popen([str(c) for c in command], env=dict(self.environment, **(environment or {})),
                             stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        if log:
            output.close()
        self.processes.append(p)
        return p

    def start_program(self, name, *arguments):
        """A test program of tests/integration, such as the fake systemd."""
        return self.start([self.build / "tests/integration" / name, *arguments], log=name)

    def start_agent(self, *arguments):
        wrapper = shlex.split(self.environment.get("CERT_AGENT_WRAPPER", ""))  # such as valgrind
        self.agent_process = self.start([*wrapper, self.build / "agent/cert-agent", "--exit-idle-time=0", *arguments],
                                        log="agent", environment=self.agent_environment)
        wait_for(lambda: self.call("ListCertificates", check=False) is not None or self.agent_process.poll() is not None,
                 "the agent")
        assert self.agent_process.poll() is None, "the agent ended:\n" + self.agent_log()
        return self.agent_process

    def stop_agent(self, how=signal.SIGTERM):
        self.agent_process.send_signal(how)
        status = self.agent_process.wait(WAIT)
        self.processes.remove(self.agent_process)
        assert how == signal.SIGKILL or status == 0, f"the agent ended with {status}:\n" + self.agent_log()

    @contextlib.contextmanager
    def fake_closed(self):
        """The fake issuer answers nobody meanwhile: what is done in the block is done while it thinks."""
        closed = self.path("/run/fake-closed")
        closed.touch()
        try:
            yield
        finally:
            closed.unlink()

    def shift_clock(self, seconds):
        """The next agent, and the processes it starts, see another time."""
        self._preload("shift-clock", SHIFT_CLOCK=str(seconds))

    def make_token(self, label):
        """A token (SoftHSM2) for keys that never leave it; gives the file with its PIN, "1234"."""
        tokens = self.path("/var/lib/tokens")
        tokens.mkdir()
        configuration = self.path("/etc/softhsm2.conf")
        configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
        self.environment["SOFTHSM2_CONF"] = str(configuration)
        # The module and the library below it free nothing when a process ends.
        self.agent_environment["ASAN_OPTIONS"] = "detect_leaks=0"
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin", "5678"],
                       env=self.environment, check=True, capture_output=True)
        pin = self.path("/etc/pin")
        pin.write_text("1234")
        return pin

    def slow_user(self, name):
        """The next agent asks a user database that never answers for this user."""
        self._preload("slow-users", SLOW_USER=name)

    def _preload(self, library, **environment):
        preload = [str(self.build / f"tests/integration/lib{library}.so")]
        linked = subprocess.run(["ldd", self.build / "agent/cert-agent"], capture_output=True, text=True).stdout
        # The sanitizer must come first.
        preload = [line.split()[2] for line in linked.splitlines() if "libasan" in line] + preload
        self.agent_environment.update({"LD_PRELOAD": ":".join(preload), **environment})

    def agent_log(self):
        path = self.root / "run/agent.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def end(self):
        if self.agent_process in self.processes:
            self.stop_agent()
        for p in reversed(self.processes):
            p.terminate()
            p.wait(WAIT)
        shutil.rmtree(self.root)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(self.agent_log())
        self.end()

    # ---- The manifest and the files ----

    def path(self, absolute):
        return self.root / absolute.lstrip("/")

    def manifest(self, certificates, issuers=None, **further):
        document = {"version": 1, "issuers": issuers or {"site": {"type": "local"}}, "certificates": certificates}
        document.update(further)
        self.path("/etc/cert-agent/manifest.json").write_text(json.dumps(document))

    def certificate(self, name, **further):
        """A manifest entry of ordinary kind."""
        entry = {"issuer": "site", "common_name": f"{name}.example.org", "sans": [f"{name}.example.org"],
                 "cert_path": f"/etc/tls/{name}.pem", "key_path": f"/etc/tls/{name}.key"}
        entry.update(further)
        return entry

    # ---- The bus ----

    def busctl(self, *arguments, check=True):
        p = subprocess.run(["busctl", f"--address=unix:path={self.bus}", f"--timeout={WAIT}", "--json=short", "--",
                            *arguments],
                           capture_output=True, text=True, timeout=WAIT + 10, env=self.environment)
        if p.returncode != 0:
            if check:
                raise BusError(p.stderr.strip())
            return None
        return json.loads(p.stdout) if p.stdout.strip() else True

    def call(self, method, signature="", *arguments, check=True):
        reply = self.busctl("call", "org.certagent1", "/org/certagent1", "org.certagent1.Manager", method,
                            *([signature] if signature else []), *[str(a) for a in arguments], check=check)
        return reply["data"] if isinstance(reply, dict) else reply

    def get(self, name, prop):
        path = self.call("GetCertificate", "s", name)[0]
        return self.busctl("get-property", "org.certagent1", path, "org.certagent1.Certificate", prop)["data"]

    def state(self, name):
        return self.get(name, "State")

    def job(self, method, signature="", *arguments):
        """Starts a job and waits for its end; gives (result, {name: (stage, message)})."""
        return self.end_of_job(self.call(method, signature, *arguments)[0], method)

    def end_of_job(self, path, what):
        def prop(p):
            return self.busctl("get-property", "org.certagent1", path, "org.certagent1.Job", p)["data"]

        wait_for(lambda: prop("State") == "finished", what, 2 * WAIT)
        return prop("Result"), {name: (stage, message) for name, stage, message in prop("Progress")}

    def renew(self, *names, force=False):
        options = ["1", "force", "b", "true"] if force else ["0"]
        return self.job("Renew", "asa{sv}", len(names), *names, *options)

    def renew_due(self):
        return self.job("RenewDue")

    def plan(self, *names):
        return {name: (action, reasons) for name, action, reasons, _ in
                self.call("Plan", "as", len(names), *names)[0]}


class BusError(Exception):
    pass


def listens(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


def wait_for(condition, what, seconds=WAIT):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.02)
