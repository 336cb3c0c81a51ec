"""Where examples come from: tables of rooms, their simulation, data sets, splits and scalers. No torch."""

from decaylab.rooms.dataset import DataSet
from decaylab.rooms.draw import draw_rooms
from decaylab.rooms.draw_wide import draw_wide_rooms
from decaylab.rooms.features import FEATURE_NAMES, RoomTable, check_rooms
from decaylab.rooms.generate import simulate_rooms
from decaylab.rooms.scaling import SCALERS, Scaler, fit_curves, fit_features
from decaylab.rooms.simulate import SimulationSettings, simulate_edc
from decaylab.rooms.splits import SPLITS, Split, split_rows
from decaylab.rooms.store import open_data
from decaylab.rooms.tables import choose_rooms, read_rooms_csv, write_rooms_csv

__all__ = [
    "FEATURE_NAMES",
    "SCALERS",
    "SPLITS",
    "DataSet",
    "RoomTable",
    "Scaler",
    "SimulationSettings",
    "Split",
    "check_rooms",
    "choose_rooms",
    "draw_rooms",
    "draw_wide_rooms",
    "fit_curves",
    "fit_features",
    "open_data",
    "read_rooms_csv",
    "simulate_edc",
    "simulate_rooms",
    "split_rows",
    "write_rooms_csv",
]
