"""Delta Lake tables, by the versions of their log."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs as pafs

from connector.config.models import DeltaSource
from connector.errors import ConfigError, ConnectorError, GuardTripped, SourceError
from connector.extract import Limits
from connector.extract.files.sql import Sql
from connector.extract.files.stores import access_error, open_store, shown
from connector.extract.lakes.deltalog import Commit, read_commit
from connector.extract.lakes.reader import LakeExtractor
from connector.extract.lakes.table import NOTHING, DataFile, history_gone, milliseconds, unreadable

if TYPE_CHECKING:
    from deltalake import DeltaTable

_THREADS = 16  # commits are waited for, not computed
# Reader features that change nothing in how the rows of a data file are read.
_HARMLESS = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "deletionVectors", "columnMapping"}
_MISSING = re.compile(
    r"not found|no such file|no files in log segment|does not exist|NoSuchKey|404", re.IGNORECASE
)


Result = TypeVar("Result")


def open_delta(source: DeltaSource, limits: Limits) -> LakeExtractor:
    """Return the extractor of a Delta table, not opened yet.

    Raises:
        ConfigError: the package that reads such tables is not installed.
    """
    try:
        import deltalake  # noqa: F401 - whether it is there
    except ImportError as error:
        hint = "install it: pip install 'intempt-connector[delta]'"
        raise ConfigError("type: delta needs the package deltalake", hint=hint, path="source.type") from error
    return LakeExtractor(source, lambda sql: Delta(source, sql), limits)


class Delta:
    """A Delta table, opened; see `connector.extract.lakes.table.Table`."""

    word = "version"

    def __init__(self, source: DeltaSource, sql: Sql) -> None:
        self.name = shown(source.path)
        self._source = source
        self._sql = sql
        self._tables: dict[int, DeltaTable] = {}
        try:
            self.filesystem, self._root = open_store(source.path, source.storage)
            found = self.filesystem.get_file_info(f"{self._root}/_delta_log")
        except (OSError, ValueError) as error:
            raise access_error(self.name, error) from error
        if found.type is pafs.FileType.NotFound:
            hint = "correct the path; plain Parquet files are read by type: parquet"
            raise ConfigError(f"{self.name} holds no Delta table", hint=hint, path="source.path")
        table = self._pinned()
        self.version = table.version()
        self._schema = pa.schema(table.schema().to_arrow())
        self._tables[self.version] = table
        self._refuse(table)

    def schema(self) -> pa.Schema:
        """The columns at `version`."""
        return self._schema

    def id(self, version: int) -> str:
        """Return the id that the table's log gives it."""
        return str(self._at(max(version, 0)).metadata().id)

    def start(self, text: str) -> int:
        """Return the version before that named."""
        if not text.isdigit() or int(text) > self.version:
            hint = (
                f"use beginning, now, or a version up to {self.version}: the first one whose changes are read"
            )
            raise ConfigError(f"{text!r} is no version of {self.name}", hint=hint, path="source.start")
        return int(text) - 1

    def order(self, version: int) -> int:
        """Versions are numbered."""
        return version

    def files(self, version: int) -> list[DataFile]:
        """Return all files of a version."""
        if version == NOTHING:
            return []
        table = self._at(version)
        features = table.protocol().reader_features or ()
        if "deletionVectors" in features and self._has_deletion_vectors(table):
            raise self._deletion_vectors(version)
        actions = pa.table(table.get_add_actions(flatten=False))
        columns = [actions[name].to_pylist() for name in ("path", "size_bytes", "num_records")]
        partitions = actions["partition"] if "partition" in actions.schema.names else [{}] * len(actions)
        found = [
            self._file(version, path, size, rows, dict(values))
            for path, size, rows, values in zip(*columns, partitions, strict=True)
        ]
        return sorted(found, key=lambda file: file.path)

    def added(self, after: int, through: int) -> list[DataFile]:
        """Return the files that commits added with new or changed rows."""
        found: dict[tuple[int, str], DataFile] = {}
        newest: dict[str, int] = {}
        for version, commit in self._read_commits(after + 1, through):
            for path in commit.rewritten:
                found.pop((newest.get(path, NOTHING), path), None)
            for add in commit.added:
                if add.deleted:
                    raise self._deletion_vectors(version)
                constants = self._constants(add.partitions)
                found[version, add.path] = self._file(version, add.path, add.size, add.rows, constants)
                newest[add.path] = version
        return [found[place] for place in sorted(found)]

    def projection(self, schema: pa.Schema) -> _ByName:
        """Columns have the same names in table and file."""
        return _ByName(schema)

    def _file(
        self, version: int, path: str, size: int, rows: int | None, constants: Mapping[str, pa.Scalar]
    ) -> DataFile:
        if "://" in path or path.startswith("/"):
            hint = "make a copy of its own (a deep clone)"
            raise unreadable(self.name, f"a data file lies outside of the table: {shown(path)}", hint)
        return DataFile(version, path, f"{self._root}/{unquote(path)}", size, rows, constants)

    def _constants(self, texts: Mapping[str, str | None]) -> dict[str, pa.Scalar]:
        schema, found = self._schema, {}
        for name, text in texts.items():
            if name in schema.names:
                field = schema.field(name)
                value = pa.array([text or None], pa.string())
                if not pa.types.is_string(field.type):
                    value = self._sql.cast(
                        value, self._sql.type_name(field.type), f"partition column {name!r}"
                    )
                found[name] = value.cast(field.type)[0]
        return found

    def _read_commits(self, first: int, last: int) -> Iterator[tuple[int, Commit]]:
        """Yield commits in order; the log is read ahead, for in a store each file is a round trip."""
        versions = range(first, last + 1)
        with ThreadPoolExecutor(_THREADS) as pool:
            yield from zip(versions, pool.map(self._commit, versions), strict=True)

    def _commit(self, version: int) -> Commit:
        try:
            return read_commit(self.filesystem, self._root, version)
        except FileNotFoundError as error:
            raise history_gone(self.name, f"the log of version {version} is gone") from error
        except OSError as error:
            raise access_error(f"the log of {self.name}", error) from error
        except (ValueError, KeyError, TypeError) as error:
            what = f"the log of {self.name}, version {version}, is damaged"
            raise SourceError(what, hint="repair the table") from error

    def _at(self, version: int) -> DeltaTable:
        if version not in self._tables:
            self._tables[version] = self._load(version)
            self._refuse(self._tables[version])
        return self._tables[version]

    def _pinned(self) -> DeltaTable:
        source = self._source
        if source.version is not None:
            try:
                return self._load(source.version)
            except GuardTripped as error:
                raise self._no_version("version") from error
        table = self._load(None)
        if source.as_of is not None:
            moment = milliseconds(source.as_of)
            self._told(lambda: table.load_as_version(str(source.as_of)), None)
            # The library takes the first version for any time before it.
            with contextlib.suppress(GuardTripped):  # its commit is gone, so it is not the first one
                if self._commit(table.version()).timestamp > moment:
                    raise self._no_version("as_of")
        return table

    def _no_version(self, key: str) -> ConfigError:
        hint = "its history tells which there are, as far as it was not cleaned up"
        return ConfigError(f"{self.name} has no such version (any more)", hint=hint, path=f"source.{key}")

    def _load(self, version: int | None) -> DeltaTable:
        from deltalake import DeltaTable

        return self._told(
            lambda: DeltaTable(
                self._source.path if "://" in self._source.path else self._root,
                version=version,
                storage_options=_options(self._source),
            ),
            version,
        )

    def _told(self, ask: Callable[[], Result], version: int | None) -> Result:
        """Return the library's answer, its errors in our words: theirs may quote addresses and values."""
        from deltalake.exceptions import DeltaError

        try:
            return ask()
        except (DeltaError, OSError, ValueError) as error:
            raise self._translated(error, version) from error

    def _translated(self, error: Exception, version: int | None) -> ConnectorError:
        text = str(error)
        if "Unsupported" in text:
            feature = re.search(r"[Ff]eature '?(\w+)'?", text)
            what = f"the feature {feature[1]}" if feature else "a newer version of the Delta protocol"
            return unreadable(
                self.name, f"the table needs {what}, which cannot be read here", "drop the feature"
            )
        if version is not None and (_MISSING.search(text) or "LogSegment" in text):
            return history_gone(self.name, f"version {version} cannot be read any more, or does not exist")
        return access_error(self.name, error)

    def _refuse(self, table: DeltaTable) -> None:
        """Refuse what would be read wrongly."""
        if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            hint = "read a copy without column mapping, or a view of it by type: database"
            raise unreadable(self.name, "the table uses column mapping, which is not supported", hint)
        features = set(table.protocol().reader_features or ()) - _HARMLESS
        if features:
            what = ", ".join(sorted(features))
            raise unreadable(
                self.name, f"the table needs features that cannot be read here: {what}", "drop them"
            )

    def _has_deletion_vectors(self, table: DeltaTable) -> bool:
        from deltalake.exceptions import DeltaError

        try:
            return any(batch.num_rows for batch in table.deletion_vectors())
        except DeltaError:  # there are some, and even the library cannot read them
            return True
        except OSError as error:
            raise access_error(self.name, error) from error

    def _deletion_vectors(self, version: int) -> ConfigError:
        return unreadable(
            self.name,
            f"version {version} has rows deleted by deletion vectors, which are not supported",
            "write the files anew without them: REORG TABLE … APPLY (PURGE)",
        )


class _ByName:
    """Columns of a file under their own names."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def names(self, wanted: Sequence[str]) -> list[str]:
        """Return those of `wanted` that the file holds."""
        return [name for name in wanted if name in self._schema.names]

    def schema(self) -> pa.Schema:
        """The file's own."""
        return self._schema

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows as they are."""
        return rows


def _options(source: DeltaSource) -> dict[str, str]:
    """Return the options of the store in the library's words; what is not said comes from the environment."""
    storage, options = source.storage, {"AWS_ALLOW_HTTP": "true"}
    if storage.endpoint:
        options["AWS_ENDPOINT_URL"] = storage.endpoint
    if storage.region:
        options["AWS_REGION"] = storage.region
    if storage.anonymous:
        options["AWS_SKIP_SIGNATURE"] = "true"
    return options
