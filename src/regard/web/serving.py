"""Runs the pages and the API on one port until it is told to stop."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

import uvicorn

from regard.access import Accounts, Pace
from regard.errors import SettingError
from regard.pipeline import Follower, scheduled, settle
from regard.store import Store, alone
from regard.web.app import create_app, utc_now
from regard.web.warming import Warmer
from regard.web.wire import Wire
from regard.workspace import Workspace

FIRST_PORT = 8123
TRIED = 100


def serve(
    workspace: Workspace,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    proxies: Sequence[str] = (),
    say: Callable[[str], None] = print,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Serve a workspace until Ctrl C.

    port    : None takes the first free one from 8123 up.
    proxies : addresses whose word is taken for where a request came from and whether it came over TLS.
    say     : called with the line that says where.
    before  : called last before it takes requests, and may raise what is wrong.
    Raises  : SettingError if the port is taken, or none is free, or other machines could come in while nobody has an
              account; StoreError if another server has the store.
    """
    store = Store.open(workspace)
    try:
        if not of_this_machine(host) and not Accounts(store).any():
            raise SettingError(
                f"Other machines could read everything at {host}: nobody has an account yet.",
                allowed="127.0.0.1 or localhost, while there is no account",
                hint="Make one first: regard account create EMAIL --role admin",
            )
        with alone(store, doing="serving", now=utc_now()):
            _serve(workspace, store, host, port, proxies, say, before)
    finally:
        store.close()


def of_this_machine(host: str) -> bool:
    """Whether only this machine can reach what listens there.

    >>> of_this_machine("127.0.0.1"), of_this_machine("localhost"), of_this_machine("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _serve(
    workspace: Workspace,
    store: Store,
    host: str,
    port: int | None,
    proxies: Sequence[str],
    say: Callable[[str], None],
    before: Callable[[], None],
) -> None:
    listening = listen(host, port)
    bound = listening.getsockname()[1]
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host  # noqa: S104
    say(f"Regard shows {workspace.root.name} at http://{shown}:{bound}/  (Ctrl C stops it)")
    followers = [
        Follower(workspace, command=("follow",), say=say),
        Follower(workspace, command=("refresh", "--follow"), say=say),
        Follower(workspace, command=("pull", "--watch"), when=lambda: scheduled(workspace), say=say),
    ]
    warmer: Warmer | None = None
    started = list[Follower]()
    try:
        for follower in followers:
            started.append(follower)
            follower.start()
        app = create_app(workspace, store=store, pace=Pace())
        warmer = Warmer(app)
        warmer.start()
        settle()
        settings = uvicorn.Config(
            app,
            log_config=None,  # the command has said how: cli/logs.py
            log_level="warning",
            access_log=False,
            http=Wire,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
        )
        before()
        uvicorn.Server(settings).run(sockets=[listening])
    finally:  # Ctrl C may come before the server runs, too
        if warmer is not None:
            warmer.stop()
        for follower in started:
            follower.stop()


def listen(host: str, port: int | None) -> socket.socket:
    """A socket bound to the port, or to the first free one.

    Raises : SettingError if the port is taken, or none is free.
    """
    for number in [port] if port is not None else range(FIRST_PORT, FIRST_PORT + TRIED):
        opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((host, number))
            opened.listen(128)
        except OSError as error:
            opened.close()
            if port is not None:
                raise SettingError(
                    f"Port {port} on {host} cannot be used.",
                    found=error.strerror,
                    hint="Name another with --port, or leave it out to take a free one.",
                ) from error
        else:
            return opened
    raise SettingError(f"No port from {FIRST_PORT} to {FIRST_PORT + TRIED - 1} is free.", hint="Name one with --port.")
