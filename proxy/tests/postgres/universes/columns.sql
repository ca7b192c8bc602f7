CREATE SCHEMA u_columns;
SET search_path = u_columns;
CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE TABLE customers (
    id serial PRIMARY KEY, name text NOT NULL, email text, ssn text, pin int, birth date,
    tags text[], country text, bal numeric(10, 2), created timestamptz
);
CREATE TABLE orders (
    id serial PRIMARY KEY, customer_id int, amount numeric(10, 2), status text, note text, day date
);
INSERT INTO orders (customer_id, amount, status, note, day)
    SELECT 1 + i % 3, i * 1.5, 'paid', 'note ' || i, date '2024-01-01' + i FROM generate_series(1, 9) i;
CREATE TABLE sm (
    id int PRIMARY KEY, c char(3), f float8, s smallint, b bytea, u uuid, m mood, ip inet,
    ts timestamptz, iv interval, bi bigint
);
CREATE TABLE stash (id int, email text, note text);
CREATE TABLE mine (x int, y numeric, z float8, v interval);
INSERT INTO mine VALUES (2147000000, 9e131071, 1e306, '294000 years');
