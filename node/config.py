"""The few settings a person may change, each with its bounds (docs/commands.md, "config")."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from node.errors import UnknownFormatError, UserError
from node.files import read_small, write_private
from node.sizes import read_size

DEFAULT_PORT: Final = 7664
MIN_MOBILE_KBPS: Final = 32
MAX_MOBILE_KBPS: Final = 160
MIN_CACHE_BYTES: Final = 64 * 1024 * 1024
MAX_STORE_BYTES: Final = 1 << 50
MAX_WORKERS: Final = 256
MAX_COPIES: Final = 16
MIN_RATE: Final = 100_000
"""Bytes a second: with less, nobody could listen to what this device holds."""
MAX_RATE: Final = 1 << 40
MAX_TRACKERS: Final = 8
MAX_ARTICLES: Final = 32
MAX_DHT_NODES: Final = 32
MAX_SETTINGS_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person chose, or the default."""

    mobile_kbps: int = 48
    """Opus bitrate of mobile renditions, 32 to 160 kbit/s."""
    renditions: Literal["on", "paused", "off"] = "on"
    """on | paused | off: whether mobile renditions are made in the background."""
    keep_sealed: bool = False
    """Keep every sealed original in the store, not only a bounded cache of them."""
    cache_bytes: int = 2_000_000_000
    """How much room sealed originals that could be made again may take."""
    budget_bytes: int = 0
    """How much of what other devices hold this one keeps too, beside its own music."""
    copies: int = 2
    """How many devices are to hold each song."""
    upload_limit: int = 0
    """Bytes a second that other devices may have from this one; 0: as fast as it goes."""
    download_limit: int = 0
    """Bytes a second at which copies are fetched; 0: as fast as it goes."""
    pause: bool = False
    """Fetch and drop no copies for now; songs that play are fetched all the same."""
    host_bytes: int = 0
    """How much this device keeps of others' libraries, sealed: it is a seed for them then."""
    host_listen: str = "0.0.0.0:7666"
    """Where it answers them."""
    host_url: str = ""
    """The address under which they reach it; empty: the address it listens at."""
    workers: int = 0
    """Processes that make renditions; 0 is one less than there are cores."""
    port: int = DEFAULT_PORT
    lan: bool = False
    """Answer other machines of the local network, by password."""
    lan_password: str = ""
    """Argon2id hash; never shown."""
    log_level: str = "info"
    trackers: tuple[str, ...] = ()
    """WebSocket addresses, ws:// or wss://."""
    dht: Literal["off", "private", "mainline"] = "off"
    """off | private | mainline: whether devices also find each other through a distributed hash table."""
    dht_nodes: tuple[str, ...] = ()
    """HOST:PORT of nodes of one's own by which the table is entered."""
    dht_port: int = 0
    """UDP of the table, and the next port (TCP) where devices from afar come in; 0: any that are free."""
    app: str = ""
    """Where phones get the app from: always this one https address, for another is another, empty device."""
    sort_articles: tuple[str, ...] = ("the", "a", "an")
    """Words that don't count at the beginning of a name when names are sorted."""


MAX_APP_URL_CHARS: Final = 300
_OWN_MACHINE: Final = frozenset({"localhost", "127.0.0.1"})
SECRET_SETTINGS: Final = frozenset({"lan_password"})


def _whole(lowest: int, highest: int) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise UserError(f"{name} is a whole number from {lowest} to {highest}")
        return value

    return check


def _size(lowest: int, highest: int) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if isinstance(value, str):
            value = read_size(value)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise UserError(f"{name} is an amount like 50GB, from {lowest:,} to {highest:,} bytes")
        return value

    return check


def _rate(name: str, value: object) -> int:
    if isinstance(value, str):
        value = 0 if value.lower() in ("off", "none") else read_size(value.removesuffix("/s"))
    if not isinstance(value, int) or isinstance(value, bool) or not (value == 0 or MIN_RATE <= value <= MAX_RATE):
        raise UserError(f"{name} is an amount a second like 2MB, at least {MIN_RATE // 1_000} kB, or 0 for no limit")
    return value


def _switch(name: str, value: object) -> bool:
    spelled = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
    if isinstance(value, str) and value.lower() in spelled:
        return spelled[value.lower()]
    if not isinstance(value, bool):
        raise UserError(f"{name} is on or off")
    return value


def _one_of(*choices: str) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise UserError(f"{name} is one of {', '.join(choices)}")
        return value

    return check


def _texts(name: str, value: object, most: int) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if not isinstance(value, list | tuple) or len(value) > most:
        raise UserError(f"{name} is a list of at most {most} words")
    if not all(isinstance(item, str) and 0 < len(item) <= 500 for item in value):
        raise UserError(f"each of {name} is a word of at most 500 characters")
    return tuple(value)


def _trackers(name: str, value: object) -> tuple[str, ...]:
    urls = _texts(name, value, MAX_TRACKERS)
    for url in urls:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("ws", "wss") and parts.hostname and (parts.port or 1)
        except ValueError:
            usable = False
        if not usable or not re.fullmatch(r"[!-~]+", url) or re.search(r"[;,'\"<>\\]", url):
            raise UserError(f"{url[:80]!r} is not a tracker's address; one looks like wss://tracker.example.org")
    return urls


def host_and_port(text: str) -> tuple[str, int]:
    """Host and port of 'HOST:PORT'; an IPv6 address stands in brackets. Raises UserError."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise UserError(f"{text[:80]!r} is not HOST:PORT, such as 0.0.0.0:7666")
    return host.strip("[]") or "0.0.0.0", int(port)


def _listen(name: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Za-z.:\[\]-]{1,100}", value):
        raise UserError(f"{name} is HOST:PORT, such as 0.0.0.0:7666")
    host_and_port(value)
    return value


def _web_address(name: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(https?://[!-~]{1,250})?", value):
        raise UserError(f"{name} is an address like https://seed.example.org, or nothing")
    return value


def dht_nodes(name: str, value: object) -> tuple[str, ...]:
    """Nodes of a DHT, each HOST:PORT. Raises UserError."""
    nodes = _texts(name, value, MAX_DHT_NODES)
    for node in nodes:
        # libtorrent takes names and IPv4 addresses, and IPv6 addresses in brackets.
        found = re.fullmatch(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})", node)
        if found is None or not 0 < int(found[1]) < 65_536:
            raise UserError(f"{node[:80]!r} is not a node of a DHT; one looks like seed.example.org:7668")
    return nodes


def _app(name: str, value: object) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or len(value) > MAX_APP_URL_CHARS or not _serves_app(value):
        raise UserError(f"{name} is the https address that phones get the app from, like https://music.example.org/")
    return value if value.endswith("/") else value + "/"


def _serves_app(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = bool(parts.hostname) and (parts.port or 1) and not parts.query and not parts.fragment
    except ValueError:
        return False
    # A browser gives keys to https pages only, and to those of its own machine.
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _OWN_MACHINE)
    return bool(plain and secure and re.fullmatch(r"[!-~]+", url))


def _articles(name: str, value: object) -> tuple[str, ...]:
    return tuple(word.lower() for word in _texts(name, value, MAX_ARTICLES))


def _password_hash(name: str, value: object) -> str:
    if not isinstance(value, str) or not (value == "" or value.startswith("$argon2id$")) or len(value) > 300:
        raise UserError(f"{name} is set by 'songkeep config lan on'")
    return value


_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "mobile_kbps": _whole(MIN_MOBILE_KBPS, MAX_MOBILE_KBPS),
    "renditions": _one_of("on", "paused", "off"),
    "keep_sealed": _switch,
    "cache_bytes": _size(MIN_CACHE_BYTES, MAX_STORE_BYTES),
    "budget_bytes": _size(0, MAX_STORE_BYTES),
    "copies": _whole(2, MAX_COPIES),
    "upload_limit": _rate,
    "download_limit": _rate,
    "pause": _switch,
    "host_bytes": _size(0, MAX_STORE_BYTES),
    "host_listen": _listen,
    "host_url": _web_address,
    "workers": _whole(0, MAX_WORKERS),
    "port": _whole(1, 65_535),
    "lan": _switch,
    "lan_password": _password_hash,
    "log_level": _one_of("debug", "info", "warning", "error"),
    "trackers": _trackers,
    "dht": _one_of("off", "private", "mainline"),
    "dht_nodes": dht_nodes,
    "dht_port": _whole(0, 65_534),
    "app": _app,
    "sort_articles": _articles,
}


def setting_names() -> list[str]:
    """Every setting that may be shown, in the order of the table in the documentation."""
    return [field.name for field in fields(Settings) if field.name not in SECRET_SETTINGS]


def change(settings: Settings, wishes: Mapping[str, object]) -> Settings:
    """`settings` with each of `wishes` checked and put in. Raises UserError that names the bounds."""
    checked: dict[str, Any] = {}
    for name, value in wishes.items():
        if name not in _CHECKS:
            raise UserError(f"there is no setting {name[:40]!r}; there are {', '.join(setting_names())}")
        checked[name] = _CHECKS[name](f"the setting {name}", value)  # a sentence's capital must not fall on a name
    changed = replace(settings, **checked)
    if changed.lan and not changed.lan_password:
        raise UserError("opening the player to the local network needs a password: songkeep config lan on")
    return changed


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values, without secrets."""
    return {name: value for name, value in asdict(settings).items() if name not in SECRET_SETTINGS}


def load_settings(path: Path) -> Settings:
    """The settings kept in a file, or the defaults if it isn't there.

    Raises UnknownFormatError, UserError, StorageError.
    """
    data = read_small(path, max_bytes=MAX_SETTINGS_BYTES)
    return Settings() if data is None else settings_from_json(data)


def save_settings(path: Path, settings: Settings) -> None:
    """Keep the settings. Raises StorageError; then the old ones stand."""
    write_private(path, settings_to_json(settings))


def settings_from_json(data: bytes) -> Settings:
    """Read what `settings_to_json` wrote. Raises UnknownFormatError, or UserError if it was edited into nonsense."""
    try:
        value = json.loads(data)
        wishes = dict(value["settings"])
        version = value["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnknownFormatError(
            "the settings file is not readable; take it away to begin with the defaults"
        ) from error
    if version != 1:
        raise UnknownFormatError("the settings were written by a newer Songkeep")
    return change(Settings(), wishes)


def settings_to_json(settings: Settings) -> bytes:
    """The settings that differ from the defaults, readable by a person."""
    default = asdict(Settings())
    wishes = {name: value for name, value in asdict(settings).items() if value != default[name]}
    return (json.dumps({"version": 1, "settings": wishes}, indent=2, ensure_ascii=False) + "\n").encode()
