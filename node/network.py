"""Builds the parts by which this device meets the others of its library. A part of the app, like node/app.py."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from node.catalog.rights import may_write
from node.catalog.values import blob_value
from node.config import Settings
from node.doors.audio import MobileCodec
from node.doors.blobs import BlobStore
from node.doors.channel import Answer, Serve
from node.doors.lan import all_addresses, network_marks
from node.doors.power import Power
from node.doors.vault import Vault
from node.flows.absent import Absent
from node.flows.copies import Copies, Limits
from node.flows.devices import Devices, OwnRoom
from node.flows.doctor import Doctor
from node.flows.exchange import Exchange
from node.flows.far import FarMeeting, FarOptions
from node.flows.fetch import DeviceFetch
from node.flows.history_teller import HistoryTeller
from node.flows.holdings import Holdings
from node.flows.lan import LanMeeting
from node.flows.lanes import Lanes
from node.flows.meet import Meeting
from node.flows.network import Network
from node.flows.pace import Pace, paced
from node.flows.pairings import Pairings
from node.flows.phrases import Phrases
from node.flows.relay import Relay
from node.flows.rule import Ruling, tell_of_changes
from node.flows.scrub import Scrub
from node.flows.serve import Serving, Snapshots
from node.flows.sightings import Sightings
from node.flows.unasked import Unasked
from node.flows.uploads import Uploads
from node.flows.wakeful import Wakeful
from node.flows.wanted import Wanted
from node.flows.ways import Ways
from node.flows.whereabouts import Whereabouts
from node.ids import DeviceId, TrackId
from node.library import Library
from node.peers.directory import Directory, Presence
from node.peers.links import Giving, Links
from node.peers.membership import Membership
from node.wire.roomevents import AccountTold
from node.wire.roster import Role

COUNT_EVERY_S: Final = 10.0
"""How old the count of what is held here may be: it is told with every presence."""

Tell = Callable[[Literal["info", "warning", "error"], str | Callable[[], str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Networking:
    """The network, and what must run for it to live."""

    network: Network
    fetch: DeviceFetch
    """Music from other devices."""
    services: tuple[Callable[[], Coroutine[object, object, None]], ...]
    follow: Callable[[Settings, Settings], Awaitable[None]]
    """Tells it of changed settings."""
    close: Callable[[], Awaitable[None]]
    snapshots: Snapshots
    holdings: Holdings
    answer_also: Callable[[Mapping[str, Answer]], None]
    """Answers to further kinds of questions, from parts that are built later."""


def build_network(
    *,
    vault: Vault,
    library: Library,
    store: BlobStore,
    settings: Settings,
    make_mobile: Callable[[TrackId, MobileCodec], Awaitable[None]] | None,
    tell: Tell,
) -> Networking:
    """Everything between the library and other devices. Nothing is bound or dialled before the services run."""
    membership = Membership(vault, time_ms=_now_ms, random=os.urandom)
    library.index.log.may_write = lambda key, by: may_write(key, by, membership.roster)
    directory = Directory()
    holdings = Holdings(library, store)
    snapshots = Snapshots(library, lambda: membership.epoch.convergence)
    serving = Serving(library, holdings, snapshots, make_mobile=make_mobile)
    answers = dict(serving.answers)
    upload = Pace()
    wakeful = Wakeful(Power(), announce=lambda: meeting.announce(), woke=lambda: meeting.network_changed())
    give, uploads = wakeful.noting(paced(serving.chunks, upload)), Uploads()

    def give_to(member: DeviceId) -> Serve:
        return uploads.noting(give, member)

    links = Links(membership, Giving(serve_to=give_to, answers=answers))
    sightings = Sightings(directory, library.index.settings)
    current = settings

    counted: tuple[float, dict[str, int]] = (0.0, {})

    def own_room() -> OwnRoom:
        nonlocal counted
        if not counted[1] or time.monotonic() - counted[0] > COUNT_EVERY_S:
            counted = time.monotonic(), library.index.blobs.totals()
        totals = counted[1]
        held_bytes = totals["pinned_bytes"] + totals["cache_bytes"]
        return OwnRoom(current.budget_bytes, held_bytes, totals["damaged_blobs"])

    devices = Devices(
        membership,
        directory,
        links,
        library,
        sightings,
        own_name=_host_name(),
        own_room=own_room,
        random=os.urandom,
    )

    def presence() -> Presence:
        newest, room = snapshots.newest, own_room()
        addresses, lane = lanes.told
        return Presence(
            name=devices.own_name,
            role="node",
            roster=len(membership.roster.entries),
            roster_digest=membership.roster.digest,
            heads={log: head.seq for log, head in library.index.log.heads().items()},
            catalog=library.index.log.digest(),
            snapshot=None if newest is None else blob_value(newest),
            budget_bytes=room.budget_bytes,
            held_bytes=room.held_bytes,
            addresses=addresses,
            lane=lane,
            asleep=wakeful.asleep,
            holdings=copies.census.sight.state,
            dht=tuple(far.keys.own),
            trackers=meeting.told_trackers,
        )

    ruling = Ruling(membership, now_ms=_now_ms)
    meeting = Meeting(
        membership=membership,
        directory=directory,
        links=links,
        presence=presence,
        trackers=settings.trackers,
        on_account=_tell_of_account(tell),
        on_misdeed=lambda url, misdeed: tell(
            "warning",
            f"The server {urlsplit(url).netloc} does what an honest one doesn't: {misdeed.value}. Nothing of it was "
            "believed; 'songkeep doctor' says more.",
        ),
        addresses=network_marks,
    )
    lanes = Lanes(
        membership,
        directory,
        give_to,
        size_of=serving.size_bytes,
        announce=meeting.announce,
        addresses=all_addresses,
    )
    ways = Ways(membership.keys.id, directory, lanes, links, meeting)
    told = HistoryTeller(membership.keys.id, devices.name_of, tell)
    relay = Relay(membership, directory, meeting, links)
    meeting.relay, meeting.on_message = relay.connect, relay.hear
    exchange = Exchange(
        library,
        membership,
        directory,
        meeting,
        history_teller=told,
        is_phone=lambda member: sightings.of(member).kind == "phone",
    )
    answers.update(exchange.answers)
    copies = Copies(
        library,
        store,
        holdings,
        membership,
        directory,
        meeting,
        limits=_limits(settings),
        take=ways.chunks,
        upload=upload,
        uploads=uploads,
        hear_all=exchange.hear_all,
        tell=tell,
    )
    answers.update(copies.answers)
    snapshots.on_new.append(meeting.announce)
    if settings.trackers or len(membership.roster.active(Role.OWNER, Role.PLAYER)) > 1:
        snapshots.want()

    def joined_trackers() -> list[str]:
        return [url for url in meeting.trackers if (place := meeting.places.get(url)) and place.joined]

    def joined_servers() -> list[str]:
        far_away = [url for url, place in meeting.places.items() if place.joined and meeting.way_to(url) == "server"]
        return list(dict.fromkeys([*joined_trackers(), *far_away]))

    nearby = LanMeeting(membership, meeting, tell=lambda text: tell("info", text))
    far = FarMeeting(
        membership,
        directory,
        meeting,
        keys=library.dht_keys,
        kept=library.index.settings,
        heads=library.index.log.digest,
        options=_far_options(settings),
        tell=lambda text: tell("info", text),
    )
    pairings = Pairings(
        membership, trackers=joined_trackers, servers=joined_servers, nearby=nearby, named=devices.heard_of
    )
    membership.on_change.append(tell_of_changes(membership, devices.name_of, tell))
    membership.on_change.append(lambda _before, _after: snapshots.want())

    async def follow(before: Settings, after: Settings) -> None:
        nonlocal current
        current = after
        if before.budget_bytes != after.budget_bytes:
            await meeting.announce()
        copies.apply(_limits(after))
        far.apply(_far_options(after))
        if before.trackers != after.trackers:
            await meeting.move_to(after.trackers)
            if after.trackers:
                snapshots.want()

    async def close() -> None:
        await copies.close()
        await pairings.close()
        await relay.close()
        await links.close()

    absent = Absent(
        membership=membership,
        directory=directory,
        sightings=sightings,
        name_of=devices.name_of,
        holders=copies.census.devices,
        now_ms=_now_ms,
    )
    here_and_away = replace(absent, holders=copies.census.others)  # asked in threads, and for lists
    library.shown.elsewhere = here_and_away.elsewhere
    unasked = Unasked(
        copies.discards,
        directory,
        to_ask=exchange.to_ask,
        last_seen_ms=lambda member: sightings.of(member).seen_ms,
        name_of=devices.name_of,
        wall_ms=_now_ms,
    )
    network = Network(
        membership=membership,
        directory=directory,
        links=links,
        meeting=meeting,
        far=far,
        pairings=pairings,
        devices=devices,
        phrases=Phrases(membership, vault, name_of=devices.name_of, now_ms=_now_ms),
        doctor=Doctor(membership, meeting, nearby, far, store.directory, unasked, lane_port=lambda: lanes.port),
        copies=copies,
        wanted=Wanted(copies),
        whereabouts=Whereabouts(
            library, copies, links, unasked, name_of=devices.name_of, lane_of=lanes.found, last_seen=sightings.of
        ),
    )
    return Networking(
        network=network,
        fetch=DeviceFetch(
            membership,
            directory,
            ways.chunks,
            open_to=ways.open_to,
            absent=absent.why,
            name_of=devices.name_of,
            on_lie=_tell_of_lies(devices, tell),
        ),
        services=(
            devices.introduce,
            sightings.run,
            wakeful.run,
            meeting.run,
            nearby.run,
            far.run,
            lanes.run,
            ways.keep_warm,
            snapshots.run,
            exchange.run,
            ruling.run,
            copies.run,
            copies.audits.run,
            Scrub(library, store, on_damaged=lambda root: holdings.on_damaged(root)).run,
        ),
        follow=follow,
        close=close,
        snapshots=snapshots,
        holdings=holdings,
        answer_also=answers.update,
    )


def _tell_of_lies(devices: Devices, tell: Tell) -> Callable[[DeviceId], None]:
    def told(member: DeviceId) -> None:
        tell(
            "warning",
            f"{devices.name_of(member)} gave other bytes than the song's, and is asked for no music for a day. "
            "Look at that device: songkeep verify, there.",
        )

    return told


def _limits(settings: Settings) -> Limits:
    return Limits(
        budget_bytes=settings.budget_bytes,
        paused=settings.pause,
        copies=settings.copies,
        keeps_originals=settings.keep_sealed,
        upload_bytes_per_s=settings.upload_limit,
        download_bytes_per_s=settings.download_limit,
    )


def _tell_of_account(tell: Tell) -> Callable[[str, AccountTold], None]:
    """Which plan a tracker gave, said when it is first told and when it changes."""
    told: dict[str, AccountTold] = {}

    def say(url: str, account: AccountTold) -> None:
        if told.get(url) != account:
            told[url] = account
            tell(
                "info",
                f"Your library has the plan {account.plan} at {urlsplit(url).netloc}: room on seeds for about "
                f"{account.songs:,} songs of the size for the phone ({account.plan_bytes / 1e9:,.1f} GB).",
            )

    return say


def _far_options(settings: Settings) -> FarOptions:
    return FarOptions(mode=settings.dht, nodes=settings.dht_nodes, port=settings.dht_port)


def _host_name() -> str:
    return socket.gethostname().partition(".")[0] or "Songkeep"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
