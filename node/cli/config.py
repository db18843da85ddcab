"""songkeep config: the few settings."""

from __future__ import annotations

import argparse
from typing import Any

from node.cli.arguments import Subparsers, add_command
from node.cli.reach import reach
from node.cli.terminal import Terminal
from node.config import Settings, setting_names
from node.errors import UserError

_SETTINGS_HELP = """\
settings:
  mobile_kbps     bitrate of mobile renditions, 32 to 160 kbit/s (48)
  renditions      on, paused or off: make mobile renditions in the background (on)
  keep_sealed     on or off: keep every original sealed in the store too (off)
  cache_bytes     room for sealed originals that could be made again (2000000000)
  budget_bytes    room for copies of what other devices hold, like 50GB (0)
  copies          how many devices are to hold each song, 2 to 16 (2)
  upload_limit    what other devices may have from this one in a second, like 2MB; 0: no limit (0)
  download_limit  how much is copied here in a second; songs that play don't wait for it; 0: no limit (0)
  pause           on or off: copy nothing and drop nothing for now (off)
  host_bytes      how much of others' libraries is kept here, sealed, like 50GB; 0: none (0)
  host_listen     where their devices reach it (0.0.0.0:7666)
  host_url        the address that invitations name; empty: where it listens
  workers         processes that read, seal and encode; 0: one less than there are cores (0)
  port            where the player answers (7664)
  lan             on or off: answer the local network, by password (off)
  log_level       debug, info, warning or error (info)
  trackers        addresses of trackers, wss://...
  dht             off, private or mainline: devices that are apart also find each other without a
                  tracker. private: through the nodes of dht_nodes alone. mainline: BitTorrent's public
                  table; strangers then see this address and that it takes part (off)
  dht_nodes       nodes of your own to enter by, HOST:PORT: a seed run with --dht, or a device with dht_port
  dht_port        UDP port of the DHT; the next one (TCP) is where devices from afar come in; 0: any (0)
  app             the https address that phones get the app from
  sort_articles   words that don't count at the beginning of a name (the a an)
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "config",
        run,
        summary="show and change settings",
        more="Without more words: all of them. With --json: an object of settings.\n\n" + _SETTINGS_HELP,
        examples="  songkeep config mobile_kbps 64\n  songkeep config lan on\n  songkeep config passphrase set",
    )
    parser.add_argument("name", nargs="?", metavar="SETTING", help="a setting, or 'passphrase'")
    parser.add_argument("values", nargs="*", metavar="VALUE", help="its new value; for 'passphrase': set or remove")


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    if asked.name == "passphrase":
        return _passphrase(asked, terminal)
    with reach(asked, terminal) as client:
        if not asked.values:
            settings = client.get("config")
            if asked.name is not None and asked.name not in settings:
                raise UserError(f"there is no setting {asked.name!r}; there are {', '.join(setting_names())}")
        else:
            wishes: dict[str, Any] = {asked.name: _value(asked.name, asked.values)}
            if asked.name == "lan" and asked.values[0].lower() in ("on", "yes", "true"):
                wishes["password"] = _new_password(terminal)
            settings = client.patch("config", **wishes)
    if asked.name == "dht" and asked.values and settings["dht"] == "private" and not settings["dht_nodes"]:
        terminal.note("No dht_nodes are set: this device waits for others to come to it at its dht_port.")
    if asked.name is not None:
        settings = {asked.name: settings[asked.name]}
    terminal.result(settings)
    for name, value in settings.items():
        terminal.say(f"{name:<16}{_spoken(value)}")
    if asked.name == "dht" and settings["dht"] == "mainline" and asked.values:
        terminal.note("Strangers in BitTorrent's public table now see this machine's address while it runs.")
    if asked.name == "port" and asked.values:
        terminal.note("The port changes when 'songkeep up' starts again.")
    return 0


def _value(name: str, values: list[str]) -> object:
    if isinstance(getattr(Settings(), name, None), tuple):
        return [word for value in values for word in value.replace(",", " ").split()]
    if len(values) != 1:
        raise UserError(f"{name} takes one value")
    # The node checks and converts it: one place knows the bounds.
    return values[0]


def _spoken(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " ".join(value) if isinstance(value, list) else str(value)


def _new_password(terminal: Terminal) -> str:
    terminal.note("Other machines of your network can then play your library in a browser, with this password.")
    terminal.note(
        "The connection is not encrypted (http): others in that network could listen to the password and the music."
    )
    return terminal.ask_new_secret("Password for the local network:")


def _passphrase(asked: argparse.Namespace, terminal: Terminal) -> int:
    action = asked.values[0] if len(asked.values) == 1 else ""
    if action not in ("set", "remove"):
        raise UserError("say 'songkeep config passphrase set' or 'songkeep config passphrase remove'")
    with reach(asked, terminal) as client:
        new = None
        if action == "set":
            terminal.note(
                "Songkeep will ask for it at each start. It can't be recovered; your recovery phrase still works."
            )
            new = terminal.ask_new_secret("New passphrase:")
        answer = client.post("passphrase", passphrase=new)
    terminal.result(answer)
    terminal.say(
        "The keys are locked with the passphrase." if answer["passphrase"] else "The keys have no passphrase now."
    )
    return 0
