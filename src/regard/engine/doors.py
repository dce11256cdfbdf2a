"""Which engine answers to which name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from regard.engine.contract import Engine
from regard.errors import EngineError
from regard.plugins import load


def connect(name: str = "duckdb", *, scratch: Path | None = None, memory: int | None = None) -> Engine:
    """Open an engine.

    name    : "duckdb", "sc://host:port" (Spark Connect: Apache Spark or Sail), or a plugin's name.
    scratch : folder for intermediate files; a temporary one when None.
    memory  : bytes that an embedded engine may hold; $REGARD_MEMORY or half of the machine's when None.
    Raises  : EngineError if the server does not answer or the extra is not installed; PluginError for an unknown name.
    """
    if name == "duckdb":
        from regard.engine.duck import DuckEngine, default_memory

        return DuckEngine(memory=memory or default_memory(), threads=os.cpu_count() or 1, scratch=scratch)
    if name.startswith("sc://"):
        try:
            from regard.engine.spark import SparkEngine
        except ImportError as error:
            raise EngineError(
                "Spark Connect needs packages that are not installed.",
                found=str(error),
                hint='Install them with: pip install "regard[spark]"',
            ) from error
        return SparkEngine(name, scratch=scratch)
    return cast(Engine, load("engines", name)(name, scratch=scratch))  # type: ignore[operator]
