"""Under which names a node answers, and what its pages may load."""

from __future__ import annotations

import socket

import pytest

from node.faces.gate import content_policy, host_is_ours


@pytest.mark.parametrize("host", ["127.0.0.1:7664", "localhost:7664", "LOCALHOST:7664", "[::1]:7664"])
@pytest.mark.parametrize("lan", [False, True])
def test_loopback_names_are_ours(host: str, lan: bool) -> None:
    assert host_is_ours(host, port=7664, lan=lan)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:7665",
        "evil.example:7664",
        "127.0.0.1.evil.example:7664",
        "localhost.evil.example:7664",
        "[::1:7664",
        "127.0.0.1:7664:7664",
        "127.0.0.1:7664@evil.example",
    ],
)
@pytest.mark.parametrize("lan", [False, True])
def test_a_rebound_name_or_another_port_is_not_ours(host: str, lan: bool) -> None:
    assert not host_is_ours(host, port=7664, lan=lan)


@pytest.mark.parametrize("host", ["192.168.1.5:7664", "[fe80::1]:7664", f"{socket.gethostname()}:7664"])
def test_addresses_and_the_machines_name_are_ours_only_when_it_is_open_to_the_lan(host: str) -> None:
    assert host_is_ours(host, port=7664, lan=True)
    assert not host_is_ours(host, port=7664, lan=False) or host.startswith("localhost:")


def test_pages_may_connect_to_configured_trackers_and_load_nothing_from_anywhere() -> None:
    policy = content_policy(["wss://t.example:8443/room?x=1"])
    assert "connect-src 'self' wss://t.example:8443;" in policy
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "*" not in policy
