"""SQLAlchemy over psycopg: python drive_sqlalchemy.py host=… port=…"""

import sys

import sqlalchemy as sa
from sqlalchemy import orm

from features import dsn, feature, tell


class Base(orm.DeclarativeBase):
    metadata = sa.MetaData(schema="drivers")


class Author(Base):
    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(40), unique=True)
    notes: orm.Mapped[dict | None] = orm.mapped_column(sa.JSON)
    books: orm.Mapped[list["Book"]] = orm.relationship(cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("drivers.authors.id"))
    title: orm.Mapped[str] = orm.mapped_column(index=True)


@feature
def tables_are_made_and_reflected(engine):
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    inspector = sa.inspect(engine)
    told = [
        sorted(inspector.get_table_names("drivers")),
        inspector.get_view_names("drivers"),
        "drivers" in inspector.get_schema_names(),
        inspector.get_enums("drivers"),
        inspector.get_sequence_names("drivers"),
    ]
    for table in ("authors", "books", "people"):
        told += [
            str(inspector.get_columns(table, "drivers")),
            inspector.get_pk_constraint(table, "drivers"),
            inspector.get_foreign_keys(table, "drivers"),
            inspector.get_indexes(table, "drivers"),
            inspector.get_check_constraints(table, "drivers"),
            inspector.get_unique_constraints(table, "drivers"),
            inspector.get_table_comment(table, "drivers"),
        ]
    reflected = sa.MetaData()
    reflected.reflect(engine, schema="drivers")
    told.append(sorted(reflected.tables))
    return told


@feature
def objects_are_flushed_and_rolled_back(engine):
    told = []
    with orm.Session(engine) as session:
        authors = [Author(name=f"author {i}", books=[Book(title=f"t {i} {j}") for j in range(3)]) for i in range(20)]
        authors[0].notes = {"a": [1, None]}
        session.add_all(authors)
        session.flush()
        told.append([author.id for author in authors])
        session.commit()
        session.add(Author(name="nobody keeps me"))
        session.flush()
        told.append(session.scalar(sa.select(sa.func.count()).select_from(Author)))
        session.rollback()
        told.append(session.scalar(sa.select(sa.func.count()).select_from(Author)))
        try:
            session.add(Author(name="author 1"))
            session.flush()
        except sa.exc.IntegrityError as error:
            told.append(str(error.orig))
            session.rollback()
        with session.begin_nested() as inner:
            session.add(Author(name="in a savepoint"))
            session.flush()
            inner.rollback()
        found = session.scalars(
            sa.select(Author).options(orm.selectinload(Author.books)).where(Author.id < 4).order_by(Author.id)
        )
        told.append([(it.name, it.notes, sorted(book.title for book in it.books)) for it in found])
        told.append(
            session.execute(
                sa.select(Author.name, sa.func.count(Book.id))
                .join(Book)
                .group_by(Author.name)
                .having(sa.func.count(Book.id) > 2)
                .order_by(Author.name)
                .limit(2)
            ).all()
        )
        session.delete(session.get(Author, 1))
        session.execute(sa.update(Author).where(Author.id == 2).values(name="renamed"))
        session.commit()
        told.append(session.scalar(sa.select(sa.func.count()).select_from(Book)))
        told.append(session.get(Author, 2).name)
    return [repr(it) for it in told]


@feature
def statements_by_hand(engine):
    table = Author.__table__
    with engine.begin() as connection:
        rows = [{"name": f"by hand {i}"} for i in range(300)]
        made = connection.execute(sa.insert(table).returning(table.c.id), rows)
        told = [len(made.fetchall())]
        streaming = {"stream_results": True, "max_row_buffer": 50}
        all_of_it = sa.select(table.c.id, table.c.name).order_by(table.c.id)
        streamed = connection.execute(all_of_it, execution_options=streaming)
        told.append(len(streamed.fetchall()))
        told.append(connection.execute(sa.delete(table).where(table.c.name.like("by hand%"))).rowcount)
    return told


@feature
def tables_are_dropped(engine):
    Base.metadata.drop_all(engine)
    return sorted(sa.inspect(engine).get_table_names("drivers"))


how = dsn(sys.argv[1:])
where = {key: how.pop(key) for key in ("host", "port", "user", "password", "dbname") if key in how}
url = sa.URL.create(
    "postgresql+psycopg",
    username=where["user"],
    password=where.get("password"),
    host=where["host"],
    port=int(where["port"]),
    database=where["dbname"],
    query=how,
)
engine = sa.create_engine(url)
tell(engine)
engine.dispose()
