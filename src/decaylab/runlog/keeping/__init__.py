"""Archiving, restoring, pruning and sharing what runs left: nothing is overwritten or removed that may be in use."""
