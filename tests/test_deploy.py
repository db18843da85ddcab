"""What is shipped to run a tracker and a seed: units, compose files and proxies that agree with the program."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.cli.command import parser
from tests.needs import require_program

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted(DEPLOY.rglob("*.service"))
COMPOSED = sorted(DEPLOY.rglob("compose.yaml"))
ENTRYPOINT = ["--home", "/var/lib/songkeep"]


def command_of(unit: Path) -> list[str]:
    [line] = re.findall(r"^ExecStart=(.*)$", unit.read_text("utf-8"), re.MULTILINE)
    program, *arguments = shlex.split(line)
    assert program == "/usr/local/bin/songkeep"
    return arguments


def services(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["services"]
    return found


def port_of(arguments: list[str]) -> str:
    """Where it answers HTTP, on this machine only: the proxy in front has the certificate."""
    asked = parser().parse_args(arguments)
    listen = str(getattr(asked, "listen", "127.0.0.1:7665") or "127.0.0.1:7665")
    host, _, port = listen.rpartition(":")
    assert host == "127.0.0.1"
    return port


def proxied(folder: Path) -> set[str]:
    return set(re.findall(r"reverse_proxy 127\.0\.0\.1:(\d+)", (folder / "Caddyfile").read_text("utf-8")))


def test_there_is_something_to_ship() -> None:
    assert len(UNITS) == 2
    assert len(COMPOSED) == 3


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.stem)
def test_a_unit_starts_what_the_program_understands_and_its_proxy_knows_where(unit: Path) -> None:
    assert proxied(unit.parent) == {port_of(command_of(unit))}
    text = unit.read_text("utf-8")
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "Restart=always"):
        assert f"\n{line}\n" in text, line


@pytest.mark.parametrize("path", COMPOSED, ids=lambda each: each.parent.name)
def test_a_compose_file_runs_what_the_program_understands_on_the_hosts_network(path: Path) -> None:
    ports, volumes = set(), yaml.safe_load(path.read_text("utf-8"))["volumes"]
    for name, service in services(path).items():
        assert service["network_mode"] == "host", name
        assert "ports" not in service, name
        assert service["restart"] == "unless-stopped"
        assert {each.partition(":")[0] for each in service["volumes"]} <= {*volumes, "./Caddyfile"}
        if name == "caddy":
            continue
        assert (path.parent / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert service["read_only"] is True
        ports.add(port_of([*ENTRYPOINT, *service["command"]]))
    assert proxied(path.parent) == ports


def test_on_one_machine_only_one_answers_stun() -> None:
    asked = [
        parser().parse_args([*ENTRYPOINT, *service["command"]])
        for name, service in services(DEPLOY / "together" / "compose.yaml").items()
        if name != "caddy"
    ]
    assert sorted(str(each.stun) for each in asked) == ["0.0.0.0:3478", "off"]


def test_the_container_runs_the_program_as_nobody_special() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    assert "\nUSER songkeep\n" in text
    assert f'ENTRYPOINT ["songkeep", "{ENTRYPOINT[0]}", "{ENTRYPOINT[1]}"]' in text


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.stem)
def test_systemd_understands_every_line_of_a_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text("utf-8").replace("/usr/local/bin/songkeep", "/bin/true"), "utf-8")
    verify = [require_program("systemd-analyze"), "verify", str(copy)]
    told = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    own = [line for line in told.stderr.splitlines() if unit.name in line]
    assert own == []


@pytest.mark.parametrize("page", ["seed.md", "tracker.md"])
def test_every_command_that_a_page_shows_is_one_that_the_program_understands(page: str) -> None:
    text = (DEPLOY.parent / "docs" / page).read_text("utf-8").replace("\n", " ")
    shown = [each for each in re.findall(r"`songkeep ([^`]*)`", text) if "..." not in each and each != "--version"]
    assert len(shown) >= 10
    for each in shown:
        words = re.sub(r"\[[^\]]*\]", "", each).replace("NUMBER", "1")
        assert parser().parse_args(shlex.split(words)).run, each


def test_no_page_installs_what_no_package_index_has() -> None:
    for page in (DEPLOY.parent / "docs").glob("*.md"):
        assert not re.search(r"pip install (-U )?songkeep\b", page.read_text("utf-8")), page.name
