"""The YAML: its models, its reader, and errors that name the place and the remedy."""
