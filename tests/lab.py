"""A small internet of network namespaces on this machine, for tests that cross a network (Linux, root).

Hosts hang on one bridge in a namespace of its own; nothing reaches the machine's real network.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.needs import require_program, require_root

NETWORK = "10.213.77"
_NO_UDP = """
table inet blocked {
  chain out { type filter hook output priority 0; oifname != "lo" meta l4proto udp drop; }
  chain in { type filter hook input priority 0; iifname != "lo" meta l4proto udp drop; }
}
"""


def ip(*arguments: str) -> None:
    """One command of iproute2. Raises CalledProcessError."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=60)


def add_namespace(name: str) -> None:
    """A network namespace in which an address stands as soon as it is there.

    The second that IPv6 takes to look whether somebody else has the address would end with a change of the network,
    and a browser that is loading a page then drops what is on its way (ERR_NETWORK_CHANGED).
    """
    ip("netns", "add", name)
    ip("netns", "exec", name, "sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0")


@dataclass
class Host:
    """One machine of the lab: a network namespace with one address."""

    namespace: str
    address: str
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def command(self, arguments: Sequence[str | Path]) -> list[str]:
        """`arguments` as a command line that runs inside this host."""
        return ["ip", "netns", "exec", self.namespace, *map(str, arguments)]

    def start(self, arguments: Sequence[str | Path], **options: object) -> subprocess.Popen[str]:
        """Start a process here; it is ended with the lab."""
        process = subprocess.Popen(self.command(arguments), text=True, **options)  # type: ignore[call-overload]
        self.processes.append(process)
        return process  # type: ignore[no-any-return]

    def run(self, arguments: Sequence[str | Path], timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a process here to its end."""
        return subprocess.run(self.command(arguments), text=True, capture_output=True, timeout=timeout_s, check=False)

    def block_udp(self) -> None:
        """Let no UDP out or in, as some offices, hotels and trains do."""
        subprocess.run(self.command(["nft", "-f", "-"]), input=_NO_UDP, text=True, check=True, timeout=60)

    def wrapper(self, program: str, directory: Path) -> Path:
        """A script that runs `program` inside this host, for those who want the path of one executable."""
        script = directory / f"{Path(program).name}-in-{self.namespace}"
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self.namespace} {program} "$@"\n', encoding="ascii")
        script.chmod(0o755)
        return script


@dataclass
class Lab:
    """The bridge and its hosts."""

    tag: str
    hosts: list[Host] = field(default_factory=list)

    def host(self, name: str) -> Host:
        """A new host on the bridge."""
        number = len(self.hosts) + 2
        host = Host(f"sk-{self.tag}-{name}", f"{NETWORK}.{number}")
        add_namespace(host.namespace)
        self.hosts.append(host)
        inner, outer = f"i{self.tag}{number}", f"o{self.tag}{number}"
        hub = f"sk-{self.tag}-hub"
        ip("-n", hub, "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", host.namespace)
        ip("-n", hub, "link", "set", outer, "master", "bridge", "up")
        ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", inner)
        ip("-n", host.namespace, "link", "set", inner, "up")
        ip("-n", host.namespace, "link", "set", "lo", "up")
        ip("-n", host.namespace, "route", "add", "default", "via", f"{NETWORK}.1")
        return host


@contextlib.contextmanager
def open_lab() -> Iterator[Lab]:
    """A lab that is taken down at the end, with every process that was started in it."""
    require_root()
    require_program("ip")
    lab = Lab(secrets.token_hex(2))
    hub = f"sk-{lab.tag}-hub"
    add_namespace(hub)
    try:
        ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        ip("-n", hub, "addr", "add", f"{NETWORK}.1/24", "dev", "bridge")
        ip("-n", hub, "link", "set", "bridge", "up")
        yield lab
    finally:
        for host in lab.hosts:
            for process in host.processes:
                if process.poll() is None:
                    process.kill()
                process.wait(60)
            subprocess.run(["ip", "netns", "del", host.namespace], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", hub], check=False, capture_output=True)
