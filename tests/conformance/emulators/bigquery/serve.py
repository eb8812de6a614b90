"""Run bqemulator with the options of its command line.

Its functions name their types as text. The version of DuckDB for which a package has the extension `spatial` takes the name of
`JSON` only as a type.
"""

import duckdb
from bqemulator import cli
from bqemulator.sql import builtin_udfs


class Typed:
    """A connection that takes the names of types."""

    def __init__(self, connection):
        self.connection = connection

    def create_function(self, name, function, parameters, result, **options):
        types = [duckdb.sqltype(parameter) for parameter in parameters]
        self.connection.create_function(name, function, types, duckdb.sqltype(result), **options)


register = builtin_udfs.register_builtin_udfs
builtin_udfs.register_builtin_udfs = lambda connection: register(Typed(connection))
cli.main()
