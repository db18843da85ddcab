"""What the app weighs, what it asks for first, and that its files say what they should."""

from __future__ import annotations

import gzip
import json
import re
import struct
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "client"
STATIC_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"', re.MULTILINE)
FIRST_PAGE = ("main.js", "views/home.js")
PHONE = ("io/swarm_source.js", "io/swarm_membership.js", "io/store_worker.js", "sw.js")
SHELL_LIMIT_BYTES = 150_000


def modules_of(*names: str) -> set[str]:
    """These modules and all that they import before they run."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        for first, second in STATIC_IMPORT.findall((CLIENT / name).read_text()):
            target = (CLIENT / name).parent / (first or second)
            left.append(target.resolve().relative_to(CLIENT).as_posix())
    return found


def compressed(names: set[str]) -> int:
    return sum(len(gzip.compress((CLIENT / name).read_bytes())) for name in names)


STYLES = {f"css/{style.name}" for style in (CLIENT / "css").glob("*.css")}


def test_the_first_page_preloads_exactly_the_modules_it_needs() -> None:
    page = (CLIENT / "index.html").read_text()
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    assert sorted(preloaded) == sorted(modules_of(*FIRST_PAGE) - {"main.js"})


def test_the_shell_is_light_on_a_computer_and_on_a_phone() -> None:
    assert compressed({"index.html", *STYLES, *modules_of(*FIRST_PAGE)}) < 90_000
    assert compressed({"index.html", *STYLES, *modules_of(*FIRST_PAGE, *PHONE)}) < SHELL_LIMIT_BYTES


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    page = (CLIENT / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", page)
    for path in (*CLIENT.rglob("*.js"), *CLIENT.rglob("*.css"), CLIENT / "index.html"):
        text = path.read_text()
        elsewhere = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert elsewhere == set(), path.name


def test_no_module_writes_markup_or_evaluates_text() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(\"style\""
    )
    for path in CLIENT.rglob("*.js"):
        assert not forbidden.search(path.read_text()), path.name


def test_views_know_only_the_interface_of_their_source() -> None:
    knowing = {"guard.js", "pair.js"}
    for path in (CLIENT / "views").glob("*.js"):
        imported = {name for pair in STATIC_IMPORT.findall(path.read_text()) for name in pair if name}
        behind = {name for name in imported if re.search(r"/io/(node|swarm|room|peer|store)", name)}
        assert not behind or path.name in knowing, (path.name, behind)


def test_the_core_touches_no_browser() -> None:
    touching = re.compile(r"\b(document\.(create|query|get|body)|(window|localStorage|navigator|indexedDB)\.|fetch\()")
    for path in (CLIENT / "core").glob("*.js"):
        code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", path.read_text())
        assert not touching.search(code), path.name


def test_the_manifest_can_be_installed_from_any_folder() -> None:
    manifest = json.loads((CLIENT / "manifest.webmanifest").read_text())
    assert manifest["display"] == "standalone"
    assert manifest["start_url"] == manifest["scope"] == "./"
    purposes = set()
    for icon in manifest["icons"]:
        data = (CLIENT / icon["src"]).read_bytes()
        if icon["type"] != "image/png":
            continue
        purposes.add(icon["purpose"])
        width, height = struct.unpack(">II", data[16:24])
        assert icon["sizes"] == f"{width}x{height}"
        assert len(data) < 20_000
    assert purposes == {"any", "maskable"}
