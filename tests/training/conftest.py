"""A small data set in the published layout: exponential decays by Eyring's formula, made in a second."""

import numpy as np
import pytest

HEADER = "ID,Length,Width,Height,Source_X,Source_Y,Source_Z,Receiver_X,Receiver_Y,Receiver_Z,f1,f2,f3,f4,f5,f6,f7"


def write_published(folder, count, seed=0):
    """`count` rooms as the published data set lies on the disk; each decays with one slope after its direct sound."""
    rng = np.random.default_rng(seed)
    (folder / "EDC").mkdir(parents=True)
    rows = [HEADER]
    for number in range(count):
        size = rng.uniform([4, 3, 2.5], [9, 7, 3.5])
        source, receiver = rng.uniform(0.5, size - 0.5), rng.uniform(0.5, size - 0.5)
        alpha = rng.uniform(0.25, 0.6)
        surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
        seconds = 0.161 * size.prod() / (-surface * np.log(1 - alpha))
        arrival = round(np.linalg.norm(source - receiver) / 343 * 48_000) + 40
        curve = np.ones(96_000, dtype=np.float32)
        curve[arrival:] = 0.7 * np.exp(-13.8155 * np.arange(96_000 - arrival) / 48_000 / seconds)
        name = f"RIR_{number // 5:03d}_case{number % 5}_edc"
        np.save(folder / "EDC" / f"{name}.npy", curve)
        rows.append(",".join([name, *(f"{v:.3f}" for v in (*size, *source, *receiver)), *[f"{alpha:.2f}"] * 7]))
    (folder / "roomFeaturesDataset.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("published"), 30)
