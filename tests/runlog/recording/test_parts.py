"""The recorder's parts, each on its own."""

import os
import signal
import threading
import time

import pytest

from decaylab.errors import RunLogError
from decaylab.runlog.recording import heartbeat as heartbeat_module
from decaylab.runlog.recording.heartbeat import Heartbeat
from decaylab.runlog.recording.signals import Signals, Terminated, status_after
from decaylab.runlog.recording.writer import RunLogWarning, Writer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "completed"), (SystemExit(0), "completed"), (SystemExit(), "completed"), (SystemExit(2), "failed"),
        (KeyboardInterrupt(), "interrupted"), (Terminated(), "interrupted"), (ValueError(), "failed"),
    ],
)  # fmt: skip
def test_the_status_follows_from_what_ended_the_program(error, status):
    assert status_after(error) == status


@pytest.fixture
def nobody_handles_sigterm():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_sigterm_is_an_exception_until_it_is_given_back(nobody_handles_sigterm):
    signals = Signals()
    signals.take()
    try:
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signals.give_back()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_somebody_else_stays_whoever_came_first(nobody_handles_sigterm):
    def own(number, frame):
        pass

    first, second = Signals(), Signals()
    signal.signal(signal.SIGTERM, own)
    first.take()
    assert signal.getsignal(signal.SIGTERM) is own
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    second.take()
    signal.signal(signal.SIGTERM, own)
    second.give_back()
    assert signal.getsignal(signal.SIGTERM) is own


def test_the_heartbeat_beats_until_it_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat_module, "HEARTBEAT_SECONDS", 0.01)
    beats = threading.Semaphore(0)
    heart = Heartbeat(str(tmp_path / "heartbeat"), pytest.fail, beats.release)
    heart.start("run")
    assert beats.acquire(timeout=10)
    assert beats.acquire(timeout=10)
    assert (tmp_path / "heartbeat").exists()
    heart.stop()
    deadline = time.monotonic() + 10
    while any(thread.name == "heartbeat run" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(thread.name == "heartbeat run" for thread in threading.enumerate())


def test_what_the_disk_refuses_is_said_once(tmp_path):
    writer = Writer(str(tmp_path / "gone"))
    with pytest.warns(RunLogWarning, match="gone") as said:
        writer.replace("a", b"", "a: {reason}")
        writer.replace("a", b"", "a: {reason}")
    assert len(said) == 1
    assert "No such file" in str(said[0].message)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_replaces_nothing(tmp_path):
    writer = Writer(str(tmp_path))
    pid = os.fork()
    if pid == 0:
        try:
            writer.replace("a", b"child", "")
        except RunLogError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert list(tmp_path.iterdir()) == []
