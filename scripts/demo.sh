#!/bin/sh
# The main job on a small scale: simulate rooms, train three networks on them, compare the runs.
# ROOMS=N takes another number of rooms, DEMO=DIR another folder.
set -eu
ROOMS=${ROOMS:-150}
DEMO=${DEMO:-demo}

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

run decaylab simulate --out "$DEMO/rooms" --count "$ROOMS"
run decaylab train --data "$DEMO/rooms" --experiments "$DEMO/experiments" --model compact --loss decay
run decaylab train --data "$DEMO/rooms" --experiments "$DEMO/experiments" --model compact --loss auxiliary
run decaylab train --data "$DEMO/rooms" --experiments "$DEMO/experiments" --model lstm --loss mse \
    --max-epochs 3 --batch-size 32 --note "three epochs only: a large network for comparison"
run decaylab compare "$DEMO/experiments" --sort-by t20_mae

cat <<END

Each run is a folder of plain files in $DEMO/experiments. What to look at next:
  decaylab show latest --experiments $DEMO/experiments         one run, whole
  decaylab compare $DEMO/experiments --export csv               the table for a spreadsheet
  tensorboard --logdir $DEMO/experiments                        the loss curves
  docs/tutorial.md                                        the same on the published rooms
END
