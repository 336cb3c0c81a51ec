"""SOFA as sofar writes it, as nobody should write it, and damaged."""

import pathlib
from typing import Any

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.responses import read_records

h5py = pytest.importorskip("h5py")
sofar = pytest.importorskip("sofar")

DICE = np.random.default_rng(0)


def records(path: pathlib.Path, **options: Any) -> list:
    return list(read_records(str(path), **options).records)


def write(path: pathlib.Path, convention: str, ir: np.ndarray, **changes: Any) -> pathlib.Path:
    sofa = sofar.Sofa(convention, verify=False)
    sofa.Data_IR = ir
    sofa.Data_Delay = np.zeros((1, *ir.shape[1:-1])) if ir.ndim == 3 else np.zeros((1, ir.shape[1], 1))
    for name, value in changes.items():
        setattr(sofa, name, value)
    sofar.write_sofa(str(path), sofa)
    return path


def edit(path: pathlib.Path) -> Any:
    return h5py.File(path, "r+")


def replaced(path: pathlib.Path, name: str, values: np.ndarray, **attributes: str) -> None:
    with edit(path) as file:
        del file[name]
        file[name] = values
        for key, value in attributes.items():
            file[name].attrs[key] = np.bytes_(value)


@pytest.fixture
def brir(tmp_path: pathlib.Path) -> pathlib.Path:
    ir = DICE.normal(size=(3, 2, 64))
    return write(
        tmp_path / "b.sofa",
        "SimpleFreeFieldHRIR",
        ir,
        SourcePosition=np.zeros((3, 3)),
        Data_SamplingRate=44_100.0,
    )


def test_records_are_measurements_and_receivers(brir: pathlib.Path) -> None:
    found = records(brir)
    assert [(one.measurement, one.channel) for one in found] == [(m, r) for m in range(3) for r in range(2)]
    assert {one.sampling_rate for one in found} == {44_100.0}
    assert not any(one.is_edc for one in found)
    expected = sofar.read_sofa(str(brir), verify=False, verbose=False).Data_IR
    np.testing.assert_array_equal([one.samples for one in found], expected.reshape(6, 64))


def test_other_conventions_of_fir_data(tmp_path: pathlib.Path) -> None:
    ir = DICE.normal(size=(2, 1, 50))
    path = write(tmp_path / "a.sofa", "GeneralFIR", ir)
    np.testing.assert_array_equal([one.samples for one in records(path)], ir[:, 0])
    # Axes that are not named stand as the standard has them.
    with h5py.File(tmp_path / "b.sofa", "w") as file:
        file.attrs.update({"Conventions": "SOFA", "SOFAConventions": "SingleRoomDRIR", "DataType": "FIR"})
        file["Data.IR"], file["Data.SamplingRate"] = ir, np.array([48_000.0])
    np.testing.assert_array_equal([one.samples for one in records(tmp_path / "b.sofa")], ir[:, 0])


@pytest.mark.parametrize(("data_type", "axes"), [("FIR-E", "MRNE"), ("FIRE", "MREN")])
def test_emitters_are_channels_too(tmp_path: pathlib.Path, data_type: str, axes: str) -> None:
    sizes = {"M": 2, "R": 2, "E": 3, "N": 40}
    ir = DICE.normal(size=[sizes[axis] for axis in axes])
    path = tmp_path / "a.sofa"
    delay = np.arange(6.0).reshape(1, 2, 3)
    if data_type == "FIR-E":
        positions = {"EmitterPosition": np.zeros((3, 3)), "ReceiverPosition": np.zeros((2, 3))}
        write(path, "GeneralFIR-E", ir, Data_Delay=delay, **positions)
    else:
        with h5py.File(path, "w") as file:
            file.attrs.update({"Conventions": "SOFA", "SOFAConventions": "MultiSpeakerBRIR", "DataType": "FIRE"})
            file["Data.IR"], file["Data.Delay"], file["Data.SamplingRate"] = ir, delay, np.array([48_000.0])
    found = records(path)
    by_name = np.moveaxis(ir, [axes.index(axis) for axis in "MREN"], range(4))
    assert [(one.measurement, one.channel) for one in found] == [(m, c) for m in range(2) for c in range(6)]
    for one in found:
        np.testing.assert_array_equal(one.samples, by_name[one.measurement, one.channel // 3, one.channel % 3])
        assert one.delay == one.channel


def test_a_convention_that_nobody_knows_is_read(brir: pathlib.Path) -> None:
    with edit(brir) as file:
        file.attrs["SOFAConventions"] = np.bytes_("MyOwnRoomMeasurement")
        file.attrs["SOFAConventionsVersion"] = np.bytes_("0.01")
    assert len(records(brir)) == 6
    # The reason for reading with h5py: the library of the format refuses it.
    with pytest.raises(ValueError, match=r"does not exist"):
        sofar.read_sofa(str(brir), verify=False, verbose=False)


@pytest.mark.parametrize(
    ("delay", "unit", "expected"),
    [
        (np.array([[3.0, 5.5]]), None, [3.0, 5.5] * 3),
        (np.array([[3.0, 5.5]]), "samples", [3.0, 5.5] * 3),
        (np.array([[0.01, 0.02]]), "seconds", [441.0, 882.0] * 3),
        (np.arange(6.0).reshape(3, 2), None, list(range(6))),
        (np.array([[7.0]]), None, [7.0] * 6),
    ],
)
def test_delays_and_their_units(brir: pathlib.Path, delay: np.ndarray, unit: str | None, expected: list) -> None:
    replaced(brir, "Data.Delay", delay, **({"Units": unit} if unit else {}))
    contents = read_records(str(brir))
    assert [one.delay for one in contents.records] == pytest.approx(expected)
    assert any("Data.Delay is added" in note for note in contents.notes)


def test_rates_per_measurement_and_in_kilohertz(brir: pathlib.Path) -> None:
    replaced(brir, "Data.SamplingRate", np.array([44.1, 48.0, 96.0]), Units="kilohertz")
    assert [one.sampling_rate for one in records(brir)] == [44_100, 44_100, 48_000, 48_000, 96_000, 96_000]
    assert {one.sampling_rate for one in records(brir, sampling_rate=8000.0)} == {8000.0}


def test_ears_and_spherical_harmonics_are_named(brir: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert any("binaural responses (BRIR)" in note and "SimpleFreeFieldHRIR" in note for note in _notes(brir))
    omni = write(tmp_path / "o.sofa", "GeneralFIR", DICE.normal(size=(1, 1, 50)))
    assert _notes(omni) == []
    with edit(omni) as file:
        file.attrs["SOFAConventions"] = np.bytes_("SingleRoomDRIR")
    assert "directional receivers" in _notes(omni)[0]
    with edit(omni) as file:
        file["ReceiverPosition"].attrs["Type"] = np.bytes_("spherical harmonics")
    assert "spherical harmonics" in _notes(omni)[0]


def test_two_near_receivers_are_ears_whatever_the_convention(brir: pathlib.Path) -> None:
    with edit(brir) as file:
        file.attrs["SOFAConventions"] = np.bytes_("GeneralFIR")
    assert any("binaural" in note for note in _notes(brir))
    replaced(brir, "ReceiverPosition", np.array([[[0.0], [1.0], [0.0]], [[0.0], [-1.0], [0.0]]]), Type="cartesian")
    assert _notes(brir) == []


def _notes(path: pathlib.Path) -> list[str]:
    return read_records(str(path)).notes


def test_faults_are_named(brir: pathlib.Path) -> None:
    whole = brir.read_bytes()

    def refused(message: str) -> None:
        with pytest.raises(DataError, match=message) as caught:
            records(brir)
        assert "\n" not in str(caught.value)
        brir.write_bytes(whole)

    with edit(brir) as file:
        file.attrs["DataType"] = np.bytes_("TF")
    refused("type TF; only FIR")
    with edit(brir) as file:
        del file.attrs["Conventions"]
    refused("no SOFA file")
    for name in ("Data.IR", "Data.SamplingRate"):
        with edit(brir) as file:
            del file[name]
        refused(f"lacks the variable {name}")
    replaced(brir, "Data.IR", np.zeros((3, 64)))
    refused(r"shape \(3, 64\); FIR has 3 axes")
    replaced(brir, "Data.IR", np.full((3, 2, 64), np.nan))
    refused("Data.IR holds values that are not finite")
    replaced(brir, "Data.SamplingRate", np.array([0.0]))
    refused("sampling rate of 0 Hz")
    replaced(brir, "Data.SamplingRate", np.array([1.0, 2.0]))
    refused("2 sampling rates for 3 measurements")
    replaced(brir, "Data.SamplingRate", np.array([48_000.0]), Units="furlong")
    refused("unit of Data.SamplingRate is 'furlong'")
    replaced(brir, "Data.Delay", np.zeros((2, 2)))
    refused("Data.Delay has the shape")
    replaced(brir, "Data.Delay", np.zeros((1, 2)), Units="metre")
    refused("unit of Data.Delay is 'metre'")
    with pytest.raises(DataError, match="leave out --kind edc"):
        records(brir, kind="edc")


def test_a_header_of_any_size_costs_nothing(brir: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with edit(brir) as file:
        del file["Data.IR"]
        file.create_dataset("Data.IR", shape=(10**6, 2, 10**6), dtype="f8", chunks=(1, 1, 1024))
    with pytest.raises(DataError, match="too large, or nothing is stored"):
        records(brir)
    (tmp_path / "secret").write_bytes(b"x" * 8 * 384)
    with edit(brir) as file:
        del file["Data.IR"]
        file.create_dataset("Data.IR", shape=(3, 2, 64), dtype="f8", external=[(str(tmp_path / "secret"), 0, 3072)])
    with pytest.raises(DataError, match="points to other files"):
        records(brir)
    with edit(brir) as file:
        del file["Data.IR"]
        file["Data.IR"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "x")
    with pytest.raises(DataError, match="lacks the variable"):
        records(brir)


def test_damaged_files_are_one_line_each(brir: pathlib.Path) -> None:
    whole = brir.read_bytes()
    dice = np.random.default_rng(2)
    contents = [whole[:8], whole[:512], whole[: len(whole) // 2], b"no HDF5 at all"]
    for _ in range(150):
        broken = bytearray(whole)
        for place in dice.integers(0, len(whole), 40):
            broken[place] = dice.integers(256)
        contents.append(bytes(broken))
    messages = []
    for content in contents:
        path = brir.with_name("x.sofa")
        path.write_bytes(content)
        try:
            records(path)
            messages.append("")
        except DataError as error:
            messages.append(str(error))
    assert all(messages[:4])
    assert not any("\n" in message for message in messages)
