"""How often the guard is wrong, both ways: over recorded histories of trainings that were left to run to their end.

    python benchmarks/guard_rates.py                       judge the recorded ones (seconds)
    python benchmarks/guard_rates.py --make FILE           train and record them (an hour); goes on with FILE
    python benchmarks/guard_rates.py --make FILE --limit 3 --rooms 12 --epochs 4        a small set, to try it
    python benchmarks/guard_rates.py --make FILE --seeds 100 --limit 39      trainings that no rule was chosen by
    python benchmarks/guard_rates.py --histories benchmarks/guard_fresh.json      judge those

Which of them were lost is decided from the whole history, without the guard's rules: its loss ended as no number, or
the last tenth of its epochs had twice the loss of the mean curve or more and no less than the best before, and it was
no overfitting (the training loss had gone up as well, or no epoch had ever come near the mean curve). All others are
good: also those that were still on their way.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import pathlib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from decaylab.training.guard import Course, first_stop

RECORDED = pathlib.Path(__file__).parent / "guard_histories.json"
#: The run that the run log tells of: epochs, minutes, epochs at most, training rooms and batch.
TOLD_EPOCHS, TOLD_MINUTES, TOLD_MAX_EPOCHS, TOLD_STEPS = 121, 442.24, 200, 1800
OWN = pathlib.Path(__file__).parent / "guard_models.py"


@dataclass
class Case:
    """One training: `schedule` multiplies the learning rate by a function of the epoch (from 0)."""

    kind: str
    options: dict[str, Any]
    schedule: Callable[[int], float] | None = None
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    epochs: int | None = None


def restarts(period: int) -> Callable[[int], float]:
    """Cosine from 1 to 0.01 and up again, every `period` epochs."""
    return lambda epoch: 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (epoch % period) / period))


def growing(factor: float) -> Callable[[int], float]:
    return lambda epoch: factor**epoch


def jump(at: int, factor: float) -> Callable[[int], float]:
    return lambda epoch: 1.0 if epoch < at else factor


def warm_up(epochs: int) -> Callable[[int], float]:
    return lambda epoch: min(1.0, (epoch + 1) / epochs)


def cases() -> Iterator[Case]:
    """Good ones and bad ones; which is which, the trainings themselves say."""
    falling, free, small = (f"{OWN}:{name}" for name in ("Falling", "Free", "Curve"))
    for loss in ("mse", "weighted_edc", "auxiliary"):  # losses that stay numbers
        sampled = {"model": small, "loss": loss, "learning_rate": 1e-3, "batch_size": 8}
        seeds = (0,) if loss == "auxiliary" else (0, 1)
        yield Case("rate grows, every sample", sampled, growing(1.2), seeds)
        yield Case("rate jumps, every sample", sampled, jump(30, 1e3), seeds)
        yield Case("rate 10, every sample", {**sampled, "learning_rate": 10.0}, None, seeds)
    told = {"model": small, "loss": "auxiliary", "batch_size": 2, "learning_rate": 0.3}
    yield Case("as told: auxiliary, batch 2, no clipping", told, seeds=(0, 1), epochs=30)
    yield Case("as told, in bfloat16", {**told, "precision": "bf16"}, seeds=(0,), epochs=30)
    for loss in ("decay", "mse", "edc_rir", "weighted_edc", "auxiliary"):
        yield Case("compact", {"loss": loss}, seeds=(0, 1))
        yield Case("falling", {"model": falling, "loss": loss, "learning_rate": 1e-3, "batch_size": 8})
        yield Case(
            "noisy: batch 2", {"model": falling, "loss": loss, "learning_rate": 3e-3, "batch_size": 2}, seeds=(0, 1)
        )
        slow = {"model": falling, "loss": loss, "learning_rate": 3e-5, "batch_size": 8}
        yield Case("slow start", slow, seeds=(0, 1))
        yield Case("slow warm-up", {**slow, "learning_rate": 1e-3}, warm_up(40), seeds=(0, 1))
        warm = {"model": falling, "loss": loss, "learning_rate": 1e-2, "batch_size": 8}
        yield Case("warm restarts of 20 epochs", warm, restarts(20), seeds=(0, 1))
        yield Case("high rate, annealed", {**warm, "learning_rate": 3e-2, "schedule": "onecycle"}, seeds=(0, 1))
        # What goes wrong.
        yield Case("rate 1", {"model": free, "loss": loss, "learning_rate": 1.0, "batch_size": 8}, seeds=(0, 1))
        yield Case("compact, rate 10", {"loss": loss, "learning_rate": 10.0, "schedule": "constant"}, seeds=(0,))
        yield Case(
            "rate grows", {"model": free, "loss": loss, "learning_rate": 1e-3, "batch_size": 8}, growing(1.2), (0, 1)
        )
        yield Case(
            "rate jumps", {"model": free, "loss": loss, "learning_rate": 1e-3, "batch_size": 4}, jump(30, 3e3), (0, 1)
        )
    for period in (5, 10, 27):
        for rate in (3e-3, 3e-2):
            options = {"model": falling, "loss": "decay", "learning_rate": rate, "batch_size": 4}
            yield Case(f"warm restarts of {period} epochs", options, restarts(period), seeds=(0, 1))
    for noise in (0.5, 1.5):
        yield Case(
            f"noisy: inputs by {noise}", {"loss": "decay", "input_noise": noise, "schedule": "constant"}, seeds=(0, 1)
        )
    yield Case(
        "noisy: batch 1", {"model": falling, "loss": "decay", "learning_rate": 1e-2, "batch_size": 1}, seeds=(0, 1)
    )
    for scaler in ("minmax", "robust", "standard"):
        yield Case(
            f"every sample, {scaler}", {"model": small, "loss": "mse", "scaler": scaler, "batch_size": 8}, seeds=(0, 1)
        )
    yield Case("every sample", {"model": small, "loss": "weighted_edc", "batch_size": 8}, seeds=(0, 1))


def make(path: pathlib.Path, rooms: int, epochs: int, limit: int | None, data: str | None, seeds: int) -> None:
    """Train every case to its end and record its losses.

    Args:
        seeds: what is added to every seed, also to that of the rooms.
    """
    with tempfile.TemporaryDirectory() as folder:
        if data is None:
            data = str(pathlib.Path(folder) / "rooms")
            command = [sys.executable, "-m", "decaylab.cli.main", "simulate", "--out", data]
            command += ["--count", str(rooms), "--rays", "2000", "--seed", str(seeds)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs = [(case, seed + seeds) for case in cases() for seed in case.seeds]
        histories = json.loads(path.read_text())["histories"] if path.exists() else []
        known = {history["name"] for history in histories}
        for case, seed in runs[:: max(1, len(runs) // limit) if limit else 1]:
            if name_of(case, seed) in known:
                continue
            histories.append(trained(case, seed, data, case.epochs or epochs))
            print(f"{len(histories)} of {len(runs)}: {histories[-1]['name']}", file=sys.stderr, flush=True)
            lines = ",\n".join(json.dumps(history) for history in histories)
            path.write_text(f'{{"rooms": {rooms}, "histories": [\n{lines}\n]}}\n')


def name_of(case: Case, seed: int) -> str:
    options = ", ".join(str(value).rpartition(":")[2] for value in case.options.values())
    return f"{case.kind}: {options}, seed {seed}"


def trained(case: Case, seed: int, data: str, epochs: int) -> dict[str, Any]:
    """One training as `decaylab train --no-guard --no-early-stop` has it, without its record and its evaluation."""
    import lightning as L
    import torch

    from decaylab.catalogue.settings import TrainConfig
    from decaylab.rooms.scaling import fit_curves, fit_features
    from decaylab.training.data import CurveRooms, fit_model, inputs_for, loaders, mean_curve
    from decaylab.training.guarding import mean_curve_loss
    from decaylab.training.module import CurveModule, trainer_for
    from decaylab.training.plan import plan_training

    torch.set_num_threads(1)
    options = {"schedule": "constant", **case.options} if "model" in case.options else case.options
    plan = plan_training(
        TrainConfig(data=data, seed=seed, early_stop=False, max_epochs=epochs, device="cpu", **options)
    )
    config, model = plan.config, plan.model
    features = fit_features(config.scaler, plan.data.features[plan.split.train])
    module = CurveModule(
        model, plan.loss, fit_curves(config.scaler, plan.data, plan.split.train), config,
        plan.data.samples, plan.data.sampling_rate,
    )  # fmt: skip
    parts = []
    for rows in plan.split[:2]:
        if model.outputs == "knots":
            parts.append(knot_rooms(data, tuple(rows)))
        else:
            parts.append(CurveRooms(plan.data, rows, inputs_for(model, plan.data.features, features)))
    fit_model(model, parts[0], config)
    batches = loaders(config, "cpu", parts[0], parts[1])
    losses: dict[str, list[float | None]] = {"val_loss": [], "train_loss": []}

    class Keep(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            if case.schedule is not None:
                for group in trainer.optimizers[0].param_groups:
                    group["lr"] = config.learning_rate * case.schedule(trainer.current_epoch)

        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
            for name, values in losses.items():
                value = float(trainer.callback_metrics[name])
                values.append(float(f"{value:.5g}") if math.isfinite(value) else None)
                trainer.should_stop |= not math.isfinite(value) and name == "val_loss"

    mean = mean_curve_loss(module, *parts, mean_curve(plan.data, plan.split.train))
    trainer = trainer_for(
        config, "cpu", max_epochs=epochs, callbacks=[Keep()], logger=False, enable_checkpointing=False
    )
    trainer.fit(module, *batches)
    return {
        "name": name_of(case, seed),
        "kind": case.kind,
        "mean_curve_loss": mean,
        "max_epochs": epochs,
        "steps_per_epoch": len(batches[0]),
        "anneals": config.schedule == "onecycle",
        **losses,
    }


@functools.cache
def knot_rooms(data: str, rows: tuple[int, ...]) -> Any:
    """The rooms at the knots of `compact`, which the models of this benchmark share: read once."""
    import numpy as np

    from decaylab.models import build_model
    from decaylab.rooms.store import open_data
    from decaylab.training.data import KnotRooms

    model = build_model("compact", input_dim=16, output_length=96_000)
    return KnotRooms(model, open_data(data), np.array(rows))


def course_of(history: dict[str, Any]) -> Course:
    return Course(*(history[name] for name in ("mean_curve_loss", "max_epochs", "steps_per_epoch", "anneals")))


def epochs_of(history: dict[str, Any]) -> list[dict[str, Any]]:
    """As `judge` takes them; null stands for a loss that is no number."""
    pairs = zip(history["val_loss"], history["train_loss"], strict=True)
    return [
        {"epoch": n, "val_loss": math.nan if v is None else v, "train_loss": math.nan if t is None else t}
        for n, (v, t) in enumerate(pairs, 1)
    ]


def is_lost(history: dict[str, Any]) -> bool:
    """From the whole history; see the module."""
    validation, training = history["val_loss"], history["train_loss"]
    if validation[-1] is None:
        return True
    mean, tail = 2.0 * history["mean_curve_loss"], max(1, len(validation) // 10)
    best, end = min(validation), median(validation[-tail:])
    known = [loss for loss in training if loss is not None]
    overfits = best <= mean and median(known[-tail:]) < 2 * min(known)
    return end > mean and end >= min(validation[:-tail], default=end) and not overfits


def is_mistake(history: dict[str, Any], epoch: int) -> bool:
    """Whether a stop at `epoch` cost something: the run was good, or beat the mean curve for the first time later."""
    if not is_lost(history):
        return True
    finite = [math.inf if loss is None else loss for loss in history["val_loss"]]
    after = min(finite[epoch:], default=math.inf)
    return after < min(*finite[:epoch], history["mean_curve_loss"])


def report(histories: list[dict[str, Any]]) -> int:
    """Print both error rates; 1 if a good run was stopped, or one that ended as no number or as told was missed."""
    rows: dict[str, Counter[str]] = {}
    mistakes, rules, shares = [], Counter[str](), []
    for history in histories:
        verdict = first_stop(epochs_of(history), course_of(history))
        row = rows.setdefault(history["kind"], Counter())
        lost = is_lost(history)
        row["lost" if lost else "good"] += 1
        if verdict.epoch is None:
            continue
        row["stopped" if lost else "wrongly"] += 1
        if is_mistake(history, verdict.epoch):
            mistakes.append(f"{history['name']}: {verdict.message}")
        elif lost:
            rules[str(verdict.rule)] += 1
            shares.append(verdict.epoch / history["max_epochs"])
    print("| trainings | good | stopped by mistake | lost | stopped |\n|---|---|---|---|---|")
    for kind, row in rows.items():
        print(f"| {kind} | {row['good']} | {row['wrongly']} | {row['lost']} | {row['stopped']} |")
    total = sum(rows.values(), Counter())
    print(f"| all | {total['good']} | {total['wrongly']} | {total['lost']} | {total['stopped']} |")
    numbers = sum(is_lost(h) and h["val_loss"][-1] is not None for h in histories)
    caught = sum(rules.values()) - rules["not_finite"]
    print(f"\nlost to NaN or infinity: {total['lost'] - numbers}, stopped {rules['not_finite']}")
    print(f"lost and still numbers: {numbers}, stopped {caught}")
    if shares:
        print(f"\nrules: {dict(rules)}; stopped after {100 * median(shares):.0f} % of the epochs in the median")
    for line in mistakes:
        print(f"by mistake: {line}")
    told = [history for history in histories if history["kind"].startswith("as told")]
    for history in told:
        print(told_line(history))
    must = [history for history in histories if history["val_loss"][-1] is None] + told
    missed = [h["name"] for h in must if is_lost(h) and first_stop(epochs_of(h), course_of(h)).epoch is None]
    return 1 if mistakes or missed else 0


def told_line(history: dict[str, Any]) -> str:
    """The run that the run log tells of, at its own size: the same losses at 1,800 steps an epoch, of 200 epochs."""
    course = course_of(history)._replace(max_epochs=TOLD_MAX_EPOCHS, steps_per_epoch=TOLD_STEPS)
    verdict = first_stop(epochs_of(history), course)
    first, last = history["val_loss"][0], history["val_loss"][-1]
    ends = f"validation loss {first:.3g} to {last:.3g}, mean curve {course.mean_curve_loss:.3g}"
    if verdict.epoch is None:
        return f"{history['name']}: {ends}; at full size it would not be stopped in these epochs"
    saved = (TOLD_EPOCHS - verdict.epoch) / TOLD_EPOCHS * TOLD_MINUTES / 60
    return (
        f"{history['name']}: {ends}; at full size stopped in epoch {verdict.epoch} of {TOLD_EPOCHS}: {saved:.1f} of "
        f"{TOLD_MINUTES / 60:.1f} hours saved"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--make", type=pathlib.Path, metavar="FILE", help="train the histories anew into FILE")
    parser.add_argument("--data", help="a data set at hand; else one is simulated")
    parser.add_argument("--rooms", type=int, default=150)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--limit", type=int, help="that many of the trainings, evenly chosen")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="other seeds: N is added to each")
    parser.add_argument("--histories", type=pathlib.Path, default=RECORDED, metavar="FILE", help="judge these")
    args = parser.parse_args()
    if args.make is not None:
        make(args.make, args.rooms, args.epochs, args.limit, args.data, args.seeds)
    content = json.loads((args.make or args.histories).read_text())
    print(f"{len(content['histories'])} histories, {content['rooms']} rooms")
    status = report(content["histories"])
    return 0 if args.make is not None else status


if __name__ == "__main__":
    sys.exit(main())
