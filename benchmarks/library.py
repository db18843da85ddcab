"""The library at 50,000 tracks: start, search, pages, memory; the merge of 100,000 writes; the size of a snapshot.

python -m benchmarks.library [--tracks N] [--keep DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measure import Row, median, note, percentile, print_table
from node.catalog.batch import Head, Op, decode_batch, make_batch
from node.catalog.hlc import next_stamp
from node.catalog.model import BlobRef, Fingerprint, Stream, Tags
from node.catalog.register import Key
from node.catalog.state import State
from node.catalog.vector import log_id
from node.crypto.blob import Purpose
from node.crypto.keys import MemberKeys, member_keys_from_random
from node.doors.index import CoverFound, Index, SealedBlob, SourceRead
from node.ids import BlobRoot
from node.library import Library, SealedSource

_LISTED_AT_ONCE = 256
_SEALED_AT_ONCE = 64
_NAMES = (  # noqa: SIM905 - a list of thirty quoted words is harder to read
    "river night golden stone winter echo silver harbor paper moon velvet thunder garden mirror signal ember hollow "
    "crystal wander lantern été Straße ночь песня 東京 夜の海 서울 여름 αγάπη שיר قمر"
).split()
_QUERIES = (
    "a",
    "ri",
    "river",
    "river night",
    "gold sto",
    "ete",
    "ночь",
    "夜",
    "서",
    "αγαπη",
    "harbor 12",
    "zzz",
    "the",
)
_STREAM = Stream(
    codec="flac", mime="audio/flac", duration_ms=241_000, sample_rate_hz=44_100, channels=2, bitrate_bps=900_000
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=50_000)
    parser.add_argument("--keep", type=Path, help="where the index is made, and found again")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory_of is not None:
        _use(given.memory_of)
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = given.keep or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        path = home / "index.db"
        rows: list[Row] = []
        if not path.exists():
            rows += fill(path, given.tracks)
        rows += read(path)
        print_table(f"Library of {given.tracks:,} tracks", rows)
        print_table("Merge", merge(100_000))


def fill(path: Path, tracks: int) -> list[Row]:
    """Make the library, as scanning and sealing would."""
    chance = random.Random(1)
    artists = [_name(chance, 2) for _ in range(max(1, tracks // 40))]
    with Index.open(path) as index:
        library = Library.open(index, _keys(0), bytes(32))
        folder = index.folders.add("/music", 0)
        reads = [_file(chance, number, artists) for number in range(tracks)]
        started = time.perf_counter()
        for at in range(0, tracks, _LISTED_AT_ONCE):
            library.record_scan(folder.id, reads[at : at + _LISTED_AT_ONCE])
        listed_s = time.perf_counter() - started
        note(f"listed in {listed_s:.1f} s")
        started = time.perf_counter()
        while waiting := index.sources.next_to_seal(_SEALED_AT_ONCE):
            library.record_sealed([
                SealedSource(
                    source_id=source.id,
                    fingerprint=source.fingerprint,
                    recording_digest=hashlib.sha256(b"%d" % source.id).digest(),
                    blob=_blob(b"%d" % source.id, source.fingerprint.size_bytes, Purpose.ORIGINAL),
                )
                for source in waiting
            ])  # fmt: skip
        sealed_s = time.perf_counter() - started
        note(f"sealed in {sealed_s:.1f} s")
        started = time.perf_counter()
        rendered = 0
        for files in library.each_file(index.pages.ids("", 1_000)):
            blob = _blob(files.track_id.encode(), 1_500_000, Purpose.MOBILE)
            library.record_rendered(files.track_id, blob, _STREAM)
            rendered += 1
        rendered_s = time.perf_counter() - started
    return [
        Row(f"list {tracks:,} files (index only)", f"{listed_s:.1f} s, {listed_s / tracks * 2_000:.2f} s for 2,000"),
        Row("record them sealed (index only)", f"{sealed_s:.1f} s, {sealed_s / tracks * 1e6:.0f} µs each"),
        Row("record a rendition", f"{rendered_s / rendered * 1e3:.2f} ms each"),
        Row("index on disk", f"{path.stat().st_size / 1e6:.0f} MB"),
    ]


def read(path: Path) -> list[Row]:
    """Time what a player asks for."""
    rows = []
    started = time.perf_counter()
    index = Index.open(path)
    library = Library.open(index, _keys(0), bytes(32))
    summary = library.summary()
    first = library.tracks(0, 100)
    opened_s = time.perf_counter() - started
    rows.append(Row("open, count, first page", f"{opened_s * 1e3:.0f} ms", "1,000 ms", opened_s < 1))
    slowest = (0.0, "")
    for words in _QUERIES:
        took = _times(lambda words=words: library.search(words), 7)
        slowest = max(slowest, (percentile(took, 99), words))
        note(f"search {words!r}: {median(took):.1f} ms")
    rows.append(_aim(f"search, slowest of {len(_QUERIES)} ({slowest[1]!r})", slowest[0], 20))
    total = summary["counts"]["tracks"]
    artist = first["items"][0]["artists"][0]["id"]
    slowest = (0.0, "")
    pages: list[tuple[str, Callable[[], object]]] = []
    for sort in ("title", "artist", "album", "added", "year", "duration"):
        for order in ("asc", "desc"):
            for offset in (0, total // 2, total - 500):
                pages.append((
                    f"tracks {sort} {order} {offset}",
                    lambda s=sort, o=order, at=offset: library.tracks(at, 500, sort=s, order=o),
                ))  # fmt: skip
    for sort in ("name", "artist", "year", "added"):
        pages.append((f"albums {sort}", lambda s=sort: library.albums(2_000, 500, sort=s, order="desc")))
    pages.append(("artists", lambda: library.artists(500, 500)))
    pages.append(("artist", lambda: library.artist(artist)))
    pages.append(("genres", library.genres))
    pages.append(("tracks of a genre", lambda: library.tracks(0, 500, genre=library.genres()["items"][0]["name"])))
    for name, page in pages:
        took = _times(page, 5)
        slowest = max(slowest, (percentile(took, 99), name))
        note(f"{name}: {median(took):.1f} ms")
    rows.append(_aim(f"page of 500, slowest of {len(pages)} ({slowest[1]})", slowest[0], 50))
    waiting = _times(lambda: (index.sources.next_to_seal(16), index.sources.to_seal()), 5)
    rows.append(Row("what is left to seal", f"{median(waiting):.1f} ms"))
    waiting = _times(lambda: (library.next_to_render(16), library.to_render()), 5)
    rows.append(Row("what is left to render", f"{median(waiting):.1f} ms"))
    known = _times(lambda: index.sources.known(1), 3)
    rows.append(
        Row("all known files of the folder", f"{median(known):.0f} ms, {median(known) / total * 2_000:.0f} for 2,000")
    )
    started = time.perf_counter()
    document = library.snapshot()
    rows.append(
        Row(
            "snapshot",
            f"{len(document) / 1e6:.1f} MB ({len(document) / total * 20_000 / 1e6:.1f} MB for 20,000), "
            f"{time.perf_counter() - started:.1f} s",
            "10 MB for 20,000",
            len(document) / total * 20_000 <= 10e6,
        )
    )
    with tempfile.TemporaryDirectory() as temporary, Index.open(Path(temporary) / "new.db") as empty:
        other = Library.open(empty, _keys(1), bytes(32))
        started = time.perf_counter()
        other.load_snapshot(document)
        rows.append(Row("an empty device loads it", f"{time.perf_counter() - started:.1f} s"))
    index.close()
    used = subprocess.run(
        [sys.executable, "-m", "benchmarks.library", "--memory-of", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    before_mb, after_mb = (float(word) for word in used.stdout.split())
    rows.append(
        Row("memory of the index after searching and paging", f"{after_mb - before_mb:.0f} MB over {before_mb:.0f}")
    )
    return rows


def merge(writes: int) -> list[Row]:
    """Merge writes of three devices that saw each other now and then."""
    chance = random.Random(2)
    logs: list[list[bytes]] = [[], [], []]
    seen: dict[bytes, int] = {}
    newest = 0
    for number in range(writes // 250):
        device = number % 3
        member = _keys(device)
        last = decode_batch(logs[device][-1]) if logs[device] else None
        newest = next_stamp(1_700_000_000_000 + number, newest)
        ops = [
            Op(
                Key("track", f"{chance.randrange(20_000):026d}", chance.choice(("tag:title", "tag:album"))),
                _name(chance, 3),
            )
            for _ in range(250)
        ]
        batch = make_batch(
            member, incarnation=1, head=Head(last.seq, last.hash) if last else Head(), stamp=newest,
            seen=dict(seen) if number % 2 else {}, ops=ops,
        )  # fmt: skip
        logs[device].append(batch.signed)
        seen[log_id(member.id, 1)] = batch.seq
    arriving = [signed for log in logs for signed in log]
    started = time.perf_counter()
    batches = [decode_batch(signed) for signed in arriving]
    decoded_s = time.perf_counter() - started
    started = time.perf_counter()
    state = State()
    for batch in batches:
        state.apply(batch)
    in_memory_s = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as temporary, Index.open(Path(temporary) / "index.db") as index:
        library = Library.open(index, _keys(9), bytes(32))
        started = time.perf_counter()
        library.apply(batches)
        on_disk_s = time.perf_counter() - started
    return [
        Row(f"check {writes:,} writes (signatures, limits)", f"{decoded_s:.2f} s"),
        Row(f"merge {writes:,} writes in memory", f"{in_memory_s:.2f} s", "2 s", decoded_s + in_memory_s < 2),
        Row(
            f"merge {writes:,} writes into the index, lists included",
            f"{on_disk_s:.2f} s",
            "2 s",
            on_disk_s + decoded_s < 2,
        ),
    ]


def _edit(chance: random.Random) -> Op:
    key = Key("track", f"{chance.randrange(20_000):026d}", chance.choice(("tag:title", "tag:album")))
    return Op(key, _name(chance, 3))


def _use(path: Path) -> None:
    before = _resident_mb()
    with Index.open(path) as index:
        library = Library.open(index, _keys(0), bytes(32))
        for words in _QUERIES:
            library.search(words)
        for offset in range(0, library.summary()["counts"]["tracks"], 500):
            library.tracks(offset, 500)
        print(before, _resident_mb())


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096 / 1e6


def _times(call: Callable[[], object], rounds: int) -> Sequence[float]:
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        took.append((time.perf_counter() - started) * 1e3)
    return took


def _aim(what: str, took_ms: float, aim_ms: float) -> Row:
    return Row(what, f"{took_ms:.1f} ms", f"{aim_ms:g} ms", took_ms < aim_ms)


def _keys(number: int) -> MemberKeys:
    return member_keys_from_random(hashlib.sha512(b"%d" % number).digest())


def _name(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_NAMES) for _ in range(words)).title()


def _file(chance: random.Random, number: int, artists: Sequence[str]) -> SourceRead:
    album, place = divmod(number, 12)
    artist = artists[album % len(artists)]
    return SourceRead(
        path=f"{artist}/{1960 + album % 60} - Album {album}/{place + 1:02d} {_name(chance, 2)}.flac",
        fingerprint=Fingerprint(20_000_000 + number, 1_600_000_000_000_000_000 + number, number, number),
        tags=Tags(
            title=f"{_name(chance, 3)} {chance.randrange(100)}",
            artists=(artist,) if chance.random() < 0.9 else (artist, chance.choice(artists)),
            album=f"{_name(random.Random(album), 2)} {album}",
            album_artists=(artist,),
            genres=(chance.choice(("Rock", "Pop", "Jazz", "Classical", "Electronic", "Folk", "Hip-Hop")),),
            track_no=place + 1,
            track_total=12,
            disc_no=1,
            date=str(1960 + album % 60),
            musicbrainz=(("recording", str(_uuid(chance))), ("release", str(_uuid(random.Random(album))))),
            track_gain_db=round(chance.uniform(-12, 2), 2),
            track_peak=round(chance.random(), 6),
        ),
        stream=_STREAM,
        cover=CoverFound(sha256=hashlib.sha256(b"%d" % album).digest(), mime="image/jpeg", size_bytes=90_000),
    )


def _uuid(chance: random.Random) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _blob(seed: bytes, size_bytes: int, purpose: Purpose) -> SealedBlob:
    def noise(label: bytes) -> bytes:
        return hashlib.sha256(label + seed).digest()

    ref = BlobRef(
        root=BlobRoot(noise(b"root")), key=noise(b"key"), commitment=noise(b"commitment"), size_bytes=size_bytes,
        sha256=noise(b"plain"),
    )  # fmt: skip
    layer = noise(b"layer") * (size_bytes // 65_536 + 1)
    return SealedBlob(ref=ref, purpose=purpose, sealed_bytes=size_bytes, layer=layer, stored="none")


if __name__ == "__main__":
    main()
