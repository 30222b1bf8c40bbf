"""Iceberg tables, by the snapshots of their catalog."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from connector.config.models import IcebergSource
from connector.errors import ConfigError, ConnectorError
from connector.extract import Limits
from connector.extract.lakes.catalogs import loaded, translated
from connector.extract.lakes.fieldids import ByFieldId
from connector.extract.lakes.reader import LakeExtractor
from connector.extract.lakes.table import NOTHING, DataFile, history_gone, milliseconds, unreadable

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile as Listed
    from pyiceberg.table import Table as Loaded
    from pyiceberg.table.snapshots import Snapshot

Result = TypeVar("Result")


def open_iceberg(source: IcebergSource, limits: Limits) -> LakeExtractor:
    """Return the extractor of an Iceberg table, not opened yet.

    Raises:
        ConfigError: the package that reads such tables is not installed.
    """
    try:
        import pyiceberg.catalog  # noqa: F401 - whether it is there
    except ImportError as error:
        hint = "install it: pip install 'intempt-connector[iceberg]'"
        raise ConfigError(
            "type: iceberg needs the package pyiceberg", hint=hint, path="source.type"
        ) from error
    return LakeExtractor(source, lambda _: Iceberg(source), limits)


class Iceberg:
    """An Iceberg table, opened; see `connector.extract.lakes.table.Table`. Its versions are the ids of snapshots."""

    word = "snapshot"

    def __init__(self, source: IcebergSource) -> None:
        from pyiceberg.io.pyarrow import PyArrowFileIO, schema_to_pyarrow

        self.name = source.table
        self._source = source
        self._table: Loaded = self._told(lambda: loaded(source))
        self._refuse()
        pinned = self._pinned()
        self.version = NOTHING if pinned is None else pinned.snapshot_id
        self._lineage = self._ancestors(pinned)
        self._places = {snapshot.snapshot_id: n for n, snapshot in enumerate(self._lineage)}
        self._columns: pa.Schema = self._told(lambda: schema_to_pyarrow(self._schema()))
        self._scheme, netloc, _ = PyArrowFileIO.parse_location(self._table.location())
        io = PyArrowFileIO(self._table.io.properties)
        self.filesystem = self._told(lambda: io.fs_by_scheme(self._scheme, netloc))

    def schema(self) -> pa.Schema:
        """The columns at `version`."""
        return self._columns

    def id(self, version: int) -> str:
        """Return the id that the catalog gave the table."""
        del version
        return str(self._table.metadata.table_uuid)

    def start(self, text: str) -> int:
        """Return the parent of the snapshot named."""
        hint = "use beginning, now, or the id of a snapshot: the first one whose changes are read"
        if text.isdigit() and int(text) in self._places:
            parent = self._lineage[self._places[int(text)]].parent_snapshot_id
            if parent is not None or not self._shortened():
                return NOTHING if parent is None else parent
            hint = "what came before it was expired: use a later one, or beginning"
        raise ConfigError(f"{text!r} is no snapshot of {self.name}", hint=hint, path="source.start")

    def order(self, version: int) -> int:
        """Return the place in the lineage of the snapshot that is looked at."""
        if version == NOTHING:
            return -1
        if version not in self._places:
            if self._lineage and self._lineage[0].parent_snapshot_id == version:
                return -1  # it was expired, but all that came after it is there
            raise history_gone(
                self.name,
                f"snapshot {version} is not among those behind {self.version}: expired, or rolled back",
            )
        return self._places[version]

    def files(self, version: int) -> list[DataFile]:
        """Return all files of a snapshot."""
        if version == NOTHING:
            return []
        if self._table.snapshot_by_id(version) is None:
            raise history_gone(self.name, f"snapshot {version} was expired")
        tasks = self._told(lambda: list(self._table.scan(snapshot_id=version).plan_files()))
        if any(task.delete_files for task in tasks):
            raise self._delete_files(version)
        return sorted((self._file(version, task.file) for task in tasks), key=lambda file: file.path)

    def added(self, after: int, through: int) -> list[DataFile]:
        """Return the files that snapshots added with new or changed rows."""
        first, last = self.order(after) + 1, self.order(through)
        if after == NOTHING and self._shortened():
            raise history_gone(self.name, "its first snapshots were expired")
        found: dict[tuple[int, str], DataFile] = {}
        newest: dict[str, int] = {}
        for place in range(first, last + 1):
            added, removed = self._told(partial(self._changes, self._lineage[place]))
            for file in removed:
                found.pop((newest.get(file.path, -1), file.path), None)
            for file in added:
                found[place, file.path] = file
                newest[file.path] = place
        return [found[place] for place in sorted(found)]

    def projection(self, schema: pa.Schema) -> ByFieldId:
        """Columns are found by their ids, whatever they were called when a file was written."""
        return ByFieldId(schema, self.schema(), self._table.name_mapping(), self.name)

    def _changes(self, snapshot: Snapshot) -> tuple[list[DataFile], list[DataFile]]:
        """Return the files that a snapshot added with new or changed rows, and those whose rows it dropped or rewrote."""
        from pyiceberg.manifest import ManifestContent, ManifestEntryStatus
        from pyiceberg.table.snapshots import Operation

        if snapshot.summary is not None and snapshot.summary.operation == Operation.REPLACE:
            return [], []  # a compaction: the same rows in other files
        added, removed, deletes = [], [], False
        for manifest in snapshot.manifests(self._table.io):
            if manifest.added_snapshot_id != snapshot.snapshot_id:
                continue
            for entry in manifest.fetch_manifest_entry(self._table.io, discard_deleted=False):
                if entry.snapshot_id != snapshot.snapshot_id:
                    continue
                if manifest.content == ManifestContent.DELETES:
                    deletes |= entry.status == ManifestEntryStatus.ADDED
                elif entry.status == ManifestEntryStatus.ADDED:
                    added.append(self._file(snapshot.snapshot_id, entry.data_file))
                elif entry.status == ManifestEntryStatus.DELETED:
                    removed.append(self._file(snapshot.snapshot_id, entry.data_file))
        if added and deletes:  # alone, they only take rows away
            raise self._delete_files(snapshot.snapshot_id)
        return added, removed

    def _file(self, version: int, file: Listed) -> DataFile:
        from pyiceberg.io.pyarrow import PyArrowFileIO
        from pyiceberg.manifest import FileFormat

        if file.file_format != FileFormat.PARQUET:
            raise unreadable(
                self.name, f"its data files are {file.file_format.value}", "rewrite them as Parquet"
            )
        scheme, _, full = PyArrowFileIO.parse_location(file.file_path)
        if scheme != self._scheme:
            raise unreadable(
                self.name, f"data files lie in another store ({scheme}://)", "rewrite them in one"
            )
        path = file.file_path.removeprefix(self._table.location().rstrip("/") + "/")
        return DataFile(
            version, path, full, file.file_size_in_bytes, file.record_count, self._constants(file)
        )

    def _constants(self, file: Listed) -> dict[str, pa.Scalar]:
        """The values of a file's identity partitions, which the file itself need not hold."""
        from pyiceberg.transforms import IdentityTransform

        schema, found = self.schema(), {}
        names = {field.field_id: field.name for field in self._schema().fields}
        for at, part in enumerate(self._table.specs()[file.spec_id or 0].fields):
            if isinstance(part.transform, IdentityTransform) and (name := names.get(part.source_id)):
                found[name] = _scalar(file.partition[at], schema.field(name).type)
        return found

    def _schema(self) -> Any:
        if self._source.version is None and self._source.as_of is None:
            return self._table.schema()
        snapshot = self._table.snapshot_by_id(self.version)
        at = None if snapshot is None else snapshot.schema_id
        return self._table.schema() if at is None else self._table.schemas()[at]

    def _pinned(self) -> Snapshot | None:
        source, table = self._source, self._table
        if source.version is not None:
            found = table.snapshot_by_id(source.version)
        elif source.as_of is not None:
            found = table.snapshot_as_of_timestamp(milliseconds(source.as_of))
        else:
            return table.current_snapshot()
        if found is None:
            place = "version" if source.version is not None else "as_of"
            hint = "list them: the table's history in your catalog"
            raise ConfigError(
                f"{self.name} has no such snapshot (any more)", hint=hint, path=f"source.{place}"
            )
        return found

    def _ancestors(self, snapshot: Snapshot | None) -> list[Snapshot]:
        found = []
        while snapshot is not None:
            found.append(snapshot)
            parent = snapshot.parent_snapshot_id
            snapshot = None if parent is None else self._table.snapshot_by_id(parent)
        return found[::-1]

    def _shortened(self) -> bool:
        """Whether older snapshots were expired. Some writers then leave a parent that is gone, others take it out."""
        if not self._lineage:
            return False
        oldest = self._lineage[0]
        return oldest.parent_snapshot_id is not None or (oldest.sequence_number or 1) > 1

    def _refuse(self) -> None:
        """Refuse what would be read wrongly."""
        from pyiceberg.schema import index_by_id

        for field in index_by_id(self._table.schema()).values():
            if getattr(field, "initial_default", None) is not None:
                what = f"column {field.name!r} has a default for rows written before it"
                raise unreadable(self.name, f"{what}, which is not supported", "rewrite the older files")

    def _delete_files(self, version: int) -> ConfigError:
        return unreadable(
            self.name,
            f"snapshot {version} has rows deleted by delete files or deletion vectors, which are not supported",
            "rewrite the files without them (rewrite_data_files), and let writers copy on write",
        )

    def _told(self, ask: Callable[[], Result]) -> Result:
        """Return the library's answer, its errors in our words: theirs may quote addresses and values."""
        try:
            return ask()
        except ConnectorError:
            raise
        except Exception as error:
            raise translated(error, self.name) from error


def _scalar(value: Any, data_type: pa.DataType) -> pa.Scalar:
    """A partition's value as Arrow has it; dates and times are numbers since 1970."""
    if isinstance(value, int) and pa.types.is_date32(data_type):
        return pa.scalar(value, pa.int32()).cast(data_type)
    if isinstance(value, int) and pa.types.is_temporal(data_type):
        return pa.scalar(value, pa.int64()).cast(data_type)
    return pa.scalar(value, data_type)
