"""Hosts of the lab behind routers that translate addresses, as at home and in a mobile network."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from tests.lab import NETWORK, Host, Lab, add_namespace, ip

_RULES = """
table ip translate {{
  chain out {{ type nat hook postrouting priority 100; oifname "{outer}" masquerade{ports}; }}
}}
table ip guard {{
  chain input {{
    type filter hook input priority 0;
    iifname "{outer}" ct state new meta l4proto udp drop
  }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "{inner}" accept
  }}
}}
"""
"""Nothing new comes in. A stray packet that the router itself took would hold the port of the flow to come."""


@dataclass(frozen=True)
class Line:
    """What a line is like, each way."""

    delay_ms: float = 0
    loss: float = 0


def host_on_line(lab: Lab, name: str, line: Line) -> Host:
    """A new host that is connected to the bridge by a slow line."""
    number = len(lab.hosts) + 2
    host = Host(f"sk-{lab.tag}-{name}", f"{NETWORK}.{number}")
    add_namespace(host.namespace)
    lab.hosts.append(host)
    hub, inner, outer = f"sk-{lab.tag}-hub", f"i{lab.tag}{number}", f"o{lab.tag}{number}"
    command = [sys.executable, "-m", "tests.slow_line", hub, outer, host.namespace, inner]
    command += ["--delay-ms", str(line.delay_ms), "--loss", str(line.loss)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    host.processes.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    ip("-n", hub, "link", "set", outer, "master", "bridge", "up")
    ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", inner)
    ip("-n", host.namespace, "link", "set", inner, "up")
    ip("-n", host.namespace, "link", "set", "lo", "up")
    ip("-n", host.namespace, "route", "add", "default", "via", f"{NETWORK}.1")
    return host


def host_behind_router(lab: Lab, name: str, line: Line | None = None, *, symmetric: bool = False) -> Host:
    """A new host in a network of its own, behind a new router on the bridge, by a slow line if one is given.

    A `symmetric` router gives each connection a port of its own, as mobile networks do.
    """
    number = len(lab.hosts) + 1
    outer, inner = f"i{lab.tag}{number + 1}", f"n{lab.tag}{number}"
    router = lab.host(f"{name}-router") if line is None else host_on_line(lab, f"{name}-router", line)
    subnet = f"192.168.{number}"
    host = Host(f"sk-{lab.tag}-{name}", f"{subnet}.2")
    add_namespace(host.namespace)
    lab.hosts.append(host)
    ip("-n", router.namespace, "link", "add", inner, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
    ip("-n", router.namespace, "addr", "add", f"{subnet}.1/24", "dev", inner)
    ip("-n", router.namespace, "link", "set", inner, "up")
    ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
    ip("-n", host.namespace, "link", "set", "eth0", "up")
    ip("-n", host.namespace, "link", "set", "lo", "up")
    ip("-n", host.namespace, "route", "add", "default", "via", f"{subnet}.1")
    forwards = router.run(["sysctl", "-w", "net.ipv4.ip_forward=1"])
    assert forwards.returncode == 0, forwards.stderr
    rules = _RULES.format(outer=outer, inner=inner, ports=" fully-random" if symmetric else "")
    subprocess.run(router.command(["nft", "-f", "-"]), input=rules, text=True, check=True, timeout=60)
    return host
