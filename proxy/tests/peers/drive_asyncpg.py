"""asyncpg, which speaks the binary format alone: python drive_asyncpg.py host=… port=…"""

import asyncio
import datetime
import decimal
import io
import ssl
import sys
import uuid

import asyncpg

from features import dsn, feature, tell


def connected(function):
    """A feature on a connection of its own."""

    async def run(how):
        connection = await asyncpg.connect(**how)
        try:
            return await function(connection)
        finally:
            await connection.close()

    def wrapped(how):
        return asyncio.run(run(how))

    wrapped.__name__ = function.__name__
    return feature(wrapped)


@connected
async def types_both_ways(connection):
    values = (
        1,
        2**40,
        -1.5,
        decimal.Decimal("12345678901234567890.0123"),
        "ünïcode",
        b"\x00\xff",
        True,
        None,
        [1, 2, None],
        [["a", "b"], ["c,}", '"']],
        '{"a": [1, null]}',
        uuid.UUID(int=7),
        datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
        datetime.timedelta(days=-3, seconds=5),
        asyncpg.Range(1, 5),
        asyncpg.Point(1, 2),
        "high",
    )
    types = (
        "int4 int8 float8 numeric text bytea bool text int4[] text[] jsonb uuid date timestamptz"
        " interval int4range point drivers.mood"
    ).split()
    marks = ", ".join(f"${i + 1}::{name}" for i, name in enumerate(types))
    return repr(tuple(await connection.fetchrow(f"SELECT {marks}, ROW(1, 'low'::drivers.mood)", *values)))


@connected
async def prepared_statements(connection):
    statement = await connection.prepare("SELECT id, name FROM drivers.people WHERE id <= $1 ORDER BY id")
    told = [[tuple(row) for row in await statement.fetch(n)] for n in (1, 3)]
    told.append([(it.name, it.type.name) for it in statement.get_attributes()])
    told.append([it.name for it in statement.get_parameters()])
    told.append(statement.get_statusmsg())
    return told


@connected
async def cursors_and_portals(connection):
    told = []
    async with connection.transaction():
        cursor = await connection.cursor("SELECT generate_series(1, 100)")
        told.append([row[0] for row in await cursor.fetch(7)])
        told.append(await cursor.forward(10))
        told.append([row[0] for row in await cursor.fetch(2)])
        told.append(sum([row[0] async for row in connection.cursor("SELECT generate_series(1, 300)")]))
    return told


@connected
async def many_and_copy(connection):
    await connection.execute("CREATE TEMP TABLE t (a int, b text)")
    await connection.executemany("INSERT INTO t VALUES ($1, $2)", [(i, str(i)) for i in range(500)])
    told = [await connection.fetchval("SELECT count(*) FROM t")]
    rows = [(i, "z") for i in range(200)]
    told.append(await connection.copy_records_to_table("t", records=rows))
    source = io.BytesIO(b"1\ta\n2\t\\N\n")
    told.append(await connection.copy_to_table("t", source=source))
    for format in ("text", "csv", "binary"):
        sink = io.BytesIO()
        query = "SELECT * FROM t ORDER BY a, b LIMIT 5"
        told.append(await connection.copy_from_query(query, output=sink, format=format))
        told.append(sink.getvalue())
    return told


@connected
async def transactions_and_errors(connection):
    told = [await connection.execute("SELECT 1; SELECT 2")]
    await connection.execute("CREATE TEMP TABLE t (a int UNIQUE)")
    try:
        async with connection.transaction(isolation="serializable"):
            async with connection.transaction():
                await connection.execute("INSERT INTO t VALUES (1)")
                await connection.execute("INSERT INTO t VALUES (1)")
    except asyncpg.UniqueViolationError as error:
        told.append((str(error), error.detail, error.constraint_name))
    for text in ("SELECT 1/0", "SELECT nope FROM drivers.people"):
        try:
            await connection.fetch(text)
        except asyncpg.PostgresError as error:
            told.append((type(error).__name__, str(error), error.position))
    told.append(await connection.fetchval("SELECT count(*) FROM t"))
    return told


@connected
async def a_timeout_cancels(connection):
    try:
        await connection.fetch("SELECT pg_sleep(30)", timeout=0.2)
    except TimeoutError as error:
        return type(error).__name__, await connection.fetchval("SELECT 7")


@connected
async def codecs_and_reset(connection):
    await connection.set_type_codec("json", encoder=str, decoder=str, schema="pg_catalog")
    told = [await connection.fetchval("SELECT '[1]'::json")]
    await connection.reload_schema_state()
    await connection.reset()
    told.append(await connection.fetchval("SELECT 8"))
    got = asyncio.get_running_loop().create_future()
    await connection.add_listener("zz", lambda *it: got.set_result(it[3]))
    await connection.execute("NOTIFY zz")
    told.append(await asyncio.wait_for(got, 10))
    return told


@feature
def a_pool(how):
    async def run():
        async with asyncpg.create_pool(min_size=2, max_size=4, **how) as pool:
            async def one(i):
                async with pool.acquire() as connection:
                    return await connection.fetchval("SELECT $1::int * 2", i)

            return sum(await asyncio.gather(*[one(i) for i in range(60)]))

    return asyncio.run(run())


how = dsn(sys.argv[1:])
how["database"] = how.pop("dbname")
if "ssl" in how:
    how["ssl"] = ssl.create_default_context(cafile=how["ssl"])
tell(how)


async def masked():
    connection = await asyncpg.connect(**how)
    rows = await connection.fetch("SELECT * FROM drivers.people WHERE id < $1 ORDER BY id", 3)
    print("@masked", [tuple(row) for row in rows])
    await connection.close()


asyncio.run(masked())
