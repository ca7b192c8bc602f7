-- What the cases of lineage and their differential test are about.
CREATE SCHEMA private;
CREATE EXTENSION hstore;
CREATE TYPE address AS (street text, city text);
CREATE TABLE people (
    id int PRIMARY KEY,
    name text,
    ssn text UNIQUE,
    born date,
    boss int,
    home address,
    tags text[],
    doc jsonb,
    short text GENERATED ALWAYS AS (left(name, 2)) STORED
);
CREATE TABLE visits (id int PRIMARY KEY, person int, place text, secret text, spent numeric);
CREATE TABLE notes (id int, note text);
CREATE TABLE private.pay (id int, ssn text, amount numeric);
CREATE TABLE vans (id int, plate text);
CREATE TABLE trucks (axles int) INHERITS (vans);
CREATE TABLE logs (id int NOT NULL, line text) PARTITION BY RANGE (id);
CREATE TABLE logs_low PARTITION OF logs FOR VALUES FROM (0) TO (100);
CREATE TABLE logs_high PARTITION OF logs FOR VALUES FROM (100) TO (200);
CREATE TABLE guarded (id int, owner text, secret text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON guarded USING (owner <> 'nobody');
CREATE TABLE ruled (id int, note text);
CREATE RULE spread AS ON INSERT TO ruled DO ALSO INSERT INTO notes VALUES (NEW.id, NEW.note);
CREATE DOMAIN grade AS int CHECK (VALUE < 10);
CREATE TABLE staff (id int UNIQUE, bonus int, salary int CHECK (salary > 0), level smallint,
    code varchar(4), mark grade, held numeric(12, 2) CHECK (held >= 0), CHECK (bonus <= salary));
CREATE VIEW bonuses AS SELECT id AS who, bonus AS extra FROM staff;
CREATE SEQUENCE counter;

INSERT INTO people (id, name, ssn, born, boss, home, tags, doc) VALUES
    (1, 'ann', '111-11', '1990-01-01', 2, ('Low', 'Ulm'), '{a,b}', '{"k": "v1", "n": 1}'),
    (2, 'bob', '222-22', '1980-02-02', NULL, ('High', 'Bonn'), '{c}', '{"k": "v2", "n": 2}'),
    (3, 'cyd', '333-33', '1970-03-03', 2, ('Mid', 'Bonn'), '{}', '{"k": "v3", "n": 3}');
INSERT INTO visits VALUES (10, 1, 'lab', 's1', 5), (11, 1, 'bar', 's2', 7), (12, 3, 'lab', 's3', 9);
INSERT INTO notes VALUES (1, 'first'), (2, 'second');
INSERT INTO private.pay VALUES (1, '111-11', 100), (2, '222-22', 200);
INSERT INTO vans VALUES (1, 'v-1');
INSERT INTO trucks VALUES (2, 't-2', 3);
INSERT INTO logs VALUES (1, 'low'), (150, 'high');
INSERT INTO guarded VALUES (1, 'ann', 'g1'), (2, 'nobody', 'g2');

CREATE VIEW names AS SELECT id, name FROM people;
CREATE VIEW cards (key, number, shout) AS SELECT id, ssn, upper(name) FROM people;
CREATE VIEW tall AS SELECT n.id, n.name, v.place FROM names n JOIN visits v ON v.person = n.id;
CREATE VIEW young AS SELECT id, name FROM people WHERE born > '1975-01-01' ORDER BY ssn;
CREATE VIEW unions AS SELECT id, ssn AS x FROM people UNION ALL SELECT id, place FROM visits;
CREATE VIEW parts AS SELECT id, doc->'a' AS body, doc->>'line' AS line FROM people;
CREATE MATERIALIZED VIEW saved AS SELECT id, ssn, spent_by.total FROM people
    LEFT JOIN (SELECT person, sum(spent) AS total FROM visits GROUP BY person) spent_by
    ON spent_by.person = people.id;

CREATE FUNCTION number_of(who int) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT ssn FROM public.people WHERE id = who';
CREATE FUNCTION has_number(n text) RETURNS bigint LANGUAGE sql STABLE
    AS 'SELECT count(*) FROM public.people WHERE ssn = n';
CREATE FUNCTION like_number(text) RETURNS bigint LANGUAGE sql STABLE
    AS 'SELECT count(*) FROM public.people WHERE ssn LIKE $1';
CREATE FUNCTION twice(x text) RETURNS text LANGUAGE sql IMMUTABLE RETURN x || x;
CREATE FUNCTION picked(who int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ''x''';
CREATE FUNCTION picked() RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.people LIMIT 1';
CREATE FUNCTION initial(p people) RETURNS text LANGUAGE sql STABLE AS 'SELECT left(p.name, 1)';
CREATE FUNCTION everyone() RETURNS SETOF people LANGUAGE sql STABLE
    AS 'SELECT * FROM public.people';
CREATE FUNCTION pairs(lowest int) RETURNS TABLE (key int, secret text) LANGUAGE sql STABLE
    AS 'SELECT v.id, v.secret FROM public.visits v WHERE v.id >= lowest';
CREATE FUNCTION split_two(x text, OUT head text, OUT tail text) LANGUAGE sql IMMUTABLE
    AS 'SELECT left(x, 1), substr(x, 2)';
CREATE FUNCTION keep(x text) RETURNS void LANGUAGE sql
    AS 'INSERT INTO public.notes VALUES (0, x)';
CREATE FUNCTION opaque(x text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN x; END$$;
CREATE PROCEDURE refill(x text) LANGUAGE sql AS 'UPDATE public.notes SET note = x';
CREATE DOMAIN code AS text CHECK (length(VALUE) < 100);
CREATE DOMAIN words AS text;
CREATE TABLE sums (
    id int,
    i2 smallint,
    i4 int,
    j4 int,
    i8 bigint,
    f8 float8,
    n numeric,
    m numeric(10, 2),
    at timestamptz,
    ip inet,
    span interval,
    raw bytea,
    list int[]
);
CREATE TABLE others (id int, i4 int, i8 bigint, n numeric, m numeric(8, 2), at timestamptz, span interval);
CREATE FUNCTION loose(who int) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT ssn FROM people WHERE id = who';
CREATE VIEW loosely AS SELECT id, loose(id) AS number FROM notes;
SET check_function_bodies = off;
CREATE FUNCTION paid(who int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM pay WHERE id = who';
CREATE FUNCTION paid_by_path(who int) RETURNS text LANGUAGE sql STABLE SET search_path = private
    RETURN public.paid(who);
CREATE DOMAIN drawn AS text DEFAULT public.number_of(2);
CREATE SEQUENCE badge_counter;
CREATE TABLE badges (id int DEFAULT nextval('public.badge_counter'), number text DEFAULT public.loose(1),
    other text DEFAULT public.twice('x'), drawn drawn);
CREATE TABLE guesses (id int, guess text, CHECK (guess > public.number_of(1)));
CREATE VIEW badge_ids AS SELECT id FROM badges;
