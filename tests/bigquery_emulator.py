"""Starts bqemulator in its own environment, mended where it keeps BigQuery's own client from reading: run by bigquery_server.

- It needs an extension of DuckDB that is not to be had without a network, for a type that the tests do not use.
- Results of queries cannot be read through the Storage API, which is how the driver reads them.
- It tells no number of rows of a result, and ends the schema with a mark that means the end of the rows.
"""

import re
import sys

import bqemulator.storage.engine as storage
from bqemulator.cli import main
from bqemulator.grpc_api import read_servicer

storage.DuckDBEngine._load_spatial = lambda self: None
storage.DuckDBEngine._load_format_extensions = lambda self: None
plain = storage.DuckDBEngine.fetch_arrow
built = read_servicer._build_read_session_response


def fetch_arrow(self, sql, *parameters):
    """The rows of a table, or those that a query gave."""
    if found := re.search(r'_bqemu_anonymous"\."anon(\w+)"', sql):
        from bqemulator.jobs.executor import JOB_RESULTS

        return JOB_RESULTS[found[1]]
    return plain(self, sql, *parameters)


def response(**parts):
    """A session with all that a client asks for."""
    made = built(**parts)
    table = parts["arrow_table"]
    made.estimated_row_count = table.num_rows
    made.arrow_schema.serialized_schema = table.schema.serialize().to_pybytes()
    return made


storage.DuckDBEngine.fetch_arrow = fetch_arrow
read_servicer._build_read_session_response = response
sys.exit(main())
