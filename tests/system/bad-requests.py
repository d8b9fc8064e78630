# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests (PKCS#10) that nobody should sign, made in the current folder as NAME.csr by openssl(1) and, where openssl makes no such
thing, by changing its bytes and signing them again."""
import base64
import subprocess


def openssl(*words, **more):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, **more).stdout


def element(der, at):
    """The tag, and the range of the content, of the element of DER that begins there."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[at + 2:begin], "big")
    return der[at], begin, begin + length


def sequence(content):
    length = len(content)
    size = b"" if length < 0x80 else length.to_bytes((length.bit_length() + 7) // 8, "big")
    return b"\x30" + (bytes([0x80 | len(size)]) + size if size else bytes([length])) + content


def write(name, der):
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    with open(f"{name}.csr", "w") as f:
        f.write("\n".join(["-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""]))


def request(key, *words):
    return openssl("req", "-new", "-key", key, "-subj", "/CN=bad.example.org", "-outform", "DER", *words)


def signed_again(der, old, new):
    """The request with some bytes changed (as many as before), and a signature that fits."""
    _, begin, _ = element(der, 0)
    _, _, end = element(der, begin)
    info = der[begin:end]
    assert info.count(old) >= 1 and len(old) == len(new)
    info = info.replace(old, new, 1)
    signature = openssl("dgst", "-sha256", "-sign", "key.pem", input=info)
    algorithm_end = element(der, end)[2]
    return sequence(info + der[end:algorithm_end] + b"\x03\x82" + (len(signature) + 1).to_bytes(2, "big") + b"\0" + signature)


def main():
    openssl("genrsa", "-out", "key.pem", "2048")
    openssl("genrsa", "-out", "weak.pem", "512")
    good = request("key.pem", "-addext", "subjectAltName=DNS:bad.example.org")
    write("good", good)
    write("resigned", signed_again(good, b"\x02\x01\x00", b"\x02\x01\x00"))
    write("broken-signature", good[:-1] + bytes([good[-1] ^ 1]))
    write("negative-version", signed_again(good, b"\x02\x01\x00", b"\x02\x01\xff"))
    write("weak-key", request("weak.pem", "-addext", "subjectAltName=DNS:bad.example.org"))
    write("authority", request("key.pem", "-addext", "basicConstraints=critical,CA:TRUE"))
    write("signs-certificates", request("key.pem", "-addext", "keyUsage=critical,keyCertSign"))
    write("unknown-critical", request("key.pem", "-addext", "1.2.3.4.5.6=critical,ASN1:UTF8String:what is this"))
    names = ",".join(f"DNS:n{i}.example.org" for i in range(10000))
    with open("many.cnf", "w") as f:
        f.write(f"[req]\ndistinguished_name=dn\n[dn]\n[more]\nsubjectAltName={names}\n")
    write("many-names", request("key.pem", "-config", "many.cnf", "-reqexts", "more"))
    hidden = request("key.pem", "-addext", "subjectAltName=DNS:bad.example.orgX.evil.example")
    write("nul-in-name", signed_again(hidden, b"orgX.", b"org\0."))


main()
