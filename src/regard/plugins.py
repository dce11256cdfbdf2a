"""Finds sources, channels, engines and conventions that other packages bring, by entry point.

A package registers a plugin in its own `pyproject.toml`:

    [project.entry-points."regard.engines"]
    flink = "regard_flink:connect"

What Regard itself brings under such a name stands in `OWN`.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from regard.errors import PluginError, nearest

GROUPS = ("sources", "channels", "engines", "conventions")
OWN = {
    "conventions": {"plain": "regard.sources.push.plain:spoken", "segment": "regard.sources.push.segment:spoken"},
}


def installed(group: str) -> dict[str, EntryPoint]:
    """The plugins of a group by name; a name that two packages claim is refused.

    group  : one of `GROUPS`.
    Raises : PluginError if the group is unknown or a name is claimed twice.
    """
    if group not in GROUPS:
        raise PluginError(f"There is no plugin group {group!r}.", allowed=", ".join(GROUPS))
    found = {name: EntryPoint(name, value, f"regard.{group}") for name, value in OWN.get(group, {}).items()}
    for entry in entry_points(group=f"regard.{group}"):
        if entry.name in found and found[entry.name].value != entry.value:
            raise PluginError(
                f"Two packages bring a plugin {entry.name!r} for {group}.",
                found=f"{found[entry.name].value} and {entry.value}",
                hint="Uninstall one of the two packages.",
            )
        found[entry.name] = entry
    return found


def load(group: str, name: str) -> object:
    """Import the plugin `name` of a group and return what its entry point names.

    Raises : PluginError if there is none of that name, with the nearest one that is installed.
    """
    found = installed(group)
    if name not in found:
        close = nearest(name, found)
        raise PluginError(
            f"No plugin {name!r} is installed for {group}.",
            allowed=", ".join(sorted(found)) or "none is installed",
            hint=f"Did you mean {close!r}?" if close else "Install the package that brings it.",
        )
    return found[name].load()
