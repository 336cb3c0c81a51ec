"""Runs in progress: what they log, as they log it."""
