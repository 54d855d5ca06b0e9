"""The fake Kubernetes API on the wire: routes, answers, streamed logs and events, and `exec` over WebSocket."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler
from time import monotonic
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.fakes.kubernetes_pods import Document, Pod
from tests.fakes.kubernetes_rules import Refusal, involved, matches

if TYPE_CHECKING:
    from tests.fakes.kubernetes_api import FakeKubernetes

_ROUTE = re.compile(r"/api/v1/namespaces/([^/]+)/(pods|events)(?:/([^/]+)(?:/(log|exec))?)?")
_STDOUT, _STDERR, _ERROR = b"\x01", b"\x02", b"\x03"  # channels of v4.channel.k8s.io
_VERSION: Document = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"} | dict.fromkeys(
    ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion"), "fake"
)
_DEFAULT_WATCH_S = 30.0


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    cluster: ClassVar[FakeKubernetes]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Say nothing: the tests' output is not an access log."""

    def handle(self) -> None:
        """Answer requests until the client has gone, politely or not (a killed task does not close its connections)."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().handle()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        self._query = parse_qs(url.query)
        self.cluster.asked.append((self.command, url.path, url.query))
        if self.cluster.away:
            self.close_connection = True
            return
        try:
            if self.headers.get("Authorization") != f"Bearer {self.cluster.token}":
                raise Refusal(401, "Unauthorized", "Unauthorized")
            self._route(url.path, json.loads(body) if body else {})
        except Refusal as no:
            status = {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure"}
            self._answer(status | {"message": no.message, "reason": no.reason, "code": no.status}, no.status)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def _route(self, path: str, body: Document) -> None:
        if path in ("/version", "/version/"):
            self._answer(_VERSION)
            return
        found = _ROUTE.fullmatch(path)
        if not found:
            raise Refusal(404, "NotFound", f"the server could not find the requested resource: {path}")
        namespace, kind, name, part = found.groups()
        pod = self.cluster.find(namespace, name) if kind == "pods" and name else None
        match self.command, kind, pod, part:
            case "POST", "pods", None, None:
                self._answer(self.cluster.create(namespace, body), 201)
            case "GET", "pods", None, None:
                self._list_pods(namespace)
            case "GET", "events", None, None:
                self._events(namespace)
            case "GET", "pods", Pod(), None:
                self._answer(self.cluster.show(pod))
            case "PATCH", "pods", Pod(), None:
                if not isinstance(body, dict):
                    raise Refusal(415, "UnsupportedMediaType", "this API takes merge patches only")
                self._answer(self.cluster.patch(pod, body))
            case "DELETE", "pods", Pod(), None:
                grace = self._first("gracePeriodSeconds") or body.get("gracePeriodSeconds")
                self._answer(self.cluster.delete(pod, None if grace is None else float(grace)))
            case "GET", "pods", Pod(), "log":
                self._log(pod)
            case "GET", "pods", Pod(), "exec":
                self._exec(pod)
            case _:
                raise Refusal(405, "MethodNotAllowed", f"this API does not answer {self.command} {path}")

    # -- answers --

    def _first(self, name: str) -> str | None:
        return self._query.get(name, [None])[0]

    def _says(self, name: str) -> bool:
        return (self._first(name) or "").lower() in ("true", "1")

    def _answer(self, document: Document, status: int = 200) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, chunks: Iterable[bytes], media_type: str) -> None:
        """Send chunks as they come (the clients read a stream without chunks only when it has ended)."""
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _list(self, kind: str, items: list[Document]) -> None:
        version = str(max((int(item["metadata"]["resourceVersion"]) for item in items), default=0))
        self._answer({"apiVersion": "v1", "kind": kind, "metadata": {"resourceVersion": version}, "items": items})

    # -- resources --

    def _list_pods(self, namespace: str) -> None:
        if self._says("watch"):
            raise Refusal(405, "MethodNotAllowed", "this API does not watch pods")
        selector = self._first("labelSelector") or ""
        with self.cluster.changed:
            pods = [pod for (home, _), pod in self.cluster.pods.items() if home == namespace]
            self._list("PodList", [self.cluster.show(pod) for pod in pods if matches(selector, pod.labels)])

    def _events(self, namespace: str) -> None:
        selector = self._first("fieldSelector") or ""

        def newer_than(version: int) -> list[Document]:
            with self.cluster.changed:
                return [
                    event
                    for event in self.cluster.events
                    if event["metadata"]["namespace"] == namespace
                    and int(event["metadata"]["resourceVersion"]) > version
                    and involved(selector, event)
                ]

        def watch() -> Iterator[bytes]:
            version = int(self._first("resourceVersion") or 0)
            end = monotonic() + float(self._first("timeoutSeconds") or _DEFAULT_WATCH_S)
            while monotonic() < end:
                for event in newer_than(version):
                    version = int(event["metadata"]["resourceVersion"])
                    yield json.dumps({"type": "ADDED", "object": event}).encode() + b"\n"
                with self.cluster.changed:
                    if not newer_than(version):
                        self.cluster.changed.wait(max(0, end - monotonic()))

        if self._says("watch"):
            self._stream(watch(), "application/json")
        else:
            self._list("EventList", newer_than(0))

    def _log(self, pod: Pod) -> None:
        with self.cluster.changed:
            if pod.container is None or pod.container.started is None:
                message = f'container "{pod.spec["name"]}" in pod "{pod.name}" is waiting to start: ContainerCreating'
                raise Refusal(400, "BadRequest", message)
        seconds, tail = self._first("sinceSeconds"), self._first("tailLines")
        lines = pod.log.read(float(seconds) if seconds else None, int(tail) if tail else None, self._says("follow"))
        stamped = self._says("timestamps")
        self._stream(((line.stamped() if stamped else line.text) + b"\n" for line in lines), "text/plain")

    def _exec(self, pod: Pod) -> None:
        """Run a command in the pod; stdout, stderr and the exit status each go to a channel of the WebSocket."""
        if self._says("stdin"):
            raise Refusal(400, "BadRequest", "this API runs no command that reads stdin")
        if pod.phase != "Running":
            raise Refusal(400, "BadRequest", f'pod "{pod.name}" is not running')
        protocol = ServerProtocol(subprotocols=["v4.channel.k8s.io"])  # type: ignore[list-item]
        head = f"{self.requestline}\r\n" + "".join(f"{key}: {value}\r\n" for key, value in self.headers.items())
        protocol.receive_data(head.encode() + b"\r\n")
        protocol.send_response(protocol.accept(next(e for e in protocol.events_received() if isinstance(e, Request))))
        ended = pod.run(self._query["command"])
        verdict: Document = {"metadata": {}, "status": "Success"}
        if ended.returncode:
            causes = [{"reason": "ExitCode", "message": str(ended.returncode)}]
            verdict |= {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
        channels = {_STDOUT: ended.stdout, _STDERR: ended.stderr, _ERROR: json.dumps(verdict).encode()}
        for channel, content in channels.items():
            if content:
                protocol.send_binary(channel + content)
        protocol.send_close(1000)
        self.wfile.write(b"".join(protocol.data_to_send()))
        self.close_connection = True
