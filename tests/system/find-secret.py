# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks for a key in a stream of bytes, such as a disk's or a network's: find-secret.py KEY <STREAM

KEY is a private or a public key on a curve, in PEM. What is looked for is its number (the secret one, or the public point) as
bytes, as hexadecimal digits, and in base64 wherever it may begin and whatever breaks the lines: so that a copy in another
form is found as well. Prints how often each was found; succeeds if nothing was, and the stream was not empty."""
import base64
import subprocess
import sys


def openssl(*words):
    return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout


def number_of(path):
    with open(path, "rb") as f:
        if b"PRIVATE" not in f.read():
            return openssl("pkey", "-pubin", "-in", path, "-outform", "DER")[-64:]
    digits = openssl("pkey", "-in", path, "-noout", "-text").decode().split("priv:")[1].split("pub:")[0]
    return bytes.fromhex("".join(digits.replace(":", "").split()))[-32:]


def in_base64(number):
    """What does not depend on the bytes before and after it, for each of three ways to fall into groups."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + number + bytes(3))
        yield text[4 if before else 0:(before + len(number)) // 3 * 4]


def main():
    number = number_of(sys.argv[1])
    plain = {"bytes": [number], "digits": [number.hex().encode(), number.hex().upper().encode()]}
    folded = {"base64": list(in_base64(number))}
    found = {"bytes": 0, "digits": 0, "base64": 0}
    keep = 4 * len(number)
    rest, total = b"", 0
    while chunk := sys.stdin.buffer.read(1 << 22):
        total += len(chunk)
        window = rest + chunk
        unbroken = window.replace(b"\n", b"").replace(b"\r", b"")
        for where, needles in ((window, plain), (unbroken, folded)):
            for form, texts in needles.items():
                found[form] += sum(map(where.count, texts))
        rest = window[-keep:]  # what lies across two reads; it may be counted twice
    print(f"{total} bytes:", ", ".join(f"{count} times as {form}" for form, count in found.items()))
    return 1 if any(found.values()) or total == 0 else 0


sys.exit(main())
