# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every frame that passes an interface, one after another into a file: record-frames.py INTERFACE FILE"""
import socket
import sys

ETH_P_ALL = 3

with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as frames, open(sys.argv[2], "wb", buffering=0) as out:
    frames.bind((sys.argv[1], 0))
    print("recording", flush=True)
    while True:
        out.write(frames.recv(65536))
