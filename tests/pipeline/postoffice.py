"""A small IMAP server for the tests: LOGIN, EXAMINE, LIST, UID SEARCH and UID FETCH as RFC 3501 has them."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading


class Postoffice:
    """Folders of messages by UID. `drop_after` closes the connection after so many fetches; `password` lets in."""

    def __init__(self, password: str, tls: ssl.SSLContext | None = None) -> None:
        self.password, self.tls = password, tls
        self.folders: dict[str, dict[int, tuple[bytes, str]]] = {"INBOX": {}, "Sent": {}}
        self.validity = {"INBOX": 7, "Sent": 8}
        self.commands: list[str] = []
        self.drop_after: int | None = None
        self.sent_bytes = 0
        office = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

            def get_request(self):
                request, address = super().get_request()
                return (office.tls.wrap_socket(request, server_side=True) if office.tls else request), address

            def handle_error(self, request, address):
                pass

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                office.serve(self.rfile, self.wfile)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def put(self, folder: str, raw: bytes, at: str = "02-Mar-2026 10:00:00 +0000") -> int:
        uid = max(self.folders[folder], default=0) + 1
        self.folders[folder][uid] = (raw, at)
        return uid

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def serve(self, inward, outward) -> None:
        outward.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        folder = ""
        while line := inward.readline():
            tag, _, said = line.decode().strip().partition(" ")
            verb, _, rest = said.partition(" ")
            self.commands.append(said if verb != "LOGIN" else "LOGIN")
            if verb == "CAPABILITY":
                outward.write(b"* CAPABILITY IMAP4rev1\r\n")
            elif verb == "LOGIN" and f'"{self.password}"' not in rest:
                outward.write(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials\r\n".encode())
                continue
            elif verb == "LIST":
                outward.write(b"".join(f'* LIST (\\HasNoChildren) "/" {name}\r\n'.encode() for name in self.folders))
            elif verb == "EXAMINE":
                folder = rest.strip('"')
                if folder not in self.folders:
                    outward.write(f"{tag} NO Mailbox doesn't exist\r\n".encode())
                    continue
                outward.write(f"* {len(self.folders[folder])} EXISTS\r\n".encode())
                outward.write(f"* OK [UIDVALIDITY {self.validity[folder]}] valid\r\n".encode())
            elif verb == "UID" and not self.uid(rest, folder, outward):
                return
            elif verb == "LOGOUT":
                outward.write(f"* BYE\r\n{tag} OK\r\n".encode())
                return
            outward.write(f"{tag} OK done\r\n".encode())

    def uid(self, rest: str, folder: str, outward) -> bool:
        there = self.folders[folder]
        if rest.startswith("SEARCH"):
            least = int(re.search(r"UID (\d+):\*", rest)[1])
            found = [uid for uid in there if uid >= least] or sorted(there)[-1:]
            outward.write(f"* SEARCH {' '.join(map(str, found))}\r\n".encode())
            return True
        numbers, _, wanted = rest.removeprefix("FETCH ").partition(" ")
        limit = int(re.search(r"<0\.(\d+)>", wanted)[1])
        for place, uid in enumerate(map(int, numbers.split(","))):
            if self.drop_after is not None:
                self.drop_after -= 1
                if self.drop_after < 0:
                    return False
            if uid in there:
                raw, at = there[uid]
                part = raw[:limit]
                self.sent_bytes += len(part)
                head = f'* {place + 1} FETCH (UID {uid} INTERNALDATE "{at}" RFC822.SIZE {len(raw)} '
                head += f"BODY[]<0> {{{len(part)}}}"
                outward.write(head.encode() + b"\r\n" + part + b")\r\n")
        return True
