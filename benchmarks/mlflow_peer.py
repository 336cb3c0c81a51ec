"""MLflow's part of compare_speed.py, run by an interpreter that has MLflow: `fill STORE RUNS`, `ask STORE ROWS`.

Filling clones one run, recorded with MLflow's own calls, in the database: 24 ms a call would make ten thousand last.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import uuid

METRICS = [f"{name}_{kind}" for name in ("edc", "edt", "t20", "c50") for kind in ("mae", "rmse", "r2")]


def fill(store: str, count: int) -> None:
    import mlflow

    mlflow.set_tracking_uri(store)
    mlflow.set_experiment("bench")
    with mlflow.start_run() as run:
        mlflow.log_params({f"setting_{number}": number for number in range(35)})
        mlflow.log_metrics(dict.fromkeys(METRICS, 0.5))
    dice = random.Random(0)
    database = sqlite3.connect(store.removeprefix("sqlite:///"))
    ids = [uuid.UUID(int=dice.getrandbits(128)).hex for _ in range(count - 1)]
    for table in ("runs", "params", "metrics", "latest_metrics", "tags"):
        names = [row[1] for row in database.execute(f"pragma table_info({table})")]
        rows = database.execute(f"select * from {table} where run_uuid = ?", (run.info.run_id,)).fetchall()
        key, value = names.index("run_uuid"), names.index("value") if "metrics" in table else None
        clones = []
        for new in ids:
            for row in rows:
                clone = list(row)
                clone[key] = new
                if value is not None:
                    clone[value] = dice.random()
                clones.append(clone)
        database.executemany(f"insert into {table} values ({','.join('?' * len(names))})", clones)
    database.commit()


def ask(store: str, rows: str) -> None:
    import mlflow

    mlflow.set_tracking_uri(store)
    most = 10**9 if rows == "all" else int(rows)
    table = mlflow.search_runs(experiment_names=["bench"], order_by=["metrics.t20_mae ASC"], max_results=most)
    print(table.to_string(max_rows=20))


if __name__ == "__main__":
    {"fill": lambda: fill(sys.argv[2], int(sys.argv[3])), "ask": lambda: ask(sys.argv[2], sys.argv[3])}[sys.argv[1]]()
