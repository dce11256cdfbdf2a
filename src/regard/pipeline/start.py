"""How a workspace begins: empty with a commented blueprint, from a bundled example, or as the demo company."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from regard.errors import SettingError, WorkspaceError, nearest
from regard.workspace import BLUEPRINT, Workspace

LOGS = (".xes", ".xes.gz")


@dataclass(frozen=True)
class Example:
    """A bundled example: a blueprint and mappings, no rows.

    says : the first comment of its blueprint.
    maps : its mapping files; none for event logs, which need none.
    """

    name: str
    says: str
    folder: Path
    maps: tuple[Path, ...]


def examples() -> dict[str, Example]:
    """The bundled examples by name."""
    found = {}
    for folder in sorted(path for path in _examples_folder().iterdir() if (path / BLUEPRINT).is_file()):
        first = (folder / BLUEPRINT).read_text(encoding="utf-8").splitlines()[0]
        says = first.lstrip("# ").strip() if first.startswith("#") else ""
        found[folder.name] = Example(folder.name, says, folder, tuple(sorted(folder.glob("*.map.yaml"))))
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
