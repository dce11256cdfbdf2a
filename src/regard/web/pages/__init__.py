"""The pages: each parses the address, asks the rooms, and renders."""

from __future__ import annotations

from regard.web.pages import data, find, health, journeys, mapping, overview, people, promises, story, value

ROUTERS = tuple(
    page.router for page in (overview, journeys, people, story, promises, value, health, data, mapping, find)
)
