CREATE SCHEMA u_demands;
SET search_path = u_demands;
CREATE DOMAIN mark AS int CHECK (VALUE < 1000);
CREATE DOMAIN tag AS varchar(12);
CREATE TABLE staff (
    id int, name text, bonus int, cap int, free int CHECK (free > 0),
    salary int CHECK (salary > 0), level smallint, rate numeric(4, 2), code varchar(12),
    short tag, mark mark, balance numeric(12, 2) CHECK (balance >= 0),
    total int GENERATED ALWAYS AS (salary + bonus) STORED,
    CHECK (bonus <= salary), CHECK (name <> 'nobody')
);
CREATE INDEX ON staff ((cap * salary));
CREATE VIEW bonuses AS SELECT id AS who, bonus AS extra, name, salary AS wage FROM staff;
CREATE TABLE paid (id int, pay int, most int) PARTITION BY LIST (id);
CREATE TABLE paid_1 PARTITION OF paid FOR VALUES IN (1);
ALTER TABLE paid_1 ADD CHECK (most >= pay);
CREATE UNIQUE INDEX ON staff (id);
