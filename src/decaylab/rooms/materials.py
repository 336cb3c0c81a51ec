"""Real materials: the absorption table that comes with pyroomacoustics (M. Vorlaender, Auralization, 2008, annex)."""

from __future__ import annotations

import difflib

from decaylab.errors import InputError, MissingExtraError

BANDS = 7


def material_table() -> dict[str, tuple[float, ...]]:
    """Energy absorption at 125 Hz to 8 kHz by the material's name, seven numbers each, in the table's order.

    43 of the library's 91 materials have six coefficients: the last is held for 8 kHz. `anechoic` has one: left out.

    Raises:
        MissingExtraError: pyroomacoustics is not installed.
    """
    try:
        from pyroomacoustics.parameters import materials_absorption_table
    except ImportError:
        raise MissingExtraError("pyroomacoustics", "train", "the table of materials") from None
    return {
        name: tuple(
            float(value) for value in (*entry["coeffs"], *entry["coeffs"][-1:] * (BANDS - len(entry["coeffs"])))
        )
        for name, entry in materials_absorption_table.items()
        if len(entry["coeffs"]) >= BANDS - 1
    }


def material_absorption(name: str) -> tuple[float, ...]:
    """The seven coefficients of one material. InputError for an unknown name, with the nearest ones.

    Raises:
        InputError: an unknown name; says the nearest ones. MissingExtraError: as `material_table`.
    """
    table = material_table()
    if name not in table:
        near = difflib.get_close_matches(name, table, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"choose from {', '.join(table)}"
        raise InputError(f"unknown material '{name}': {hint}")
    return table[name]
