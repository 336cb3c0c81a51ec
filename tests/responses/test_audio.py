"""WAV in every rate and format, whole or not."""

import pathlib
import struct
import sys

import numpy as np
import pytest

from decaylab.errors import DataError, MissingExtraError
from decaylab.responses import read_records

soundfile = pytest.importorskip("soundfile")

STEREO = np.random.default_rng(0).uniform(-0.5, 0.5, size=(600, 2)) * np.exp(-np.arange(600) / 100)[:, None]


def records(path: pathlib.Path, **options: object) -> list:
    return list(read_records(str(path), **options).records)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000, 96_000, 192_000])
def test_any_rate(tmp_path: pathlib.Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", STEREO[:, 0], rate)
    assert records(tmp_path / "a.wav")[0].sampling_rate == rate


@pytest.mark.parametrize(
    ("subtype", "container", "step"),
    [
        ("PCM_U8", "WAV", 2**-7), ("PCM_16", "WAV", 2**-15), ("PCM_24", "WAV", 2**-23), ("PCM_32", "WAV", 2**-31),
        ("FLOAT", "WAV", 1e-7), ("DOUBLE", "WAV", 0), ("PCM_24", "WAVEX", 2**-23), ("PCM_16", "RF64", 2**-15),
        ("ULAW", "WAV", 0.02), ("PCM_24", "FLAC", 2**-23), ("PCM_16", "AIFF", 2**-15), ("FLOAT", "W64", 1e-7),
    ],
)  # fmt: skip
def test_any_format_and_number_of_channels(tmp_path: pathlib.Path, subtype: str, container: str, step: float) -> None:
    suffix = {"FLAC": ".flac", "AIFF": ".aiff", "W64": ".w64"}.get(container, ".WAV")
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, STEREO, 48_000, subtype=subtype, format=container)
    found = records(path)
    assert [(one.measurement, one.channel) for one in found] == [(0, 0), (0, 1)]
    for one, channel in zip(found, STEREO.T, strict=True):
        np.testing.assert_allclose(one.samples, channel, atol=step + 1e-15)


def test_another_rate_may_be_asked_for_and_is_said(tmp_path: pathlib.Path) -> None:
    soundfile.write(tmp_path / "a.wav", STEREO, 44_100)
    contents = read_records(str(tmp_path / "a.wav"), sampling_rate=48_000.0)
    assert "44100 Hz, is put aside for 48000 Hz" in contents.notes[0]
    assert next(contents.records).sampling_rate == 48_000


def test_a_curve_in_a_wav_is_a_curve(tmp_path: pathlib.Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.exp(-np.arange(500) / 50), 48_000, subtype="DOUBLE")
    assert records(tmp_path / "a.wav")[0].is_edc


def test_half_a_file_is_refused_and_a_stream_is_not(tmp_path: pathlib.Path) -> None:
    soundfile.write(tmp_path / "a.wav", STEREO, 48_000, subtype="PCM_16")
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "half.wav").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half\.wav is truncated: 2,400 bytes of samples announced, 1,178 there"):
        records(tmp_path / "half.wav")
    place = whole.index(b"data") + 4
    (tmp_path / "stream.wav").write_bytes(whole[:place] + struct.pack("<I", 0xFFFFFFFF) + whole[place + 4 :])
    assert records(tmp_path / "stream.wav")[0].samples.size == 600


def test_what_is_no_audio_is_one_line(tmp_path: pathlib.Path) -> None:
    soundfile.write(tmp_path / "a.wav", STEREO, 48_000)
    whole = (tmp_path / "a.wav").read_bytes()
    dice = np.random.default_rng(1)
    contents = [b"RIFF", b"not audio at all", whole[:20], whole[:44], b"\x00" * 500]
    for _ in range(200):
        broken = bytearray(whole)
        for place in dice.integers(0, 60, 4):
            broken[place] = dice.integers(256)
        contents.append(bytes(broken))
    messages = []
    for content in contents:
        (tmp_path / "x.wav").write_bytes(content)
        try:
            records(tmp_path / "x.wav")
        except DataError as error:
            messages.append(str(error))
    assert len(messages) > 50
    assert all(str(tmp_path / "x.wav") in message and "\n" not in message for message in messages)
    for content in contents[:5]:
        (tmp_path / "x.wav").write_bytes(content)
        with pytest.raises(DataError):
            records(tmp_path / "x.wav")


def test_without_the_library_its_extra_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", STEREO, 48_000)
    (tmp_path / "a.sofa").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    for name, package in (("a.wav", "soundfile"), ("a.sofa", "h5py")):
        with pytest.raises(MissingExtraError, match=rf"'{package}'.*decaylab\[measure\]"):
            records(tmp_path / name)
