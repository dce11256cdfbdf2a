"""Secrets by name: `$TOKEN` in a pull file is the environment's, else the workspace's; and none is ever shown.

The workspace keeps them in `.regard/secrets.json`, which its owner alone can read, beside the keys it hashes with.
"""

from __future__ import annotations

import json
import os
import re
import secrets as random
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from regard.errors import SettingError, StoreError

NAME = re.compile(r"\$(?:\{([A-Z][A-Z0-9_]*)\}|([A-Z][A-Z0-9_]*))")
HIDDEN = "***"
SHORTEST = 4
"""Shorter texts are not blanked out: they would be found in every word."""


class Secrets:
    """What `$NAME` stands for, and how to keep it out of everything that is said.

    path        : the workspace's own, a JSON object; it need not be there.
    environment : comes first.
    """

    def __init__(self, path: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.path, self.environment = path, environment
        self._used: set[str] = set()

    def known(self) -> dict[str, str]:
        """All that can be read now.

        Raises : StoreError if the file is damaged.
        """
        return {**self._kept(), **self.environment}

    def keep(self, name: str, value: str) -> None:
        """Keep a secret in the workspace, in a file that its owner alone can read."""
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            raise SettingError(
                f"{name!r} is not the name of a secret.", allowed="capitals, digits and _, such as SHOP_DATABASE"
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{random.token_hex(4)}")
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump({**self._kept(), name: value}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def filled(self, said: object) -> object:
        """A part of a pull file with what its names stand for.

        Raises : SettingError for a name that nothing stands for.
        """
        known = self.known()
        return self._filled(said, known)

    def hidden(self, text: str) -> str:
        """A text without any secret that was used, however it was written into an address."""
        for value in sorted(self._used, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return re.sub(r"(\w+://[^\s/:@]*):[^\s/@]+@", rf"\1:{HIDDEN}@", text)

    def _filled(self, said: object, known: Mapping[str, str]) -> object:
        if isinstance(said, dict):
            return {name: self._filled(value, known) for name, value in said.items()}
        if isinstance(said, list):
            return [self._filled(value, known) for value in said]
        return NAME.sub(lambda found: self._one(found, known), said) if isinstance(said, str) else said

    def _one(self, found: re.Match[str], known: Mapping[str, str]) -> str:
        name = found[1] or found[2]
        if name not in known:
            raise SettingError(
                f"The secret ${name} is not known.",
                hint=f"Set it in the environment, or keep it in the workspace: regard pull --secret {name}",
            )
        self._used |= {one for one in _forms(known[name]) if len(one) >= SHORTEST}
        return known[name]

    def _kept(self) -> dict[str, str]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(name): str(value) for name, value in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            raise StoreError(
                f"{self.path.name} cannot be read.", found=type(error).__name__,
                hint="Restore it from a backup, or remove it and set the secrets again: regard pull --secret NAME",
            ) from None  # fmt: skip


def names_in(said: object) -> set[str]:
    """The names of secrets in a part of a pull file."""
    return set(_names(said))


def _names(said: object) -> Iterator[str]:
    if isinstance(said, dict):
        for value in said.values():
            yield from _names(value)
    elif isinstance(said, list):
        for value in said:
            yield from _names(value)
    elif isinstance(said, str):
        yield from (found[1] or found[2] for found in NAME.finditer(said))


def _forms(value: str) -> Iterator[str]:
    """A secret as it may be met: as it is, in an address, and the password of one that is an address itself."""
    yield from (value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1])
    try:
        password = urlsplit(value).password
    except ValueError:
        password = None
    if password:
        yield password
