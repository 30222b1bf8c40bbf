"""YAML mappings become one SQL SELECT, which turns a batch of rows into the texts of its items."""
