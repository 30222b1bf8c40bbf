"""Tables of data files with versions: what Delta Lake and Iceberg have in common."""
