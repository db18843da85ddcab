"""Adding music beside `restic backup`, and scanning tags beside supysonic."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.measure import Row, Run, alternate, median, note, timed
from benchmarks.music import make_library

SONGKEEP = (sys.executable, "-m", "node.cli.main")
SUPYSONIC_CONFIG = """\
[base]
database_uri = sqlite:///{work}/supysonic.db
[webapp]
cache_dir = {work}/supysonic-cache
log_level = ERROR
[daemon]
socket = {work}/supysonic.sock
"""


def fresh_home(work: Path, **settings: str) -> dict[str, str]:
    home = work / "home"
    shutil.rmtree(home, ignore_errors=True)
    environment = {"SONGKEEP_HOME": str(home)}
    timed([*SONGKEEP, "init", "--json"], environment=environment)
    for name, value in settings.items():
        timed([*SONGKEEP, "config", name, value, "--json"], environment=environment)
    return environment


def _restic() -> Path:
    if shutil.which("restic") is None:
        note("installing restic ...")
        subprocess.run(["apt-get", "install", "-y", "-qq", "restic"], check=True, stdout=subprocess.DEVNULL)
    return Path(shutil.which("restic") or "restic")


def ingest(work: Path, *, files: int, bytes_each: int, rounds: int) -> list[Row]:
    """Everything sealed and on disk (--keep-sealed) beside a restic backup of the same folder, and without keeping."""
    music = work / "music"
    note(f"making {files} files ...")
    total = make_library(music, files=files, bytes_each=bytes_each)
    restic = _restic()

    def songkeep(keep_sealed: str) -> Run:
        environment = fresh_home(work, keep_sealed=keep_sealed, renditions="off")
        run = timed([*SONGKEEP, "add", str(music), "--json"], environment=environment, output=work / "added.json")
        added = json.loads((work / "added.json").read_text())
        assert added["added"] == files, added
        assert not added["failed"], added
        shutil.rmtree(work / "home")
        return run

    def backup() -> Run:
        repository = work / "restic"
        shutil.rmtree(repository, ignore_errors=True)
        environment = {"RESTIC_PASSWORD": "benchmark", "RESTIC_CACHE_DIR": str(work / "restic-cache")}
        timed([restic, "-r", repository, "init"], environment=environment)
        run = timed([restic, "-r", repository, "backup", "--compression", "off", music], environment=environment)
        shutil.rmtree(repository)
        return run

    timed(["cat", *sorted(music.rglob("*.mp3"))])  # all of them start with the files in the page cache
    kept, light, peer = "songkeep add, kept sealed", "songkeep add", "restic backup"
    results = alternate(rounds, {kept: lambda: songkeep("on"), peer: backup, light: lambda: songkeep("off")})
    rows = []
    for name, runs in results.items():
        wall_s = median([run.wall_s for run in runs])
        cpu_s = median([run.cpu_s for run in runs])
        ratio = median([ours.wall_s / theirs.wall_s for ours, theirs in zip(runs, results[peer], strict=True)])
        measured = (
            f"{wall_s:.1f} s, {total / wall_s / 1e6:.0f} MB/s, {cpu_s:.1f} CPU-s, "
            f"{max(run.peak_mb for run in runs):.0f} MB; {ratio:.2f} of restic's time"
        )
        rows.append(Row(f"{name}: {files:,} files, {total / 1e9:.1f} GB", measured, *_beside(name, peer, ratio)))
    return rows


def _beside(name: str, peer: str, ratio: float) -> tuple[str, bool | None]:
    return ("", None) if name == peer else ("at most restic's time", ratio <= 1.0)


def scan(work: Path, *, files: int, bytes_each: int, rounds: int) -> list[Row]:
    """Tags only, first and again, beside supysonic's folder scan."""
    music = work / "small-music"
    note(f"making {files} files ...")
    make_library(music, files=files, bytes_each=bytes_each, seed=2)
    supysonic = install_supysonic(work)
    config = work / ".supysonic"  # it looks for one in the home directory
    config.write_text(SUPYSONIC_CONFIG.format(work=work))
    theirs = {"HOME": str(work)}
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    first: dict[str, list[Run]] = {"songkeep": [], "supysonic": []}
    again: dict[str, list[Run]] = {"songkeep": [], "supysonic": []}
    for turn in range(rounds):
        note(f"  round {turn + 1} of {rounds} ...")
        environment = fresh_home(work, renditions="off")
        command = [*SONGKEEP, "add", str(music), "--no-wait", "--json"]
        first["songkeep"].append(timed(command, environment=environment))
        again["songkeep"].append(timed(command, environment=environment))
        (work / "supysonic.db").unlink(missing_ok=True)
        timed([supysonic, "folder", "add", "music", music], environment=theirs)
        first["supysonic"].append(timed([supysonic, "folder", "scan", "--foreground"], environment=theirs))
        again["supysonic"].append(timed([supysonic, "folder", "scan", "--foreground"], environment=theirs))
    nothing = timed([*SONGKEEP, "status", "--json"], environment=environment).wall_s
    rows = []
    for what, runs, aim_s in (("scan", first, 3.0), ("rescan, nothing changed", again, 0.3)):
        ours = median([run.wall_s for run in runs["songkeep"]])
        peer = median([run.wall_s for run in runs["supysonic"]])
        work_s = max(ours - nothing, 0.0)
        rows.append(
            Row(
                f"{what} of {files:,} files",
                f"{ours:.2f} s whole command ({work_s:.2f} s beside starting up); supysonic {peer:.2f} s; "
                f"{ours / peer:.2f} of its time",
                f"{aim_s} s",
                work_s <= aim_s,
            )
        )
    return rows


def install_supysonic(work: Path) -> Path:
    """Its command, in an environment of its own below `work`, made once."""
    environment = work / "supysonic"
    program = environment / "bin" / "supysonic-cli"
    if not program.exists():
        note("installing supysonic ...")
        venv.create(environment, with_pip=True)
        subprocess.run([environment / "bin" / "pip", "install", "-q", "supysonic", "setuptools<80"], check=True)
    return program
