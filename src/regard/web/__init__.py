"""What does it look like? Pages and an API over the published tables: they show, they never compute.

Into it: a workspace. Out of it: `create_app`, an ASGI application, and `serve`, which runs it on one port.
"""

from __future__ import annotations

from regard.web.app import create_app
from regard.web.serving import serve

__all__ = ["create_app", "serve"]
