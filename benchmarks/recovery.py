"""Everything back from a seed alone, by the commands that a person runs, beside Syncthing's figures from its encrypted
holder on the same machine (500 files of 4 MiB: 129 to 174 MiB/s).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.ingest import SONGKEEP
from benchmarks.measure import Row, median, note, timed
from benchmarks.music import make_library

SYNCTHING_MIB_PER_S: Final = 174
WAIT_S: Final = 1_800.0
IP: Final = "127.0.0.41"


def recovery(work: Path, *, files: int, bytes_each: int, rounds: int) -> list[Row]:
    """Fill a seed with `files` songs, destroy the device, and time `recover` and `export --all`."""
    music = work / "recovery-music"
    total = make_library(music, files=files, bytes_each=bytes_each)
    wanted = _hashes(music)
    homes = work / "recovery"
    shutil.rmtree(homes, ignore_errors=True)
    homes.mkdir()
    with _started(homes / "seed", "seed", "run", "--listen", f"{IP}:0", "--stun", "off", "--json") as seed:
        url = _told(seed)["url"]
        memory = Path(f"/proc/{seed.pid}/status")
        note("  filling the seed ...")
        began_s = time.monotonic()
        phrase = _filled(homes, music, files)
        filling_s = time.monotonic() - began_s
        words = homes / "words.txt"
        words.write_text(phrase)
        catalog_s, export_s = [], []
        for turn in range(rounds):
            new, out = homes / f"new{turn}", homes / f"out{turn}"
            environment = {"SONGKEEP_HOME": str(new)}
            catalog_s.append(
                timed([*SONGKEEP, "recover", "--seed", url, "--phrase-file", words], environment=environment).wall_s
            )
            export_s.append(timed([*SONGKEEP, "export", "--all", out], environment=environment).wall_s)
            if _hashes(out) != wanted:
                raise RuntimeError("what came back is not what was there")
            shutil.rmtree(out)
            shutil.rmtree(new)
        peak_mb = _peak_mb(memory)
        seed.terminate()
    shutil.rmtree(homes)
    speed = total / median(export_s) / (1 << 20)
    return [
        Row("seed filled from nothing", f"{total / filling_s / (1 << 20):.0f} MiB/s, {filling_s:.1f} s"),
        Row("catalog back from 24 words", f"{median(catalog_s):.2f} s", "10 s", median(catalog_s) <= 10),
        Row(
            f"all {files} files back, every hash equal",
            f"{speed:.0f} MiB/s, {median(export_s):.1f} s",
            f"Syncthing's best, {SYNCTHING_MIB_PER_S} MiB/s",
            speed >= SYNCTHING_MIB_PER_S,
        ),
        Row("seed, most memory", f"{peak_mb:.0f} MB", "300 MB", peak_mb <= 300),
    ]


def _started(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SONGKEEP_HOME": str(home)}
    return subprocess.Popen([*SONGKEEP, *arguments], stdout=subprocess.PIPE, text=True, env=environment)


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told


def _said(home: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [*SONGKEEP, *arguments, "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SONGKEEP_HOME": str(home)},
    )
    return json.loads(done.stdout)


def _filled(homes: Path, music: Path, files: int) -> str:
    """Add the music on a device, give it all to the seed, and destroy the device. Returns its phrase."""
    home = homes / "pc"
    phrase = str(_said(home, "init")["phrase"])
    _said(home, "config", "renditions", "off")
    code = _said(homes / "seed", "seed", "invite", "--quota", "40GB")["code"]
    with _started(home, "up", str(music), "--no-browser", "--port", "7971", "--json") as up:
        _told(up)
        _until(lambda: _said(home, "status")["counts"]["tracks"] == files)
        _said(home, "seeds", "add", code)

        def whole() -> bool:
            [seed] = _said(home, "seeds")
            return bool(seed["state"] == "filled" and seed["held"] >= files and not seed["missing"])

        _until(whole)
        up.terminate()
    shutil.rmtree(home)
    return phrase


def _until(true: Any) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > deadline_s:
            raise RuntimeError("it takes too long")
        time.sleep(0.5)


def _hashes(folder: Path) -> list[str]:
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file())


def _peak_mb(status: Path) -> float:
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1_024 / 1e6
    return 0.0
