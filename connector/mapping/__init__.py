"""YAML mappings become one SQL SELECT, which turns a batch of rows into the texts of its items."""

from connector.mapping.mapper import Mapper
from connector.mapping.spec import MappingSpec

__all__ = ["Mapper", "MappingSpec"]
