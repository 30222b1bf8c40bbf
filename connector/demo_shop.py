"""The shop of the demo: TPC-H's orders and customers in SQLite, its parts as Parquet, all of it 26 years younger."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import ConfigError

# TPC-H's scale factor: 75,000 orders, 7,500 customers, 10,000 parts.
SCALE = 0.05
_TABLES = ("customer", "nation", "orders", "part")
# The sign of a folder that the demo made, and may therefore delete.
_MARKER = ".made-by-connector-demo"

_SCHEMA = """
create table customers(
  customer_id integer primary key, name varchar(50) not null, email varchar(100) not null, phone varchar(20),
  segment varchar(20) not null, balance decimal(15,2) not null, street varchar(50) not null,
  country varchar(30) not null, created_at timestamp not null, updated_at timestamp not null);
create table orders(
  order_id integer primary key, customer_id integer, status varchar(20) not null, total decimal(15,2) not null,
  priority varchar(20) not null, clerk varchar(20) not null, created_at timestamp not null);
create index customers_by_time on customers(updated_at, customer_id);
create index orders_by_time on orders(created_at, order_id);
"""
# TPC-H knows days only; the time of the day is made up from the row's key, the same each time.
_TIME = "to_microseconds(({key} * 2654435761) % 86400000000)"
_FORMAT = "'%Y-%m-%d %H:%M:%S.%f'"
_CUSTOMERS = f"""
select c_custkey, c_name, lower(replace(c_name, '#', '.')) || '@example.com',
  case when c_custkey % 10 > 0 then c_phone end, c_mktsegment, c_acctbal::varchar, c_address,
  array_to_string(list_transform(string_split(n_name, ' '), lambda word: word[1] || lower(word[2:])), ' '),
  strftime(created, {_FORMAT}), strftime(created + to_days((c_custkey % 2400)::integer), {_FORMAT})
from (
  select *, timestamp '2017-01-01' + to_days((c_custkey * 31 % 365)::integer) + {_TIME.format(key="c_custkey")} as created
  from '{{folder}}/customer.parquet' join '{{folder}}/nation.parquet' on c_nationkey = n_nationkey
)
"""
_ORDERS = f"""
select o_orderkey, o_custkey, case o_orderstatus when 'O' then 'open' when 'F' then 'shipped' else 'part shipped' end,
  o_totalprice::varchar, o_orderpriority, o_clerk,
  strftime(o_orderdate + interval 26 years + {_TIME.format(key="o_orderkey")}, {_FORMAT})
from '{{folder}}/orders.parquet'
"""
_PARTS = """
select p_partkey as part_id, p_name as name, p_comment as description, p_brand as brand,
  split_part(p_type, ' ', 1) as category, split_part(p_type, ' ', 3) as material, p_container as container,
  p_size as size, p_retailprice as price, (p_partkey * 37 % 120)::integer as stock
from '{folder}/part.parquet'
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop in its own folder.

    Attributes:
        folder: absolute; holds ``shop.db`` (SQLite) and ``catalog/`` (Parquet).
    """

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file with the tables customers and orders."""
        return self.folder / "shop.db"

    @property
    def catalog(self) -> Path:
        """The folder of Parquet files."""
        return self.folder / "catalog"

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        with self._opened() as database:
            return int(database.execute(f"select count(*) from {table}").fetchone()[0])

    def count_parts(self) -> int:
        """Return how many rows the Parquet files hold together."""
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(file).num_rows for file in self.catalog.glob("*.parquet"))

    def change(self) -> dict[str, int]:
        """Add and change ten rows, stamped now: what a few minutes of business do.

        Four orders, one of them a guest's; two customers who moved and one who is new; a Parquet file with two new
        prices and one new part.

        Returns:
            Name of the sync -> how many rows it will find new or changed.
        """
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        stamps = [f"{now - dt.timedelta(milliseconds=7 * n):%Y-%m-%d %H:%M:%S.%f}" for n in range(7)]
        with self._opened() as database:
            customer, order = (
                database.execute(f"select max({key}) from {table}").fetchone()[0] + 1
                for key, table in (("customer_id", "customers"), ("order_id", "orders"))
            )
            database.executemany(
                "insert into orders values (?, ?, 'open', ?, '1-URGENT', 'Clerk#000000001', ?)",
                [
                    (order, 1, "129.90", stamps[0]),
                    (order + 1, 2, "1250.05", stamps[1]),
                    (order + 2, customer, "18.40", stamps[2]),
                    (order + 3, None, "75.00", stamps[3]),
                ],
            )
            database.executemany(
                "update customers set street = '1 New Street', updated_at = ? where customer_id = ?",
                [(stamps[4], 1), (stamps[5], 2)],
            )
            database.execute(
                "insert into customers select ?, 'Customer#new', 'new@example.com', null, segment, 0, street, country,"
                " ?, ? from customers where customer_id = 1",
                (customer, stamps[6], stamps[6]),
            )
        self._add_parts()
        return {"orders": 4, "customers": 3, "catalog": 3}

    def _add_parts(self) -> None:
        files = f"'{_quoted(self.catalog)}/*.parquet'"
        query = f"""
            select * replace (price - 1 as price) from {files} where part_id <= 2 union all
            select * replace ((select max(part_id) + 1 from {files}) as part_id, 'brand new part' as name)
            from {files} where part_id = 1
        """
        self._write_parts(
            f"select * replace (price::decimal(15,2) as price) from ({query})", "parts-3.parquet"
        )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The database in one transaction, and closed behind it."""
        with closing(sqlite3.connect(self.database)) as database, database:
            yield database

    def _write_parts(self, query: str, name: str) -> None:
        import duckdb

        with duckdb.connect() as connection:
            connection.execute(f"copy ({query}) to '{_quoted(self.catalog / name)}' (format parquet)")

    def _fill(self, tables: Path) -> None:
        """Make the database and the catalog out of TPC-H's tables."""
        import duckdb

        folder = _quoted(tables)
        self.catalog.mkdir()
        parts = _PARTS.format(folder=folder)
        self._write_parts(f"{parts} where p_partkey % 2 = 1 order by 1", "parts-1.parquet")
        self._write_parts(f"{parts} where p_partkey % 2 = 0 order by 1", "parts-2.parquet")
        with duckdb.connect() as connection, self._opened() as database:
            database.executescript(_SCHEMA)
            for name, query in (("customers", _CUSTOMERS), ("orders", _ORDERS)):
                rows: Sequence[tuple[Any, ...]] = connection.execute(query.format(folder=folder)).fetchall()
                places = ", ".join("?" * len(rows[0]))
                database.executemany(f"insert into {name} values ({places})", rows)


def build_shop(folder: Path, scale: float = SCALE) -> Shop:
    """Build a fresh shop in `folder`; a shop that the demo built there before is deleted.

    Raises:
        ConfigError: the folder is somebody else's, cannot be written, or TPC-H's generator is missing.
    """
    generator = _generator()
    folder = folder.expanduser().absolute()
    try:
        _clear(folder)
        shop = Shop(folder)
        with tempfile.TemporaryDirectory(dir=folder) as tables:
            _generate(generator, scale, Path(tables))
            shop._fill(Path(tables))  # noqa: SLF001 - the shop's own maker
    except OSError as error:
        raise ConfigError(
            f"the shop cannot be built in {folder}: {error.strerror or error}",
            hint="name another folder: connector demo --folder PATH",
        ) from None
    return shop


def _clear(folder: Path) -> None:
    """Make an empty folder with the demo's marker in it; what stands there is deleted only where it has the marker."""
    if (folder / _MARKER).is_file() and not folder.is_symlink():
        shutil.rmtree(folder)
    elif folder.is_symlink() or folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is there already, and the demo did not make it: it is left alone",
            hint="name a folder that does not exist yet: connector demo --folder PATH",
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).write_text("`connector demo` made this folder, and deletes it when it runs again.\n")


def _generator() -> str:
    """Return the path of ``tpchgen-cli``: beside this Python, or wherever the shell finds it."""
    places = [str(Path(sys.executable).parent), sysconfig.get_path("scripts"), os.environ.get("PATH", "")]
    found = shutil.which("tpchgen-cli", path=os.pathsep.join(places))
    if found is None:
        raise ConfigError(
            "tpchgen-cli, which makes the rows of the shop, is not installed",
            hint="pip install 'intempt-connector[demo]'",
        )
    return found


def _generate(generator: str, scale: float, tables: Path) -> None:
    done = subprocess.run(  # noqa: S603 - the program that was looked up, our own arguments
        [generator, "parquet", "-s", str(scale), "-T", ",".join(_TABLES), "--output-dir", str(tables), "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ConfigError(
            f"tpchgen-cli failed: {said}", hint="pip install --upgrade 'intempt-connector[demo]'"
        )


def _quoted(path: Path) -> str:
    """Return a path as it stands inside an SQL literal."""
    return path.as_posix().replace("'", "''")
