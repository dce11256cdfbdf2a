"""The pages: each parses the address, asks the rooms, and renders."""

from __future__ import annotations

from regard.web.pages import (
    account,
    accounts,
    audit,
    data,
    find,
    health,
    journeys,
    keys,
    mapping,
    overview,
    people,
    promises,
    sign_in,
    story,
    tell,
    value,
)

ROUTERS = tuple(
    page.router
    for page in (
        overview,
        journeys,
        people,
        story,
        promises,
        value,
        health,
        data,
        mapping,
        find,
        sign_in,
        account,
        accounts,
        keys,
        audit,
        tell,
    )
)
