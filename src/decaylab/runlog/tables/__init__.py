"""Runs as tables and text: the comparison, its groups, two runs side by side, exports, frames, one run shown."""
