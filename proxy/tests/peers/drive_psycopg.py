"""psycopg 3 with libpq 18: python drive_psycopg.py host=… port=…"""

import datetime
import decimal
import sys
import threading
import uuid

import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

from features import dsn, feature, tell


@feature
def types_both_ways_in_both_formats(how):
    values = (
        1,
        2**40,
        -1.5,
        decimal.Decimal("12345678901234567890.0123456789"),
        "text with ünïcode",
        b"\x00\xff\x27",
        True,
        None,
        [1, 2, None],
        [["a", "b"], ["c,}", '"']],
        Jsonb({"a": [1, {"b": None}]}),
        uuid.UUID(int=7),
        datetime.date(2024, 2, 29),
        datetime.time(23, 59, 59, 999999),
        datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
        datetime.timedelta(days=-3, seconds=5),
        Range(1, 5, "[)"),
    )
    told = []
    with psycopg.connect(**how) as connection:
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            marks = ", ".join(["%b" if binary else "%t"] * len(values))
            cursor.execute(f"SELECT {marks}", values)
            told.append(cursor.fetchone())
            told.append([column.type_code for column in cursor.description])
            cursor.execute(
                "SELECT 'NaN'::float8, '-Infinity'::numeric, 'infinity'::date::text, '10.0.0.1/8'::inet,"
                " B'101'::varbit, '(1,2)'::point::text, ROW(1, 'a'), '{[1,3),[5,7)}'::int4multirange,"
                " '1 year 2 mons'::interval::text, 'high'::drivers.mood, 12.5::money::text, 'x'::\"char\""
            )
            told.append(str(cursor.fetchone()))
    return told


@feature
def prepared_statements_that_outlive_ddl(how):
    told = []
    with psycopg.connect(**how, prepare_threshold=0) as connection:
        for i in range(5):
            told.append(connection.execute("SELECT %s::text", (i,)).fetchone())
        connection.execute("CREATE TEMP TABLE q (a int)")
        told.append(connection.execute("SELECT * FROM q").fetchall())
        connection.commit()
        connection.execute("ALTER TABLE q ADD b int DEFAULT 4")
        connection.execute("INSERT INTO q VALUES (1)")
        connection.commit()
        try:
            connection.execute("SELECT * FROM q")
        except psycopg.Error as error:
            told.append(str(error))
        connection.rollback()
        connection.execute("DEALLOCATE ALL")
        told.append(connection.execute("SELECT * FROM q").fetchall())
        connection.commit()
    return told


@feature
def statements_named_in_sql_and_in_the_protocol(how):
    told = []
    with psycopg.connect(**how, autocommit=True) as connection:
        wire = connection.pgconn
        connection.execute("PREPARE foo (int) AS SELECT $1 + 1")
        told.append(connection.execute("EXECUTE foo(4)").fetchall())
        result = wire.exec_prepared(b"foo", [b"7"])
        told.append((result.status, result.get_value(0, 0)))
        wire.prepare(b"bar", b"SELECT $1::int * 2")
        told.append(connection.execute("EXECUTE bar(4)").fetchall())
        result = wire.describe_prepared(b"foo")
        told.append((result.nfields, result.nparams))
        connection.execute("DEALLOCATE foo")
        told.append(wire.exec_prepared(b"foo", [b"7"]).error_message)
        connection.execute("DISCARD ALL")
        told.append(wire.exec_prepared(b"bar", [b"7"]).error_message)
        told.append(wire.exec_(b"").status)
        told.append(wire.exec_params(b"", None).status)
        result = wire.exec_(b"SELECT 1; SELECT 2")
        told.append((result.status, result.get_value(0, 0)))
        told.append(wire.describe_portal(b"nope").error_message)
        connection.execute("BEGIN")
        connection.execute("DECLARE cc CURSOR FOR SELECT 42 AS x")
        result = wire.describe_portal(b"cc")
        told.append((result.status, result.nfields))
        connection.execute("COMMIT")
    return told


@feature
def many_at_once(how):
    with psycopg.connect(**how) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP TABLE t (a int PRIMARY KEY, b text)")
        cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(i, str(i)) for i in range(500)])
        rows = [(i, str(i)) for i in range(3000, 3005)]
        cursor.executemany("INSERT INTO t VALUES (%s, %s) RETURNING a", rows, returning=True)
        told = [cursor.fetchone()]
        while cursor.nextset():
            told.append(cursor.fetchone())
        told.append(cursor.execute("SELECT count(*), sum(a), max(b) FROM t").fetchall())
    return told


@feature
def pipelines(how):
    told = []
    with psycopg.connect(**how) as connection:
        with connection.pipeline() as pipeline:
            cursors = [connection.execute("SELECT %s::int + 1", (i,)) for i in range(100)]
            pipeline.sync()
            told.append(sum(cursor.fetchone()[0] for cursor in cursors))
        try:
            with connection.pipeline() as pipeline:
                connection.execute("SELECT 1")
                connection.execute("SELECT 1/0")
                connection.execute("SELECT 2")
                pipeline.sync()
        except psycopg.Error as error:
            told.append((type(error).__name__, str(error)))
        told.append(connection.info.transaction_status)
        connection.rollback()
        connection.autocommit = True
        connection.execute("CREATE TEMP TABLE p (a int)")
        with connection.pipeline():
            with connection.transaction():
                for i in range(10):
                    connection.execute("INSERT INTO p VALUES (%s)", (i,))
            connection.execute("INSERT INTO p VALUES (99)")
        told.append(connection.execute("SELECT array_agg(a ORDER BY a) FROM p").fetchall())
    return told


@feature
def cursors_on_the_server(how):
    told = []
    with psycopg.connect(**how) as connection:
        with connection.cursor("named") as cursor:
            cursor.execute("SELECT * FROM generate_series(1, 1000)")
            told += [cursor.fetchmany(3), cursor.fetchone(), len(cursor.fetchall())]
        with connection.cursor("held", scrollable=True, withhold=True) as cursor:
            cursor.execute("SELECT generate_series(1, %s::int)", (50,))
            cursor.scroll(10)
            told.append(cursor.fetchone())
            connection.commit()
            cursor.scroll(-5)
            told.append(cursor.fetchone())
        cursor = connection.cursor("people", binary=True)
        cursor.execute("SELECT id, name FROM drivers.people ORDER BY id")
        cursor.itersize = 2
        told.append(list(cursor))
        streamed = connection.cursor().stream("SELECT generate_series(1, %s::int)", (3000,))
        told.append(sum(row[0] for row in streamed))
    return told


@feature
def copy_both_ways_in_all_formats(how):
    told = []
    with psycopg.connect(**how) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP TABLE c (a int, b text)")
        with cursor.copy("COPY c FROM STDIN") as copy:
            for i in range(300):
                copy.write_row((i, "x" * i if i % 3 else None))
        with cursor.copy("COPY c FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            for i in range(100):
                copy.write_row((i, "y\t\\"))
        with cursor.copy("COPY c FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(b'a,b\n7,"quoted, and ""more"""\n')
        told.append((cursor.statusmessage, cursor.rowcount))
        source = "(SELECT * FROM c WHERE a < 9 ORDER BY a, b)"
        for format in ("text", "csv, HEADER, QUOTE ''''", "binary"):
            with cursor.copy(f"COPY {source} TO STDOUT (FORMAT {format})") as copy:
                told.append(b"".join(copy))
        with cursor.copy("COPY drivers.people (id, name) TO STDOUT") as copy:
            told.append(sorted(copy.rows()))
        try:
            with cursor.copy("COPY c FROM STDIN") as copy:
                copy.write_row((1, "a"))
                raise KeyError
        except KeyError:
            told.append(connection.info.transaction_status)
        connection.rollback()
        cursor.execute("CREATE TEMP TABLE c (a int, b text)")
        try:
            with cursor.copy("COPY c FROM STDIN") as copy:
                copy.write("bad\tx\n")
        except psycopg.Error as error:
            told.append(str(error))
    return told


@feature
def notifications_and_notices(how):
    told = []
    with (
        psycopg.connect(**how, autocommit=True) as one,
        psycopg.connect(**how, autocommit=True) as two,
    ):
        one.execute("LISTEN drivers")
        two.execute("NOTIFY drivers")
        two.execute("SELECT pg_notify('drivers', %s)", ("",))
        for notify in one.notifies(timeout=10, stop_after=2):
            told.append((notify.channel, notify.payload))
        one.add_notice_handler(lambda it: told.append((it.severity, it.message_primary)))
        one.execute("DROP TABLE IF EXISTS nowhere")
    return told


@feature
def errors_and_transactions(how):
    told = []
    with psycopg.connect(**how) as connection:
        for text in ("SELECT 1/0", "SELECT 'a'::int", "SELECT nope FROM drivers.people"):
            try:
                connection.execute(text)
            except psycopg.Error as error:
                told.append((type(error).__name__, str(error), error.diag.statement_position))
            told.append(connection.info.transaction_status)
            connection.rollback()
        connection.execute("CREATE TEMP TABLE s (a int)")
        with connection.transaction():
            connection.execute("INSERT INTO s VALUES (1)")
            try:
                with connection.transaction("inner"):
                    connection.execute("INSERT INTO s VALUES (2)")
                    raise KeyError
            except KeyError:
                pass
        told.append(connection.execute("SELECT a FROM s").fetchall())
        connection.set_isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        connection.commit()
        connection.read_only = True
        try:
            connection.execute("INSERT INTO drivers.people (id) VALUES (99)")
        except psycopg.Error as error:
            told.append(str(error))
    return told


@feature
def a_cancel_hits_its_own_statement(how):
    with psycopg.connect(**how, autocommit=True) as connection:
        timer = threading.Timer(0.2, connection.cancel_safe)
        timer.start()
        try:
            connection.execute("SELECT pg_sleep(30)")
        except psycopg.Error as error:
            timer.join()
            return type(error).__name__, str(error), connection.execute("SELECT 1").fetchall()


@feature
def settings_of_the_start(how):
    options = "-c search_path=drivers -c statement_timeout=5000"
    names = ("server_version", "client_encoding", "application_name", "TimeZone")
    with psycopg.connect(**how, application_name="me", options=options) as connection:
        told = [connection.info.parameter_status(name) for name in names]
        told.append(connection.execute("SHOW statement_timeout").fetchall())
        told.append(connection.execute("SELECT count(*) FROM people").fetchall())
        connection.execute("SET client_encoding TO latin1")
        told.append((connection.info.encoding, connection.execute("SELECT chr(233)").fetchall()))
    return told


@feature
def large_values(how):
    with psycopg.connect(**how) as connection:
        told = [len(connection.execute("SELECT repeat('x', 5000000)").fetchone()[0])]
        told.append(connection.execute("SELECT length(%s)", ("y" * 5000000,)).fetchone())
        told.append(sum(row[0] for row in connection.execute("SELECT generate_series(1, 20000)")))
    return told


how = dsn(sys.argv[1:])
tell(how)
with psycopg.connect(**how, autocommit=True) as connection:
    connection.execute("LISTEN drivers")
    connection.execute("NOTIFY drivers, 'hello'")
    print("@payload", [it.payload for it in connection.notifies(timeout=10, stop_after=1)])
    print("@protocol", connection.pgconn.full_protocol_version, connection.pgconn.ssl_in_use)
    for binary in (False, True):
        cursor = connection.cursor(binary=binary)
        cursor.execute("SELECT * FROM drivers.people WHERE id < %s ORDER BY id", (3,))
        print("@masked", cursor.fetchall())
