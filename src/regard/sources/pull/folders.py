"""Files in a folder or bucket -> dlt's list of those that came or changed since, and each as a file on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from regard.errors import SettingError, SourceError

if TYPE_CHECKING:
    from regard.sources.pull.document import Pull

DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfss": "adlfs", "sftp": "paramiko"}

Said = dict[str, Any]


def resources(pull: Pull, said: Said, at_end: ExitStack) -> list[Any]:
    """The one resource that lists the files, those first that were changed first.

    Raises : SourceError for a folder that is not there, or a bucket whose driver is not installed.
    """
    import dlt
    import fsspec  # type: ignore[import-untyped]
    from dlt.common.storages.fsspec_filesystem import FileItemDict, glob_files
    from dlt.sources import incremental

    url = said["url"]
    if (folder := local(url)) is not None:
        if not folder.is_dir():
            raise SourceError(f"There is no folder {folder}.", hint="Name it with its whole path.")
        url = str(folder.resolve())
    try:
        there = fsspec.core.url_to_fs(url, **said.get("options", {}))[0]
    except ImportError:
        raise _driver(url) from None
    except ValueError as error:
        raise SettingError(f"{url} is no folder and no bucket.", found=str(error).splitlines()[0]) from None
    there.invalidate_cache()  # one that was listed before is kept as it was, and a new file not seen
    changed: Any = incremental("modification_date")

    def files(since: Any = changed) -> Iterator[list[Any]]:
        yield [FileItemDict(one, there) for one in glob_files(there, url, said.get("glob", "*"))]

    return [dlt.resource(files, name="files", primary_key="file_url")]


def local(url: str) -> Path | None:
    """The folder on this machine that a URL means; None for a bucket."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(parts.path)
    return Path(url).expanduser() if not parts.scheme or len(parts.scheme) == 1 else None


def brought_here(item: Any, place: Path) -> Path:
    """A listed file as a file on this machine: where it is, or copied to `place` under its own name.

    item   : dlt's description of a file.
    Raises : SourceError if it cannot be read.
    """
    if (folder := local(item["file_url"])) is not None:
        return folder
    place.mkdir(parents=True, exist_ok=True)
    target = place / Path(item["file_name"]).name
    with item.fsspec.open(item["file_url"], "rb") as there, target.open("wb") as here:
        shutil.copyfileobj(there, here)
    return target


def in_order(found: object) -> Iterator[Any]:
    """Listed files, the oldest first, so that a later version of a fact corrects an earlier one."""
    yield from sorted(found if isinstance(found, list) else [found], key=_changed)


def _changed(item: Any) -> tuple[Any, str]:
    return item["modification_date"], item["file_url"]


def _driver(url: str) -> SourceError:
    scheme = urlsplit(url).scheme
    package = DRIVERS.get(scheme, f"fsspec's driver for {scheme}")
    return SourceError(f"{scheme}:// needs {package}, which is not installed.", hint=f"pip install {package}")
