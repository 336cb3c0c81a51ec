"""How a table grows with the number of runs: time against the floor program, and memory.

    python benchmarks/scale.py [--runs 100,1000,10000,100000] [--rounds N]

Prints the table of docs/scale.md. The floor and the programs are those of compare_speed.py; every figure is the best of
some rounds of new processes, the programs taking turns. Exits 1 when a goal is missed at any size of 10,000 or more:
the top 20 in at most 2 x the floor without the index, 0.7 x with it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile

from compare_speed import cheapest, write_runs

ROWS = ("top 20, no index", "top 20, with the index", "all rows, no index", "all rows, with the index")
#: Below this the start of Python is most of every program.
JUDGED = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="100,1000,10000,100000", metavar="N,N,...")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", metavar="DIR", help="where to put the runs meanwhile (default: the temporary folder)")
    args = parser.parse_args()
    reached = []
    print(f"| runs | floor | {' | '.join(ROWS)} |")
    print("|" + "---:|" * (len(ROWS) + 2))
    memory = [f"\n| runs | memory: floor | {' | '.join(ROWS)} |", "|" + "---:|" * (len(ROWS) + 2)]
    for count in map(int, args.runs.split(",")):
        with tempfile.TemporaryDirectory(dir=args.dir) as folder:
            write_runs(folder, count)
            best = cheapest(folder, args.rounds)
        floor = best["floor"]
        times = " | ".join(f"{best[row].seconds:.2f} s, {best[row].seconds / floor.seconds:.2f} x" for row in ROWS)
        print(f"| {count:,} | {floor.seconds:.2f} s | {times} |", flush=True)
        memory.append(f"| {count:,} | {' | '.join(f'{best[row].megabytes:.0f} MB' for row in ('floor', *ROWS))} |")
        if count >= JUDGED:
            reached += [best[ROWS[0]].seconds <= 2.0 * floor.seconds, best[ROWS[1]].seconds <= 0.7 * floor.seconds]
    print("\n".join(memory))
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
