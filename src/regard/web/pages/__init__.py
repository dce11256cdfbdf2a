"""The pages: each parses the address, asks the rooms, and renders."""

from __future__ import annotations

from regard.web.pages import overview, story

ROUTERS = (overview.router, story.router)
