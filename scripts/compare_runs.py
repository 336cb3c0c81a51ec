"""The run-log document's own command: `decaylab compare` under the name that people know.

python scripts/compare_runs.py --sort-by t20_mae
"""

import sys

from decaylab.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
