"""How a workspace begins: empty with a commented blueprint, from a bundled example, or as the demo company."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from regard import demo
from regard.engine import Engine, Published
from regard.errors import SettingError, SourceError, WorkspaceError, nearest
from regard.pipeline.bring import Brought, Progress, bring_in, unseen
from regard.pipeline.flow import Order, Say, run, silent
from regard.workspace import BLUEPRINT, Workspace

LOGS = ("*.xes", "*.xes.gz", "*.jsonocel", "*.ocel.json")
"""What the example of event logs reads without a mapping."""


@dataclass(frozen=True)
class Example:
    """A bundled example: a blueprint and mappings, no rows.

    says : the first comment of its blueprint.
    maps : its mapping files; none for event logs, which need none.
    pulls: its pull files; none where the rows come as files.
    """

    name: str
    says: str
    folder: Path
    maps: tuple[Path, ...]
    pulls: tuple[Path, ...] = ()


def examples() -> dict[str, Example]:
    """The bundled examples by name."""
    return {name: one for name, one in _bundled().items() if not one.pulls}


def systems() -> dict[str, Example]:
    """The bundled systems that can be pulled from, by name: Zendesk, HubSpot, Stripe ..."""
    return {name: one for name, one in _bundled().items() if one.pulls}


def _bundled() -> dict[str, Example]:
    found = {}
    for folder in sorted(path for path in _examples_folder().iterdir() if (path / BLUEPRINT).is_file()):
        first = (folder / BLUEPRINT).read_text(encoding="utf-8").splitlines()[0]
        says = first.lstrip("# ").strip() if first.startswith("#") else ""
        maps, pulls = tuple(sorted(folder.glob("*.map.yaml"))), tuple(sorted(folder.glob("*.pull.yaml")))
        found[folder.name] = Example(folder.name, says, folder, maps, pulls)
    return found


def _examples_folder() -> Path:
    packed = Path(str(resources.files("regard"))) / "examples"
    return packed if packed.is_dir() else Path(__file__).resolve().parents[3] / "examples"


def from_example(name: str, root: Path) -> tuple[Workspace, Example]:
    """Copy an example's blueprint and mappings into a new workspace.

    Raises : SettingError for an unknown example; WorkspaceError if the folder is taken.
    """
    known = examples()
    if name not in known:
        close = nearest(name, known)
        raise SettingError(
            f"There is no example {name!r}.",
            allowed=", ".join(known),
            hint=f"Did you mean {close!r}?" if close else None,
        )
    workspace = _free(root)
    workspace.maps.mkdir(parents=True)
    shutil.copy(known[name].folder / BLUEPRINT, workspace.blueprint)
    for path in known[name].maps:
        shutil.copy(path, workspace.maps / path.name)
    return workspace, known[name]


def load_example(
    name: str, data: Path, root: Path, *, now: dt.datetime, progress: Progress = unseen
) -> tuple[Workspace, list[Brought]]:
    """A workspace from an example, with the files of a folder brought in by its mappings; all of them, or no workspace.

    data   : the folder with the files that the mappings name.
    Raises : SettingError, WorkspaceError as `from_example`; SourceError where a file is missing.
    """
    workspace, _ = from_example(name, root)
    brought: list[Brought] = []
    missing: SourceError | None = None
    for path in sorted(workspace.maps.glob("*.map.yaml")):
        try:
            brought += bring_in(workspace, [], mapping=path, data=data, now=now, progress=progress)
        except SourceError as error:
            missing = missing or error
    logs = sorted(str(path) for pattern in LOGS for path in data.glob(pattern))
    if logs and name == "event_logs":
        brought += bring_in(workspace, logs, mapping=None, now=now, progress=progress)
    elif missing:
        shutil.rmtree(workspace.root)
        raise missing
    return workspace, brought


def is_made(workspace: Workspace) -> bool:
    """Whether the workspace's tables have been worked out."""
    return workspace.blueprint.exists() and workspace.pointer.exists()


def make_demo(
    workspace: Workspace, engine: Engine, *, seed: int, people: int | None, now: dt.datetime, say: Say = silent
) -> Published:
    """The demo company from its seed: exports as such a firm would have them, brought in and worked out.

    people : how many; None for the usual number.
    Raises : WorkspaceError if the folder holds something else.
    """
    if workspace.root.exists() and any(workspace.root.iterdir()) and not workspace.blueprint.exists():
        raise WorkspaceError(f"{workspace.root} is not empty.", hint="Name another folder: regard demo DIR")
    say("Making up a company and a year of its exports")
    made = (
        demo.make(workspace.root, seed=seed) if people is None else demo.make(workspace.root, seed=seed, people=people)
    )
    del made
    for path in sorted(workspace.maps.glob("*.map.yaml")):
        say(f"Bringing in {path.name.removesuffix('.map.yaml')}")
        bring_in(workspace, [], mapping=path, data=workspace.root / "exports", now=now)
    return run(workspace, engine, Order(now=now), say=say)


def init(root: Path) -> Workspace:
    """A new workspace with a commented blueprint.

    Raises : WorkspaceError if the folder is a workspace already.
    """
    workspace = _free(root)
    workspace.maps.mkdir(parents=True)
    text = (resources.files("regard.blueprint") / "template.yaml").read_text(encoding="utf-8")
    workspace.blueprint.write_text(text, encoding="utf-8")
    return workspace


def _free(root: Path) -> Workspace:
    workspace = Workspace(root.resolve())
    if workspace.blueprint.exists():
        raise WorkspaceError(
            f"{root} is a workspace already.", hint="Name another folder, or work in it: cd there and `regard check`."
        )
    if root.exists() and not root.is_dir():
        raise WorkspaceError(f"{root} is a file.", hint="Name a folder.")
    return workspace
