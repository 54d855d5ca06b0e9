"""The command line: `reelkeeper …`. Each command is thin; the work is in the packages below."""

from __future__ import annotations

import signal
import sys

import typer

from restoration_tasks.runtime.errors import ExitCode, ReelkeeperError

app = typer.Typer(
    help="Restore film reels and prove every step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _register() -> None:
    from restoration_tasks.cli import (
        catalogue,
        clip,
        database,
        delivery,
        fixity,
        models,
        package,
        plans,
        profiles,
        provenance,
        queue,
        reel,
        revert,
        scratch,
        step,
        survey,
        train,
        treatment,
    )

    reel.register(app)
    clip.register(app)
    delivery.register(app)
    revert.register(app)
    survey.register(app)
    treatment.register(app)
    app.add_typer(catalogue.app, name="catalogue")
    app.add_typer(database.app, name="database")
    app.add_typer(fixity.app, name="fixity")
    app.add_typer(models.app, name="models")
    app.add_typer(package.app, name="package")
    app.add_typer(plans.app, name="plans")
    app.add_typer(profiles.app, name="profiles")
    app.add_typer(provenance.app, name="provenance")
    app.add_typer(queue.app, name="queue")
    app.add_typer(scratch.app, name="scratch")
    app.add_typer(step.app, name="step")
    app.add_typer(train.app, name="train")


_register()


def main() -> None:
    """Run a command; an error is one line on stderr and an exit code (DONE 0 … NEEDS_DECISION 4).

    TERM ends it as Ctrl-C does: the database it started for itself stops, and so do its lanes.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except ReelkeeperError as error:
        sys.stderr.write(f"reelkeeper: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("reelkeeper: stopped. Run the same command again to go on.\n")
        sys.exit(ExitCode.FAILED)


if __name__ == "__main__":
    main()
