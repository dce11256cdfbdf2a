"""Who is this request? A chain of ways to know; a company's own sign-in (OIDC) will be one more link in it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from regard.access.recent import Recent
from regard.access.sessions import Sessions
from regard.access.tokens import Tokens
from regard.access.who import Who

HERE = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True)
class Asking:
    """What a request says of itself.

    address   : of the client, as far as it can be trusted.
    host      : the name it asked for, without the port.
    forwarded : whether it came through a proxy.
    """

    cookie: str | None = None
    bearer: str | None = None
    address: str = ""
    host: str = ""
    forwarded: bool = False


Authenticator = Callable[[Asking], Who | None]
"""Says who a request comes from, or None where it cannot tell and the next one is asked."""


def who(asking: Asking, chain: Sequence[Authenticator]) -> Who | None:
    """The first answer of the chain; None where nobody is known."""
    return next((found for one in chain if (found := one(asking)) is not None), None)


def usual(sessions: Sessions, tokens: Tokens) -> Sequence[Authenticator]:
    """By bearer token, by session, and, while there are no accounts, whoever sits at this machine."""
    some: Recent[str, bool] = Recent(hold_s=2.0)

    def by_token(asking: Asking) -> Who | None:
        return tokens.who(asking.bearer) if asking.bearer else None

    def by_session(asking: Asking) -> Who | None:
        return sessions.who(asking.cookie) if asking.cookie else None

    def local(asking: Asking) -> Who | None:
        if asking.bearer or not at_this_machine(asking):
            return None
        return None if some.get("accounts", lambda: sessions.accounts.any() or None) else sessions.local()

    return (by_token, by_session, local)


def at_this_machine(asking: Asking) -> bool:
    """Whether a request comes from this machine and asked for it by name: another site's page that a trick of names
    leads here does not, nor what a proxy passes on."""
    if asking.forwarded or asking.host not in HERE:
        return False
    try:
        return ipaddress.ip_address(asking.address).is_loopback
    except ValueError:
        return False
