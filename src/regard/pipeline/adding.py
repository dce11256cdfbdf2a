"""A bundled system, such as Zendesk, as files of the workspace: its pull, its mappings, and what they mean."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from regard.errors import SettingError, WorkspaceError, nearest
from regard.pipeline.start import systems
from regard.sources.pull import Secrets, read_pull
from regard.sources.pull.secrets import names_in
from regard.workspace import BLUEPRINT, Workspace


@dataclass(frozen=True)
class Added:
    """The files that were written, from the workspace's folder, and the secrets that are still to be said."""

    name: str
    files: tuple[str, ...]
    secrets: tuple[str, ...]

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        return {"name": self.name, "files": list(self.files), "secrets": list(self.secrets)}

    def lines(self) -> list[str]:
        """For people."""
        said = [f"Wrote {', '.join(self.files)}."]
        said += [f"Say its secret: regard pull --secret {name}" for name in self.secrets]
        said.append(f"Copy the touchpoints you need from {self.files[-1]} into {BLUEPRINT}.")
        return [*said, f"Then: regard check, and regard pull {self.name}"]


def add_pull(workspace: Workspace, name: str) -> Added:
    """Write a bundled system's pull and mappings into the workspace, its touchpoints beside them to copy from.

    Raises : SettingError for a system that is not bundled; WorkspaceError if one of the files is there: it may have
             been changed. Nothing is written then.
    """
    known = systems()
    if name not in known:
        near = nearest(name, known)
        raise SettingError(
            f"There is no bundled pull {name!r}.", allowed=", ".join(known),
            hint=f"Did you mean {near!r}?" if near else "docs/guides/pulling.md says how to write one.",
        )  # fmt: skip
    system = known[name]
    targets = {path: workspace.pulls / path.name for path in system.pulls}
    targets |= {path: workspace.maps / path.name for path in system.maps}
    targets[system.folder / BLUEPRINT] = workspace.pulls / f"{name}.touchpoints.yaml"
    there = [target for target in targets.values() if target.exists()]
    if there:
        raise WorkspaceError(
            f"The workspace has a file of {name} already.", found=_short(there[0], workspace),
            hint="Change it there, or remove it and add the pull again.",
        )  # fmt: skip
    for source, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    wanted = {secret for path in system.pulls for secret in names_in(read_pull(path).said)}
    unknown = sorted(wanted - set(Secrets(workspace.secrets).known()))
    return Added(name, tuple(_short(target, workspace) for target in targets.values()), tuple(unknown))


def _short(path: Path, workspace: Workspace) -> str:
    return str(path.relative_to(workspace.root))
