"""`reelkeeper step run SPEC_URI`: what a pod or a subprocess runs."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated

import typer
from upath import UPath

from restoration_tasks.runtime.errors import OutOfMemory, ReelkeeperError, StepFailed, WrongUse
from restoration_tasks.runtime.launch import Failure, end_with_parent, failure_uri
from restoration_tasks.runtime.logs import configure
from restoration_tasks.runtime.progress import JsonLines
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import SpecFile

app = typer.Typer(help="The unit of work that runs in a pod or a subprocess.", no_args_is_help=True)


@app.command()
def run(
    spec_uri: Annotated[str, typer.Argument(help="Spec file: a local path or any fsspec URL.")],
    verbose: Annotated[bool, typer.Option(help="Log more.")] = False,
) -> None:
    """Run one batch of specs; finished work is reused. Progress is one JSON object a line."""
    configure(as_json=Settings().log_json, verbose=verbose)
    signal.signal(signal.SIGTERM, _terminated)
    end_with_parent()
    path = UPath(spec_uri)
    try:
        text = path.read_bytes()
    except (OSError, ValueError) as error:
        raise WrongUse(
            f"cannot read the spec file: {error}", file=spec_uri, action="clear the task; it writes the spec again"
        ) from error
    failure = UPath(failure_uri(spec_uri))
    if failure.exists():
        failure.unlink()
    try:
        _run_all(SpecFile.parse(text, source=spec_uri))
    except ReelkeeperError as error:
        told = Failure(kind=type(error).__name__, text=str(error), memory_share=Settings().memory_share)
        failure.write_text(told.model_dump_json())
        raise


def _run_all(file: SpecFile) -> None:
    from restoration_tasks.models.tiling import is_out_of_memory
    from restoration_tasks.steps.registry import definition

    settings = Settings()
    for spec in file.specs:
        try:
            result = run_step(spec, definition(spec.step), settings, JsonLines())
        except (ReelkeeperError, KeyboardInterrupt):
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise OutOfMemory(
                    f"{spec.label} ran out of memory",
                    reel=spec.reel_id,
                    action="wait for the next try, with fewer frames at once or smaller tiles; if it stays so, give it"
                    " more memory and clear the task",
                ) from error
            # a defect of ours must reach staff as one line too; the trace stays in the log for us
            import traceback

            traceback.print_exc()
            raise StepFailed(
                f"{spec.label} broke: {type(error).__name__}: {error}",
                reel=spec.reel_id,
                action="send the log above to the maintainers",
            ) from error
        how = "worked" if result.execution_id == spec.execution_id else "reused"
        if result.compared is not None and how == "worked":
            how = f"worked again, the bytes {result.compared.verdict} with attempt {result.compared.with_attempt}"
        typer.echo(f"{spec.label}: {how} in {result.wall_s:.1f} s" if how != "reused" else f"{spec.label}: reused")


def _terminated(number: int, frame: FrameType | None) -> None:
    """TERM ends the step with a failure code: a deleted pod must never look like a success."""
    del number, frame
    raise SystemExit(143)
