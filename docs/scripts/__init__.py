"""The parts of ``docs/make.py``."""
