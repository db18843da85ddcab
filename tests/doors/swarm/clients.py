"""Stock BitTorrent clients of Debian, run as a stranger would: from an address, with a torrent or a magnet link."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from node.wire.bencode import bencode
from node.wire.volume import Volume
from tests.needs import require_program
from tests.ports import free_port


@dataclass(frozen=True)
class Wanted:
    """What a stranger goes after, and from where."""

    volume: Volume
    tag: bytes
    """The epoch's that the stranger knows."""
    tracker: str
    ip: str
    directory: Path
    """Its own."""

    @property
    def magnet(self) -> str:
        info_hash = self.volume.info_hash(self.tag)[:20].hex()
        return f"magnet:?xt=urn:btih:{info_hash}&tr={quote(self.tracker, safe='')}"

    def torrent_file(self) -> Path:
        """The whole torrent, with the stranger's tracker in it."""
        path = self.directory / "volume.torrent"
        announce = bencode(self.tracker.encode())
        path.write_bytes(b"d8:announce" + announce + self.volume.torrent(self.tag, {})[1:])
        return path


@contextlib.asynccontextmanager
async def aria2(wanted: Wanted) -> AsyncIterator[None]:
    """Debian's aria2c, with a magnet link: it knows no version 2 torrents."""
    async with _running(
        require_program("aria2c"), "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
        "--enable-peer-exchange=false", f"--interface={wanted.ip}", "--bt-require-crypto=true", "--seed-time=0",
        f"--dir={wanted.directory}", "--summary-interval=0", wanted.magnet,
    ):  # fmt: skip
        yield


@contextlib.asynccontextmanager
async def transmission(wanted: Wanted) -> AsyncIterator[None]:
    """Debian's transmission-cli, with a magnet link: it knows no version 2 torrents."""
    config = wanted.directory / "config"
    config.mkdir()
    settings = {"bind-address-ipv4": wanted.ip, "dht-enabled": False, "lpd-enabled": False, "encryption": 2}
    (config / "settings.json").write_text(json.dumps(settings))
    async with _running(
        require_program("transmission-cli"), "--config-dir", config, "--encryption-required", "--no-portmap",
        "--download-dir", wanted.directory, wanted.magnet,
    ):  # fmt: skip
        yield


@contextlib.asynccontextmanager
async def qbittorrent(wanted: Wanted) -> AsyncIterator[None]:
    """Debian's qbittorrent-nox, with the whole torrent."""
    config = wanted.directory / "qBittorrent" / "config"
    config.mkdir(parents=True)
    (config / "qBittorrent.conf").write_text(
        "[LegalNotice]\nAccepted=true\n"
        "[BitTorrent]\n"
        f"Session\\Interface=lo\nSession\\InterfaceName=lo\nSession\\InterfaceAddress={wanted.ip}\n"
        "Session\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=false\nSession\\Encryption=1\n"
        "Session\\SSRFMitigation=false\n"
        "[Preferences]\nGeneral\\Locale=en\nWebUI\\Address=127.0.0.1\nWebUI\\UseUPnP=false\n"
    )
    async with _running(
        require_program("qbittorrent-nox"), f"--profile={wanted.directory}", f"--webui-port={free_port()}",
        f"--save-path={wanted.directory / 'got'}", "--skip-dialog=true", wanted.torrent_file(),
    ):  # fmt: skip
        yield


@contextlib.asynccontextmanager
async def _running(program: str, *arguments: str | Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def got(directory: Path, needles: Sequence[bytes]) -> bool:
    """Whether any of these bytes are in any file there."""
    found = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    return any(needle in data for needle in needles for data in found)
