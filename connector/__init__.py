"""Moves rows from databases and Parquet files into the Intempt Track API."""

__version__ = "0.1.0"
