"""Tell people, by mail or through another program, that something waits for them or went wrong.

Who is told stands in the settings (`REELKEEPER_NOTIFY_MAIL`, `REELKEEPER_NOTIFY_WEBHOOK`); how they are reached, in two
Airflow connections: `reelkeeper_mail` (SMTP, its *from_email* the sender) and `reelkeeper_webhook` (host, schema, port,
path in the extras as `{"path": "/hook"}`, and as password the secret that signs). A message that cannot be delivered is
a line in the log and never stops a reel.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseNotifier

from restoration_tasks.runtime.errors import NotDelivered, ReelkeeperError
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context

MAIL_CONNECTION: Final = "reelkeeper_mail"
WEBHOOK_CONNECTION: Final = "reelkeeper_webhook"
FORMAT: Final = "reelkeeper.notification/1"

log = logging.getLogger(__name__)


class Occasion(StrEnum):
    """What people are told of."""

    DECISION = "needs a decision"
    REMINDER = "still needs a decision"
    FAILED = "failed"
    NIGHT = "night done"


@dataclass(frozen=True)
class Message:
    """What is told: once, under one key, however often it is tried."""

    occasion: Occasion
    subject: str
    text: str
    """Plain text; paragraphs between empty lines."""
    link: str
    """Address of the page to look at."""
    key: str
    reel_id: str | None = None
    run_id: str | None = None

    @property
    def line(self) -> str:
        """The subject as a mail's header can hold it."""
        return " ".join(self.subject.split())[:200]

    @property
    def html(self) -> str:
        """The text as a mail shows it; whatever came from a reel stays text."""
        paragraphs = "".join(
            f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in self.text.split("\n\n") if part
        )
        return f'{paragraphs}<p><a href="{html.escape(self.link)}">{html.escape(self.link)}</a></p>'


def send(message: Message, settings: Settings | None = None) -> list[str]:
    """Send a message every way that is set up. Never fails: what did not arrive is said in the log.

    Args:
        message: what to tell.
        settings: who is told.

    Returns:
        The ways it went: `mail`, `webhook`.
    """
    settings = settings or Settings()
    ways: dict[str, Callable[[Message, Settings], None]] = {}
    if settings.notify_mail:
        ways["mail"] = _mail
    if settings.notify_webhook:
        ways["webhook"] = _post
    went = []
    for name, way in ways.items():
        try:
            way(message, settings)
        except Exception as error:
            said = error if isinstance(error, ReelkeeperError) else f"{type(error).__name__}: {error}"
            log.warning("Nobody was told by %s that %s: %s", name, message.line, said)
        else:
            log.info("Told by %s: %s", name, message.line)
            went.append(name)
    return went


def _mail(message: Message, settings: Settings) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(smtp_conn_id=MAIL_CONNECTION) as hook:
        hook.send_email_smtp(
            to=settings.notify_mail,
            subject=message.line,
            html_content=message.html,
            # who gets a message twice after a lost answer can tell
            custom_headers={"X-Reelkeeper-Key": message.key, "Auto-Submitted": "auto-generated"},
        )


def _post(message: Message, settings: Settings) -> None:  # noqa: ARG001 - its address is a connection
    from airflow.sdk import Connection

    from restoration_tasks.runtime.webhook import post

    connection = Connection.get(WEBHOOK_CONNECTION)
    if not connection.host:
        raise NotDelivered(
            f"the connection {WEBHOOK_CONNECTION} names no host", action="correct it in Airflow, Admin, Connections"
        )
    port = f":{connection.port}" if connection.port else ""
    path = str(connection.extra_dejson.get("path", "")).lstrip("/")
    url = f"{connection.schema or 'https'}://{connection.host}{port}/{path}"
    body: dict[str, Any] = {"format": FORMAT, **asdict(message)}
    post(url, body, key=message.key, secret=connection.password)


class TellStaff(BaseNotifier):
    """A callback for Airflow: a question was put, or a run failed."""

    def __init__(self, occasion: Occasion) -> None:
        super().__init__()
        self.occasion = occasion

    def notify(self, context: Context) -> None:
        """Send."""
        send(message_of(self.occasion, context))


def message_of(occasion: Occasion, context: Context | Mapping[str, Any]) -> Message:
    """Say what happened to a run.

    Args:
        occasion: `DECISION` or `FAILED`.
        context: Airflow's; of a callback of a whole run it has no task.
    """
    run, task = context["dag_run"], context.get("ti") or context.get("task_instance")
    reel_id = (context.get("params") or run.conf or {}).get("reel_id")
    about = f"Reel {reel_id}" if reel_id else f"{run.dag_id}"
    link = run_url(run.dag_id, run.run_id)
    if occasion is Occasion.DECISION:
        assert task is not None
        what = "Is the plan right?" if task.task_id == "review_plan" else "Is the restoration good?"
        text = (
            f"{about} waits for a person: {what}\n\n"
            "Look at it and answer in Airflow, Required Actions. Nothing happens until somebody does."
        )
        key = f"{run.run_id}/{task.task_id}/{task.try_number}"
        return Message(occasion, f"{about} needs a decision", text, link, key, reel_id, run.run_id)
    at = f" at {task.task_id}" if task is not None else ""
    text = (
        f"{about}: the run failed{at}.\n\nThe last line of the red task's log says why and what to do next. Put it"
        " right, then clear the task: finished work is not done again."
    )
    # a run that was cleared and fails again is another message
    key = f"{run.run_id}/failed/{getattr(run, 'clear_number', 0) or 0}"
    return Message(occasion, f"{about}: the run failed", text, link, key, reel_id, run.run_id)


def run_url(dag_id: str, run_id: str) -> str:
    """Address of a run in the UI."""
    from urllib.parse import quote

    return f"{site()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def site() -> str:
    """Where people reach Airflow (`[api] base_url`), without a slash at the end."""
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")
