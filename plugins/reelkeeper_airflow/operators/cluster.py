"""The cluster as our operators meet it: said once where it is, and waited for when its API is away for a while."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import tenacity
from aiohttp import ClientError
from kubernetes.client.exceptions import ApiException
from kubernetes_asyncio.client.exceptions import ApiException as AsyncApiException
from urllib3.exceptions import HTTPError

from restoration_tasks.runtime.errors import WrongUse

log = logging.getLogger(__name__)

API_PATIENCE_S = 600.0
"""How long an API server may be away, as while a control plane is upgraded: the pods go on without it."""
API_PAUSE_S = 5.0
AWAY = frozenset({0, 429, 500, 502, 503, 504})
"""HTTP statuses of a server that may answer later."""
WAYS = ("in_cluster", "kube_config", "kube_config_path")
"""Fields of a Kubernetes connection in Airflow that say where the cluster is."""


def api_is_away(error: BaseException) -> bool:
    """Tell whether a call failed because nobody answered, not because the answer was no."""
    if isinstance(error, ApiException | AsyncApiException):
        return error.status in AWAY
    return isinstance(error, HTTPError | ClientError | ConnectionError | TimeoutError)


def patience() -> dict[str, Any]:
    """Give tenacity's arguments for calls that wait until the API server is back, `API_PATIENCE_S` at most."""
    return {
        "retry": tenacity.retry_if_exception(api_is_away),
        "stop": tenacity.stop_after_delay(API_PATIENCE_S),
        "wait": tenacity.wait_fixed(API_PAUSE_S),
        "before_sleep": _say,
        "reraise": True,
    }


def patiently(call: Callable[[], None]) -> None:
    """Make calls to the API server, from the start again where it was away in the middle of them."""
    tenacity.Retrying(**patience())(call)


def require_one_cluster(connection: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
    """Refuse a cluster that is configured twice.

    The worker would take one of them and start a pod; the triggerer, which watches it, refuses to choose, and the task
    waits for its time-out.

    Args:
        connection: extras of the Airflow connection.
        environment: of this process.

    Raises:
        WrongUse: more than one place says where the cluster is.
    """
    named = [
        f"{way} of the connection" for way in WAYS if connection.get(way) or connection.get(f"extra__kubernetes__{way}")
    ]
    if (os.environ if environment is None else environment).get("KUBECONFIG"):
        named.append("KUBECONFIG in the environment")
    if len(named) > 1:
        raise WrongUse(
            f"the cluster is configured {len(named)} times: {', '.join(named)}",
            expected="one of them",
            found=len(named),
            action="keep one (inside the cluster in_cluster), on workers and triggerer alike, then clear the task",
        )


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning(
        "The cluster's API server does not answer (%s); asking again for up to %.0f minutes.",
        error,
        API_PATIENCE_S / 60,
    )
