"""What a seed is told to keep: what goes first where room is scarce, and who is asked before much is dropped."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from node.catalog.vocabulary import set_hidden
from node.crypto.blob import Purpose
from node.doors.seeds import SeedClient, SeedStanding
from node.errors import NotFoundError, UserError
from node.flows.seed_links import SeedLink, named
from node.flows.share import Choice, choose
from node.ids import to_text
from node.library.personal import Play
from node.library.removals import UNDO_MS, removals
from node.wire.roster import Member, Role, read_roster
from node.wire.volume import Volume, VolumeId
from tests.flows.home import FOUNDER, until
from tests.flows.seeded import PC_IP, SeededHome, founder_secrets, seeded_home
from tests.music import make_track
from tests.seed.owner import a_seed
from tests.seed.test_keeping import until as until_standing

DAY_MS = 86_400_000


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(6):
        make_track(folder / f"{number}.flac", seed=number, title=f"T{number}")
    return folder


async def filled(pc: SeededHome, music: Path, invitation: str) -> None:
    await pc.home.ingest.add([music])
    await pc.home.ingest.idle()
    await pc.seeds.add(invitation)
    await pc.until_filled(blobs=6)


async def lose_half(pc: SeededHome) -> None:
    """Half of the library is removed, and what that takes from the seed waits for an owner's word."""
    library = pc.home.library
    for each in library.tracks(0, 10)["items"][:3]:
        library.hide(each["id"])
    await until(lambda: pc.link.shrinking is not None)


async def standing_of(url: str) -> SeedStanding:
    async with SeedClient.open(url, local_address=PC_IP) as client:
        await client.sign_in(FOUNDER)
        return await client.standing()


async def test_a_removed_song_goes_to_the_seeds_trash_and_undo_brings_it_back_from_there(
    tmp_path: Path, music: Path
) -> None:
    async with a_seed(tmp_path / "seed") as seed, seeded_home(tmp_path / "pc") as pc:
        await filled(pc, music, await seed.invite(100_000_000))
        library = pc.home.library
        [track] = [each["id"] for each in library.tracks(0, 10)["items"] if each["title"] == "T3"]
        library.hide(track)
        async with SeedClient.open(seed.url, local_address=PC_IP) as client:
            await client.sign_in(FOUNDER)
            await until_standing(client.standing, lambda each: (each.held_blobs, each.trash_bytes > 0) == (5, True))
            shutil.rmtree(music)  # what comes back comes from the trash
            assert library.undo() == [track]
            assert "T3" in pc.home.titles()
            await until_standing(
                client.standing, lambda each: (each.held_blobs, each.missing_blobs, each.trash_bytes) == (6, 0, 0)
            )
        assert library.undo() == []


async def test_a_library_that_loses_much_at_once_is_dropped_only_when_an_owner_says_so(
    tmp_path: Path, music: Path
) -> None:
    async with a_seed(tmp_path / "seed") as seed, seeded_home(tmp_path / "pc") as pc:
        await filled(pc, music, await seed.invite(100_000_000))
        await lose_half(pc)
        assert pc.link.shrinking is not None
        assert pc.link.shrinking.blobs == 3
        assert any("seeds shrink" in text for _, text in pc.told)
        # New music reaches the seed in the meantime, and nothing leaves it.
        make_track(music / "new.flac", seed=77, title="New")
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        async with SeedClient.open(seed.url, local_address=PC_IP) as client:
            await client.sign_in(FOUNDER)
            await until_standing(client.standing, lambda each: (each.held_blobs, each.trash_bytes) == (7, 0))
            await until(lambda: pc.link.state == "filled")
            assert pc.link.shrinking is not None
            pc.seeds.let_shrink(seed.url)
            await until_standing(client.standing, lambda each: (each.held_blobs, each.trash_bytes > 0) == (4, True))
        await until(lambda: pc.link.shrinking is None)
        with pytest.raises(UserError, match="nothing waits"):
            pc.seeds.let_shrink(seed.url)


async def test_an_owners_word_that_comes_while_a_list_is_on_its_way_is_not_lost(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_seed(tmp_path / "seed") as seed, seeded_home(tmp_path / "pc") as pc:
        await filled(pc, music, await seed.invite(100_000_000))
        await lose_half(pc)
        put_list, said = SeedClient.put_list, []

        async def put_and_say(client: SeedClient, record: bytes, volumes: Iterable[Volume] = ()) -> list[VolumeId]:
            if not said:
                said.append(pc.seeds.let_shrink(seed.url))
            return await put_list(client, record, volumes)

        monkeypatch.setattr(SeedClient, "put_list", put_and_say)
        make_track(music / "new.flac", seed=77, title="New")
        await pc.home.ingest.add([music])
        async with SeedClient.open(seed.url, local_address=PC_IP) as client:
            await client.sign_in(FOUNDER)
            await until_standing(client.standing, lambda each: (each.held_blobs, each.trash_bytes > 0) == (4, True))
        assert said


async def test_an_emptied_library_empties_no_seed(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed, seeded_home(tmp_path / "pc") as pc:
        await filled(pc, music, await seed.invite(100_000_000))
        tracks = [each["id"] for each in pc.home.library.tracks(0, 10)["items"]]
        pc.home.library.changes.write([set_hidden(track, True) for track in tracks])
        await until(lambda: pc.link.shrinking is not None)
        assert (await standing_of(seed.url)).held_blobs == 6
        assert sorted(pc.home.library.undo()) == sorted(tracks)
        await until(lambda: pc.link.shrinking is None)
        assert (await standing_of(seed.url)).held_blobs == 6


async def test_where_room_is_scarce_originals_come_by_stars_and_then_by_plays(tmp_path: Path, music: Path) -> None:
    async with seeded_home(tmp_path / "pc", renditions=True) as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        library = pc.home.library
        everything = choose(library, room_bytes=10**9)
        assert [purpose for _, purpose in everything.blobs.values()] == [2] * 6 + [1] * 6
        tracks = {each["title"]: each["id"] for each in library.tracks(0, 10)["items"]}
        library.personal.star([tracks["T4"]], starred=True)
        library.personal.play([Play(tracks["T2"], 1_700_000_000_000 + 1_000_000 * number) for number in range(5)])
        phone = sum(blob.sealed_bytes for blob, purpose in everything.blobs.values() if purpose == 2)
        root = {title: library.files(track).originals[0].rendition.blob.root for title, track in tracks.items()}
        size = {title: everything.blobs[each][0].sealed_bytes for title, each in root.items()}
        small = choose(library, room_bytes=phone + size["T4"])
        assert [each for each, (_, purpose) in small.blobs.items() if purpose == 1] == [root["T4"]]
        assert (small.left_out, small.left_out_bytes) == ({Purpose.ORIGINAL: 5}, sum(size.values()) - size["T4"])
        more = choose(library, room_bytes=phone + size["T4"] + size["T2"])
        assert [each for each, (_, purpose) in more.blobs.items() if purpose == 1] == [root["T4"], root["T2"]]
        # Of equals the one that the seed has already stays.
        stays = choose(library, room_bytes=phone + size["T4"] + size["T2"] + size["T5"], listed={root["T5"]})
        assert root["T5"] in stays.blobs


def test_the_person_hears_of_a_full_seed_long_before_it_is_full_and_once() -> None:
    link = SeedLink(_member(), 1)
    link.choice = Choice({}, {})
    said = []
    for used in (10, 79, 80, 85, 94, 95, 99):
        link.standing = _standing(held_bytes=used * 10_000_000)
        said.append(link.full_warning())
    assert [text is not None for text in said] == [False, False, True, False, False, True, False]
    assert "130 more songs" in str(said[2])
    assert "0.20 GB" in str(said[2])
    link.choice = replace(link.choice, left_out={Purpose.ORIGINAL: 7}, left_out_bytes=3_000_000_000)
    assert "7 files (3.00 GB) find no room" in str(link.full_warning())
    assert link.full_warning() is None
    assert (link.as_json()["left_songs"], link.as_json()["left_out_of"]) == (6, {"original": 7})


def test_what_was_removed_together_comes_back_together_and_only_for_thirty_days() -> None:
    now_ms = 1_700_000_000_000

    def removed(*ages_ms: int) -> list[tuple[str, int]]:
        return [(f"t{age_ms}", (now_ms - age_ms) << 16) for age_ms in ages_ms]

    found = removals(removed(5, 1_000, DAY_MS, DAY_MS + 5_000, UNDO_MS - 1, UNDO_MS + 1), now_ms=now_ms)  # type: ignore[arg-type]
    assert [each.tracks for each in found] == [
        ("t5", "t1000"),
        (f"t{DAY_MS}", f"t{DAY_MS + 5_000}"),
        (f"t{UNDO_MS - 1}",),
    ]


def _standing(*, held_bytes: int) -> SeedStanding:
    return SeedStanding(
        serial=1,
        quota_bytes=1_000_000_000,
        held_bytes=held_bytes,
        held_blobs=1,
        missing_bytes=0,
        missing_blobs=0,
        trash_bytes=0,
    )


def _member() -> Member:
    rank = next(iter(read_roster(founder_secrets().roster).members.values())).rank
    urls = ("https://seed.example",)
    return Member(FOUNDER.public, role=Role.SEED, admitted_seq=1, rank=rank, admission=bytes(32), addresses=urls)


def test_a_seed_is_named_by_its_number_its_host_or_how_it_begins_and_never_guessed() -> None:
    links = [
        SeedLink(replace(_member(), addresses=(url,)), number)
        for number, url in (
            (1, "https://seed.example"),
            (3, "https://seed.example.org:7666"),
            (4, "http://10.0.0.3:81"),
        )
    ]
    for wanted, number in (
        ("3", 3),
        ("seed.example", 1),
        ("https://seed.example/", 1),
        ("seed.example.", 3),
        ("SEED.EXAMPLE.ORG:7666", 3),
        ("10.0", 4),
    ):
        assert named(links, wanted).number == number, wanted
    for wrong in ("2", "seed", "https://", "", " ", to_text(links[0].member.public.id), "example"):
        with pytest.raises(NotFoundError):
            named(links, wrong)
    alone = links[:1]
    assert named(alone, to_text(alone[0].member.public.id)[:5]) is alone[0]
