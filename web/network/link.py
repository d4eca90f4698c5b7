#!/usr/bin/env python3
"""A network link between two namespaces with delay, jitter, loss and a limited rate, in user space.

    link.py NAMESPACE ADDRESS/PREFIX NAMESPACE ADDRESS/PREFIX [--delay MS] [--jitter MS] [--loss FRACTION] [--rate BYTES]

Each namespace gets a TUN device named `link`; packets travel between the two. Delay and jitter are for each direction,
the rate is in bytes per second and each direction has a queue of one second. `tc netem` does the same where the kernel has it;
this program also works where it does not. Prints "ready" when both devices are up and ends with its standard input.
"""

import argparse
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000
PACKET_BYTES_MAX = 65536
QUEUE_SECONDS = 1.0


def open_tun(namespace):
    """Opens a TUN device inside a namespace. The file works from any namespace afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(other, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"link", IFF_TUN | IFF_NO_PI))
        return tun
    finally:
        libc.setns(own, CLONE_NEWNET)
        os.close(own)
        os.close(other)


class Direction:
    """Packets on their way from one device to the other."""

    def __init__(self, destination, options):
        self.destination = destination
        self.options = options
        self.random = random.Random(1)
        self.waiting = []
        self.order = 0
        self.free_at = 0.0
        self.newest_due = 0.0

    def accept(self, packet, now):
        if self.random.random() < self.options.loss:
            return
        start = max(now, self.free_at)
        if start - now > QUEUE_SECONDS:
            return
        seconds = len(packet) / self.options.rate if self.options.rate else 0.0
        self.free_at = start + seconds
        jitter = self.random.uniform(-1, 1) * self.options.jitter
        # Packets keep their order, as on a real link.
        due = max(self.free_at + max(0.0, self.options.delay + jitter) / 1000, self.newest_due)
        self.newest_due = due
        self.order += 1
        heapq.heappush(self.waiting, (due, self.order, packet))

    def deliver(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            try:
                os.write(self.destination, heapq.heappop(self.waiting)[2])
            except OSError:
                pass  # The device is full or going away: the packet is lost.

    def due(self):
        return self.waiting[0][0] if self.waiting else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ends", nargs=4)
    for name in ("delay", "jitter", "loss", "rate"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    options = parser.parse_args()
    first, first_address, second, second_address = options.ends
    tuns = [open_tun(first), open_tun(second)]
    for namespace, address in ((first, first_address), (second, second_address)):
        subprocess.run(["ip", "-n", namespace, "address", "add", address, "dev", "link"], check=True)
        subprocess.run(["ip", "-n", namespace, "link", "set", "dev", "link", "up"], check=True)
    directions = {tuns[0]: Direction(tuns[1], options), tuns[1]: Direction(tuns[0], options)}
    print("ready", flush=True)
    while True:
        due = [at for at in (direction.due() for direction in directions.values()) if at is not None]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select([*tuns, sys.stdin], [], [], wait)
        now = time.monotonic()
        for file in readable:
            if file is sys.stdin:
                if not sys.stdin.read(1):
                    return
                continue
            try:
                while True:
                    directions[file].accept(os.read(file, PACKET_BYTES_MAX), now)
            except BlockingIOError:
                pass
        for direction in directions.values():
            direction.deliver(time.monotonic())


main()
