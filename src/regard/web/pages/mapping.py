"""Bring in a file: draft a mapping, see on a preview what its rows become, finish it, save it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from fastapi import APIRouter, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from regard import sources
from regard.engine import connect
from regard.errors import RegardError, SettingError
from regard.web.gate import may, note
from regard.web.plain import plain
from regard.web.site import Site, site
from regard.workspace import Workspace

router = APIRouter()
TYPES = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet", ".xlsx", ".sav", ".xes", ".gz")
MEMORY = 512 * 2**20
ROWS = 50
MOST_FILES = 200
LARGEST = 512 * 2**20
NAME = re.compile(r"[\w][\w .-]{0,80}")


@router.get("/mapping")
@may("files")
def mapping(request: Request) -> HTMLResponse:
    """Choose a file, or finish the mapping of the one chosen."""
    here = site(request)
    now = here.now()
    view = here.view(request, now)
    query = request.query_params
    chosen = query.get("file")
    found = files(here.workspace)
    text, preview = "", None
    if chosen:
        file = inside(here.workspace, chosen)
        name = query.get("map")
        text = _map_text(here, name) if name else _draft(here, file)
        preview = previewed(here, text, file)
    return here.page(
        request,
        "mapping.html",
        now=now,
        view=view,
        files=found,
        maps=maps_of([name for name, _ in found], here.workspace),
        chosen=chosen,
        text=text,
        preview=preview,
        name=query.get("map") or (f"{Path(chosen).name.split('.')[0]}.map.yaml" if chosen else ""),
        saved=query.get("saved"),
    )


@router.post("/mapping/preview")
@may("files")
async def preview_part(request: Request) -> HTMLResponse:
    """The preview of a mapping that is being written."""
    here = site(request)
    form = await request.form()
    file = inside(here.workspace, str(form.get("file", "")))
    page = here.templates.get_template("parts/preview.html")
    return HTMLResponse(page.render(preview=previewed(here, str(form.get("text", "")), file)))


@router.post("/mapping/save")
@may("files")
async def save(request: Request) -> Response:
    """Write the mapping into the workspace's maps."""
    here = site(request)
    form = await request.form()
    name, text, file = (str(form.get(key, "")).strip() for key in ("name", "text", "file"))
    if not name.endswith(".map.yaml"):
        name += ".map.yaml"
    if not NAME.fullmatch(name):
        raise SettingError(
            f"{name!r} cannot be the name of a mapping.", allowed="letters, digits, - and _, such as orders"
        )
    here.workspace.maps.mkdir(exist_ok=True)
    (here.workspace.maps / name).write_text(text.replace("\r\n", "\n").rstrip("\n") + "\n", encoding="utf-8")
    await run_in_threadpool(note, request, "save mapping", name)
    return RedirectResponse(f"/mapping?file={file}&map={name}&saved=1", 303)


@router.post("/mapping/upload")
@may("files")
async def upload(request: Request, file: UploadFile) -> Response:
    """Take a file into the workspace's `files` folder."""
    here = site(request)
    name = Path(file.filename or "").name
    if not NAME.fullmatch(name) or not name.lower().endswith(TYPES):
        raise SettingError(f"{name!r} is not a file that can be read.", allowed=", ".join(TYPES))
    if (file.size or 0) > LARGEST:
        raise SettingError(
            "The file is too large for a browser.",
            allowed="512 MB",
            hint="Put it beside the workspace and choose it here.",
        )
    folder = here.workspace.root / "files"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("wb") as target:
        while piece := await file.read(2**20):
            target.write(piece)
    await run_in_threadpool(note, request, "upload file", name)
    return RedirectResponse(f"/mapping?file=files/{name}", 303)


def files(workspace: Workspace) -> list[tuple[str, int]]:
    """Files of the workspace that a mapping could be for: (path, bytes)."""
    found = []
    for path in sorted(workspace.root.rglob("*")):
        inner = path.relative_to(workspace.root)
        hidden = any(part.startswith(".") for part in inner.parts) or inner.parts[0] == "maps"
        if not hidden and path.is_file() and path.name.lower().endswith(TYPES):
            found.append((inner.as_posix(), path.stat().st_size))
        if len(found) == MOST_FILES:
            break
    return found


def maps_of(files: Sequence[str], workspace: Workspace) -> dict[str, list[str]]:
    """The mappings that name each file; one that names none, or cannot be read, could be for any."""
    found: dict[str, list[str]] = {name: [] for name in files}
    for path in sorted(workspace.maps.glob("*.map.yaml")):
        try:
            named = sources.read_mapping(path).files
        except RegardError:
            named = ()
        for name in files:
            if not named or any(fnmatch(name, glob) or fnmatch(Path(name).name, glob) for glob in named):
                found[name].append(path.name)
    return found


def inside(workspace: Workspace, name: str) -> Path:
    """A file of the workspace by its path within.

    Raises : SettingError for one that is not there, or that lies elsewhere.
    """
    path = (workspace.root / name).resolve()
    if not name or not path.is_relative_to(workspace.root.resolve()) or not path.is_file():
        raise SettingError(f"There is no file {name!r} in the workspace.", hint="Choose one, or put it there.")
    return path


def previewed(here: Site, text: str, file: Path) -> Mapping[str, object]:
    """What the first rows of a file become, for the template."""
    engine = connect("duckdb", memory=MEMORY)
    try:
        scales = {one.id: (one.low, one.high) for one in here.blueprint.scales}
        found = sources.preview(text, file, engine, rows=ROWS, zone=here.blueprint.zone, scales=scales)
    finally:
        engine.close()
    names = list(dict.fromkeys(name for row in found.interactions for name in row))
    drop = {"source", "sequence", "received_at", "zone"}
    shown = [name for name in names if name not in drop]
    return {
        "columns": found.columns,
        "rows": [[_short(value) for value in row] for row in found.rows[:8]],
        "names": shown,
        "interactions": [[_short(row.get(name)) for name in shown] for row in found.interactions[:20]],
        "n": len(found.interactions),
        "rejects": found.rejects[:20],
        "n_rejects": len(found.rejects),
        "findings": found.findings,
        "limit": ROWS,
    }


def _short(value: object) -> str:
    said = plain(value)
    if said is None:
        return ""
    text = json.dumps(said, ensure_ascii=False) if isinstance(said, list | dict) else str(said)
    return text if len(text) <= 70 else text[:69] + "…"


def _draft(here: Site, file: Path) -> str:
    engine = connect("duckdb", memory=MEMORY)
    try:
        return sources.draft(file, engine, zone=here.blueprint.zone, currency=here.blueprint.currency)
    finally:
        engine.close()


def _map_text(here: Site, name: str) -> str:
    path = here.workspace.maps / name
    if not NAME.fullmatch(name) or not path.is_file():
        raise SettingError(
            f"There is no mapping {name!r}.", hint="Choose one of the workspace's maps, or draft one anew."
        )
    return path.read_text(encoding="utf-8")
