"""The one place where a recorder replaces files of its run, and says what it could not write."""

from __future__ import annotations

import os
import warnings

from decaylab.errors import RunLogError
from decaylab.runlog.files import replace_file


class RunLogWarning(UserWarning):
    """Something of the record could not be written; the training goes on."""


class Writer:
    """Replaces files in the directory of a run, for the process that made it; what the disk refuses is said once."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._run_id = os.path.basename(directory)
        self._pid = os.getpid()
        self._said: set[str] = set()

    @property
    def is_ours(self) -> bool:
        """Whether this process started the run; a forked worker did not."""
        return os.getpid() == self._pid

    def check_ours(self) -> None:
        """Raises `RunLogError` in any other process than the one that started the run."""
        if not self.is_ours:
            raise RunLogError(
                f"run {self._run_id} was started by process {self._pid}; only that process changes or finishes it"
            )

    def replace(self, name: str, data: bytes, failed: str) -> None:
        """Replace the file `name` as a whole by `data`. What fails is a warning, `failed` with {reason} filled in.

        Raises:
            RunLogError: another process than the one that started the run asks for it.
        """
        self.check_ours()
        try:
            replace_file(os.path.join(self._directory, name), data)
        except OSError as error:
            self.warn(failed.format(reason=error.strerror))

    def warn(self, text: str) -> None:
        """Say it, once."""
        if text not in self._said:
            self._said.add(text)
            warnings.warn(f"run {self._run_id}: {text}", RunLogWarning, stacklevel=3)
