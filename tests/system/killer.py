# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills the agent at every system call of a renewal that changes the disk or tells somebody, one by one.

Runs inside the machine. Between two such calls nothing outside the agent changes, so a kill at the entry of each is a kill
in every state that a crash can leave. strace attaches to the agent that systemd started, sandbox and all, and injects
the signal. For each system call one line: "NAME KILLS" and, with "!", what was wrong afterwards.
"""
import os
import signal
import socket
import ssl
import subprocess
import sys
import time

CHANGING = set("""write writev pwrite64 ftruncate fallocate rename renameat renameat2 link linkat symlink symlinkat
        unlink unlinkat rmdir mkdir mkdirat fchmod fchmodat fchmodat2 chmod fchown fchownat chown setxattr fsetxattr
        fsync fdatasync sync_file_range syncfs utimensat sendmsg sendto""".split())
NAMES = sys.argv[1:]
ROOTS = "/root/ca.pem"


def run(*command, timeout=120):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=timeout)


def agent():
    """Starts the agent when it does not run; its process."""
    answer = run("busctl", "get-property", "org.certagent1", "/org/certagent1", "org.certagent1.Manager", "Version")
    if answer.returncode != 0:
        raise RuntimeError("the agent does not start: " + answer.stdout)
    return int(run("systemctl", "show", "-P", "MainPID", "cert-agent.service").stdout)


def tracer(pid, *options):
    """strace on all threads of the agent, attached when this returns."""
    process = subprocess.Popen(["strace", "-f", "-qq", *options, "-p", str(pid)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(4000):
        with open(f"/proc/{pid}/status") as status:
            if any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in status):
                return process
        time.sleep(0.005)
    raise RuntimeError("strace does not attach")


def detach(process):
    """A tracer that is killed lets go of what it traced."""
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def is_dead(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def dies(pid, seconds):
    end = time.monotonic() + seconds
    while not is_dead(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def on_disk(name):
    """The certificate on disk, DER; the key beside it must match."""
    cert, key = f"/etc/nginx/tls/{name}.pem", f"/etc/nginx/tls/{name}.key"
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    with open(cert) as f:
        return ssl.PEM_cert_to_DER_cert(f.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")


def served(name):
    """What a client gets that trusts the CA and wants that name, DER."""
    context = ssl.create_default_context(cafile=ROOTS)
    with socket.create_connection(("127.0.0.1", 443), timeout=30) as s:
        with context.wrap_socket(s, server_hostname=f"{name}.example.org") as t:
            return t.getpeercert(binary_form=True)


def leftovers():
    wanted = {f"{name}.{end}" for name in NAMES for end in ("pem", "key")}
    return sorted(set(os.listdir("/etc/nginx/tls")) - wanted)


def judge():
    """What is wrong after the next start, as a list of words; then a pass, after which all must be as ever."""
    wrong = []
    agent()
    for name in NAMES:
        try:
            on_disk(name)
            served(name)
        except (OSError, ValueError) as e:
            wrong.append(f"{name}: after the next start: {e}")
    answer = run("certctl", "renew", "--due")
    if answer.returncode != 0:
        wrong.append("the next pass fails: " + answer.stdout)
    for name in NAMES:
        for _ in range(400):  # old workers of nginx linger
            if served(name) == on_disk(name):
                break
            time.sleep(0.05)
        else:
            wrong.append(f"{name}: after the next pass what is served is not what is on disk")
    return wrong


def calls_of(pid, *command):
    """Names and numbers of the system calls that a process makes for a command that nothing disturbs."""
    strace = tracer(pid, "-o", "/root/trace", "-e", "trace=" + ",".join("?" + name for name in sorted(CHANGING)))
    answer = run(*command)
    detach(strace)
    if answer.returncode != 0:
        raise RuntimeError(" ".join(command) + " fails undisturbed: " + answer.stdout)
    counts = {}
    with open("/root/trace") as trace:
        for line in trace:
            name = line.split(None, 1)[1].split("(")[0].removeprefix("<... ").split()[0]
            if name in CHANGING and "resumed>" not in line:
                counts[name] = counts.get(name, 0) + 1
    return counts


def kill_at(name, number):
    """True when the agent was killed there."""
    pid = agent()
    strace = tracer(pid, "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
    answer = run("certctl", "renew", "--force", *NAMES)
    # certctl hears of it before the kernel has taken the process apart; some records are written after it was told
    killed = dies(pid, 0.5 if answer.returncode == 0 else 5)
    detach(strace)
    if not killed and answer.returncode != 0:
        raise RuntimeError("a renewal fails without a kill: " + answer.stdout)
    return killed and dies(pid, 5)


def main():
    for name in sorted(calls_of(agent(), "certctl", "renew", "--force", *NAMES)):
        number, wrong = 1, []
        while kill_at(name, number) and number < 400:
            for words in judge():
                wrong.append(f"killed at {name} number {number}: {words}")
            number += 1
        print(name, number - 1, flush=True)
        for words in wrong:
            print("!", words.replace("\n", " "), flush=True)
    # what a kill left beside a target goes with the next install there
    answer = run("certctl", "renew", "--force", *NAMES)
    if answer.returncode != 0:
        raise RuntimeError("an undisturbed renewal fails: " + answer.stdout)
    if leftovers():
        raise RuntimeError("left beside the targets: " + " ".join(leftovers()))


if __name__ == "__main__":
    main()
