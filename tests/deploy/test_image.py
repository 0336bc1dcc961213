"""deploy/Dockerfile builds what is in the tree, and what it starts exists."""

import json
import re
import tomllib

import pytest

from config.settings import SETTINGS, WEB_PORT
from tests.deploy.commands import accept
from tests.deploy.compose_file import load_compose
from tests.deploy.image_file import instructions, is_ignored
from tests.support.command_line import ROOT

INSTRUCTIONS = instructions()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def last(name: str) -> str:
    """What counts of an instruction is its last one, in the last stage."""
    start = max(index for index, (each, _) in enumerate(INSTRUCTIONS) if each == "FROM")
    return [arguments for each, arguments in INSTRUCTIONS[start:] if each == name][-1]


def copies() -> list[str]:
    """What is copied from the tree."""
    copied: list[str] = []
    for name, arguments in INSTRUCTIONS:
        if name == "COPY" and not arguments.startswith("--from="):
            copied += arguments.split()[:-1]
    return copied


def test_both_stages_have_one_pinned_base() -> None:
    """A virtual environment moves only to the same Python in the same place, today and on another day."""
    bases = {arguments.split()[0] for name, arguments in INSTRUCTIONS if name == "FROM"}
    (base,) = bases
    assert re.fullmatch(r"python:3\.[0-9]+\.[0-9]+-slim-[a-z]+", base)
    assert base.startswith("python:" + PYPROJECT["project"]["requires-python"].removeprefix(">="))


def test_the_image_is_built_of_all_that_is_packaged() -> None:
    """Every package of the wheel, and every file that pyproject.toml asks for, reaches the build."""
    project = PYPROJECT["project"]
    packages = {name for name in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"] if "." not in name}
    needed = {*packages, project["readme"], *project["license-files"], "pyproject.toml", "constraints.txt"}
    assert needed <= set(copies())
    for source in copies():
        assert (ROOT / source).exists(), source
        assert not is_ignored(source), source


def test_files_beside_the_code_are_packaged() -> None:
    """A script or a policy file that setuptools leaves out would be missing from the image alone."""
    packaged = {
        file
        for package, patterns in PYPROJECT["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for file in (ROOT / package).glob(pattern)
    }
    packages = {name for name in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"] if "." not in name}
    there = {
        file
        for name in packages
        for file in (ROOT / name).rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc") and not is_ignored(str(file.relative_to(ROOT)))
    }
    assert there == packaged


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        ".env",
        "demo-data/state.sqlite3",
        "deploy/secrets/redis_password",
        "tests/a.py",
    ],
)
def test_nothing_else_reaches_the_build(path: str) -> None:
    """Secrets and data cannot end up in a layer."""
    assert is_ignored(path)


def test_it_runs_as_nobody_in_particular() -> None:
    """A fixed number that is not root, so that an orchestrator can verify it, and volumes can be given to it."""
    user, group = last("USER").split(":")
    assert user == group
    assert int(user) >= 10_000
    assert f"--uid {user}" in last("RUN")
    assert f"--gid {user}" in last("RUN")


@pytest.mark.parametrize("name", ["notifier", "learner"])
def test_it_may_write_into_its_volume(name: str) -> None:
    """A volume gets the owner of the directory that the image has in its place; without one it belongs to root."""
    user, _ = last("USER").split(":")
    (target,) = (mount.split(":")[1] for mount in load_compose().services[name].volumes if mount[0] not in "./")
    assert f"install --directory --owner={user} --group={user} --mode=700 {target}" in last("RUN")


def test_it_starts_a_worker_and_stops_it_in_good_order() -> None:
    """The default command exists, is process 1 without a shell between, and gets SIGTERM."""
    assert json.loads(last("ENTRYPOINT")) == ["ebbwatch"]
    assert "ebbwatch" in PYPROJECT["project"]["scripts"]
    accept(json.loads(last("CMD")))
    assert last("STOPSIGNAL") == "SIGTERM"


def test_it_says_the_port_and_checks_its_health() -> None:
    """The port is the default one; the health check is a file that was copied, run without a shell or curl."""
    (port,) = (setting.default for setting in SETTINGS if setting.name == WEB_PORT)
    assert last("EXPOSE") == port
    options, _, command = last("HEALTHCHECK").partition("CMD ")
    assert "--start-period=" in options
    program, file = json.loads(command)
    assert program == "python"
    assert f"deploy/healthcheck.py {file}" in last("COPY")


def test_no_setting_is_built_in() -> None:
    """What a worker does is said where it is started."""
    names = [arguments for name, arguments in INSTRUCTIONS if name in ("ENV", "ARG")]
    assert "EBBWATCH_" not in " ".join(names)
