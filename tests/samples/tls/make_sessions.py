#!/usr/bin/env python3
"""Makes the captures of this folder: TLS sessions between two ends in one process, with their key log.

usage: make_sessions.py FOLDER    writes NAME.pcap and NAME.keys for each session

The packets have no checksums, and each flight is cut into small segments, one of which comes twice and one late.
"""
import os
import ssl
import struct
import subprocess
import sys

SESSIONS = {
    "tls12_aes128_gcm": ("1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
    "tls12_aes256_gcm": ("1.2", "ECDHE-RSA-AES256-GCM-SHA384"),
    "tls12_chacha": ("1.2", "ECDHE-RSA-CHACHA20-POLY1305"),
    "tls12_aes256_cbc": ("1.2", "ECDHE-RSA-AES256-SHA384"),
    "tls12_aes128_cbc": ("1.2", "ECDHE-RSA-AES128-SHA"),
    "tls13": ("1.3", None),
}


def packet(client, sequence, flags, data):
    ends = (0x0a000001, 0x0a000002, 40000, 4433) if client else (0x0a000002, 0x0a000001, 4433, 40000)
    tcp = struct.pack("!HHIIBBHHH", ends[2], ends[3], sequence & 0xffffffff, 0, 0x50, flags, 65535, 0, 0) + data
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, ends[0], ends[1])
    frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp
    return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


class Wire:
    def __init__(self):
        self.packets = [packet(True, 0xfffffff0 - 1, 2, b""), packet(False, 1000, 0x12, b"")]
        self.sequence = {True: 0xfffffff0, False: 1001}

    def carry(self, client, data):
        pieces = [data[i:i + 600] for i in range(0, len(data), 600)]
        made = []
        for piece in pieces:
            made.append(packet(client, self.sequence[client], 0x18, piece))
            self.sequence[client] += len(piece)
        if len(made) > 2:
            made[0], made[1] = made[1], made[0]
            made.append(made[0])
        self.packets += made


def make(folder, name, version, cipher):
    keys = os.path.join(folder, name + ".keys")
    if os.path.exists(keys):
        os.unlink(keys)
    contexts = {True: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), False: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)}
    for context in contexts.values():
        context.minimum_version = context.maximum_version = (
            ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3)
        if cipher:
            context.set_ciphers(cipher)
    contexts[True].check_hostname = False
    contexts[True].verify_mode = ssl.CERT_NONE
    contexts[True].keylog_filename = keys
    contexts[False].load_cert_chain(os.path.join(folder, "key.pem"))
    buffers = {end: (ssl.MemoryBIO(), ssl.MemoryBIO()) for end in (True, False)}
    ends = {end: contexts[end].wrap_bio(*buffers[end], server_side=not end) for end in (True, False)}
    wire = Wire()

    def step(end, action):
        try:
            action(ends[end])
        except ssl.SSLWantReadError:
            pass
        data = buffers[end][1].read()
        if data:
            wire.carry(end, data)
            buffers[not end][0].write(data)

    for _ in range(6):
        for end in (True, False):
            step(end, lambda one: one.do_handshake())
    for end, text in ((True, b"a question\n"), (False, b"an answer\n")):
        step(end, lambda one, text=text: one.write(text))
        step(not end, lambda one: one.read(100))
    with open(os.path.join(folder, name + ".pcap"), "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + b"".join(wire.packets))


def main():
    folder = sys.argv[1]
    key = os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=sample",
                    "-keyout", key, "-out", key + ".cert"], check=True, capture_output=True)
    with open(key, "a", encoding="ascii") as file, open(key + ".cert", encoding="ascii") as cert:
        file.write(cert.read())
    for name, (version, cipher) in SESSIONS.items():
        make(folder, name, version, cipher)
    os.unlink(key)
    os.unlink(key + ".cert")


if __name__ == "__main__":
    main()
