"""Files of impulse responses and decay curves: WAV, SOFA, NPY and CSV as arrays, one record at a time.

Needs `decaylab[measure]` for WAV and SOFA; NPY and CSV are read with numpy alone.
"""

from decaylab.responses.read import KINDS, read_records
from decaylab.responses.record import Contents, Record

__all__ = ["KINDS", "Contents", "Record", "read_records"]
