"""Small servers that answer as Zendesk, HubSpot and Stripe document it: their pages, their limits, their errors."""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit


class Answer(Exception):
    """Said instead of a page."""

    def __init__(self, status: int, body: bytes | dict = b"", **headers: str) -> None:
        self.status, self.body, self.headers = status, body, headers


def served(pages: Callable):
    """A server on a free port of this machine; gives its address and how to end it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            try:
                status, body, headers = 200, pages(parts.path, query, self.headers), {}
            except Answer as said:
                status, body, headers = said.status, said.body, said.headers
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", server


class Vendor(ABC):
    """What all of them share: requests are seen, some are answered otherwise, and the secret is looked at.

    wrong  : what to say instead at the n-th request of a path: (path, n), from 1; size : rows a page.
    before : what happens before the n-th request of a path, or of all, is answered.
    """

    root, authorization = "", ""
    unauthorized: ClassVar[dict] = {}

    def __init__(self) -> None:
        self.wrong: dict[tuple[str, int], Answer] = {}
        self.before: dict[object, Callable[[], object]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.size, self.address = 2, ""

    def page(self, path: str, query: dict[str, str], headers) -> dict:
        self.seen.append((path, query))
        here = path.removeprefix(self.root)
        nth = (here, len(self.asked(here)))
        if (change := self.before.pop(len(self.seen), None) or self.before.pop(nth, None)) is not None:
            change()
        if (said := self.wrong.pop(nth, None)) is not None:
            raise said
        if headers.get("Authorization") != self.authorization:
            raise Answer(401, self.unauthorized)
        return self.answer(path.removeprefix(self.root), query)

    @abstractmethod
    def answer(self, path: str, query: dict[str, str]) -> dict:
        """The page at a path, without what went before."""

    def asked(self, path: str) -> list[dict[str, str]]:
        return [query for one, query in self.seen if one == self.root + path]


class Zendesk(Vendor):
    """Incremental exports by cursor, whose link is there at the end, too; lists with `meta` and `links`."""

    root = "/api/v2/"
    authorization = "Basic " + base64.b64encode(b"ops@x.com/token:zd-secret").decode()
    unauthorized: ClassVar[dict] = {"error": "Couldn't authenticate you"}

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[int, dict] = {}
        self.tickets: dict[int, dict] = {}
        self.comments: dict[int, list[dict]] = {}
        self.ratings: list[dict] = []

    def answer(self, path, query):
        if path.startswith("incremental/"):
            rows, name, at = {
                "incremental/users/cursor.json": (self.users, "users", lambda one: stamp(one["updated_at"])),
                "incremental/tickets/cursor.json": (self.tickets, "tickets", lambda one: one["generated_timestamp"]),
            }[path]
            return self.export(path, query, name, sorted(((at(one), key, one) for key, one in rows.items())))
        if path == "satisfaction_ratings.json":
            assert query["score"] == "received"
            since = int(query["start_time"])
            return self.listed(path, query, "satisfaction_ratings",
                               [one for one in self.ratings if stamp(one["created_at"]) >= since])  # fmt: skip
        number = int(path.split("/")[1])
        if number not in self.tickets or self.tickets[number]["status"] == "deleted":
            raise Answer(404, {"error": "RecordNotFound", "description": "Not found"})
        return self.listed(path, query, "comments", self.comments.get(number, []))

    def export(self, path, query, name, rows):
        if "cursor" in query:
            after = tuple(int(part) for part in query["cursor"].split("-"))
            rows = [one for one in rows if one[:2] > after]
        else:
            after = (int(query["start_time"]), -1)
            rows = [one for one in rows if one[:2] >= after]
        part = rows[: self.size]
        cursor = "-".join(map(str, part[-1][:2] if part else after))
        link = f"{self.address}{self.root}{path}?{urlencode({'cursor': cursor})}"
        return {
            name: [one for *_, one in part], "after_cursor": cursor, "after_url": link, "before_url": None,
            "end_of_stream": len(rows) <= self.size,
        }  # fmt: skip

    def listed(self, path, query, name, rows):
        begin = int(query.get("page[after]", 0))
        more = begin + self.size < len(rows)
        after = {**query, "page[after]": str(begin + self.size)}
        link = f"{self.address}{self.root}{path}?{urlencode(after)}" if more else None
        return {name: rows[begin : begin + self.size], "meta": {"has_more": more}, "links": {"next": link}}

    def user(self, number: int, at: str, role: str = "end-user") -> None:
        self.users[number] = {
            "id": number, "name": f"U{number}", "email": f"u{number}@x.com", "phone": None, "role": role,
            "locale": "en-US",
            "created_at": "2026-01-01T00:00:00Z", "updated_at": at, "organization_id": None,
        }  # fmt: skip

    def ticket(self, number: int, requester: int, at: str, status: str = "open") -> None:
        self.tickets[number] = {
            "id": number, "requester_id": requester, "subject": f"Ticket {number}", "status": status, "priority": None,
            "type": None, "via": {"channel": "email", "source": {}}, "created_at": "2026-01-02T00:00:00Z",
            "updated_at": at, "generated_timestamp": stamp(at), "group_id": 9, "organization_id": None,
        }  # fmt: skip

    def comment(self, number: int, ticket: int, author: int, at: str, public: bool = True) -> None:
        self.comments.setdefault(ticket, []).append({
            "id": number, "type": "Comment", "author_id": author, "body": f"*said {number}*", "public": public,
            "plain_body": f"said {number}", "created_at": at, "via": {"channel": "web"}, "attachments": [],
        })  # fmt: skip

    def rating(self, number: int, ticket: int, requester: int, score: str, at: str, comment: str | None) -> None:
        self.ratings.append({
            "id": number, "ticket_id": ticket, "requester_id": requester, "score": score, "comment": comment,
            "created_at": at, "updated_at": at, "reason": None,
        })  # fmt: skip


class Hubspot(Vendor):
    """Lists of objects, `paging.next.after` where there is more; properties are texts."""

    root = "/crm/v3/objects/"
    authorization = "Bearer hs-secret"
    unauthorized: ClassVar[dict] = {
        "status": "error",
        "category": "INVALID_AUTHENTICATION",
        "message": "Authentication credentials",
    }

    def __init__(self) -> None:
        super().__init__()
        kinds = ("contacts", "companies", "deals", "calls", "emails", "meetings")
        self.objects: dict[str, dict[int, dict]] = {kind: {} for kind in kinds}

    def answer(self, path, query):
        wanted = query["properties"].split(",")
        rows = [one for _, one in sorted(self.objects[path].items())]
        begin = int(query.get("after", 0))
        part = [{**one, "properties": {name: one["properties"].get(name) for name in wanted}}
                for one in rows[begin : begin + self.size]]  # fmt: skip
        if "associations" not in query:
            part = [{name: value for name, value in one.items() if name != "associations"} for one in part]
        if begin + self.size >= len(rows):
            return {"results": part}
        return {"results": part, "paging": {"next": {"after": str(begin + self.size), "link": "?"}}}

    def put(self, kind: str, number: int, at: str, contact: int | None = None, **properties: str) -> None:
        self.objects[kind][number] = {
            "id": str(number), "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": at, "archived": False,
            "properties": properties,
        }  # fmt: skip
        if contact is not None:
            linked = {"results": [{"id": str(contact), "type": "x"}, {"id": str(contact), "type": "y"}]}
            self.objects[kind][number]["associations"] = {"contacts": linked}


class Stripe(Vendor):
    """Lists with the newest first, `has_more`, `starting_after` an id and `created[gte]`."""

    root = "/v1/"
    authorization = "Bearer sk-secret"
    unauthorized: ClassVar[dict] = {
        "error": {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_****"}
    }

    def __init__(self) -> None:
        super().__init__()
        kinds = ("customers", "subscriptions", "charges", "refunds", "invoices", "disputes")
        self.objects: dict[str, list[dict]] = {kind: [] for kind in kinds}

    def answer(self, path, query):
        since = int(query.get("created[gte]", 0))
        rows = [one for one in self.objects[path] if one["created"] >= since]
        rows.sort(key=lambda one: one["created"], reverse=True)
        if "starting_after" in query:
            ids = [one["id"] for one in rows]
            rows = rows[ids.index(query["starting_after"]) + 1 :]
        return {"object": "list", "url": path, "has_more": len(rows) > self.size, "data": rows[: self.size]}

    def put(self, kind: str, key: str, at: int, **more: object) -> None:
        self.objects[kind] = [one for one in self.objects[kind] if one["id"] != key]
        self.objects[kind].append({"id": key, "object": kind.rstrip("s"), "created": at, **more})


def stamp(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())
