"""The status of a seed: what its owner sees, and nobody without the key."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from node.ids import to_text
from node.seed.page import KEY_FILE, render
from tests.doors.swarm.blobs import noises
from tests.seed.owner import ROOM, a_seed, client_of, give_library, make_owner
from tests.seed.process import CHECKOUT, COMMAND, environment, seed_process
from tests.seed.test_keeping import once


async def ask(url: str, key: str = "") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.text()


async def test_the_status_shows_libraries_by_number_only_with_what_they_hold_sent_and_were_asked(
    tmp_path: Path,
) -> None:
    owner = make_owner()
    volume, [noise] = noises(50_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            await client.push(noise.root, once(noise.data))
            await client.chunks(noise.root, 0, 1)
            await client.chunks(noise.root, 0, 2)
        key = (tmp_path / "seed" / KEY_FILE).read_text().strip()
        code, body = await ask(f"{seed.url}/v1/status", key)
        status = json.loads(body)
        assert code == 200
        [library] = status["libraries"]
        size = len(noise.data)
        assert (library["number"], library["held_blobs"], library["held_bytes"]) == (1, 1, size)
        assert library["traffic"] == {"sent_bytes": 3 * 16_384, "received_bytes": size, "single_reads": 1}
        assert (status["promised_bytes"], status["disk"]["short_bytes"]) == (ROOM, 0)
        code, page = await ask(f"{seed.url}/status?key={key}")
        assert code == 200
        assert "<td>1</td>" in page
        for secret in (to_text(owner.roster.library), to_text(owner.keys.id), to_text(noise.root)):
            assert secret[:12] not in body + page


async def test_without_its_key_the_status_shows_nothing(tmp_path: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        for url in (f"{seed.url}/status", f"{seed.url}/status?key=aaaa", f"{seed.url}/v1/status"):
            code, body = await ask(url)
            assert (code, "capacity" in body) == (403, False)
        assert (tmp_path / "seed" / KEY_FILE).stat().st_mode & 0o077 == 0


def test_a_seed_that_promised_more_than_its_disk_has_says_so() -> None:
    status: dict[str, Any] = {
        "started_ms": None,
        "promised_bytes": 9_000_000_000,
        "capacity_bytes": 10_000_000_000,
        "held_bytes": 1_000,
        "disk": {"free_bytes": 10, "short_bytes": 8_000_000_000, "oldest_check_ms": None, "damaged_blobs": 2},
        "pools": [{"tracker": "https://t.example", "until_ms": None, "trouble": "the <pool> is full"}],
        "libraries": [],
    }
    page = render(status, now_ms=0)
    assert "8.0 GB more than this disk has room for" in page
    assert "<script" not in page
    assert "Pool of https://t.example" in page
    assert "the &lt;pool&gt; is full" in page


async def test_seed_status_tells_the_same_beside_the_running_seed_and_after_it(tmp_path: Path) -> None:
    def told() -> dict[str, Any]:
        done = subprocess.run(
            [*COMMAND, "status", "--json"],
            capture_output=True,
            text=True,
            check=True,
            cwd=CHECKOUT,
            env=environment(tmp_path),
        )
        status: dict[str, Any] = json.loads(done.stdout)
        return status

    async with seed_process(tmp_path, ip="127.0.0.5") as seed:
        await seed.invite("100MB")
        running = await asyncio.to_thread(told)
        assert running["started_ms"] is not None
        assert running["page"].startswith(f"{seed.url}/status?key=")
    after = await asyncio.to_thread(told)
    assert after["started_ms"] is None
    assert (after["promised_bytes"], after["capacity_bytes"]) == (100_000_000, 1_000_000_000)
    assert running["promised_bytes"] == after["promised_bytes"]
