# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TLS 1.2 server made by hand, with an RSA key that no library makes: its modulus and its exponent are so long that whoever
verifies one signature of it is busy for minutes."""

import os
import random

BITS = 100000
RSA, SHA256_RSA, COMMON_NAME = "06092a864886f70d010101", "06092a864886f70d01010b", "0603550403"
POINT = ("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315"
         "ececbb6406837bf51f5")  # P-256's generator


def element(tag, content):
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (length if size < 128 else bytes([0x80 | len(length)]) + length) + content


def sequence(*parts):
    return element(0x30, b"".join(parts))


def integer(i):
    return element(2, i.to_bytes(i.bit_length() // 8 + 1, "big"))


def algorithm(oid):
    return sequence(bytes.fromhex(oid), b"\x05\x00")


def number(bits):
    return random.Random(1).getrandbits(bits) | 1 | 1 << (bits - 1)


def certificate():
    name = sequence(element(0x31, sequence(bytes.fromhex(COMMON_NAME), element(12, b"long"))))
    times = sequence(element(0x17, b"250101000000Z"), element(0x17, b"450101000000Z"))
    key = sequence(algorithm(RSA), element(3, b"\0" + sequence(integer(number(BITS)), integer(number(BITS - 2)))))
    body = sequence(element(0xa0, integer(2)), integer(5), algorithm(SHA256_RSA), name, times, name, key)
    return sequence(body, algorithm(SHA256_RSA), element(3, b"\0" + b"x" * 256))


def message(kind, content):
    return bytes([kind]) + len(content).to_bytes(3, "big") + content


def sized(content, size):
    return len(content).to_bytes(size, "big") + content


def flight():
    """ServerHello (ECDHE, RSA), Certificate, ServerKeyExchange with noise as its signature, ServerHelloDone (RFC 5246, 7.4)."""
    hello = b"\x03\x03" + os.urandom(32) + b"\0\xc0\x2f\0" + sized(b"\xff\x01\x00\x01\x00", 2)
    exchange = b"\x03\x00\x17" + sized(bytes.fromhex(POINT), 1) + b"\x04\x01" + sized(number(BITS - 1).to_bytes(BITS // 8, "big"), 2)
    every = (message(2, hello) + message(11, sized(sized(certificate(), 3), 3)) + message(12, exchange) + message(14, b""))
    return b"".join(b"\x16\x03\x03" + sized(every[i:i + 16000], 2) for i in range(0, len(every), 16000))


def talk(connection):
    connection.recv(65536)
    connection.sendall(flight())
    connection.recv(65536)
