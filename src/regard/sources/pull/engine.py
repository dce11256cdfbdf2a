"""dlt's extraction with cursors of our own: what was fetched, and the state that the cursors stand in afterwards.

dlt keeps the state of a pipeline beside its destination. Ours is the ledger, so the state goes in as an argument and
comes out changed, and whoever takes the rows decides when it holds.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from typing import Any, cast

from regard.errors import SourceError

SOURCE = "pull"
State = dict[str, Any]


def needed() -> None:
    """Make sure that dlt is there, and that it tells nobody that it is used.

    Raises : SourceError if it is not installed.
    """
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    try:
        import dlt  # noqa: F401
    except ModuleNotFoundError as error:
        raise SourceError(
            "Pulling needs dlt, which is not installed.", found=str(error), hint="pip install 'regard[pull]'"
        ) from error


def items(resources: Sequence[Any], state: State) -> Generator[tuple[str, object], None, None]:
    """Everything that some of dlt's resources give, with the resource's name; `state` is changed on the way."""
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.resolve import inject_section
    from dlt.common.configuration.specs import ConfigSectionContext
    from dlt.common.pipeline import StateInjectableContext
    from dlt.common.schema import Schema
    from dlt.extract import DltSource
    from dlt.extract.pipe_iterator import ManagedPipeIterator
    from dlt.extract.source import SourceInjectableContext, SourceSchemaInjectableContext

    source = DltSource(Schema(SOURCE), SOURCE, list(resources))
    section = ConfigSectionContext(sections=("sources", SOURCE, SOURCE), source_state_key=SOURCE)
    held, box = StateInjectableContext(state=cast(Any, state)), Container()
    of_source, of_schema = SourceInjectableContext(source), SourceSchemaInjectableContext(source.schema)
    with (
        inject_section(section),
        box.injectable_context(held),
        box.injectable_context(of_source),
        box.injectable_context(of_schema),
    ):
        found = cast(ManagedPipeIterator, ManagedPipeIterator.from_pipes(source.resources.selected_pipes))
    found.set_context([section, held, of_schema, of_source])
    try:
        for one in found:
            yield one.pipe.name, one.item
    finally:
        found.close()


def as_text(state: State) -> str:
    """A state as text that keeps the kinds of its values: times stay times, decimals decimals."""
    from dlt.common.json import json

    return json.typed_dumps(_settled(state), sort_keys=True)


def _settled(value: object) -> object:
    """The same state always as the same text: dlt keeps hashes of the newest rows in the order of a set."""
    if isinstance(value, dict):
        return {name: sorted(one) if name == "unique_hashes" else _settled(one) for name, one in value.items()}
    return value


def as_state(text: str | None) -> State:
    """The state that a text stands for; an empty one where there is none."""
    from dlt.common.json import json

    return dict(json.typed_loads(text)) if text else {}
