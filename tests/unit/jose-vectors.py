#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""jose-vectors: encrypted content and private keys as JOSE writes them, by another implementation than ours.

    python3 tests/unit/jose-vectors.py >tests/unit/jose-vectors.h

Hashing and MACs are Python's, ciphers and keys python3-cryptography's (OpenSSL's). Its output is in the tree, so that the
tests need neither; nothing in it is random, so that it comes out the same each time."""

import base64
import hashlib
import hmac
import json
import textwrap

from cryptography.hazmat.primitives import keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PASSWORD = "correct horse"
TEXT = b"what the envelope holds"
WRAPS = {"PBES2-HS256+A128KW": ("sha256", 16), "PBES2-HS384+A192KW": ("sha384", 24),
         "PBES2-HS512+A256KW": ("sha512", 32)}
ENCRYPTIONS = {"A128GCM": (16, None), "A192GCM": (24, None), "A256GCM": (32, None), "A128CBC-HS256": (32, "sha256"),
               "A192CBC-HS384": (48, "sha384"), "A256CBC-HS512": (64, "sha512")}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def made(what, size):
    """Bytes that look random and are always the same."""
    return hashlib.shake_256(what.encode()).digest(size)


def encrypt(cek, mac, iv, text, aad):
    if not mac:
        sealed = AESGCM(cek).encrypt(iv, text, aad)
        return sealed[:-16], sealed[-16:]
    half = len(cek) // 2
    padded = text + bytes([16 - len(text) % 16]) * (16 - len(text) % 16)
    encryptor = Cipher(algorithms.AES(cek[half:]), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    tag = hmac.new(cek[:half], aad + iv + ciphertext + (8 * len(aad)).to_bytes(8, "big"), mac).digest()
    return ciphertext, tag[:half]


def jwe(alg, enc, text, iterations=1000, password=PASSWORD):
    digest, kek_size = WRAPS[alg]
    cek_size, mac = ENCRYPTIONS[enc]
    salt = made("salt" + alg + enc, 16)
    header = b64(json.dumps({"alg": alg, "enc": enc, "p2c": iterations, "p2s": b64(salt)}).encode())
    kek = hashlib.pbkdf2_hmac(digest, password.encode(), alg.encode() + b"\0" + salt, iterations, kek_size)
    cek, iv = made("cek" + alg + enc, cek_size), made("iv" + alg + enc, 16 if mac else 12)
    ciphertext, tag = encrypt(cek, mac, iv, text, header.encode())
    return ".".join([header, b64(keywrap.aes_key_wrap(kek, cek)), b64(iv), b64(ciphertext), b64(tag)])


def spki(key):
    return b64(key.public_key().public_bytes(serialization.Encoding.DER,
                                             serialization.PublicFormat.SubjectPublicKeyInfo))


def ec_key(curve, crv, size):
    # the shift keeps it below the order of P-521
    key = ec.derive_private_key(int.from_bytes(made(crv, size), "big") >> 16, curve)
    point = key.private_numbers().public_numbers
    numbers = {"x": point.x, "y": point.y, "d": key.private_numbers().private_value}
    jwk = {"kty": "EC", "crv": crv, "use": "sig", "kid": "the " + crv + " key"}
    jwk.update((name, b64(n.to_bytes(size, "big"))) for name, n in numbers.items())
    return json.dumps(jwk), spki(key)


def ed25519_key():
    seed = made("Ed25519", 32)
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    x = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "kid": "the Ed25519 key", "x": b64(x), "d": b64(seed)}), spki(key)


def literal(text):
    lines = textwrap.wrap(text, 100, break_on_hyphens=False, drop_whitespace=False)
    return "\n          ".join('"' + line.replace('"', '\\"') + '"' for line in lines)


def main():
    keys = {"P-256": ec_key(ec.SECP256R1(), "P-256", 32), "P-384": ec_key(ec.SECP384R1(), "P-384", 48),
            "P-521": ec_key(ec.SECP521R1(), "P-521", 66), "Ed25519": ed25519_key()}
    print("/* SPDX-License-Identifier: LGPL-2.1-or-later */\n#pragma once\n\n"
          "/* Made by jose-vectors.py, which says how; not to be edited. */\n\n"
          "/* clang-format off */")
    print(f'#define JOSE_PASSWORD "{PASSWORD}"\n#define JOSE_TEXT "{TEXT.decode()}"\n')
    print("/* JOSE_TEXT in each combination of algorithms. */\nstatic const struct {\n        const char *alg, *enc, *jwe;\n"
          "} jose_envelopes[] __attribute__((unused)) = {")
    for alg in WRAPS:
        for enc in ENCRYPTIONS:
            print(f'        {{ "{alg}", "{enc}",\n          {literal(jwe(alg, enc, TEXT))} }},')
    print("};\n\n/* Private keys; the public half is base64url of a SubjectPublicKeyInfo's DER. */\nstatic const struct {\n"
          "        const char *name, *jwk, *spki, *jwe;\n} jose_keys[] __attribute__((unused)) = {")
    for name, (jwk, public) in keys.items():
        sealed = jwe("PBES2-HS256+A128KW", "A256GCM", jwk.encode())
        print(f'        {{ "{name}",\n          {literal(jwk)},\n          {literal(public)},\n          {literal(sealed)} }},')
    print("};\n/* clang-format on */")


if __name__ == "__main__":
    main()
