"""Large memory in large pages: switched on for PyTorch before it takes any, and never against what the user has set."""

import os
import subprocess
import sys

import pytest

NAME = "THP_MEM_ALLOC_ENABLE"


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("0", "0")])
def test_the_setting_is_there_before_torch_is_imported(given, found):
    environment = {name: value for name, value in os.environ.items() if name != NAME}
    if given is not None:
        environment[NAME] = given
    code = f"import decaylab.training, os, sys; assert 'torch' not in sys.modules; print(os.environ[{NAME!r}])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, found), done.stderr
