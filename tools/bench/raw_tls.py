"""The least that opening what a secure session sealed can cost: `ssl.MemoryBIO`, and nothing of ours around it.

python -m tools.bench.raw_tls MIB
"""

import os
import ssl
import sys

from bwc_protocol.declare import Role
from bwc_protocol.lab.agency import LabAgency
from bwc_protocol.session.tls import KeyCredentials
from bwc_protocol.session.tls_context import context_for
from bwc_protocol.vocabulary import PeerKind
from tools.bench.process import measured

MIB = 1_048_576
AT_ONCE = 61_440
"""As one frame of a fast link carries it."""


def ends() -> tuple[ssl.SSLObject, ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """A host and a device behind their handshake, and what carries the device's bytes to the host: out, and in."""
    lab = LabAgency.make(os.urandom)
    of_host, of_device = lab.host("bench", Role.BENCH), lab.device("SIM-1", PeerKind.CAMERA)
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    host, device = (
        context_for(KeyCredentials(shown.chain, shown.key), lab.anchors, client=client, lab=True).wrap_bio(
            came, goes, server_side=not client
        )
        for shown, client, came, goes in (
            (of_host, False, pipes[0], pipes[1]),
            (of_device, True, pipes[2], pipes[3]),
        )
    )
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for end, goes, to in ((device, pipes[3], pipes[0]), (host, pipes[1], pipes[2])):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
            to.write(goes.read())
    return host, device, pipes[3], pipes[0]


if __name__ == "__main__":
    host, device, out, into = ends()
    data = bytes(AT_ONCE)
    device.write(data)
    sealed = out.read()
    into.write(sealed)
    room = bytearray(AT_ONCE)
    count = int(sys.argv[1]) * MIB // AT_ONCE
    records = []
    for _ in range(count):
        device.write(data)
        records.append(out.read())
    while host.pending() or into.pending:
        host.read(AT_ONCE, room)
    with measured():
        for record in records:
            into.write(record)
            left = AT_ONCE
            while left:
                left -= int(host.read(left, room))  # into `room`: how many bytes
