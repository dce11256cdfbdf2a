"""Renew docs/reference/openapi.json from the application; tests/web/test_api.py holds it to it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from regard.web import create_app
from regard.workspace import Workspace

TARGET = Path(__file__).resolve().parents[1] / "docs" / "reference" / "openapi.json"


def main() -> None:
    """Write it."""
    with tempfile.TemporaryDirectory() as folder:
        said = create_app(Workspace(Path(folder))).openapi()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
