"""How datasets of Parquet files are read: what is there, what is new, and rows in bounded pieces."""
