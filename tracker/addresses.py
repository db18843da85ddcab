"""Where a client comes from, and under which name it reached this tracker."""

from __future__ import annotations

from aiohttp import web


def client_address(request: web.BaseRequest) -> str:
    """Where a client comes from; behind a proxy on this machine, what the proxy says."""
    remote = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For")
    if forwarded and remote in ("127.0.0.1", "::1"):
        return forwarded.rpartition(",")[2].strip()[:64]
    return remote


def dialled(request: web.Request, names: frozenset[str]) -> str:
    """The name that a proof must be made for. A name that isn't ours makes every proof fail, as it should.

    `names`: hosts (with port, unless it is the scheme's own) that clients may dial; empty: its own address.
    """
    host = request.host.lower()
    if host in names or (not names and _is_own_address(host, request)):
        return host
    return f"not {host}"


def _is_own_address(host: str, request: web.Request) -> bool:
    """Whether `host` is the very address that this connection came to, or a name of this machine's loopback."""
    transport = request.transport
    sockname = transport.get_extra_info("sockname") if transport is not None else None
    if not sockname:
        return False
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]")
    own = str(sockname[0]).removeprefix("::ffff:")
    return name == own or (name == "localhost" and own in ("127.0.0.1", "::1"))
