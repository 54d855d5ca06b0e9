"""Run ffmpeg: find it, compile graphs built with ffmpeg-python, follow progress, put failures into staff's words."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import ffmpeg

from restoration_tasks.runtime.errors import MediaError, VaultError
from restoration_tasks.runtime.files import disk_error

THREADS = 4
"""Threads of every encode. Fixed, not the machine's cores: x264's bytes depend on it."""
BITEXACT: dict[str, Any] = {"fflags": "+bitexact", "flags:v": "+bitexact"}
"""Output options without which muxers and encoders write dates, versions and random identifiers."""
PIPE_BYTES = 1 << 20
"""Kernel buffer asked for on frame pipes; the default of 64 KiB costs a context switch every few lines of a picture."""

Progress = Callable[[int], None]
"""Called with the number of frames done so far."""

graph = ffmpeg
"""ffmpeg-python, under a name that does not hide this module's."""

_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_NOISE = re.compile(
    r"^(\[[^\]]*\] )*(Conversion failed|Exiting |Last message repeated|At least one output|Nothing was written"
    r"|Error (opening|closing|while|submitting|writing|muxing|sending|selecting|initializing a simple filtergraph)"
    r"|Output file is empty|frame=|size=|Task finished|Terminating thread"
    r"|Could not open encoder before EOF|Decode error rate)"
)
"""Lines that only repeat that something failed."""
_PR_SET_PDEATHSIG = 1
_F_SETPIPE_SZ = 1031
_libc = ctypes.CDLL(None)


@cache
def binary() -> str:
    """Path of the ffmpeg to use: `REELKEEPER_FFMPEG`, else the one imageio-ffmpeg carries.

    Raises:
        MediaError: neither is there.
    """
    chosen = os.environ.get("REELKEEPER_FFMPEG")
    if chosen:
        if not os.access(chosen, os.X_OK):
            raise MediaError("this is not a program", file=chosen, action="correct or unset REELKEEPER_FFMPEG")
        return chosen
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MediaError("no ffmpeg was found", action="install imageio-ffmpeg or set REELKEEPER_FFMPEG") from error


@cache
def version() -> str:
    """Version of ffmpeg, e.g. `9.0.2-static`."""
    answer = subprocess.run([binary(), "-version"], capture_output=True, text=True, check=True)
    found = re.match(r"ffmpeg version (\S+)", answer.stdout)
    return found.group(1) if found else "unknown"


def file_url(path: Path) -> str:
    """A local file as ffmpeg takes it: absolute, with its protocol, so that `-x.mkv` or `a:b.mkv` is but a name."""
    return f"file:{path.absolute()}"


def compile_graph(stream: Any, *, progress_pipe: bool = False) -> list[str]:
    """The command line of an ffmpeg-python graph, quiet but for errors, overwriting its output and never asking."""
    arguments: list[str] = stream.get_args()
    command = [binary(), "-hide_banner", "-nostdin", "-v", "error", "-nostats", "-y"]
    if progress_pipe:
        command += ["-progress", "pipe:1", "-stats_period", "0.25"]
    return command + arguments


def run(
    stream: Any,
    *,
    about: Path | str,
    progress: Progress | None = None,
    cwd: Path | None = None,
    tags: Sequence[str] = (),
) -> None:
    """Run a graph to its end.

    Args:
        stream: an ffmpeg-python output; its output must not be stdout.
        about: the file that messages name.
        progress: called with the frames done.
        cwd: folder to run in.
        tags: `NAME=text` of the whole output file; ffmpeg-python gives an option once only.

    Raises:
        MediaError: ffmpeg failed; the message is its first meaningful line.
        VaultError: the disk it wrote to is full or cannot be written.
    """
    *options, target = compile_graph(stream, progress_pipe=True)
    command = [*options, *(word for tag in tags for word in ("-metadata", tag)), target]
    with child(command, about=about, stdout=subprocess.PIPE, cwd=cwd) as running:
        for line in running.stdout:
            if progress and line.startswith(b"frame="):
                progress(int(line[6:]))


def lines(stream: Any, *, about: Path | str, cwd: Path | None = None) -> Iterator[str]:
    """The text lines a graph writes to `pipe:1`.

    Raises:
        MediaError: ffmpeg failed.
    """
    with child(compile_graph(stream), about=about, stdout=subprocess.PIPE, cwd=cwd) as running:
        for line in running.stdout:
            yield line.decode("utf-8", "replace").rstrip("\n")


@dataclass(frozen=True)
class Child:
    """A running ffmpeg."""

    process: subprocess.Popen[bytes]
    complaints: IO[bytes]

    @property
    def stdin(self) -> IO[bytes]:
        """Where raw frames are written to."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Where what ffmpeg writes to its output pipe is read."""
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def complained(self) -> bool:
        """Whether ffmpeg has written an error message so far."""
        return os.fstat(self.complaints.fileno()).st_size > 0


@contextlib.contextmanager
def child(
    command: list[str],
    *,
    about: Path | str,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    strict: bool = True,
) -> Iterator[Child]:
    """An ffmpeg that ends with this block: waited for at its end, killed if the block is left by an error or interrupt.

    Args:
        command: see `compile_graph`.
        about: the file that messages name.
        stdin: `subprocess.PIPE` to write frames.
        stdout: `subprocess.PIPE` to read frames or progress.
        cwd: folder to run in.
        strict: take any error message for a failure. ffmpeg conceals a damaged slice or a truncated container, says so
            and ends with success; a picture made up that way must not pass for the scan.

    Raises:
        MediaError: ffmpeg failed.
        VaultError: the disk it wrote to is full or cannot be written.
    """
    # The death signal follows the *thread* that starts the child: ask for it only in the one that lives as long as us.
    die_with_parent = _die_with_parent if threading.current_thread() is threading.main_thread() else None
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=complaints,
            cwd=cwd,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - a single call into the C library, which takes no lock
        )
        _widen_pipe(process.stdin)
        _widen_pipe(process.stdout)
        running = Child(process, complaints)
        try:
            yield running
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
        except BrokenPipeError:
            # ffmpeg went away while frames were written to it: what it said is the reason, not the broken pipe.
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        if process.returncode or (strict and running.complained):
            raise failure(running, about)


def failure(running: Child, about: Path | str) -> MediaError | VaultError:
    """The error for an ffmpeg that failed: the storage's, where that failed, else its own first meaningful words."""
    said = _messages(running.complaints)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        if any(os.strerror(number) in line for line in said) and (told := disk_error(number, about)) is not None:
            return told
    return MediaError(
        f"ffmpeg failed: {complaint(running.complaints)}",
        file=about,
        action="check that the file is complete and the disk is not full, then run again",
    )


def complaint(complaints: IO[bytes]) -> str:
    """The first of ffmpeg's messages that says something: the cause, which others follow from.

    Memory addresses are left out; they differ in every run.
    """
    lines = _messages(complaints)
    telling = [line for line in lines if line and not _NOISE.match(line)]
    return (telling or lines or ["it gave no reason"])[0]


def _messages(complaints: IO[bytes]) -> list[str]:
    complaints.seek(0)
    return [_ADDRESS.sub("", line).strip() for line in complaints.read().decode("utf-8", "replace").splitlines()]


def _widen_pipe(pipe: IO[bytes] | None) -> None:
    """Ask for a larger kernel buffer; where the limit forbids it the pipe works as before."""
    if pipe is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), _F_SETPIPE_SZ, PIPE_BYTES)


def _die_with_parent() -> None:
    """In the child: die when the parent is killed outright, so that no orphan goes on writing a scratch file."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
