"""Copies between whole devices: made by themselves, proved before anything is dropped, never fewer than wanted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.crypto.blob import Purpose
from node.flows.copies import Limits
from node.ids import BlobRoot
from node.library.personal import Play
from node.placement.copying import copies_of
from node.wire.holdings import Holding
from tests.flows.copying import BRISK, GB, Holder, a_home, add_songs, holder, household, knows_all, settled
from tests.flows.people import a_tracker, make_device, meeting, now_ms
from tests.music import make_track


def album_of(device: Holder) -> str:
    [album] = device.home.library.albums(0, 10)["items"]
    return str(album["id"])


async def test_who_asks_for_copies_does_not_wait_for_quiet(tmp_path: Path) -> None:
    founder, newcomer = household(2)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", founder, url, budget_bytes=0) as pc,
        holder(tmp_path / "laptop", newcomer, url, pause=True) as laptop,
    ):
        await add_songs(pc, tmp_path / "music", range(2))
        await pc.home.ingest.idle()
        await settled(lambda: laptop.named() == pc.named(), "the laptop has the catalog")
        await settled(lambda: len(laptop.copies.census.devices()) == 2, "the laptop has heard of the PC")
        laptop.copies.rhythm = replace(BRISK, quiet_s=600)
        for _ in range(10):  # without that it would wait for quiet by now, however long
            laptop.copies.wake()
            await asyncio.sleep(0.1)
        laptop.copies.apply(replace(laptop.copies.limits, paused=False))
        async with asyncio.timeout(60):
            while laptop.sealed() != pc.named():
                laptop.copies.wake()  # what failed once is asked for again
                await asyncio.sleep(0.2)


async def test_a_new_device_fills_itself_and_every_song_comes_to_have_two_copies(tmp_path: Path) -> None:
    founder, newcomer = household(2)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", founder, url, budget_bytes=0, renditions=True) as pc,
    ):
        await add_songs(pc, tmp_path / "music", range(4))
        await pc.home.ingest.idle()
        async with holder(tmp_path / "laptop", newcomer, url) as laptop:
            await settled(lambda: len(laptop.sealed()) == 8, "the laptop holds four songs in two renditions each")
            assert laptop.sealed() == pc.named()
            sizes = dict(laptop.home.index.copies.sizes())
            assert sizes.keys() == pc.named()
            for root, size_bytes in sizes.items():
                assert size_bytes == getattr(laptop.home.library.blob_ref(root), "size_bytes", None)
            assert not pc.sealed(Purpose.ORIGINAL)  # their files are enough
            await settled(lambda: len(pc.copies.census.devices()) == 2, "the PC has heard of the laptop")
            await settled(lambda: laptop.copies.census.sight.own.sealed == laptop.named(), "the laptop knows itself")
            shown = await laptop.shown()
            assert shown["songs"] == [{"copies": 2, "songs": 4}]
            assert shown["at_risk"]["songs"] == 0
            by_name = {each["this"]: (each["originals"], each["from_files"]) for each in shown["devices"]}
            assert by_name == {True: (4, 0), False: (0, 4)}


async def test_what_comes_is_shown_by_device_and_by_song_with_its_rate_and_the_time_left(tmp_path: Path) -> None:
    founder, newcomer = household(2)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", founder, url, budget_bytes=0) as pc,
    ):
        await add_songs(pc, tmp_path / "music", range(3), seconds=30)
        await pc.home.ingest.idle()
        async with holder(tmp_path / "laptop", newcomer, url, download_limit=100_000) as laptop:
            shown: dict[str, Any] = {}
            went: list[dict[str, Any]] = []
            async with asyncio.timeout(90):
                while not went or not any(each["left_s"] for each in shown.get("transfers", [])):
                    await asyncio.sleep(0.1)
                    shown, given = await laptop.shown(), await pc.shown()
                    went += given["uploads"]
            titles = {each["title"] for each in shown["transfers"]}
            assert titles <= {"Song 0", "Song 1", "Song 2"}
            name = next(each["name"] for each in shown["devices"] if not each["this"])
            for each in shown["transfers"]:
                assert (each["from"], each["kind"]) == (name, "original")
                assert 0 <= each["done_bytes"] <= each["total_bytes"]
            going = next(each for each in shown["transfers"] if each["left_s"])
            assert going["rate_bytes_per_s"] > 0
            [comes] = shown["queue"]["from"]
            assert (comes["from"], comes["blobs"]) == (name, 3)
            assert 0 < comes["bytes"] == shown["queue"]["bytes"]
            assert comes["left_s"] == pytest.approx(comes["bytes"] / comes["rate_bytes_per_s"], abs=1)
            [to] = given["upload"]["to"]
            assert to["to"] == next(each["name"] for each in given["devices"] if not each["this"])
            assert 0 < to["total_bytes"] <= given["upload"]["total_bytes"]
            for each in went:
                assert (each["to"], each["kind"]) == (to["to"], "original")
                assert each["title"] in {"Song 0", "Song 1", "Song 2"}
                assert 0 < each["sent_bytes"] <= each["total_bytes"]


async def test_with_little_room_the_small_renditions_come_first_and_then_what_is_dearest(tmp_path: Path) -> None:
    secrets = household(3)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", secrets[0], url, budget_bytes=0, renditions=True) as pc,
        holder(tmp_path / "nas", secrets[1], url) as nas,
    ):
        await add_songs(pc, tmp_path / "music", range(6))
        await pc.home.ingest.idle()
        await settled(lambda: len(nas.sealed()) == 12, "two copies of everything are there already")
        sizes = {each.root: each.sealed_bytes for each in pc.copies.census.sight.blobs}
        small, originals = pc.named(Purpose.MOBILE), pc.named(Purpose.ORIGINAL)
        dearest = [track["id"] for track in pc.home.library.tracks(0, 9)["items"] if track["title"] == "Song 4"]
        pc.home.library.personal.star([track["id"] for track in pc.home.library.tracks(0, 9)["items"]], starred=True)
        pc.home.library.personal.play([Play(dearest[0], now_ms())])  # as dear as the others, and a little dearer
        room = sum(sizes[root] for root in small) + max(sizes[root] for root in originals)
        async with holder(tmp_path / "laptop", secrets[2], url, budget_bytes=room * 10 // 9 + 1_000) as laptop:
            await settled(lambda: len(laptop.sealed()) >= 7, "the laptop is full")
            assert laptop.sealed(Purpose.MOBILE) == small
            await settled(lambda: len(laptop.copies.census.sight.own.sealed) == 7, "the laptop knows itself")
            shown = await laptop.shown()
            assert [(each["originals"], each["small"]) for each in shown["devices"] if each["this"]] == [(1, 5)]
            [original] = laptop.sealed(Purpose.ORIGINAL)
            assert [row for row, _ in laptop.home.index.tracks.named_by(original)] == dearest


async def test_nothing_is_freed_against_a_mere_file(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=2, others=1, budget_bytes=0) as (pc, laptop):
        held = laptop.sealed()
        freed = await laptop.wanted.free("album", album_of(laptop))
        assert freed["freed_blobs"] == 0
        assert freed["kept"] == [{"reason": "fewer than 2 other devices that are here say they hold it", "blobs": 2}]
        laptop.copies.apply(Limits(budget_bytes=1))
        laptop.copies.limits = Limits(budget_bytes=GB, copies=1)  # even if one copy were enough, a file is none
        freed = await laptop.wanted.free("album", album_of(laptop))
        assert freed["freed_blobs"] == 0
        assert laptop.sealed() == held
        assert not pc.sealed()


async def test_while_another_holder_is_away_nothing_is_dropped_not_even_over_the_budget(tmp_path: Path) -> None:
    secrets = household(3)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", secrets[0], url) as pc,
        holder(tmp_path / "laptop", secrets[1], url) as laptop,
    ):
        await add_songs(pc, tmp_path / "music", range(2))
        await pc.home.ingest.idle()
        pc.home.library.personal.star([each["id"] for each in pc.home.library.tracks(0, 9)["items"]], starred=True)
        async with holder(tmp_path / "nas", secrets[2], url) as nas:
            await settled(lambda: len(laptop.sealed()) == len(nas.sealed()) == 2, "both hold both songs")
            await settled(lambda: knows_all(laptop, (pc, nas)), "the laptop knows what the NAS holds")
        songs = laptop.sealed()
        here = laptop.networking.network.directory
        await settled(lambda: not here.get(nas.id).present, "the laptop knows that the NAS has left")
        freed = await laptop.wanted.free("album", album_of(laptop))
        assert freed["kept"] == [{"reason": "fewer than 2 other devices that are here say they hold it", "blobs": 2}]
        looks = laptop.copies.census.looks
        laptop.copies.apply(Limits(budget_bytes=1))
        await settled(lambda: laptop.copies.census.looks > looks, "the laptop is over its budget and knows it")
        assert laptop.sealed() == songs
        async with holder(tmp_path / "nas", secrets[2], url):
            await settled(lambda: not laptop.sealed(), "with the NAS back, and the PC's sealed, it keeps to its budget")


async def test_what_two_others_prove_is_freed_and_they_keep_it_then(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=3, others=3) as (pc, nas, desk, laptop):
        songs = laptop.sealed()
        freed = await laptop.wanted.free("album", album_of(laptop))
        assert (freed["freed_blobs"], freed["kept"]) == (3, [])
        assert not laptop.sealed()
        # Both gave their word: neither lets go of it now, although two others of the four still have it.
        for keeper in (nas, desk):
            kept = await keeper.wanted.free("album", album_of(keeper))
            assert kept["freed_blobs"] == 0
            assert {each["reason"] for each in kept["kept"]} == {
                "another device has let go of it because this one keeps it"
            }
            assert keeper.sealed() == songs
        assert pc.sealed() == songs  # made from its files to prove them, and kept since
        await asyncio.to_thread(laptop.copies.census.look)
        assert not laptop.sealed()  # nor does it come back


async def test_all_holders_that_free_at_once_never_go_under_the_copies(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=6, others=3, budget_bytes=0) as found:
        holders = found[1:]
        songs = holders[0].sealed()

        def left_of(root: BlobRoot) -> int:
            return sum(root in each.sealed() for each in holders)

        for delay_s in (0.0, 0.002, 0.01):
            freeing = []
            for each in holders:
                freeing.append(asyncio.create_task(each.wanted.free("album", album_of(each))))
                await asyncio.sleep(delay_s)
            await asyncio.gather(*freeing)
            assert all(left_of(root) >= 2 for root in songs)


@pytest.mark.parametrize("others", [1, 2], ids=["no more holders than copies", "copies enough elsewhere"])
async def test_what_rots_here_is_healed_from_another_holder(tmp_path: Path, others: int) -> None:
    async with a_home(tmp_path, songs=2, others=others, budget_bytes=0) as (pc, *_, laptop):
        pc.home.library.personal.star([each["id"] for each in pc.home.library.tracks(0, 9)["items"]], starred=False)
        await settled(lambda: all(not each.weight for each in laptop.copies.census.sight.blobs), "no song is dear")
        root = sorted(laptop.sealed())[0]
        path = laptop.home.store.path_of(root)
        assert path is not None
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        report = await laptop.home.verify.run(False, sources=False)
        assert report.damaged == 1
        await settled(lambda: path.read_bytes() == whole, "it is whole again")
        await settled(lambda: not laptop.home.index.blobs.totals()["damaged_blobs"], "it is known to be whole")


async def test_who_finds_its_own_bytes_damaged_gives_no_word_for_them_and_heals_them(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=1, others=2) as (pc, nas, laptop):
        [root] = laptop.sealed()
        path = nas.home.store.path_of(root)
        assert path is not None
        whole = path.read_bytes()
        path.write_bytes(bytes(len(whole)))  # nobody has noticed yet
        freed = await laptop.wanted.free("album", album_of(laptop))
        assert freed["kept"] == [{"reason": "only 1 of 2 other devices have proved to hold it sealed", "blobs": 1}]
        assert laptop.sealed() == {root}
        await settled(lambda: path.read_bytes() == whole, "the NAS healed itself")
        assert pc.copies.census.trusts(nas.id)


async def test_who_lies_is_believed_nothing_and_the_song_comes_from_another(tmp_path: Path) -> None:
    secrets = household(3)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", secrets[0], url, budget_bytes=0) as pc,
    ):
        await add_songs(pc, tmp_path / "music", range(3))
        await pc.home.ingest.idle()
        pc.home.library.personal.star([each["id"] for each in pc.home.library.tracks(0, 9)["items"]], starred=True)
        await asyncio.to_thread(pc.copies.census.look)
        listed = pc.copies.census.sight.listed
        answers: dict[str, Any] = {}
        liar = make_device("liar", secrets[1], url, answers=answers)
        claims = Holding(budget_bytes=0, sealed=frozenset(listed))

        async def boast(_body: Any) -> bytes:
            return claims.answer(listed, b"")

        answers["holdings"] = boast
        liar.blobs.update({root: [bytes(16_384)] * 20 for root in listed})
        async with meeting(liar), holder(tmp_path / "laptop", secrets[2], url) as laptop:
            await settled(lambda: len(laptop.sealed()) == 3, "the laptop has all songs all the same")
            laptop.copies.audits.second_look_s = 0.0
            await laptop.copies.audits.step()
            assert not laptop.copies.census.trusts(liar.id)
            assert laptop.copies.census.trusts(pc.id)

            def sure() -> list[int]:
                return [copies_of(root, laptop.copies.census.devices()) for root in listed]

            await settled(lambda: sure() == [2, 2, 2], "the laptop counts its own and the PC's, and not the liar's")


async def test_an_original_counts_as_added_here_when_the_catalog_names_it_no_longer(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=1, others=1) as (pc, laptop):
        songs = laptop.sealed()
        for root in songs:
            ref = pc.home.library.blob_ref(root)
            assert ref is not None
            await asyncio.to_thread(pc.home.holdings.ensure_sealed, ref, keep=True)
        for each in (pc, laptop):
            with each.home.index.transaction() as step:
                step.sql.execute("DELETE FROM named_blob")
            await asyncio.to_thread(each.copies.census.look)
            assert each.copies.census.sight.leaving == songs
        assert pc.copies.census.sight.added == songs
        assert laptop.copies.census.sight.added == frozenset()


async def test_questions_find_what_a_device_lost_without_knowing_and_it_heals_itself(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=1, others=2, budget_bytes=0) as (_pc, nas, laptop):
        for root in nas.sealed():
            path = nas.home.store.path_of(root)
            assert path is not None
            path.unlink()  # behind its back: it still says that it has them
        laptop.copies.audits.second_look_s = 1.0
        await laptop.copies.audits.step()
        assert laptop.copies.audits.last(nas.id)["failed"] > 0  # type: ignore[index]
        assert laptop.copies.census.trusts(nas.id)  # it says so no more
        await settled(lambda: nas.sealed() == laptop.sealed(), "the NAS has them again")


async def test_a_device_without_room_takes_just_what_the_person_asks_to_keep(
    tmp_path: Path,
) -> None:
    secrets = household(3)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", secrets[0], url) as pc,
        holder(tmp_path / "nas", secrets[1], url) as nas,
        holder(tmp_path / "laptop", secrets[2], url, budget_bytes=0) as laptop,
    ):
        await add_songs(pc, tmp_path / "music", range(2))
        make_track(tmp_path / "other.flac", seconds=0.4, seed=9, title="Other", album="Another")
        await pc.home.ingest.add([tmp_path / "other.flac"])
        await pc.home.ingest.idle()
        await settled(lambda: len(nas.sealed()) == 3, "the NAS has all songs")
        await settled(lambda: len(laptop.named()) == 3, "the laptop has heard of all songs")
        album = next(each["id"] for each in laptop.home.library.albums(0, 9)["items"] if each["name"] == "Prisms")
        kept = await laptop.wanted.keep("album", album)
        assert kept == {"tracks": 2, "blobs": 2}
        await settled(lambda: len(laptop.sealed()) == 2, "the laptop keeps the album, and nothing else")
        await add_songs(pc, tmp_path / "music", [7])
        await settled(lambda: len(laptop.sealed()) == 3, "what is added to the album comes too")
        # With the laptop's, the new song has its copies: the NAS takes it only because it is dear.
        pc.home.library.personal.star([each["id"] for each in pc.home.library.tracks(0, 9)["items"]], starred=True)
        freed = await laptop.wanted.free_space(GB)
        assert freed["freed_blobs"] == 0
        assert {"reason": "you asked to keep it on this device", "blobs": 3} in freed["kept"]
        await settled(lambda: len(nas.sealed()) == 4, "the NAS has the new song")
        await settled(lambda: knows_all(laptop, (pc, nas)), "the laptop knows that it has")
        assert (await laptop.wanted.free("album", album))["freed_blobs"] == 3
        assert not laptop.sealed()


async def test_a_device_alone_spends_nothing_on_looking_for_others_copies(tmp_path: Path) -> None:
    [founder] = household(1)
    async with holder(tmp_path / "pc", founder, "ws://127.0.0.1:9") as pc:
        await add_songs(pc, tmp_path / "music", range(2))
        await asyncio.sleep(20 * BRISK.first_s)  # that nothing happens is no event to wait for
        assert pc.copies.census.looks == 0
        assert (await pc.shown())["songs"] == [{"copies": 1, "songs": 2}], "whoever asks is told all the same"
        await add_songs(pc, tmp_path / "music", range(3))
        assert (await pc.shown())["songs"] == [{"copies": 1, "songs": 3}]


async def test_what_a_device_that_is_away_holds_is_known_after_a_restart(tmp_path: Path) -> None:
    secrets = household(3)
    async with a_tracker(tmp_path / "tracker") as (url, _):
        async with (
            holder(tmp_path / "pc", secrets[0], url, budget_bytes=0) as pc,
            holder(tmp_path / "laptop", secrets[1], url) as laptop,
        ):
            await add_songs(pc, tmp_path / "music", range(2))
            await pc.home.ingest.idle()
            await settled(lambda: len(laptop.sealed()) == 2, "the laptop holds both songs")
            await settled(lambda: knows_all(pc, (pc, laptop)), "the PC knows that it does")
            said = {each.id: each.sealed for each in pc.copies.census.devices()}
        async with holder(tmp_path / "pc", secrets[0], url, budget_bytes=0) as pc:
            await settled(lambda: pc.copies.census.looks > 0, "the PC has looked")
            devices = {each.id: each for each in pc.copies.census.devices()}
            assert devices[laptop.id].sealed == said[laptop.id] != frozenset()
            assert not devices[laptop.id].present
            assert devices[laptop.id].budget_bytes == GB
            assert (await pc.shown())["songs"] == [{"copies": 2, "songs": 2}]
