-- The corpus of the differential test: statements that a READ ONLY transaction may or may not run.
-- The first part is ours, over the schema of schema.sql. The second part is taken from the
-- regression tests of PostgreSQL 15 (PostgreSQL Licence, Copyright (c) 1996-2022, PostgreSQL Global
-- Development Group), a few of each file.

WITH gone AS (DELETE FROM plain RETURNING *) SELECT * FROM gone;
WITH x AS (SELECT 1) INSERT INTO plain SELECT 1, 'x' FROM x;
EXPLAIN DELETE FROM plain;
EXPLAIN ANALYZE DELETE FROM plain;
EXPLAIN ANALYSE DELETE FROM plain;
EXPLAIN (COSTS off, ANALYZE) DELETE FROM plain;
EXPLAIN (ANALYZE on, BUFFERS) DELETE FROM plain;
EXPLAIN (ANALYZE false) DELETE FROM plain;
EXPLAIN (ANALYZE off, VERBOSE) SELECT * FROM plain;
PREPARE p AS DELETE FROM plain;
EXECUTE never_prepared;
COPY (INSERT INTO plain VALUES (1, 'x') RETURNING a) TO STDOUT;
COPY plain FROM STDIN;
\.
COPY plain TO STDOUT;
COPY (SELECT * FROM plain) TO STDOUT WITH (FORMAT csv, DELIMITER '|');
SELECT nextval('counter');
SELECT setval('public.counter', 1);
SELECT nextval('coun' || 'ter');
SELECT currval('counter');
SELECT lo_create(0);
SELECT lo_get(1);
MERGE INTO plain USING customers c ON plain.a = c.id WHEN MATCHED THEN DELETE;
MERGE INTO plain USING customers c ON true WHEN MATCHED THEN UPDATE SET b = 'x';
DELETE FROM plain WHERE CURRENT OF c;
REFRESH MATERIALIZED VIEW totals;
SELECT * FROM plain FOR UPDATE;
SELECT * FROM plain FOR KEY SHARE;
SELECT * FROM plain WHERE a IN (SELECT id FROM customers) FOR UPDATE;
LOCK TABLE plain;
NOTIFY channel, 'payload';
SELECT pg_notify('channel', 'payload');
TRUNCATE plain;
TRUNCATE orders CASCADE;
DELETE FROM customers WHERE id = 1;
UPDATE customers SET id = 2 WHERE id = 1;
INSERT INTO customers (name) VALUES ('x');
INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET id = 2;
INSERT INTO orders (amount) VALUES (1) RETURNING id;
INSERT INTO ruled VALUES (1);
INSERT INTO ruled_view VALUES (1);
UPDATE open_orders SET status = 'x' WHERE id = 1;
UPDATE stamped SET id = 2 WHERE id = 1;
UPDATE stamped_reviewed SET id = 2 WHERE id = 1;
INSERT INTO stamped VALUES (1);
SELECT * FROM counted;
DECLARE c CURSOR FOR SELECT * FROM plain;
DECLARE c CURSOR FOR SELECT * FROM plain FOR UPDATE;
FETCH ALL FROM c;
CLOSE c;
LISTEN channel;
BEGIN;
START TRANSACTION READ WRITE;
SET TRANSACTION READ WRITE;
SHOW search_path;
VACUUM plain;
VACUUM FULL;
ANALYZE plain;
REINDEX TABLE plain;
CHECKPOINT;
ALTER SYSTEM SET work_mem = '1GB';
SELECT pg_terminate_backend(1);
SELECT pg_reload_conf();
DELETE FROM pg_class WHERE oid = 1;
SELECT count(*), sum(amount) FROM orders GROUP BY status;
WITH x AS (SELECT * FROM orders) SELECT * FROM x JOIN customers ON true;
SELECT now(), version(), current_setting('search_path');
SELECT relname FROM pg_class;
SELECT * FROM information_schema.columns;
SELECT pg_advisory_lock(1);
VALUES (1, 'x'), (2, 'y');
TABLE plain;
SELECT (SELECT max(a) FROM plain);
SELECT 1 WHERE EXISTS (SELECT FROM plain);
VALUES ((SELECT a FROM plain LIMIT 1));
SELECT 1 LIMIT (SELECT count(*) FROM plain);
SELECT 1 OFFSET (SELECT count(*) FROM plain);
SELECT 1 ORDER BY (SELECT count(*) FROM plain);
SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM plain));
SELECT sum(1) OVER (PARTITION BY (SELECT 1 FROM plain));
SELECT * FROM generate_series(1, (SELECT max(a) FROM plain)) g;
SELECT ARRAY(SELECT a FROM plain), ROW((SELECT b FROM plain LIMIT 1));
SELECT CASE WHEN true THEN (SELECT a FROM plain LIMIT 1) END;
SELECT * FROM orders o, LATERAL (SELECT * FROM plain WHERE a = o.id) p;
SELECT * FROM ((plain CROSS JOIN (VALUES (1)) v));
SELECT * FROM plain TABLESAMPLE bernoulli (10);
SELECT a FROM plain UNION SELECT a FROM plain EXCEPT SELECT 1;
SELECT GROUPING(a) FROM plain GROUP BY ROLLUP (a, (SELECT 1));
SELECT xmlelement(name x, (SELECT b FROM plain LIMIT 1));
INSERT INTO plain VALUES (1, 'x') RETURNING (SELECT ssn FROM customers LIMIT 1);
UPDATE plain SET (a, b) = (SELECT id, ssn FROM customers LIMIT 1) WHERE a = 1;
DELETE FROM plain USING customers c WHERE plain.a = c.id;
WITH plain AS (SELECT 1) SELECT * FROM plain;
WITH plain AS (SELECT 1) SELECT * FROM public.plain;
WITH plain AS (SELECT * FROM plain) SELECT * FROM plain;
WITH RECURSIVE plain AS (SELECT 1 UNION ALL SELECT * FROM plain) SELECT * FROM plain;
SELECT * FROM (WITH plain AS (SELECT 1) SELECT * FROM plain) x, plain;
WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM orders;
SELECT customers.a FROM plain AS customers;
SELECT * FROM analytics_events;
SELECT * FROM analyticsXevents;
SELECT * FROM "Odd.Name";
SELECT * FROM app.orders;
SELECT * FROM cases.app.orders;
SELECT * FROM elsewhere.app.orders;
SELECT * FROM no_such_table;
SELECT * FROM "Plain";
SELECT * FROM customer_names;
SELECT * FROM order_overview;
SELECT * FROM totals;
SELECT * FROM measurements;
SELECT * FROM ONLY measurements;
SELECT * FROM measurements_2024;
SELECT * FROM animals;
INSERT INTO animals VALUES ('cat', 4);
INSERT INTO measurements VALUES ('2024-05-01', 1);
SELECT * FROM guarded;
SELECT * FROM guarded_opaque;
SELECT rolpassword FROM pg_authid;
SELECT passwd FROM pg_shadow;
SELECT umoptions FROM pg_user_mappings;
SELECT rolname FROM pg_roles;
SELECT double(2);
SELECT order_count(1);
SELECT close_order(1);
SELECT atomic_total(1);
SELECT atomic_sum(1, 2);
SELECT opaque(1);
SELECT reviewed(1);
SELECT salary('ada');
SELECT label(c) FROM customers c;
SELECT c.label FROM customers c;
SELECT (c).label FROM customers c;
SELECT app.helper();
SELECT lower('X');
SELECT pg_catalog.lower('X');
SELECT upper('x'), count(*), sum(1), array_agg(2), coalesce(1, 2), greatest(1, 2);
SELECT digest('x', 'sha256'), 'a=>1'::hstore -> 'a';
CALL archive();
CALL opaque_work();
SELECT total_of(amount) FROM orders;
SELECT opaque_total(amount) FROM orders;
SELECT 1 ~~~ 2;
SELECT 1 ~~@ 2;
SELECT 1 OPERATOR(public.~~@) 2;
SELECT 1::point3;
SELECT CAST(1 AS public.point3);
SELECT 1::positive;
SELECT 1::judged;
SELECT no_such_function(1);
SELECT nowhere.f(1);
SELECT int4(1.5), text(1), date('2024-01-01');
SELECT EXTRACT(year FROM now()), now() AT TIME ZONE 'UTC', overlay('abc' PLACING 'x' FROM 1), position('a' IN 'b'), trim('x'), substring('abc' FROM 1 FOR 2);
SELECT json_build_object('a', 1), row_to_json(ROW(1)), jsonb_path_query('{}', '$');
SELECT * FROM unnest(ARRAY[1, 2]) WITH ORDINALITY, generate_series(1, 3), json_to_record('{}') AS x (a int);
SELECT * FROM pg_stat_get_activity(NULL);
SELECT json_query('{}', '$.a');
DELETE FROM plain;
UPDATE plain SET a = 1;
DELETE FROM plain WHERE true;
DELETE FROM plain WHERE 1 = 1;
DELETE FROM plain WHERE 'a' = 'a';
DELETE FROM plain WHERE NOT false;
DELETE FROM plain WHERE a = a;
DELETE FROM plain WHERE plain.a >= plain.a;
DELETE FROM plain WHERE a = 5 OR true;
DELETE FROM plain WHERE a = 5 OR 1 < 2;
DELETE FROM plain WHERE 'x' IS NOT DISTINCT FROM 'x';
DELETE FROM plain WHERE NULL IS NULL;
DELETE FROM plain WHERE 1 IN (1, 2);
DELETE FROM plain WHERE (1 = 1) IS TRUE;
DELETE FROM plain WHERE 't'::boolean;
DELETE FROM plain WHERE b LIKE '%';
DELETE FROM plain WHERE EXISTS (SELECT 1);
DELETE FROM plain WHERE (SELECT true);
DELETE FROM plain WHERE length('abc') > 1;
DELETE FROM plain WHERE random() < 2;
DELETE FROM plain WHERE now() > '2000-01-01';
DELETE FROM plain WHERE $1;
DELETE FROM plain WHERE coalesce(NULL, true);
DELETE FROM plain WHERE a = a AND 2 > 1;
UPDATE plain SET a = 1 WHERE 1 <> 2;
WITH d AS (DELETE FROM plain WHERE true RETURNING 1) SELECT 1;
DELETE FROM plain WHERE a = 5;
DELETE FROM plain WHERE a = $1;
DELETE FROM plain WHERE $1 IS NULL OR a = $1;
DELETE FROM plain WHERE a = 5 AND true;
DELETE FROM plain WHERE a IN (1, 2);
DELETE FROM plain WHERE a = 1 OR a = 2;
DELETE FROM plain WHERE false;
DELETE FROM plain WHERE 1 = 2;
DELETE FROM plain WHERE NULL;
DELETE FROM plain WHERE b LIKE 'a%';
DELETE FROM plain WHERE EXISTS (SELECT 1 FROM orders WHERE orders.id = a);
DELETE FROM plain WHERE a IN (SELECT id FROM customers);
DELETE FROM plain WHERE CURRENT OF c;
UPDATE plain SET b = 'true' WHERE a < 1 AND 1 = 1;
UPDATE plain SET a = 1 WHERE NOT (a = 1);
COPY plain TO '/tmp/x';
COPY plain FROM '/etc/passwd';
COPY plain TO PROGRAM 'id';
COPY plain FROM PROGRAM 'id';
SELECT pg_read_file('/etc/passwd');
SELECT pg_read_file('/etc/' || x) FROM (VALUES ('passwd')) v (x);
SELECT pg_ls_dir('/etc');
SELECT lo_import('/etc/passwd');
SELECT lo_export(1, '/tmp/x');
SELECT * FROM pg_hba_file_rules;
SELECT * FROM passwd;
CREATE FOREIGN TABLE f (line text) SERVER files OPTIONS (program 'id');
LOAD '/tmp/evil.so';
SELECT * FROM dblink('host=x', 'SELECT 1') AS t (a int);
SELECT query_to_xml('DELETE FROM plain RETURNING 1', true, true, '');
SELECT * FROM ts_stat('SELECT b::tsvector FROM plain');
SELECT table_to_xml('plain', true, true, '');
SELECT * FROM pg_logical_slot_get_changes('s', NULL, NULL);
SELECT 'COPY plain TO PROGRAM ''id''';
SET session_preload_libraries = 'evil';
CREATE SERVER f FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER f FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x');
SET ROLE ann;
SET ROLE NONE;
RESET ROLE;
SET SESSION AUTHORIZATION ann;
SET LOCAL role = 'ann';
SET "role" TO ann;
SET search_path = app;
SELECT set_config('search_path', 'app', false);
SELECT set_config('role', 'ann', false);
SELECT set_config('ro' || 'le', 'ann', false);
SELECT set_config($1, $2, false);
ALTER ROLE ann SET search_path = app;
ALTER ROLE ALL SET row_security = off;
ALTER DATABASE cases SET search_path = app;
SET row_security = off;
SET session_replication_role = replica;
UPDATE pg_settings SET setting = 'app' WHERE name = 'search_path';
RESET ALL;
DISCARD ALL;
SET application_name = 'psql';
SET statement_timeout TO 0;
SET client_encoding = 'UTF8';
DELETE FROM plain;
delete/**/from/*x/*y*/*/plain;
DELETE FROM PUBLIC."plain";
DELETE FROM U&"pl!0061in" UESCAPE '!';
SELECT $$DROP TABLE orders$$;
SELECT U&'d!0061t!+000061' UESCAPE '!';
SELECT 1 AS "delete", 2 AS "drop table";
SELECT a AS a$b$ FROM plain;
SELECT /* DELETE FROM plain */ 1;
DROP TABLE plain;
DROP TABLE IF EXISTS public.plain CASCADE;
DROP TABLE measurements;
DROP VIEW customer_names CASCADE;
DROP SCHEMA app CASCADE;
DROP SCHEMA app;
DROP OWNED BY postgres CASCADE;
DROP TABLE no_such_table;
CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'lib', 'f';
CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'pass';
CREATE EXTENSION plpython3u;
CREATE TABLE t (a int DEFAULT nextval('counter'));
CREATE TABLE t AS SELECT ssn FROM customers;
SELECT ssn INTO t FROM customers;
CREATE TEMP TABLE t AS TABLE customers;
CREATE VIEW v AS SELECT * FROM customers;
CREATE MATERIALIZED VIEW v AS SELECT c.id FROM customers c, totals;
CREATE INDEX ON plain (lower(b));
CREATE INDEX ON plain (opaque(a));
ALTER TABLE plain ADD COLUMN c int DEFAULT 3;
ALTER TABLE measurements ADD COLUMN unit text;
ALTER TABLE order_lines ADD FOREIGN KEY (quantity) REFERENCES plain (a);
ALTER TABLE plain RENAME TO other;
ALTER TABLE plain RENAME COLUMN b TO c;
ALTER TABLE plain SET SCHEMA private;
ALTER TABLE plain OWNER TO ann;
ALTER TABLE guarded DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON guarded;
CREATE POLICY p ON plain USING (EXISTS (SELECT FROM customers));
CREATE RULE r AS ON INSERT TO plain DO ALSO UPDATE orders SET status = 'x';
CREATE TRIGGER s BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION stamp();
COMMENT ON TABLE plain IS 'x';
COMMENT ON COLUMN plain.a IS 'x';
CREATE SCHEMA s;
CREATE SCHEMA s CREATE TABLE t (a int);
GRANT SELECT ON plain TO ann;
GRANT ALL ON ALL TABLES IN SCHEMA app TO ann;
GRANT admin TO ann;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
CREATE ROLE ann LOGIN;
CREATE USER ann;
CREATE ROLE ann;
ALTER ROLE ann PASSWORD 'x';
ALTER ROLE CURRENT_USER WITH PASSWORD 'x';
DROP ROLE ann;
CREATE DATABASE other;
DROP DATABASE other;
CREATE USER MAPPING FOR ann SERVER files OPTIONS (password 'x');
CREATE SUBSCRIPTION s CONNECTION 'host=x password=y' PUBLICATION p;
CREATE PUBLICATION p FOR TABLE customers;
CREATE PUBLICATION p FOR ALL TABLES;
CREATE TYPE mood AS ENUM ('sad', 'ok');
DROP TYPE mood;
DROP TYPE point3 CASCADE;
SELECT c.name, sum(o.amount) FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY c.name HAVING count(*) > 0 ORDER BY 2 DESC NULLS LAST LIMIT 5;
SELECT DISTINCT ON (status) status, id FROM orders ORDER BY status, id;
SELECT id, rank() OVER (PARTITION BY status ORDER BY amount) FROM orders WINDOW w AS (ORDER BY id);
SELECT * FROM orders o JOIN customers c USING (id);
SELECT * FROM orders NATURAL JOIN order_lines;
SELECT id FROM orders WHERE amount BETWEEN 1 AND 5 AND status IN ('new', 'old') AND note ? 'x';
SELECT id FROM orders WHERE amount = ANY (ARRAY[1, 2]) OR status ~* 'n.w';
SELECT note ->> 'a', note #> '{a,b}', note @> '{"a": 1}' FROM orders;
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t;
WITH a AS MATERIALIZED (SELECT * FROM orders), b AS (SELECT * FROM a) SELECT count(*) FROM b;
SELECT (SELECT count(*) FROM order_lines l WHERE l.order_id = o.id) FROM orders o;
SELECT * FROM (SELECT id FROM orders UNION ALL SELECT id FROM customers) u INTERSECT SELECT 1;
SELECT o.*, to_jsonb(o), o::text, o IS NOT NULL FROM orders o;
SELECT row_to_json(c), c.name || coalesce(c.email, '') FROM customers c;
SELECT string_agg(name, ',' ORDER BY id) FILTER (WHERE id > 0) FROM customers;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) FROM orders;
SELECT status, count(*) FROM orders GROUP BY GROUPING SETS ((status), ()), CUBE (customer);
SELECT date_trunc('day', placed), placed + interval '1 day' FROM orders;
SELECT relname, n_live_tup FROM pg_stat_user_tables;
SELECT pid, query FROM pg_stat_activity;
SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = 'orders'::regclass AND a.attnum > 0;
SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema');
SELECT tc.constraint_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage k USING (constraint_name);
SELECT pg_get_viewdef('customer_names'::regclass), obj_description('orders'::regclass), pg_size_pretty(pg_total_relation_size('orders'));
SELECT n.nspname, c.relname FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid);
SELECT has_table_privilege('orders', 'SELECT'), current_user, session_user, current_schemas(true);
SELECT pg_is_in_recovery(), txid_current(), pg_backend_pid(), inet_server_port();
SELECT set_config('work_mem', '4MB', true);
SHOW server_version;
SHOW ALL;
EXPLAIN SELECT * FROM order_overview;
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM orders WHERE id = 1;
EXPLAIN ANALYZE SELECT count(*) FROM customers;
EXPLAIN UPDATE plain SET a = 2;
EXPLAIN INSERT INTO plain VALUES (3, 'x');
COPY customers (id, name) TO STDOUT (FORMAT binary);
COPY (SELECT 1, 'x') TO STDOUT WITH CSV HEADER;
DECLARE c CURSOR WITH HOLD FOR SELECT * FROM plain;
INSERT INTO plain SELECT a, b FROM plain WHERE a > 100;
UPDATE orders SET amount = amount * 2 FROM customers c WHERE c.id = orders.customer AND c.name = 'Ada';
DELETE FROM orders WHERE id IN (SELECT id FROM orders ORDER BY placed LIMIT 1);
INSERT INTO plain VALUES (1, 'x') ON CONFLICT DO NOTHING;
SELECT gen_random_uuid(), md5('x'), crypt('x', gen_salt('md5')), encode(digest('x', 'sha1'), 'hex');
SELECT lo_from_bytea(0, 'x');
SELECT pg_advisory_xact_lock(5);
SELECT pg_try_advisory_lock(6), pg_advisory_unlock(6);
SELECT pg_notify('a', 'b');
SELECT pg_stat_reset();
SELECT pg_switch_wal();
SELECT pg_current_wal_lsn();
SELECT lastval();
SELECT txid_current_if_assigned(), pg_current_snapshot();
SELECT * FROM pg_locks;
SELECT * FROM pg_settings WHERE name LIKE 'w%';
SELECT * FROM pg_timezone_names LIMIT 1;
SELECT * FROM pg_available_extensions;
SELECT 1::positive, 5::text::int, '2024-01-01'::date - 1, 'a'::varchar(3), '{1,2}'::int[];
SELECT XMLPARSE(CONTENT '<a/>'), xmlforest(1 AS a), xpath('/a', '<a/>'::xml);
SELECT * FROM xmltable('/a' PASSING '<a><b>1</b></a>'::xml COLUMNS b int PATH 'b');
SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY['a'])) AS x (a, b);
SELECT (ARRAY[1, 2, 3])[2:3], (ROW(1, 2)).f1, NULLIF(1, 1), LEAST(1, 2);
SELECT CASE a WHEN 1 THEN 'x' ELSE b END FROM plain;
SELECT ALL a FROM plain FETCH FIRST 1 ROW WITH TIES;
SELECT a FROM plain ORDER BY a FETCH FIRST 1 ROW WITH TIES;
SELECT CURRENT_DATE, CURRENT_TIMESTAMP(2), LOCALTIME, CURRENT_ROLE, CURRENT_CATALOG;
SELECT b COLLATE "C" FROM plain ORDER BY b USING <;
SELECT EXISTS (SELECT 1), 1 = ALL (SELECT 1), ARRAY(SELECT 1);
SELECT ts_headline('english', 'the cat', to_tsquery('cat')), to_tsvector('a b') @@ 'a'::tsquery;
SELECT int4range(1, 5) @> 3, '[1,2]'::jsonb -> 0, point(1, 2) <-> point(3, 4), inet '10.0.0.1' << inet '10.0.0.0/8';

-- advisory_lock.sql
SELECT
	pg_advisory_unlock(1), pg_advisory_unlock_shared(2),
	pg_advisory_unlock(1, 1), pg_advisory_unlock_shared(2, 2);
SELECT pg_advisory_unlock_all();
SELECT
	pg_advisory_lock(1), pg_advisory_lock_shared(2),
	pg_advisory_lock(1, 1), pg_advisory_lock_shared(2, 2);
SELECT
	pg_advisory_xact_lock(1), pg_advisory_xact_lock_shared(2),
	pg_advisory_xact_lock(1, 1), pg_advisory_xact_lock_shared(2, 2);
SELECT
	pg_advisory_unlock(1), pg_advisory_unlock(1),
	pg_advisory_unlock_shared(2), pg_advisory_unlock_shared(2),
	pg_advisory_unlock(1, 1), pg_advisory_unlock(1, 1),
	pg_advisory_unlock_shared(2, 2), pg_advisory_unlock_shared(2, 2);
SELECT
	pg_advisory_lock(1), pg_advisory_lock(1),
	pg_advisory_lock_shared(2), pg_advisory_lock_shared(2),
	pg_advisory_lock(1, 1), pg_advisory_lock(1, 1),
	pg_advisory_lock_shared(2, 2), pg_advisory_lock_shared(2, 2);
SELECT
	pg_advisory_xact_lock(1), pg_advisory_xact_lock(1),
	pg_advisory_xact_lock_shared(2), pg_advisory_xact_lock_shared(2),
	pg_advisory_xact_lock(1, 1), pg_advisory_xact_lock(1, 1),
	pg_advisory_xact_lock_shared(2, 2), pg_advisory_xact_lock_shared(2, 2);
-- aggregates.sql
select percent_rank(3) within group (order by x)
from (values (1),(1),(2),(2),(3),(3),(4),(5)) v(x);
SELECT stddev_pop(3.0::float4), stddev_samp(4.0::float4);
select string_agg(a,',') from (values('aaaa'),(null),('bbbb'),('cccc')) g(a);
select avg('NaN'::numeric) from generate_series(1,3);
SELECT var_pop('nan'::float8), var_samp('nan'::float8);
SELECT stddev_pop('nan'::float4), stddev_samp('nan'::float4);
select array_agg(a order by b)
  from (values (1,4),(2,3),(3,1),(4,2)) v(a,b);
explain (verbose, costs off)
select array(select sum(x+y) s
            from generate_series(1,3) y group by y order by s)
  from generate_series(1,3) x;
SELECT var_pop('inf'::float4), var_samp('inf'::float4);
-- alter_generic.sql
SELECT srvname FROM pg_foreign_server WHERE srvname like 'alt_fserv%';
SELECT n.nspname, c.conname, a.rolname
  FROM pg_conversion c, pg_namespace n, pg_authid a
  WHERE c.connamespace = n.oid AND c.conowner = a.oid
    AND n.nspname IN ('alt_nsp1', 'alt_nsp2')
  ORDER BY nspname, conname;
SELECT nspname, stxname, rolname
  FROM pg_statistic_ext s, pg_namespace n, pg_authid a
 WHERE s.stxnamespace = n.oid AND s.stxowner = a.oid
   AND n.nspname in ('alt_nsp1', 'alt_nsp2')
 ORDER BY nspname, stxname;
SELECT nspname, opfname, amname, rolname
  FROM pg_opfamily o, pg_am m, pg_namespace n, pg_authid a
  WHERE o.opfmethod = m.oid AND o.opfnamespace = n.oid AND o.opfowner = a.oid
    AND n.nspname IN ('alt_nsp1', 'alt_nsp2')
	AND NOT opfname LIKE 'alt_opc%'
  ORDER BY nspname, opfname;
SELECT n.nspname, proname, prorettype::regtype, prokind, a.rolname
  FROM pg_proc p, pg_namespace n, pg_authid a
  WHERE p.pronamespace = n.oid AND p.proowner = a.oid
    AND n.nspname IN ('alt_nsp1', 'alt_nsp2')
  ORDER BY nspname, proname;
SELECT nspname, tmplname
  FROM pg_ts_template t, pg_namespace n
  WHERE t.tmplnamespace = n.oid AND nspname like 'alt_nsp%'
  ORDER BY nspname, tmplname;
SELECT nspname, opcname, amname, rolname
  FROM pg_opclass o, pg_am m, pg_namespace n, pg_authid a
  WHERE o.opcmethod = m.oid AND o.opcnamespace = n.oid AND o.opcowner = a.oid
    AND n.nspname IN ('alt_nsp1', 'alt_nsp2')
  ORDER BY nspname, opcname;
SELECT n.nspname, oprname, a.rolname,
    oprleft::regtype, oprright::regtype, oprcode::regproc
  FROM pg_operator o, pg_namespace n, pg_authid a
  WHERE o.oprnamespace = n.oid AND o.oprowner = a.oid
    AND n.nspname IN ('alt_nsp1', 'alt_nsp2')
  ORDER BY nspname, oprname;
SELECT lanname, a.rolname
  FROM pg_language l, pg_authid a
  WHERE l.lanowner = a.oid AND l.lanname like 'alt_lang%'
  ORDER BY lanname;
-- alter_operator.sql
SELECT oprrest, oprjoin FROM pg_operator WHERE oprname = '==='
  AND oprleft = 'boolean'::regtype AND oprright = 'boolean'::regtype;
-- alter_table.sql
SHOW allow_system_table_mods;
select relname, attname, attinhcount, attislocal
from pg_class join pg_attribute on (pg_class.oid = pg_attribute.attrelid)
where relname in ('p1','p2','c1','gc1') and attnum > 0 and not attisdropped
order by relname, attnum;
select relname, conname, coninhcount, conislocal, connoinherit
  from pg_constraint c, pg_class r
  where relname like 'test_inh_check%' and c.conrelid = r.oid
  order by 1, 2;
select conname, obj_description(oid, 'pg_constraint') as desc
  from pg_constraint where conname like 'at_partitioned%'
  order by conname;
-- amutils.sql
select amname, prop, pg_indexam_has_property(a.oid, prop) as p
  from pg_am a,
       unnest(array['can_order', 'can_unique', 'can_multi_col',
                    'can_exclude', 'can_include', 'bogus']::text[])
         with ordinality as u(prop,ord)
 where amtype = 'i'
 order by amname, ord;
-- arrays.sql
select '{0 second  ,0 second}'::interval[];
select v, v is null as "is null" from string_to_table('1||2|3||', '||') g(v);
SELECT 0 || ARRAY[1,2] || 3 AS "{0,1,2,3}";
select array_agg(ar)
  from (values ('{1,2}'::int[]), ('{3,4}'::int[])) v(ar);
SELECT ARRAY[1,2] || 3 AS "{1,2,3}";
select unnest(array[1,2,3,4.5]::float8[]);
select array[]::text[];
select array_agg(array[i, nullif(i, 3), i+1]) from generate_series(1,4) g(i);
select unnest(array['11 22 33'::int2vector]);
-- async.sql
SELECT pg_notify('notify_async1','');
SELECT pg_notify('notify_async1','sample message1');
SELECT pg_notify('notify_async1',NULL);
SELECT pg_notification_queue_usage();
-- bit.sql
SELECT POSITION(B'1010' IN B'00000101');
SELECT POSITION(B'000000000011101011111010110' IN B'000000000011101011111010110');
SELECT POSITION(B'1010' IN B'0000101');
SELECT POSITION(B'00000000011101011111010110' IN B'000000000011101011111010110');
SELECT SUBSTRING('01010101'::varbit FROM -10 FOR 2147483646) AS "01010101";
SELECT set_bit(B'0101011000100100', 15, 1);
SELECT POSITION(B'1011011011011' IN B'001011011011011');
SELECT POSITION(B'111010110' IN B'0000011101011111010110');
SELECT POSITION(B'111010110' IN B'000000000011101011111010110');
-- boolean.sql
SELECT bool 'of' AS false;
SELECT bool 'f' <= bool 't' AS true;
SELECT bool 'no' AS false;
SELECT bool '1' AS true;
SELECT not bool 'f' AS true;
SELECT '    true   '::text::boolean AS true,
       '     FALSE'::text::boolean AS false;
SELECT bool 'on' AS true;
SELECT bool 'n' AS false;
SELECT bool 'y' AS true;
-- btree_index.sql
explain (costs off)
select proname from pg_proc where proname ilike '00%foo' order by 1;
explain (costs off)
select proname from pg_proc where proname ilike 'ri%foo' order by 1;
select proname from pg_proc where proname ilike '00%foo' order by 1;
-- case.sql
SELECT '6' AS "One",
  CASE
    WHEN 1 > 2 THEN 3
    WHEN 4 < 5 THEN 6
    ELSE 7
  END AS "Two WHEN with default";
SELECT CASE 1 WHEN 0 THEN 1/0 WHEN 1 THEN 1 ELSE 2/0 END;
SELECT '3' AS "One",
  CASE
    WHEN 1 < 2 THEN 3
    ELSE 4
  END AS "Simple ELSE";
SELECT '7' AS "None",
   CASE WHEN random() < 0 THEN 1
   END AS "NULL on no matches";
SELECT '4' AS "One",
  CASE
    WHEN 1 > 2 THEN 3
    ELSE 4
  END AS "ELSE default";
SELECT CASE WHEN 1=0 THEN 1/0 WHEN 1=1 THEN 1 ELSE 2/0 END;
SELECT CASE 'a' WHEN 'a' THEN 1 ELSE 2 END;
SELECT '3' AS "One",
  CASE
    WHEN 1 < 2 THEN 3
  END AS "Simple WHEN";
SELECT '<NULL>' AS "One",
  CASE
    WHEN 1 > 2 THEN 3
  END AS "Simple default";
-- char.sql
SELECT ''::text::"char";
SELECT 'a'::text::"char";
SELECT char 'c' = char 'c' AS true;
SELECT 'a'::"char";
SELECT 'a'::"char"::text;
-- cluster.sql
SELECT pg_class.relname FROM pg_index, pg_class, pg_class AS pg_class_2
WHERE pg_class.oid=indexrelid
	AND indrelid=pg_class_2.oid
	AND pg_class_2.relname = 'clstr_tst'
	AND indisclustered;
SELECT relname, relkind,
    EXISTS(SELECT 1 FROM pg_class WHERE oid = c.reltoastrelid) AS hastoast
FROM pg_class c WHERE relname LIKE 'clstr_tst%' ORDER BY relname;
-- collate.icu.utf8.sql
SELECT relname FROM pg_class WHERE relname ILIKE 'abc%';
SELECT relname FROM pg_class WHERE relname ~* '^abc';
SELECT collname FROM pg_collation WHERE collname LIKE 'test%' ORDER BY 1;
SELECT table_name, view_definition FROM information_schema.views
  WHERE table_name LIKE 'collview%' ORDER BY 1;
SELECT relname, pg_get_indexdef(oid) FROM pg_class WHERE relname LIKE 'collate_test%_idx%' ORDER BY 1;
SELECT to_char(date '2010-04-01', 'DD TMMON YYYY');
SELECT collname, nspname, obj_description(pg_collation.oid, 'pg_collation')
    FROM pg_collation JOIN pg_namespace ON (collnamespace = pg_namespace.oid)
    WHERE collname LIKE 'test%'
    ORDER BY 1;
SELECT to_char(date '2010-04-01', 'DD TMMON YYYY' COLLATE "tr-x-icu");
SELECT collname FROM pg_collation WHERE collname LIKE 'test%';
-- collate.linux.utf8.sql
SELECT to_char(date '2010-02-01', 'DD TMMON YYYY');
-- collate.sql
SELECT 'bbc' COLLATE "C" > 'Abc' COLLATE "C" AS "true";
SELECT collation for ('foo'::text);
SELECT 'bbc' COLLATE "POSIX" < 'Abc' COLLATE "POSIX" AS "false";
SELECT a, b, a < b as lt FROM
  (VALUES ('a', 'B'), ('A', 'b' COLLATE "C")) v(a,b);
SELECT collation for ('foo');
-- comments.sql
SELECT 'trailing' AS first;
SELECT /* both embedded and trailing single line */ 'both' AS third;
SELECT /* embedded single line */ 'embedded' AS second;
SELECT 'before multi-line' AS fourth;
-- constraints.sql
SELECT conname, conparentid, conislocal, coninhcount
  FROM pg_constraint WHERE conname IN ('tp_pkey', 'tp_b_a_key')
  ORDER BY conname DESC;
SELECT conname, conrelid::regclass FROM pg_constraint
  WHERE conname LIKE 'parted_uniq%' ORDER BY conname;
-- create_am.sql
SELECT pg_describe_object(classid,objid,objsubid) AS obj
FROM pg_depend, pg_am
WHERE pg_depend.refclassid = 'pg_am'::regclass
    AND pg_am.oid = pg_depend.refobjid
    AND pg_am.amname = 'heap2'
ORDER BY classid, objid, objsubid;
SELECT amname, amhandler, amtype FROM pg_am where amtype = 't' ORDER BY 1, 2;
SELECT
    pc.relkind,
    pa.amname,
    CASE WHEN relkind = 't' THEN
        (SELECT 'toast for ' || relname::regclass FROM pg_class pcm WHERE pcm.reltoastrelid = pc.oid)
    ELSE
        relname::regclass::text
    END COLLATE "C" AS relname
FROM pg_class AS pc,
    pg_am AS pa
WHERE pa.oid = pc.relam
   AND pa.amname = 'heap2'
ORDER BY 3, 1, 2;
SELECT
    pc.relkind,
    pa.amname,
    CASE WHEN relkind = 't' THEN
        (SELECT 'toast for ' || relname::regclass FROM pg_class pcm WHERE pcm.reltoastrelid = pc.oid)
    ELSE
        relname::regclass::text
    END COLLATE "C" AS relname
FROM pg_class AS pc
    LEFT JOIN pg_am AS pa ON (pa.oid = pc.relam)
WHERE pc.relname LIKE 'tableam_%_heapx'
ORDER BY 3, 1, 2;
-- create_function_sql.sql
SELECT routine_name, ordinal_position, parameter_name, parameter_default
    FROM information_schema.parameters JOIN information_schema.routines USING (specific_schema, specific_name)
    WHERE routine_schema = 'temp_func_test' AND routine_name ~ '^functest_is_'
    ORDER BY 1, 2;
SELECT routine_name, table_name, column_name FROM information_schema.routine_column_usage
  WHERE routine_schema = 'temp_func_test'
  ORDER BY 1, 2;
SELECT false;
SELECT routine_name, table_name FROM information_schema.routine_table_usage
  WHERE routine_schema = 'temp_func_test'
  ORDER BY 1, 2;
SELECT routine_name, sequence_name FROM information_schema.routine_sequence_usage
  WHERE routine_schema = 'temp_func_test'
  ORDER BY 1, 2;
SELECT r0.routine_name, r1.routine_name
  FROM information_schema.routine_routine_usage rru
       JOIN information_schema.routines r0 ON r0.specific_name = rru.specific_name
       JOIN information_schema.routines r1 ON r1.specific_name = rru.routine_name
  WHERE r0.routine_schema = 'temp_func_test' AND
        r1.routine_schema = 'temp_func_test'
  ORDER BY 1, 2;
-- create_operator.sql
SELECT 3<=/**/2, 2>=/**/3, 2<>/**/2;
SELECT false<>/**/1 BETWEEN 1 AND 1;
SELECT true<>-1 BETWEEN 1 AND 1;
SELECT false>=-1 BETWEEN 1 AND 1;
SELECT false<=-1 BETWEEN 1 AND 1;
SELECT 2<=/**/3, 3>=/**/2, 2<>/**/3;
SELECT 2 !=/**/ 1, 2 !=/**/ 2;
-- create_procedure.sql
SELECT 1;
-- create_table.sql
SELECT relpersistence,
  pg_filenode_relation (reltablespace, pg_relation_filenode(oid))
  FROM pg_class
  WHERE relname = 'relation_filenode_check';
SELECT relkind FROM pg_class WHERE relname = 'partitioned';
-- create_type.sql
SELECT typinput, typoutput, typreceive, typsend, typmodin, typmodout,
       typanalyze, typsubscript, typstorage
FROM pg_type WHERE typname = 'myvarchar';
SELECT typinput, typoutput, typreceive, typsend, typmodin, typmodout,
       typanalyze, typsubscript, typstorage
FROM pg_type WHERE typname = '_myvarchar';
select format_type('bpchar'::regtype, -1);
select format_type('bpchar'::regtype, null);
SELECT typinput, typoutput, typreceive, typsend, typmodin, typmodout,
       typanalyze, typsubscript, typstorage
FROM pg_type WHERE typname = '_myvarchardom';
SELECT typinput, typoutput, typreceive, typsend, typmodin, typmodout,
       typanalyze, typsubscript, typstorage
FROM pg_type WHERE typname = 'myvarchardom';
select format_type('varchar'::regtype, 42);
-- create_view.sql
SELECT count(*) FROM pg_class where relname LIKE 'mytempview'
And relnamespace IN (SELECT OID FROM pg_namespace WHERE nspname LIKE 'pg_temp%');
select 'foo'::text = any(array['abc','def','foo']::text[]);
SELECT relname FROM pg_class
    WHERE relname LIKE 'temporal%'
    AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg_temp%')
    ORDER BY relname;
SELECT relname FROM pg_class
    WHERE relname LIKE 'v%'
    AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg_temp%')
    ORDER BY relname;
SELECT relname FROM pg_class
    WHERE relname LIKE 'v_'
    AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'temp_view_test')
    ORDER BY relname;
explain (verbose, costs off)
select (r).column2 from (select r from (values(1,2),(3,4)) r limit 1) ss;
SELECT count(*) FROM pg_class where relname = 'pubview'
AND relnamespace IN (SELECT OID FROM pg_namespace WHERE nspname = 'testviewschm2');
select viewname from pg_views where viewname = 'tt27v';
SELECT relname FROM pg_class
    WHERE relname LIKE 'nontemp%'
    AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'testviewschm2')
    ORDER BY relname;
-- date.sql
SELECT date '1999-01-08';
SELECT EXTRACT(DECADE FROM DATE '0001-01-01 BC');
SELECT EXTRACT(DOY           FROM DATE 'infinity');
SELECT EXTRACT(QUARTER       FROM DATE '2020-08-11');
SELECT date '08-01-1999';
SELECT date '4714-11-24 BC';
SELECT date 'today' - date 'tomorrow' AS "One day";
SELECT date 'January 8, 1999';
SELECT date '08 Jan 1999';
-- dbsize.sql
SELECT size, pg_size_bytes(size) FROM
    (VALUES ('1'), ('123bytes'), ('1kB'), ('1MB'), (' 1 GB'), ('1.5 GB '),
            ('1TB'), ('3000 TB'), ('1e6 MB'), ('99 PB')) x(size);
SELECT size, pg_size_bytes(size) FROM
    (VALUES ('1'), ('123bYteS'), ('1kb'), ('1mb'), (' 1 Gb'), ('1.5 gB '),
            ('1tb'), ('3000 tb'), ('1e6 mb'), ('99 pb')) x(size);
SELECT pg_size_pretty('-9223372036854775808'::bigint),
       pg_size_pretty('9223372036854775807'::bigint);
SELECT size, pg_size_bytes(size) FROM
    (VALUES ('-1'), ('-123bytes'), ('-1kb'), ('-1mb'), (' -1 Gb'), ('-1.5 gB '),
            ('-1tb'), ('-3000 TB'), ('-10e-1 MB'), ('-99 PB')) x(size);
SELECT size, pg_size_pretty(size), pg_size_pretty(-1 * size) FROM
    (VALUES (10::bigint), (1000::bigint), (1000000::bigint),
            (1000000000::bigint), (1000000000000::bigint),
            (1000000000000000::bigint)) x(size);
SELECT size, pg_size_bytes(size) FROM
     (VALUES ('-1.'), ('-1.kb'), ('-1. kb'), ('-0. gb'),
             ('-.1'), ('-.1kb'), ('-.1 kb'), ('-.0 gb')) x(size);
SELECT size, pg_size_pretty(size), pg_size_pretty(-1 * size) FROM
    (VALUES (10239::bigint), (10240::bigint),
            (10485247::bigint), (10485248::bigint),
            (10736893951::bigint), (10736893952::bigint),
            (10994579406847::bigint), (10994579406848::bigint),
            (11258449312612351::bigint), (11258449312612352::bigint)) x(size);
-- dependency.sql
SELECT typowner = relowner
FROM pg_type JOIN pg_class c ON typrelid = c.oid WHERE typname = 'deptest_t';
-- drop_operator.sql
SELECT  ctid, oprnegate
FROM    pg_catalog.pg_operator fk
WHERE   oprnegate != 0 AND
        NOT EXISTS(SELECT 1 FROM pg_catalog.pg_operator pk WHERE pk.oid = fk.oprnegate);
SELECT  ctid, oprcom
FROM    pg_catalog.pg_operator fk
WHERE   oprcom != 0 AND
        NOT EXISTS(SELECT 1 FROM pg_catalog.pg_operator pk WHERE pk.oid = fk.oprcom);
-- enum.sql
SELECT * FROM pg_enum WHERE NOT EXISTS
  (SELECT 1 FROM pg_type WHERE pg_type.oid = enumtypid);
SELECT COUNT(*) FROM pg_type WHERE typname = 'rainbow';
-- errors.sql
select;
select 1;
-- expressions.sql
SELECT date(now())::text = current_date::text;
SELECT now()::time::text = localtime::text;
SELECT now()::timetz::text = current_time::text;
explain (verbose, costs off)
select random() IN (1, 4, 8.0);
SELECT now()::timestamp::text = localtimestamp::text;
SELECT current_schema;
explain (verbose, costs off)
select random()::int IN (1, 4, 8.0);
SELECT now()::timetz(4)::text = current_time(4)::text;
SELECT current_timestamp = NOW();
-- float4.sql
SELECT 'Infinity'::float4 / 'Infinity'::float4;
SELECT 'NaN'::float4;
SELECT 'nan'::float4 / '0'::float4;
SELECT float4send('5e-20'::float4);
SELECT 'infinity'::float4;
SELECT '32767.4'::float4::int2;
SELECT float4send('985e15'::float4);
SELECT float4send('1.17549435e-38'::float4);
SELECT '   NAN  '::float4;
-- float8.sql
SELECT power(float8 '-1', float8 'inf');
SELECT x,
       asind(x),
       asind(x) IN (-90,-30,0,30,90) AS asind_exact,
       acosd(x),
       acosd(x) IN (0,60,90,120,180) AS acosd_exact
FROM (VALUES (-1), (-0.5), (0), (0.5), (1)) AS t(x);
SELECT 0 ^ 0 + 0 ^ 1 + 0 ^ 0.0 + 0 ^ 0.5;
SELECT power(float8 '1', float8 'NaN');
SELECT power(float8 '0.1', float8 '-inf');
SELECT power(float8 '-inf', float8 'inf');
SELECT exp('inf'::float8), exp('-inf'::float8), exp('nan'::float8);
SELECT cosh(float8 'nan');
SELECT power(float8 'NaN', float8 '0.5');
-- foreign_data.sql
SELECT * FROM information_schema.foreign_data_wrappers ORDER BY 1, 2;
SELECT has_foreign_data_wrapper_privilege(
    (SELECT oid FROM pg_roles WHERE rolname='regress_test_role'),
    (SELECT oid FROM pg_foreign_data_wrapper WHERE fdwname='foo'), 'USAGE');
SELECT has_foreign_data_wrapper_privilege('regress_test_role',
    (SELECT oid FROM pg_foreign_data_wrapper WHERE fdwname='foo'), 'USAGE');
SELECT relname, conname, contype, conislocal, coninhcount, connoinherit
  FROM pg_class AS pc JOIN pg_constraint AS pgc ON (conrelid = pc.oid)
  WHERE pc.relname = 'fd_pt1'
  ORDER BY 1,2;
SELECT has_server_privilege(
    (SELECT oid FROM pg_foreign_server WHERE srvname='s8'), 'USAGE');
SELECT * FROM information_schema.usage_privileges WHERE object_type LIKE 'FOREIGN%' AND object_name IN ('s6', 'foo') ORDER BY 1, 2, 3, 4, 5;
SELECT * FROM pg_user_mapping;
SELECT * FROM information_schema.foreign_data_wrapper_options ORDER BY 1, 2, 3;
SELECT fdwname, fdwhandler, fdwvalidator, fdwoptions FROM pg_foreign_data_wrapper;
-- generated.sql
SELECT table_name, column_name, dependent_column FROM information_schema.column_column_usage ORDER BY 1, 2, 3;
SELECT table_name, column_name, column_default, is_nullable, is_generated, generation_expression FROM information_schema.columns WHERE table_name LIKE 'gtest_' ORDER BY 1, 2;
SELECT attrelid, attname, attgenerated FROM pg_attribute WHERE attgenerated NOT IN ('', 's');
-- groupingsets.sql
select a, b, c
from (values (1, 2, 3), (4, null, 6), (7, 8, 9)) as t (a, b, c)
group by distinct rollup(a, b), rollup(a, c)
order by a, b, c;
select(select (select grouping(e,f) from (values (1)) v2(c)) from (values (1,2)) v1(a,b) group by (a,b)) from (values(6,7)) v3(e,f) GROUP BY ROLLUP(e,f);
select distinct a, b, c
from (values (1, 2, 3), (4, null, 6), (7, 8, 9)) as t (a, b, c)
group by rollup(a, b), rollup(a, c)
order by a, b, c;
select grouping(a), a, array_agg(b),
       rank(a) within group (order by b nulls first),
       rank(a) within group (order by b nulls last)
  from (values (1,1),(1,4),(1,5),(3,1),(3,2)) v(a,b)
 group by rollup (a) order by a;
select(select (select grouping(c) from (values (1)) v2(c) GROUP BY c) from (values (1,2)) v1(a,b) group by (a,b)) from (values(6,7)) v3(e,f) GROUP BY ROLLUP(e,f);
select v||'a', case grouping(v||'a') when 1 then 1 else 0 end, count(*)
  from unnest(array[1,1], array['a','b']) u(i,v)
 group by rollup(i, v||'a') order by 1,3;
select g as alias1, g as alias2
  from generate_series(1,3) g
 group by alias1, rollup(alias2);
select (select grouping(v1)) from (values ((select 1))) v(v1) group by v1;
select(select (select grouping(a,b) from (values (1)) v2(c)) from (values (1,2)) v1(a,b) group by (a,b)) from (values(6,7)) v3(e,f) GROUP BY ROLLUP((e+1),(f+1));
-- guc.sql
SELECT pg_settings_get_flags('does_not_exist');
SHOW datestyle;
select current_setting('nosuch.setting', true);
SELECT current_user = 'regress_guc_user';
SELECT pg_listening_channels();
SHOW vacuum_cost_delay;
select current_setting('work_mem');
SELECT name FROM pg_prepared_statements;
select current_schemas(false);
-- hash_func.sql
SELECT v as value, hashoid(v)::bit(32) as standard,
       hashoidextended(v, 0)::bit(32) as extended0,
       hashoidextended(v, 1)::bit(32) as extended1
FROM   (VALUES (0), (1), (17), (42), (550273), (207112489)) x(v)
WHERE  hashoid(v)::bit(32) != hashoidextended(v, 0)::bit(32)
       OR hashoid(v)::bit(32) = hashoidextended(v, 1)::bit(32);
SELECT hashfloat8('0'::float8) = hashfloat8('-0'::float8) AS t;
SELECT v as value, hashfloat4(v)::bit(32) as standard,
       hashfloat4extended(v, 0)::bit(32) as extended0,
       hashfloat4extended(v, 1)::bit(32) as extended1
FROM   (VALUES (0), (1), (17), (42), (550273), (207112489)) x(v)
WHERE  hashfloat4(v)::bit(32) != hashfloat4extended(v, 0)::bit(32)
       OR hashfloat4(v)::bit(32) = hashfloat4extended(v, 1)::bit(32);
SELECT v as value, hashtext(v)::bit(32) as standard,
       hashtextextended(v, 0)::bit(32) as extended0,
       hashtextextended(v, 1)::bit(32) as extended1
FROM   (VALUES (NULL), ('PostgreSQL'), ('eIpUEtqmY89'), ('AXKEJBTK'),
        ('muop28x03'), ('yi3nm0d73')) x(v)
WHERE  hashtext(v)::bit(32) != hashtextextended(v, 0)::bit(32)
       OR hashtext(v)::bit(32) = hashtextextended(v, 1)::bit(32);
SELECT hashfloat4('NaN'::float4) = hashfloat4(-'NaN'::float4) AS t;
SELECT hashfloat4('0'::float4) = hashfloat4('-0'::float4) AS t;
SELECT hashfloat4('NaN'::float4) = hashfloat8('NaN'::float8) AS t;
SELECT hashfloat8('NaN'::float8) = hashfloat8(-'NaN'::float8) AS t;
SELECT v as value, hashfloat8(v)::bit(32) as standard,
       hashfloat8extended(v, 0)::bit(32) as extended0,
       hashfloat8extended(v, 1)::bit(32) as extended1
FROM   (VALUES (0), (1), (17), (42), (550273), (207112489)) x(v)
WHERE  hashfloat8(v)::bit(32) != hashfloat8extended(v, 0)::bit(32)
       OR hashfloat8(v)::bit(32) = hashfloat8extended(v, 1)::bit(32);
-- horology.sql
SELECT to_char('2012-12-12 12:00'::timestamptz, 'YYYY-MM-DD SSSSS');
SELECT to_date('2016 366', 'YYYY DDD');
SELECT timestamp without time zone '1999-03-01' - interval '1 second' AS "Feb 28";
SELECT (timestamp without time zone 'tomorrow 16:00:00' = (timestamp without time zone 'today' + interval '1 day 16 hours')) as "True";
SELECT '4714-11-24 BC'::date::timestamptz;
SELECT to_timestamp('2015-02-11 86000', 'YYYY-MM-DD SSSS');
SELECT (timestamp without time zone 'today 10:30' = (timestamp without time zone 'yesterday' + interval '1 day 10 hr 30 min')) as "True";
SELECT timestamp without time zone '1999-12-01' + interval '1 month - 1 second' AS "Dec 31";
SELECT to_timestamp('2005364', 'IYYYIDDD');
-- identity.sql
SELECT table_name, column_name, is_identity, identity_generation FROM information_schema.columns WHERE table_name = 'itest6' ORDER BY 1, 2;
SELECT sequence_name FROM information_schema.sequences WHERE sequence_name LIKE 'itest%';
SELECT attrelid, attname, attidentity FROM pg_attribute WHERE attidentity NOT IN ('', 'a', 'd');
SELECT relname, relpersistence FROM pg_class
  WHERE relname ~ '^identity_dump_' ORDER BY 1;
SELECT table_name, column_name, column_default, is_nullable, is_identity, identity_generation, identity_start, identity_increment, identity_maximum, identity_minimum, identity_cycle FROM information_schema.columns WHERE table_name LIKE 'itest_' ORDER BY 1, 2;
SELECT table_name, column_name, is_nullable, is_identity, identity_generation FROM information_schema.columns WHERE table_name LIKE 'itest7%' ORDER BY 1, 2;
-- index_including.sql
SELECT indexdef FROM pg_indexes WHERE tablename = 'tbl' ORDER BY indexname;
-- index_including_gist.sql
SELECT indexdef FROM pg_indexes WHERE tablename = 'tbl_gist' ORDER BY indexname;
-- indexing.sql
select indexrelid::regclass, indisvalid, indisreplident,
       indrelid::regclass, inhparent::regclass
  from pg_index idx left join
       pg_inherits inh on (idx.indexrelid = inh.inhrelid)
  where indexrelid::regclass::text like 'parted_replica%'
  order by indexrelid::regclass::text collate "C";
select relname as child, inhparent::regclass as parent, pg_get_indexdef as childdef
  from pg_class join pg_inherits on inhrelid = oid,
  lateral pg_get_indexdef(pg_class.oid)
  where relkind in ('i', 'I') and relname like 'idxpart%' order by relname;
select attrelid::regclass, attname, attnum from pg_attribute
  where attrelid::regclass::text like 'idxpart%' and attnum > 0
  order by attrelid::regclass, attnum;
select indexrelid::regclass, indisvalid,
       indrelid::regclass, inhparent::regclass
  from pg_index idx left join
       pg_inherits inh on (idx.indexrelid = inh.inhrelid)
  where indexrelid::regclass::text like 'parted_isvalid%'
  order by indexrelid::regclass::text collate "C";
select indrelid::regclass, indexrelid::regclass, inhparent::regclass, indisvalid,
  conname, conislocal, coninhcount, connoinherit, convalidated
  from pg_index idx left join pg_inherits inh on (idx.indexrelid = inh.inhrelid)
  left join pg_constraint con on (idx.indexrelid = con.conindid)
  where indrelid::regclass::text like 'idxpart%'
  order by indexrelid::regclass::text collate "C";
select indexdef from pg_indexes where indexname like 'idxpart_idx%';
select relname, relpartbound from pg_class
  where relname in ('idxpart_c', 'idxpart1_c')
  order by relname;
select indexrelid::regclass, indisvalid,
       indrelid::regclass, inhparent::regclass
  from pg_index idx left join
       pg_inherits inh on (idx.indexrelid = inh.inhrelid)
  where indexrelid::regclass::text like 'parted_inval%'
  order by indexrelid::regclass::text collate "C";
select c.relname, pg_get_indexdef(indexrelid)
  from pg_class c join pg_index i on c.oid = i.indexrelid
  where indrelid::regclass::text like 'idxpart%'
  order by indexrelid::regclass::text collate "C";
-- inet.sql
SELECT '127::2'::inet  - ('127::2'::inet - 500);
SELECT ('127::1'::inet + 257) - 257;
SELECT '127.0.0.2'::inet  - ('127.0.0.2'::inet - 500);
SELECT ('127.0.0.1'::inet + 257) - 257;
SELECT '127::1'::inet + 10000000000;
SELECT '127.0.0.2'::inet  - ('127.0.0.2'::inet + 500);
SELECT '127.0.0.1'::inet + 257;
SELECT '127::2'::inet  - ('127::2'::inet + 500);
SELECT '127::1'::inet + 257;
-- inherit.sql
select pc.relname, pgc.conname, pgc.contype, pgc.conislocal, pgc.coninhcount, pgc.connoinherit from pg_class as pc inner join pg_constraint as pgc on (pgc.conrelid = pc.oid) where pc.relname = 'p1' order by 1,2;
SELECT
    ARRAY(SELECT f.i FROM (
        (SELECT d + g.i FROM generate_series(4, 30, 3) d ORDER BY 1)
        UNION ALL
        (SELECT d + g.i FROM generate_series(0, 30, 5) d ORDER BY 1)
    ) f(i)
    ORDER BY f.i LIMIT 10)
FROM generate_series(1, 3) g(i);
select pc.relname, pgc.conname, pgc.contype, pgc.conislocal, pgc.coninhcount, pg_get_expr(pgc.conbin, pc.oid) as consrc from pg_class as pc inner join pg_constraint as pgc on (pgc.conrelid = pc.oid) where pc.relname in ('ac', 'bc') order by 1,2;
explain (costs off)
SELECT
    ARRAY(SELECT f.i FROM (
        (SELECT d + g.i FROM generate_series(4, 30, 3) d ORDER BY 1)
        UNION ALL
        (SELECT d + g.i FROM generate_series(0, 30, 5) d ORDER BY 1)
    ) f(i)
    ORDER BY f.i LIMIT 10)
FROM generate_series(1, 3) g(i);
select pc.relname, pgc.conname, pgc.contype, pgc.conislocal, pgc.coninhcount, pg_get_expr(pgc.conbin, pc.oid) as consrc from pg_class as pc inner join pg_constraint as pgc on (pgc.conrelid = pc.oid) where pc.relname in ('ac', 'bc', 'cc') order by 1,2;
-- init_privs.sql
SELECT count(*) > 0 FROM pg_init_privs;
-- int2.sql
SELECT x, x::int2 AS int2_value
FROM (VALUES (-2.5::float8),
             (-1.5::float8),
             (-0.5::float8),
             (0.0::float8),
             (0.5::float8),
             (1.5::float8),
             (2.5::float8)) t(x);
SELECT (-32768)::int2 % (-1)::int2;
SELECT (-1::int2<<15)::text;
SELECT ((-1::int2<<15)+1::int2)::text;
SELECT x, x::int2 AS int2_value
FROM (VALUES (-2.5::numeric),
             (-1.5::numeric),
             (-0.5::numeric),
             (0.0::numeric),
             (0.5::numeric),
             (1.5::numeric),
             (2.5::numeric)) t(x);
-- int4.sql
SELECT ((-1::int4<<31)+1)::text;
SELECT 2- -1 AS three;
SELECT int4 '2' * int2 '2' = int2 '16' / int4 '4' AS true;
SELECT x, x::int4 AS int4_value
FROM (VALUES (-2.5::numeric),
             (-1.5::numeric),
             (-0.5::numeric),
             (0.0::numeric),
             (0.5::numeric),
             (1.5::numeric),
             (2.5::numeric)) t(x);
SELECT a, b, gcd(a, b), gcd(a, -b), gcd(b, a), gcd(-b, a)
FROM (VALUES (0::int4, 0::int4),
             (0::int4, 6410818::int4),
             (61866666::int4, 6410818::int4),
             (-61866666::int4, 6410818::int4),
             ((-2147483648)::int4, 1::int4),
             ((-2147483648)::int4, 2147483647::int4),
             ((-2147483648)::int4, 1073741824::int4)) AS v(a, b);
SELECT -2+3 AS one;
SELECT (-2147483648)::int4 % (-1)::int2;
SELECT 2 + 2 / 2 AS three;
SELECT int4 '1000' < int4 '999' AS false;
-- int8.sql
SELECT CAST('36854775807.0'::float4 AS int8);
SELECT ((-1::int8<<63)+1)::text;
SELECT x, x::int8 AS int8_value
FROM (VALUES (-2.5::float8),
             (-1.5::float8),
             (-0.5::float8),
             (0.0::float8),
             (0.5::float8),
             (1.5::float8),
             (2.5::float8)) t(x);
SELECT x, x::int8 AS int8_value
FROM (VALUES (-2.5::numeric),
             (-1.5::numeric),
             (-0.5::numeric),
             (0.0::numeric),
             (0.5::numeric),
             (1.5::numeric),
             (2.5::numeric)) t(x);
SELECT * FROM generate_series('+4567890123456789'::int8, '+4567890123456799'::int8, 2);
SELECT (-9223372036854775808)::int8 % (-1)::int8;
SELECT oid::int8 FROM pg_class WHERE relname = 'pg_class';
select -('-9223372036854775807'::int8);
SELECT (-1::int8<<63)::text;
-- interval.sql
SELECT INTERVAL '-08:00' AS "Eight hours";
SELECT INTERVAL '+02:00' AS "Two hours";
SELECT EXTRACT(CENTURY FROM INTERVAL '-100 y');
select interval '-2147483648 months -2147483648 days -9223372036854775808 us';
select interval '9223372036854775.807 milliseconds';
SELECT justify_interval(interval '2147483647 days 24 hrs');
select  interval 'P00021015T103020'       AS "ISO8601 Basic Format",
        interval 'P0002-10-15T10:30:20'   AS "ISO8601 Extended Format";
SELECT EXTRACT(DECADE FROM INTERVAL '100 y');
SELECT '1 millisecond'::interval, '1 microsecond'::interval,
       '500 seconds 99 milliseconds 51 microseconds'::interval;
-- join.sql
explain (costs off)
select * from
(values (1, array[10,20]), (2, array[20,30])) as v1(v1x,v1ys)
left join (values (1, 10), (2, 20)) as v2(v2x,v2y) on v2x = v1x
left join unnest(v1ys) as u1(u1y) on u1y = v2y;
select * from
  (select 0 as z) as t1
  left join
  (select true as a) as t2
  on true,
  lateral (select true as b
           union all
           select a as b) as t3
where b;
explain (verbose, costs off)
select * from
  (select 1 as x offset 0) x cross join (select 2 as y offset 0) y
  left join lateral (
    select * from (select 3 as z offset 0) z where z.z = x.x
  ) zz on zz.z = y.y;
explain (verbose, costs off)
select * from
  (select 1 as x) ss1 left join (select 2 as y) ss2 on (true),
  lateral (select ss2.y as z limit 1) ss3;
explain (verbose, costs off)
with ctetable as not materialized ( select 1 as f1 )
select * from ctetable c1
where f1 in ( select c3.f1 from ctetable c2 full join ctetable c3 on true );
select * from
  (select 0 as val0) as ss0
  left join (select 1 as val) as ss1 on true
  left join lateral (select ss1.val as val_filtered where false) as ss2 on true;
select * from (values(1)) x(lb),
  lateral (values(lb)) y(lbcopy);
select * from
(values (1, array[10,20]), (2, array[20,30])) as v1(v1x,v1ys)
left join (values (1, 10), (2, 20)) as v2(v2x,v2y) on v2x = v1x
left join unnest(v1ys) as u1(u1y) on u1y = v2y;
select * from
  (select 1 as x) ss1 left join (select 2 as y) ss2 on (true),
  lateral (select ss2.y as z limit 1) ss3;
-- json.sql
select json_to_tsvector('english', '{"a": "aaa in bbb", "b": 123, "c": 456, "d": true, "f": false, "g": null}'::json, '"all"');
SELECT json_build_array(VARIADIC '{{1,4},{2,5},{3,6}}'::int[][]);
select '{"f2":{"f3":1},"f4":{"f5":99,"f6":"stringy"}}'::json#>array['f2'];
select json_each('{"f1":[1,2,3],"f2":{"f3":1},"f4":null}');
SELECT json_populate_recordset(row(1,2), '[]');
select '"foo"'::json #> array['z'];
select ts_headline('english', '{"a": "aaa bbb", "b": {"c": "ccc ddd fff", "c1": "ccc1 ddd1"}, "d": ["ggg hhh", "iii jjj"]}'::json, tsquery('bbb & ddd & hhh'), 'StartSel = <, StopSel = >');
select to_json(timestamp '-Infinity');
SELECT 'false'::json;
-- jsonb.sql
select ('{"a": {"a1": {"a2": "aaa"}}, "b": "bbb", "c": "ccc"}'::jsonb)['a']['a1']['a2']['a3'];
select '["a","b","c"]'::jsonb - -1;
SELECT jsonb_extract_path_text('{"f2":{"f3":1},"f4":{"f5":99,"f6":"stringy"}}','f2');
select ('{"a": 1, "b": "c", "d": [1, 2, 3]}'::jsonb)['b'];
select '42'::jsonb #>> array['f2'];
select '["a", "b"]'::jsonb || '["c"]';
SELECT '["a","b","c",[1,2],null]'::jsonb -> 4;
select jsonb_set_lax('{"a":1,"b":2}','{b}','5');
select ('{"a": 1, "b": "c", "d": [1, 2, 3]}'::jsonb)['d']['a'];
-- jsonb_jsonpath.sql
SELECT jsonb_path_exists('[{"a": 1}]', 'false');
SELECT jsonb_path_query('[{"a": 1}]', 'false');
select jsonb_path_query('null', 'null.type()');
select jsonb_path_query('null', '(123).type()');
select jsonb '2' @@ '1';
SELECT jsonb_path_match('[{"a": 1}]', 'false');
select jsonb '{"a": 12}' @? '1';
select jsonb_path_query('null', '"123".type()');
select jsonb_path_query('null', 'true.type()');
-- jsonpath.sql
select '1 * 2 + 4 % -3 != false'::jsonpath;
select '0.000'::jsonpath;
select '0.000e2'::jsonpath;
select '(1.).e3'::jsonpath;
select '0.0010e+1'::jsonpath;
select '1.'::jsonpath;
select '1e3'::jsonpath;
select '(1).type()'::jsonpath;
select '.001'::jsonpath;
-- largeobject.sql
SELECT lo_close(fd) FROM lotest_stash_values;
SELECT loread(fd, 15) FROM lotest_stash_values;
SELECT lo_truncate64(fd, 3000000000) FROM lotest_stash_values;
SELECT lowrite(fd, 'offset:4GB') FROM lotest_stash_values;
SELECT lo_lseek(fd, -26, 1) FROM lotest_stash_values;
SELECT lo_tell64(fd) FROM lotest_stash_values;
SELECT lo_lseek64(fd, 4294967296, 0) FROM lotest_stash_values;
SELECT loread(fd, 28) FROM lotest_stash_values;
SELECT lo_lseek(fd, 2030, 0) FROM lotest_stash_values;
-- limit.sql
SELECT ''::text AS three, unique1, unique2, stringu1
		FROM onek WHERE unique1 > 100
		ORDER BY unique1 LIMIT 3 OFFSET 20;
explain (verbose, costs off)
select unique1, unique2, nextval('testseq')
  from tenk1 order by tenthous limit 10;
SELECT ''::text AS ten, unique1, unique2, stringu1
		FROM onek
		ORDER BY unique1 OFFSET 990;
SELECT ''::text AS five, unique1, unique2, stringu1
		FROM onek
		ORDER BY unique1 LIMIT 5 OFFSET 900;
SELECT ''::text AS five, unique1, unique2, stringu1
		FROM onek WHERE unique1 > 60
		ORDER BY unique1 LIMIT 5;
select generate_series(0,2) as s1, generate_series((random()*.1)::int,2) as s2
order by s2 desc;
SELECT ''::text AS two, unique1, unique2, stringu1
		FROM onek WHERE unique1 > 50
		FETCH FIRST 2 ROW WITH TIES;
select unique1, unique2, nextval('testseq')
  from tenk1 order by tenthous limit 10;
select currval('testseq');
-- line.sql
select * from LINE_TBL;
select '{nan, 1, nan}'::line = '{nan, 1, nan}'::line as true,
	   '{nan, 1, nan}'::line = '{nan, 2, nan}'::line as false;
-- lock.sql
select relname from pg_locks l, pg_class c
 where l.relation = c.oid and relname like '%lock_%' and mode = 'AccessExclusiveLock'
 order by relname;
SELECT test_atomic_ops();
select relname from pg_locks l, pg_class c
 where l.relation = c.oid and relname like '%lock_%' and mode = 'ExclusiveLock'
 order by relname;
-- lseg.sql
select * from LSEG_TBL;
-- macaddr.sql
SELECT b =  '08:00:2b:01:02:03' FROM macaddr_data WHERE a = 1;
SELECT b <> '08:00:2b:01:02:04' FROM macaddr_data WHERE a = 1;
SELECT  b & '00:00:00:ff:ff:ff' FROM macaddr_data;
SELECT  b | '01:02:03:04:05:06' FROM macaddr_data;
SELECT ~b                       FROM macaddr_data;
SELECT b >  '08:00:2b:01:02:04' FROM macaddr_data WHERE a = 1;
SELECT b <= '08:00:2b:01:02:04' FROM macaddr_data WHERE a = 1;
SELECT b >  '08:00:2b:01:02:03' FROM macaddr_data WHERE a = 1;
SELECT b <  '08:00:2b:01:02:04' FROM macaddr_data WHERE a = 1;
-- macaddr8.sql
SELECT b <> '08:00:2b:01:02:03:04:06' FROM macaddr8_data WHERE a = 15;
SELECT '08002b:01020304050607'::macaddr8;
SELECT b::macaddr <> '08:00:2b:01:02:03'::macaddr FROM macaddr8_data WHERE a = 1;
SELECT '123    08:00:2b:01:02:03:04:05'::macaddr8;
SELECT b =  '08:00:2b:ff:fe:01:02:03' FROM macaddr8_data WHERE a = 1;
SELECT '08:00:2b:01:02:03  123'::macaddr8;
SELECT b::macaddr >= '08:00:2b:01:02:04' FROM macaddr8_data WHERE a = 1;
SELECT ~b                       FROM macaddr8_data;
SELECT a, b, trunc(b) FROM macaddr8_data ORDER BY 2, 1;
-- maintain_every.sql
SELECT reltuples, relhassubclass
  FROM pg_class WHERE oid = 'past_inh_db_parent'::regclass;
-- matview.sql
SELECT type, m.totamt AS mtot, v.totamt AS vtot FROM mvtest_tm m LEFT JOIN mvtest_tv v USING (type) ORDER BY type;
EXPLAIN (ANALYZE, COSTS OFF, SUMMARY OFF, TIMING OFF)
  CREATE MATERIALIZED VIEW matview_schema.mv_withdata2 (a) AS
  SELECT generate_series(1, 10) WITH DATA;
SELECT relispopulated FROM pg_class WHERE oid = 'mvtest_tm'::regclass;
EXPLAIN (costs off)
  CREATE MATERIALIZED VIEW mvtest_tvvm AS SELECT * FROM mvtest_tvv;
SELECT * FROM mvtest_mv_v_3;
EXPLAIN (costs off)
  SELECT * FROM mvtest_tvmm;
SELECT * FROM mvtest1;
SELECT * FROM mvtest_tm ORDER BY type;
SELECT mvtest_func();
-- memoize.sql
SELECT COUNT(*),AVG(t2.unique1) FROM tenk1 t1,
LATERAL (SELECT t2.unique1 FROM tenk1 t2
         WHERE t1.twenty = t2.unique1 OFFSET 0) t2
WHERE t1.unique1 < 1000;
EXPLAIN (COSTS OFF)
SELECT unique1 FROM tenk1 t0
WHERE unique1 < 3
  AND EXISTS (
	SELECT 1 FROM tenk1 t1
	INNER JOIN tenk1 t2 ON t1.unique1 = t2.hundred
	WHERE t0.ten = t1.twenty AND t0.two <> t2.four OFFSET 0);
SELECT COUNT(*),AVG(t2.unique1) FROM tenk1 t1,
LATERAL (SELECT t2.unique1 FROM tenk1 t2 WHERE t1.twenty = t2.unique1) t2
WHERE t1.unique1 < 1000;
SELECT unique1 FROM tenk1 t0
WHERE unique1 < 3
  AND EXISTS (
	SELECT 1 FROM tenk1 t1
	INNER JOIN tenk1 t2 ON t1.unique1 = t2.hundred
	WHERE t0.ten = t1.twenty AND t0.two <> t2.four OFFSET 0);
SELECT COUNT(*),AVG(t1.unique1) FROM tenk1 t1
INNER JOIN tenk1 t2 ON t1.unique1 = t2.twenty
WHERE t2.unique1 < 1000;
EXPLAIN (COSTS OFF)
SELECT COUNT(*),AVG(t2.unique1) FROM tenk1 t1,
LATERAL (SELECT t2.unique1 FROM tenk1 t2 WHERE t1.twenty = t2.unique1) t2
WHERE t1.unique1 < 1000;
-- merge.sql
SELECT explain_merge('
MERGE INTO ex_mtarget t USING ex_msource s ON t.a = s.a
WHEN MATCHED THEN
	UPDATE SET b = t.b + 1');
EXPLAIN (COSTS OFF)
MERGE INTO target t
USING source AS s
ON t.tid = s.sid
WHEN NOT MATCHED THEN
	INSERT VALUES (4, NULL);
EXPLAIN (VERBOSE, COSTS OFF)
MERGE INTO pa_target t USING pa_source s ON t.tid = s.sid
  WHEN NOT MATCHED THEN INSERT VALUES (s.sid);
SELECT count(*) FROM fs_target;
SELECT explain_merge('
MERGE INTO ex_mtarget t USING ex_msource s ON t.a = s.a
WHEN MATCHED AND t.a < 10 THEN
	UPDATE SET b = t.b + 1');
EXPLAIN (COSTS OFF)
MERGE INTO target t
USING source AS s
ON t.tid = s.sid
WHEN MATCHED THEN
	UPDATE SET balance = 0;
SELECT * FROM sq_target WHERE tid = 1;
TABLE pa_target;
SELECT * FROM wq_target;
-- misc.sql
SELECT p.name, name(p.hobbies) FROM person* p;
SELECT hobbies_by_name('basketball');
SELECT name(equipment(p.hobbies)), name(p.hobbies), p.name FROM person* p;
SELECT name(equipment_named(hobby_construct_named(text 'skywalking', text 'mer')));
SELECT (p.hobbies).equipment.name, name(p.hobbies), p.name FROM ONLY person p;
SELECT name(equipment(p.hobbies)), p.name, name(p.hobbies) FROM ONLY person p;
SELECT name(equipment(ROW('skywalking', 'mer')));
SELECT DISTINCT hobbies_r.name, name(hobbies_r.equipment) FROM hobbies_r
  ORDER BY 1,2;
SELECT (p.hobbies).equipment.name, p.name, name(p.hobbies) FROM person* p;
-- misc_functions.sql
SELECT test_canonicalize_path('../abc/../../def/ghi');
SELECT num_nulls(NULL::text, NULL::int);
SELECT has_function_privilege('regress_log_memory',
  'pg_log_backend_memory_contexts(integer)', 'EXECUTE');
SELECT test_canonicalize_path('/./abc/def/');
SELECT num_nonnulls('1');
SELECT num_nulls();
SELECT test_canonicalize_path('abc/../def');
SELECT test_canonicalize_path('/abc/def/../../..');
SELECT test_canonicalize_path('/abc/def/../..');
-- misc_sanity.sql
SELECT *
FROM pg_depend as d1
WHERE refclassid = 0 OR refobjid = 0 OR
      classid = 0 OR objid = 0 OR
      deptype NOT IN ('a', 'e', 'i', 'n', 'x', 'P', 'S');
SELECT relname
FROM pg_class
WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'
      AND pg_class.oid NOT IN (SELECT indrelid FROM pg_index WHERE indisprimary)
ORDER BY 1;
SELECT *
FROM pg_shdepend as d1
WHERE refclassid = 0 OR refobjid = 0 OR
      classid = 0 OR objid = 0 OR
      deptype NOT IN ('a', 'o', 'r', 't');
SELECT relname, attname, atttypid::regtype
FROM pg_class c JOIN pg_attribute a ON c.oid = attrelid
WHERE c.oid < 16384 AND
      reltoastrelid = 0 AND
      relkind = 'r' AND
      attstorage != 'p'
ORDER BY 1, 2;
SELECT relname
FROM pg_class c JOIN pg_index i ON c.oid = i.indexrelid
WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'i'
      AND i.indisunique
      AND c.oid NOT IN (SELECT conindid FROM pg_constraint)
ORDER BY 1;
-- money.sql
SELECT m * 2::float8 FROM money_data;
SELECT '-123456789012345678'::money;
SELECT m / 2::int8 FROM money_data;
SELECT m / 2::int2 FROM money_data;
SELECT '92233720368547758.07'::money;
SELECT '-92233720368547758.09'::money;
SELECT m * 2 FROM money_data;
SELECT '12345678901234567'::money::numeric;
SELECT (-1234567890)::money;
-- multirangetypes.sql
SELECT * FROM nummultirange_test WHERE nmr @> '{[4.0,4.2), [6.0, 8.0)}'::nummultirange;
SELECT numrange(null,5) @> nummultirange(numrange(null,3));
select range_intersect_agg(nmr) from nummultirange_test;
SELECT * FROM nummultirange_test WHERE nmr < '{[1000.0, 1001.0]}';
select anycompatiblerange_anycompatiblemultirange_func(int4range(1,2), multirange(int4range(10,20)));
SELECT nummultirange(numrange(1,4)) &< nummultirange(numrange(3,4));
select * from mr_table_succeed(123, int4multirange(int4range(1,11)));
select count(*) from test_multirange_gist where mr &> 'empty'::int4range;
SELECT '{[1,5), [8,9)}'::nummultirange @> '{[6,7)}';
-- name.sql
SELECT c.f1 FROM NAME_TBL c WHERE c.f1 ~ '.*asdf.*';
SELECT c.f1 FROM NAME_TBL c WHERE c.f1 = '1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890ABCDEFGHIJKLMNOPQR';
SELECT parse_ident(' .aaa');
SELECT parse_ident(' ');
SELECT parse_ident(' aaa . ');
SELECT parse_ident('foo.boo[]', strict => false);
SELECT c.f1 FROM NAME_TBL c WHERE c.f1 !~ '.*';
SELECT * FROM NAME_TBL;
SELECT c.f1 FROM NAME_TBL c WHERE c.f1 >= '1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890ABCDEFGHIJKLMNOPQR';
-- namespace.sql
SELECT pg_catalog.set_config('search_path', ' ', false);
SHOW search_path;
SELECT * FROM test_ns_schema_1.abc;
SELECT COUNT(*) FROM pg_class WHERE relnamespace =
    (SELECT oid FROM pg_namespace WHERE nspname = 'test_ns_schema_renamed');
SELECT * FROM test_ns_schema_1.abc_view;
SELECT COUNT(*) FROM pg_class WHERE relnamespace =
    (SELECT oid FROM pg_namespace WHERE nspname = 'test_ns_schema_1');
-- numeric.sql
select min_scale(1.0);
SELECT power('0'::numeric, '-1');
SELECT width_bucket(0.0::numeric, 'Infinity'::numeric, 5, 10);
SELECT log('inf'::numeric, '-inf');
select scale(numeric 'inf');
SELECT round(5e-16383, 16383) = 5e-16383;
SELECT ln('-1'::numeric);
SELECT width_bucket('Infinity'::numeric, 1, 10, 10),
       width_bucket('-Infinity'::numeric, 1, 10, 10);
SELECT power('-inf'::numeric, 'inf');
-- numeric_big.sql
WITH t(x) AS (SELECT '1e'||n FROM generate_series(1, 100) g(n))
SELECT x, log(x::numeric) FROM t;
WITH t(x) AS (SELECT '1e-'||n FROM generate_series(1, 100) g(n))
SELECT x, log(x::numeric) FROM t;
-- numerology.sql
SELECT f1 FROM TEMP_INT4
  ORDER BY f1;
SELECT f1 AS two, max(f3) AS max_float, min(f3) as min_float
  FROM TEMP_GROUP
  GROUP BY f1
  ORDER BY two, max_float, min_float;
SELECT f1 AS two, max(f3) AS max_float, min(f3) AS min_float
  FROM TEMP_GROUP
  GROUP BY two
  ORDER BY two, max_float, min_float;
SELECT 0.0a;
SELECT f1 FROM TEMP_FLOAT
  ORDER BY f1;
SELECT 1_2_3;
SELECT 123abc;
SELECT 0.0e+a;
SELECT 0.a;
-- object_address.sql
SELECT pg_get_object_address('language', '{one}', '{}');
SELECT pg_get_object_address('large object', '{123,456}', '{}');
SELECT pg_get_object_address('database', '{one}', '{}');
SELECT pg_get_object_address('table', '{}', '{}');
select * from pg_get_object_address('function of access method', '{btree,integer_ops,1}', '{int4,bool}');
select * from pg_get_object_address('function of access method', '{btree,integer_ops,99}', '{int4,int4}');
SELECT pg_get_object_address('large object', '{123}', '{}');
SELECT pg_get_object_address('foreign-data wrapper', '{one}', '{}');
SELECT pg_get_object_address('event trigger', '{one,two}', '{}');
-- oid.sql
SELECT o.* FROM OID_TBL o WHERE o.f1 < '1234';
SELECT o.* FROM OID_TBL o WHERE o.f1 = 1234;
SELECT o.* FROM OID_TBL o WHERE o.f1 <> '1234';
SELECT o.* FROM OID_TBL o WHERE o.f1 <= '1234';
SELECT o.* FROM OID_TBL o WHERE o.f1 > '1234';
SELECT * FROM OID_TBL;
SELECT o.* FROM OID_TBL o WHERE o.f1 >= '1234';
-- opr_sanity.sql
SELECT o1.oid, o1.oprcode, o2.oid, o2.oprcode
FROM pg_operator AS o1, pg_operator AS o2
WHERE o1.oprnegate = o2.oid AND
    (o1.oprkind != o2.oprkind OR
     o1.oprleft != o2.oprleft OR
     o1.oprright != o2.oprright OR
     o1.oprresult != 'bool'::regtype OR
     o2.oprresult != 'bool'::regtype OR
     o1.oid != o2.oprnegate OR
     o1.oid = o2.oid);
SELECT a1.amprocfamily, a1.amproc, p1.prosrc
FROM pg_amproc AS a1, pg_proc AS p1
WHERE a1.amproc = p1.oid AND
    a1.amproclefttype != a1.amprocrighttype AND
    p1.provolatile = 'v';
SELECT p1.oid, p1.proname
FROM pg_proc AS p1
WHERE proretset AND prokind != 'f';
SELECT *
FROM pg_cast c
WHERE (castmethod = 'f' AND castfunc = 0)
   OR (castmethod IN ('b', 'i') AND castfunc <> 0);
SELECT p1.oid, p1.proname
FROM pg_proc AS p1
WHERE (pronargdefaults <> 0) != (proargdefaults IS NOT NULL);
SELECT p1.oid, p1.proname
FROM pg_proc as p1
WHERE (prosrc = '' OR prosrc = '-') AND prosqlbody IS NULL;
SELECT a1.oid, f1.oid
FROM pg_amop AS a1, pg_opfamily AS f1
WHERE a1.amopfamily = f1.oid AND a1.amopmethod != f1.opfmethod;
SELECT ctid, aggfnoid::oid
FROM pg_aggregate as a
WHERE aggmtranstype != 0 AND
    (aggmtransfn = 0 OR aggminvtransfn = 0);
SELECT a.aggfnoid, p.proname
FROM pg_aggregate as a, pg_proc as p
WHERE a.aggcombinefn = p.oid AND
    a.aggtranstype = 'internal'::regtype AND p.proisstrict;
-- partition_aggregate.sql
SELECT c, sum(a), avg(b), count(*) FROM pagg_tab GROUP BY 1 HAVING avg(d) < 15 ORDER BY 1, 2, 3;
SELECT b.y, sum(a.y) FROM pagg_tab1 a RIGHT JOIN pagg_tab2 b ON a.x = b.y GROUP BY b.y ORDER BY 1 NULLS LAST;
SELECT b.y, sum(a.y) FROM pagg_tab1 a LEFT JOIN pagg_tab2 b ON a.x = b.y GROUP BY b.y ORDER BY 1 NULLS LAST;
EXPLAIN (COSTS OFF)
SELECT c FROM pagg_tab GROUP BY c ORDER BY 1;
SELECT t1.y, sum(t1.x), count(*) FROM pagg_tab1 t1, pagg_tab2 t2 WHERE t1.x = t2.y GROUP BY t1.y HAVING avg(t1.x) > 10 ORDER BY 1, 2, 3;
EXPLAIN (COSTS OFF)
SELECT c, a, count(*) FROM pagg_tab GROUP BY a, c;
SELECT a, sum(b), avg(c), count(*) FROM pagg_tab_m GROUP BY a HAVING avg(c) < 22 ORDER BY 1, 2, 3;
EXPLAIN (COSTS OFF)
SELECT b, sum(a), count(*) FROM pagg_tab_ml GROUP BY b ORDER BY 1, 2, 3;
EXPLAIN (COSTS OFF)
SELECT a, sum(b), avg(c), count(*) FROM pagg_tab_m GROUP BY a HAVING avg(c) < 22 ORDER BY 1, 2, 3;
-- partition_info.sql
SELECT * FROM pg_partition_ancestors('ptif_test_index');
SELECT * FROM pg_partition_tree('ptif_test_view');
SELECT * FROM pg_partition_tree('ptif_li_child');
SELECT relid, parentrelid, level, isleaf
  FROM pg_partition_tree(pg_partition_root('ptif_test01_index')) p
  JOIN pg_class c ON (p.relid = c.oid);
SELECT * FROM pg_partition_tree('ptif_test_matview');
SELECT * FROM pg_partition_ancestors('ptif_test');
SELECT pg_partition_root('ptif_test3_index');
SELECT relid, parentrelid, level, isleaf
  FROM pg_partition_tree('ptif_test');
SELECT relid, parentrelid, level, isleaf
  FROM pg_partition_tree('ptif_test_index');
-- partition_join.sql
SELECT t1.a, t2.b FROM prt1 t1, prt2 t2 WHERE t1::text = t2::text AND t1.a = t2.b ORDER BY t1.a;
EXPLAIN (COSTS OFF)
SELECT t1.a, t1.c, t2.b, t2.c, t3.a + t3.b, t3.c FROM (prt1 t1 LEFT JOIN prt2 t2 ON t1.a = t2.b) RIGHT JOIN prt1_e t3 ON (t1.a = (t3.a + t3.b)/2) WHERE t3.c = 0 ORDER BY t1.a, t2.b, t3.a + t3.b;
SELECT t1.b, t1.c, t2.a, t2.c, t3.a, t3.c FROM prt2_adv t1 LEFT JOIN prt1_adv t2 ON (t1.b = t2.a) INNER JOIN prt1_adv t3 ON (t1.b = t3.a) WHERE t1.a = 0 ORDER BY t1.b, t2.a, t3.a;
explain (costs off)
select * from prtx1
where not exists (select 1 from prtx2
                  where prtx2.a=prtx1.a and (prtx2.b=prtx1.b+1 or prtx2.c=99))
  and a<20 and c=91;
SELECT t1.a, t1.c, t2.b, t2.c FROM (SELECT * FROM prt1 WHERE a < 450) t1 FULL JOIN (SELECT * FROM prt2 WHERE b > 250) t2 ON t1.a = t2.b WHERE t1.b = 0 OR t2.a = 0 ORDER BY t1.a, t2.b;
EXPLAIN (COSTS OFF)
SELECT t1.a, t1.c, t2.b, t2.c, t3.a + t3.b, t3.c FROM (prt1 t1 LEFT JOIN prt2 t2 ON t1.a = t2.b) LEFT JOIN prt1_e t3 ON (t1.a = (t3.a + t3.b)/2) WHERE t1.b = 0 ORDER BY t1.a, t2.b, t3.a + t3.b;
SELECT t1, t2 FROM prt1 t1 LEFT JOIN prt2 t2 ON t1.a = t2.b WHERE t1.b = 0 ORDER BY t1.a, t2.b;
EXPLAIN (COSTS OFF)
SELECT * FROM prt1 t1 LEFT JOIN LATERAL
			  (SELECT t2.a AS t2a, t3.a AS t3a, least(t1.a,t2.a,t3.b) FROM prt1 t2 JOIN prt2 t3 ON (t2.a = t3.b)) ss
			  ON t1.a = ss.t2a WHERE t1.b = 0 ORDER BY t1.a;
SELECT t1.a, t1.c, t2.b, t2.c FROM prt1_l t1 LEFT JOIN prt2_l t2 ON t1.a = t2.b AND t1.c = t2.c WHERE t1.b = 0 ORDER BY t1.a, t2.b;
-- partition_prune.sql
explain (costs off) select * from coercepart where a = all ('{ab,null}');
explain (costs off) select * from mc3p where a < 10;
explain (costs off) select * from rlp where a > 10;
explain (costs off) select * from rlp where a = 16 and b <= 'ab';
table ab;
explain (costs off) select * from pph_arrpart where a in ('{4, 5}', '{1}');
explain (costs off)  select * from boolrangep where not a and not b and c = 25;
explain (costs off) select * from pp_lp where a = 1;
explain (costs off)
select * from
  (select exists (select 1 from int4_tbl tinner where f1 = touter.f1) as b
   from int4_tbl touter) ss,
  asptab
where asptab.id > ss.b::int;
-- password.sql
SELECT rolname, rolpassword not like '%A6xHKoH/494E941doaPOYg==%' as is_rolpassword_rehashed
    FROM pg_authid
    WHERE rolname LIKE 'regress_passwd_sha_len%'
    ORDER BY rolname;
SELECT rolname, rolpassword
    FROM pg_authid
    WHERE rolname LIKE 'regress_passwd%'
    ORDER BY rolname, rolpassword;
SELECT rolname, rolpassword
    FROM pg_authid
    WHERE rolname LIKE 'regress_passwd2_new'
    ORDER BY rolname, rolpassword;
SELECT rolpassword FROM pg_authid WHERE rolname='regress_passwd_empty';
-- path.sql
SELECT f1 AS open_path FROM PATH_TBL WHERE isopen(f1);
SELECT f1 AS closed_path FROM PATH_TBL WHERE isclosed(f1);
SELECT popen(f1) AS open_path FROM PATH_TBL;
SELECT pclose(f1) AS closed_path FROM PATH_TBL;
-- pg_lsn.sql
SELECT 16::numeric + '0/16AE7F7'::pg_lsn;
SELECT '0/0'::pg_lsn + ('FFFFFFFF/FFFFFFFF'::pg_lsn - '0/0'::pg_lsn);
SELECT MIN(f1), MAX(f1) FROM PG_LSN_TBL;
SELECT DISTINCT (i || '/' || j)::pg_lsn f
  FROM generate_series(1, 10) i,
       generate_series(1, 10) j,
       generate_series(1, 5) k
  WHERE i <= 10 AND j > 0 AND j <= 10
  ORDER BY f;
SELECT 'FFFFFFFF/FFFFFFFE'::pg_lsn + 2::numeric;
SELECT '0/16AE7F7'::pg_lsn - '0/16AE7F8'::pg_lsn;
SELECT '0/16AE7F7'::pg_lsn + 'NaN'::numeric;
EXPLAIN (COSTS OFF)
SELECT DISTINCT (i || '/' || j)::pg_lsn f
  FROM generate_series(1, 10) i,
       generate_series(1, 10) j,
       generate_series(1, 5) k
  WHERE i <= 10 AND j > 0 AND j <= 10
  ORDER BY f;
SELECT '0/16AE7F7' < '0/16AE7F8'::pg_lsn;
-- plancache.sql
select sum(f1) into total from t1;
select cache_test_2();
select cache_test(1);
select cache_test(2);
select cachebug();
explain (costs off) execute test_mode_pp(2);
select name, generic_plans, custom_plans from pg_prepared_statements
  where  name = 'test_mode_pp';
select f1 from abc;
select cache_test(3);
-- plpgsql.sql
select testoa(1,2,3);
select * from sc_test();
select consumes_rw_array(a), a from returns_rw_array(1) a;
select namedparmcursor_test8();
select multi_datum_use(42);
explain (verbose, costs off)
select consumes_rw_array(a), a from
  (values (returns_rw_array(1)), (returns_rw_array(2))) v(a);
select * from WSlot where roomno = '001' order by slotname;
select f1(int4range(42, 49), 11, 2::smallint) as int, f1(float8range(4.5, 7.8), 7.8, 11::real) as num;
select 1,2 into x, y;
-- point.sql
SELECT p.* FROM POINT_TBL p WHERE '(0.0,0.0)' >> p.f1;
SELECT p.* FROM POINT_TBL p WHERE p.f1 <<| '(0.0, 0.0)';
SELECT p1.f1 AS point1, p2.f1 AS point2, p1.f1 <-> p2.f1 AS dist
   FROM POINT_TBL p1, POINT_TBL p2
   ORDER BY dist, p1.f1[0], p2.f1[0];
SELECT p.* FROM POINT_TBL p WHERE p.f1 << '(0.0, 0.0)';
SELECT p.* FROM POINT_TBL p
   WHERE p.f1 <@ box '(0,0,100,100)';
SELECT * FROM POINT_TBL;
SELECT COUNT(*) FROM point_gist_tbl WHERE f1 <@ '(0.0000009,0.0000009),(0.0000009,0.0000009)'::box;
SELECT COUNT(*) FROM point_gist_tbl WHERE f1 ~= '(0.0000009,0.0000009)'::point;
SELECT p.* FROM POINT_TBL p
   WHERE not box '(0,0,100,100)' @> p.f1;
-- polygon.sql
EXPLAIN (COSTS OFF)
SELECT count(*) FROM quad_poly_tbl WHERE p &> polygon '((300,300),(400,600),(600,500),(700,200))';
SELECT count(*) FROM quad_poly_tbl WHERE p << polygon '((300,300),(400,600),(600,500),(700,200))';
SELECT count(*) FROM quad_poly_tbl WHERE p |>> polygon '((300,300),(400,600),(600,500),(700,200))';
SELECT count(*) FROM quad_poly_tbl WHERE p |&> polygon '((300,300),(400,600),(600,500),(700,200))';
SELECT count(*) FROM quad_poly_tbl WHERE p &< polygon '((300,300),(400,600),(600,500),(700,200))';
EXPLAIN (COSTS OFF)
SELECT count(*) FROM quad_poly_tbl WHERE p @> polygon '((340,550),(343,552),(341,553))';
EXPLAIN (COSTS OFF)
SELECT count(*) FROM quad_poly_tbl WHERE p <@ polygon '((300,300),(400,600),(600,500),(700,200))';
SELECT count(*) FROM quad_poly_tbl WHERE p <<| polygon '((300,300),(400,600),(600,500),(700,200))';
SELECT count(*) FROM quad_poly_tbl WHERE p >> polygon '((300,300),(400,600),(600,500),(700,200))';
-- polymorphism.sql
select x, pg_typeof(x) from anyctest(11, point(1,2)) x;
select f3, myaggn08a(f1) from t group by f3 order by f3;
select formarray(1, variadic array['x'::text]);
select f3, myaggn06b(f1) from t group by f3 order by f3;
select polyf(multirange(int4range(42, 49)), array[11]) as int, polyf(multirange(float8range(4.5, 7.8)), array[7]) as num;
select x, pg_typeof(x) from anyctest(12.3, array[13]) x;
select dfunc('a'::text, 'b', false);
select x, pg_typeof(x) from anyctest(11, array[12]) x;
select f3, myaggn05b(f1) from t group by f3 order by f3;
-- portals.sql
explain (costs off) declare c1 cursor for select (select 42) as x;
explain (costs off) declare c2 scroll cursor for select generate_series(1,3) as g;
explain (costs off) declare c1 scroll cursor for select (select 42) as x;
SELECT name, statement, is_holdable, is_binary, is_scrollable FROM pg_cursors ORDER BY 1;
SELECT name FROM pg_cursors ORDER BY 1;
explain (costs off) declare c2 cursor for select generate_series(1,3) as g;
SELECT stringu1 FROM onek WHERE stringu1 = 'DZAAAA';
EXPLAIN (costs off)
DECLARE c1 CURSOR FOR SELECT stringu1 FROM onek WHERE stringu1 = 'DZAAAA';
SELECT name, statement, is_holdable, is_binary, is_scrollable FROM pg_cursors;
-- prepare.sql
SELECT * FROM q5_prep_nodata;
SELECT name, statement, parameter_types FROM pg_prepared_statements;
SELECT * FROM q5_prep_results;
SELECT name, statement, parameter_types FROM pg_prepared_statements
    ORDER BY name;
-- prepared_xacts.sql
SELECT * FROM pxtest2;
SELECT * FROM pxtest1;
SELECT * FROM pxtest3;
SELECT pg_advisory_lock(1);
SELECT pg_advisory_xact_lock_shared(1);
SELECT gid FROM pg_prepared_xacts;
-- privileges.sql
SELECT fy FROM atestp2;
SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid >= 1000 AND oid < 3000 ORDER BY oid;
select has_table_privilege(t2.oid,t1.oid,'insert')
from (select oid from pg_class where relname = 'atest1') as t1,
  (select oid from pg_roles where rolname = current_user) as t2;
SELECT COUNT(*) >= 0 AS ok FROM pg_backend_memory_contexts;
EXPLAIN (COSTS OFF) SELECT * FROM atest12sbv x, atest12sbv y
  WHERE x.a = y.b and abs(y.a) <<< 5;
SELECT has_function_privilege('regress_priv_user2', 'testns.foo()', 'EXECUTE');
select has_column_privilege('mytable','........pg.dropped.2........','select');
SELECT has_sequence_privilege('regress_priv_user1', 'atest1', 'SELECT');
select * from
  ((select a.q1 as x from int8_tbl a offset 0)
   union all
   (select b.q2 as x from int8_tbl b offset 0)) ss
where false;
-- psql.sql
SELECT psql_error('bad!');
select 'okay';
SELECT 'ok' AS "done";
SELECT 'after error' AS noshow;
select 1/(15-unique2) from tenk1 order by unique2 limit 19;
SELECT 1 AS stuff UNION SELECT 2;
select n, -n as m, n * 111 as x, '1e90'::float8 as f
from generate_series(0,3) n;
SELECT * FROM bla ORDER BY 1;
select 'still okay';
-- psql_crosstab.sql
SELECT v, EXTRACT(year FROM d), count(*)
 FROM ctv_data
 GROUP BY 1, 2
 ORDER BY 1, 2;
-- publication.sql
SELECT obj_description(p.oid, 'pg_publication') FROM pg_publication p;
SELECT pubname, puballtables FROM pg_publication WHERE pubname = 'testpub_foralltables';
SELECT * FROM pg_publication_tables;
-- random.sql
SELECT random, count(random) FROM RANDOM_TBL
  GROUP BY random HAVING count(random) > 3;
SELECT count(*) FROM onek;
SELECT AVG(random) FROM RANDOM_TBL
  HAVING AVG(random) NOT BETWEEN 80 AND 120;
-- rangefuncs.sql
SELECT * FROM (VALUES (1),(2),(3)) v1(r1),
              LATERAL (SELECT r1, * FROM (VALUES (10),(20),(30)) v2(r2)
                                         LEFT JOIN generate_series(20+r1,23) f(i) ON ((r2+i)<100) OFFSET 0) s1;
select * from unnest(array[10,20],array['foo','bar'],array[1.0]);
SELECT * FROM (VALUES (1),(2),(3)) v(r) LEFT JOIN unnest(array[10,20,30]) f(i) ON (r+i)<100;
select * from rngfunc2 where f2 in (select f2 from rngfunct(rngfunc2.rngfuncid) z where z.rngfuncid = 1) ORDER BY 1,2;
SELECT * FROM getrngfunc8(1) WITH ORDINALITY AS t1(v,o);
SELECT * FROM rngfuncb(42, 99);
SELECT * FROM (VALUES (1),(2),(3)) v(r), ROWS FROM( rngfunc_sql(10+r,13), rngfunc_mat(11,11) );
SELECT rngfunc(42);
with a(b) as (values (row(1,2,3)))
select * from a, coalesce(b) as c(d int, e int);
-- rangetypes.sql
select * from numrange_test where nr = 'empty';
select '(",a)'::textrange;
select count(*) from test_range_gist where ir && '{(10,20),(30,40),(50,60)}'::int4multirange;
select '[a,]'::textrange;
select count(*) from test_range_gist where ir <@ '{(10,30),(40,60),(70,90)}'::int4multirange;
select numrange(1.1, 2.2) < numrange(1.1, 1.2);
select '(2,5)'::cashrange except select '(5,6)'::cashrange;
select '[a,a)'::textrange;
select * from table_succeed(int4range(1,11));
-- regex.sql
select regexp_matches('a', 'a(?!b)b*');
select 'a' ~ '(^)+^';
select 'xy' ~ 'x(?![xy])';
select regexp_matches('abc', 'a(?<=a)b*(?<=b)c*');
select 'aa x' ~ '(^(?!aa)(?!bb)(?!cc))+';
select 'xyy' ~ '(?<=[xy])yy+';
select regexp_match('xy', '.*');
select 'xy' ~ 'x(?=[xy])';
select 'a' ~ '^abcd*(((((^(a c(e?d)a+|)+|)+|)+|)+|a)+|)';
-- regproc.sql
SELECT to_regcollation('notacollation');
SELECT regoperator('pg_catalog.+(int4,int4)');
SELECT to_regnamespace('Nonexistent');
SELECT to_regtype('pg_catalog.int4');
SELECT regclass('pg_classes');
SELECT to_regprocedure('abs(numeric)');
SELECT to_regoper('ng_catalog.||/');
SELECT regproc('now');
SELECT regproc('know');
-- reloptions.sql
SELECT reloptions FROM pg_class WHERE oid = 'reloptions_test_idx3'::regclass;
SELECT reloptions FROM pg_class WHERE oid = 'reloptions_test'::regclass;
SELECT pg_relation_size('reloptions_test') = 0;
SELECT reloptions FROM pg_class WHERE oid =
	(SELECT reltoastrelid FROM pg_class
	WHERE oid = 'reloptions_test'::regclass);
SELECT pg_relation_size('reloptions_test') > 0;
SELECT reloptions FROM pg_class WHERE oid = 'reloptions_test'::regclass AND
       reloptions IS NULL;
SELECT reloptions FROM pg_class WHERE oid = 'reloptions_test_idx'::regclass;
SELECT reloptions FROM pg_class WHERE oid = (
	SELECT reltoastrelid FROM pg_class WHERE oid = 'reloptions_test'::regclass);
-- replica_identity.sql
SELECT relreplident FROM pg_class WHERE oid = 'test_replica_identity'::regclass;
SELECT relreplident FROM pg_class WHERE oid = 'pg_constraint'::regclass;
SELECT count(*) FROM pg_index WHERE indrelid = 'test_replica_identity'::regclass AND indisreplident;
SELECT relreplident FROM pg_class WHERE oid = 'pg_class'::regclass;
-- returning.sql
SELECT * FROM voo;
SELECT * FROM foochild;
SELECT * FROM foo;
SELECT * FROM joinview;
-- roleattributes.sql
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_inherit';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_user_canlogin';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_createrole';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_bypassrls';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_createdb';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_def_bypassrls';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_def_createdb';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_def_superuser';
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil FROM pg_authid WHERE rolname = 'regress_test_def_inherit';
-- rowsecurity.sql
SELECT * FROM pg_policies WHERE schemaname = 'regress_rls_schema' AND tablename = 'document' ORDER BY policyname;
SELECT * FROM rls_view;
SELECT * FROM t4;
SELECT * FROM z1 WHERE f_leak(b);
SELECT * FROM bv1 WHERE f_leak(b);
EXPLAIN (COSTS OFF) EXECUTE p1(2);
SELECT (string_to_array(polqual, ':'))[7] AS inputcollid FROM pg_policy WHERE polrelid = 'coll_t'::regclass;
SELECT * FROM t1 FOR SHARE;
EXPLAIN (COSTS OFF) DELETE FROM bv1 WHERE a = 6 AND f_leak(b);
-- rowtypes.sql
select row(1, -3)::testtype1 *>= row(1, -2)::testtype1;
select row(1, 'abc')::testtype3 *< row(1, 'abcd')::testtype3;
select row(1, 2)::testtype1 *= row(1, 2)::testtype1;
select ROW(1,2) in (ROW(3,4), ROW(1,2::int8));
select row(1, -2)::testtype1 *< row(1, -3)::testtype1;
select (1.1,2.2)::complex, row((3.3,4.4),(5.5,null))::quad;
select row(1, 3)::testtype1 *> row(1, 2)::testtype1;
select row(1, -2)::testtype1 *= row(1, -3)::testtype1;
select row(1, 2)::testtype1 *< row(1, 'abc')::testtype3;
-- rules.sql
select * from rtest_vview1;
SELECT * FROM shoelace ORDER BY sl_name;
select * from rtest_v1 where b isnull;
SELECT viewname, definition FROM pg_views
WHERE schemaname = 'pg_catalog'
ORDER BY viewname;
SELECT count(*) FROM shoe;
select pg_get_viewdef('shoe'::regclass) as unpretty;
select * from rtest_t6;
select * from rules_src;
select pg_get_viewdef('shoe'::regclass,0) as prettier;
-- sanity_check.sql
SELECT relname, relkind
  FROM pg_class
 WHERE relkind IN ('v', 'c', 'f', 'p', 'I')
       AND relfilenode <> 0;
-- select.sql
SELECT * FROM foo ORDER BY f1 NULLS FIRST;
select * from onek2 where unique2 = 11 and stringu1 = 'ATAAAA';
select * from onek
    where (unique1,ten) in (values (1,1), (20,0), (99,9), (17,99))
    order by unique1;
SELECT onek.unique1, onek.string4 FROM onek
   WHERE onek.unique1 > 980
   ORDER BY string4 using <, unique1 using >;
select * from (values (2),(null),(1)) v(k) where k = k order by k;
SELECT onek.unique1, onek.string4 FROM onek
   WHERE onek.unique1 < 20
   ORDER BY unique1 using <, string4 using >;
select sillysrf(-1) order by 1;
VALUES (1,2), (3,4+4), (7,77.7);
select unique1, unique2 from onek2
  where (unique2 = 11 or unique1 = 0) and stringu1 < 'B';
-- select_distinct.sql
SELECT DISTINCT p.age FROM person* p ORDER BY age using >;
EXPLAIN (costs off)
SELECT DISTINCT g%1000 FROM generate_series(0,9999) g;
EXPLAIN (costs off)
SELECT DISTINCT four FROM tenk1;
SELECT f1, f1 IS DISTINCT FROM f1 as "false" FROM disttable;
SELECT 2 IS DISTINCT FROM 2 as "no";
EXPLAIN (COSTS OFF)
SELECT DISTINCT distinct_func(1) FROM tenk1;
SELECT count(*) FROM
  (SELECT DISTINCT two, four, two FROM tenk1) ss;
SELECT f1, f1 IS DISTINCT FROM 2 as "not 2" FROM disttable;
SELECT f1, f1 IS DISTINCT FROM NULL as "not null" FROM disttable;
-- select_distinct_on.sql
select distinct on (1) floor(random()) as r, f1 from int4_tbl order by 1,2;
SELECT DISTINCT ON (string4) string4, two, ten
   FROM onek
   ORDER BY string4 using <, two using >, ten using <;
SELECT DISTINCT ON (string4, ten) string4, two, ten
   FROM onek
   ORDER BY string4 using <, two using <, ten using <;
SELECT DISTINCT ON (string4, ten) string4, ten, two
   FROM onek
   ORDER BY string4 using <, ten using >, two using <;
-- select_having.sql
SELECT b, c FROM test_having
	GROUP BY b, c HAVING b = 3 ORDER BY b, c;
SELECT b, c FROM test_having
	GROUP BY b, c HAVING count(*) = 1 ORDER BY b, c;
SELECT a FROM test_having HAVING min(a) < max(a);
SELECT 1 AS one FROM test_having HAVING a > 1;
SELECT min(a), max(a) FROM test_having HAVING min(a) = max(a);
SELECT 1 AS one FROM test_having WHERE 1/a = 1 HAVING 1 < 2;
SELECT lower(c), count(c) FROM test_having
	GROUP BY lower(c) HAVING count(*) > 2 OR min(a) = max(a)
	ORDER BY lower(c);
SELECT c, max(a) FROM test_having
	GROUP BY c HAVING count(*) > 2 OR min(a) = max(a)
	ORDER BY c;
SELECT 1 AS one FROM test_having HAVING 1 < 2;
-- select_implicit.sql
SELECT a%2, count(b) FROM test_missing_target
GROUP BY test_missing_target.a%2
ORDER BY test_missing_target.a%2;
SELECT test_missing_target.b, count(*)
  FROM test_missing_target GROUP BY b ORDER BY b;
SELECT c FROM test_missing_target ORDER BY a;
SELECT count(*) FROM test_missing_target x, test_missing_target y
	WHERE x.a = y.a
	GROUP BY x.b ORDER BY x.b;
SELECT a/2, a/2 FROM test_missing_target
	GROUP BY a/2 ORDER BY a/2;
SELECT count(*) FROM test_missing_target x, test_missing_target y
	WHERE x.a = y.a
	GROUP BY b ORDER BY b;
SELECT c, count(*) FROM test_missing_target GROUP BY 3;
SELECT lower(test_missing_target.c), count(c)
  FROM test_missing_target GROUP BY lower(c) ORDER BY lower(c);
SELECT c, count(*) FROM test_missing_target GROUP BY 1 ORDER BY 1;
-- select_into.sql
SELECT * FROM ctas_nodata_3;
SELECT * FROM (SELECT 1 INTO f) bar;
SELECT * FROM ctas_nodata_2;
SELECT * FROM ctas_nodata_4;
EXPLAIN (ANALYZE, COSTS OFF, SUMMARY OFF, TIMING OFF)
  CREATE TABLE IF NOT EXISTS ctas_ine_tbl AS SELECT 1 / 0 WITH NO DATA;
EXPLAIN (ANALYZE, COSTS OFF, SUMMARY OFF, TIMING OFF)
  CREATE TABLE IF NOT EXISTS ctas_ine_tbl AS EXECUTE ctas_ine_query;
SELECT make_table();
SELECT * FROM ctas_nodata;
SELECT *
   INTO TABLE sitmp1
   FROM onek2
   WHERE onek2.unique1 < 2;
-- select_parallel.sql
select  count((unique1)) from tenk1 where hundred > 1;
explain (costs off)
	select  count((unique1)) from tenk1 where hundred > 1;
explain (verbose, costs off)
select sp_parallel_restricted(unique1) from tenk1
  where stringu1 = 'GRAAAA' order by 1;
explain (costs off)
	select  sum(sp_parallel_restricted(unique1)) from tenk1
	group by(sp_parallel_restricted(unique1));
select count(*) from bmscantest where a>1;
EXPLAIN (COSTS OFF)
SELECT unique1 FROM tenk1 WHERE fivethous = tenthous + 1
UNION ALL
SELECT unique1 FROM tenk1 WHERE fivethous = tenthous + 1;
SELECT make_record(x) FROM (SELECT generate_series(1, 5) x) ss ORDER BY x;
select count(*) from tenk1, tenk2 where tenk1.hundred > 1 and tenk2.thousand=0;
explain (costs off)
	select  count(*) from tenk1, tenk2 where tenk1.unique1 = tenk2.unique1;
-- select_views.sql
SELECT * FROM my_property_normal v
		WHERE f_leak('passwd') AND f_leak(passwd);
EXPLAIN (COSTS OFF) SELECT * FROM my_credit_card_secure WHERE f_leak(cnum);
EXPLAIN (COSTS OFF) SELECT * FROM my_property_secure v
		WHERE f_leak('passwd') AND f_leak(passwd);
SELECT * FROM my_credit_card_usage_secure
       WHERE f_leak(cnum) AND ymd >= '2011-10-01' AND ymd < '2011-11-01';
EXPLAIN (COSTS OFF) SELECT * FROM my_property_secure WHERE f_leak(passwd);
SELECT * FROM toyemp WHERE name = 'sharon';
EXPLAIN (COSTS OFF) SELECT * FROM my_property_normal v
		WHERE f_leak('passwd') AND f_leak(passwd);
SELECT * FROM my_property_normal WHERE f_leak(passwd);
SELECT * FROM my_credit_card_normal WHERE f_leak(cnum);
-- sequence.sql
SELECT nextval('serialTest2_f4_seq');
SELECT currval('sequence_test'::regclass);
SELECT setval('sequence_test2', -100);
SELECT currval('seq3');
SELECT nextval('test_seq1');
SELECT nextval('sequence_test4');
SELECT setval('sequence_test'::regclass, 99, false);
SELECT setval('sequence_test2', 5);
SELECT nextval('sequence_test'::text);
-- spgist.sql
select * from spgist_domain_tbl where f1 = 'fo';
select count(*)
  from (values (point(5,5)),(point(8,8)),(point(12,12))) v(p)
 where exists(select * from spgist_box_tbl b where b.b && box(v.p,v.p));
explain (costs off)
select * from spgist_domain_tbl where f1 = 'fo';
-- stats.sql
SELECT pg_stat_get_snapshot_timestamp();
SELECT pg_stat_reset();
SELECT pg_stat_get_subscription_stats(NULL);
SELECT pg_stat_clear_snapshot();
SELECT st.heap_blks_read + st.heap_blks_hit >= pr.heap_blks + cl.relpages,
       st.idx_blks_read + st.idx_blks_hit >= pr.idx_blks + 1
  FROM pg_statio_user_tables AS st, pg_class AS cl, prevstats AS pr
 WHERE st.relname='tenk2' AND cl.relname='tenk2';
SELECT pg_stat_get_replication_slot(NULL);
SELECT stats_test_func1();
SELECT (n_tup_ins + n_tup_upd) > 0 AS has_data FROM pg_stat_all_tables
  WHERE relid = 'pg_shdescription'::regclass;
SELECT pg_stat_get_snapshot_timestamp() IS NOT NULL AS snapshot_ok;
-- stats_ext.sql
SELECT * FROM check_estimated_rows('SELECT COUNT(*) FROM ndistinct GROUP BY b, c');
SELECT * FROM check_estimated_rows('SELECT * FROM mcv_lists WHERE mod(a,20) <= ANY (ARRAY[1, NULL, 2, 3]) AND mod(b::int,10) IN (1, 2, NULL, 3)');
SELECT * FROM check_estimated_rows('SELECT * FROM functional_dependencies WHERE ((a * 2) = 2 OR (a * 2) = 102) AND upper(b) = ''1''');
SELECT * FROM check_estimated_rows('SELECT * FROM mcv_lists_partial WHERE a = 10 AND b = 10 AND c = 10');
SELECT * FROM check_estimated_rows('SELECT * FROM mcv_lists WHERE a = 1 AND b = ''1''');
SELECT * FROM check_estimated_rows('SELECT COUNT(*) FROM ndistinct GROUP BY a, b, (c*10)');
SELECT statistics_name, most_common_vals FROM pg_stats_ext x
    WHERE tablename = 'stats_ext_tbl' ORDER BY ROW(x.*);
SELECT * FROM check_estimated_rows('SELECT * FROM mcv_lists WHERE mod(a,20) < ALL (ARRAY[4, 5]) AND mod(b::int,10) IN (1, 2, 3) AND mod(c,5) > ANY (ARRAY[1, 2, 3])');
SELECT m.*
  FROM pg_statistic_ext s, pg_statistic_ext_data d,
       pg_mcv_list_items(d.stxdmcv) m
 WHERE s.stxname = 'mcv_lists_stats'
   AND d.stxoid = s.oid;
-- strings.sql
SELECT regexp_substr('abcabcabc', 'a.c', 1, 3);
EXPLAIN (COSTS OFF) SELECT * FROM TEXT_TBL WHERE f1 SIMILAR TO '_[_[:alpha:]_]_';
SELECT foo, length(foo) FROM regexp_split_to_table('thE QUick bROWn FOx jUMPs ovEr The lazy dOG', 'e', 'zippy') AS foo;
SELECT regexp_split_to_array('the quick brown fox jumps over the lazy dog', '');
SELECT 'foo' LIKE '_%' as t, 'f' LIKE '_%' as t, '' LIKE '_%' as f;
SELECT text 'text' || ' and unknown' AS "Concat text to unknown type";
select split_part('joeuser@mydatabase','',-1) AS "joeuser@mydatabase";
SELECT replace('abcdef', 'de', '45') AS "abc45f";
SELECT 'indio' NOT LIKE 'in__o' AS "false";
-- subscription.sql
SELECT obj_description(s.oid, 'pg_subscription') FROM pg_subscription s;
SELECT func();
-- subselect.sql
SELECT * FROM ((SELECT 1 AS x)) ss;
select
  (select sq1) as qq1
from
  (select exists(select 1 from int4_tbl where f1 = q2) as sq1, 42 as dummy
   from int8_tbl) sq0
  join
  int4_tbl i4 on dummy = i4.f1;
explain (verbose, costs off)
select * from int4_tbl o where (f1, f1) in
  (select f1, generate_series(1,50) / 10 g from int4_tbl i group by f1);
explain (verbose, costs off)
select * from
  (select 9 as x, unnest(array[1,2,3,11,12,13]) as u) ss
  where tattle(x, 8);
explain (verbose, costs off)
with x as (select * from int4_tbl)
select * from (with y as (select * from x) select * from y) ss;
select * from (select pk,c2 from sq_limit order by c1,pk) as x limit 3;
select 'foo'::text in (select 'bar'::name union all select 'bar'::name);
explain (verbose, costs off)
  select x, x from
    (select (select now() where y=y) as x from (values(1),(2)) v(y)) ss;
select row(row(row(1))) = any (select row(row(1)));
-- sysviews.sql
select count(*) >= 0 as ok from pg_available_extension_versions;
select name, ident, parent, level, total_bytes >= free_bytes
  from pg_backend_memory_contexts where level = 0;
select count(*) > 0 as ok, count(*) FILTER (WHERE error IS NOT NULL) = 0 AS no_err
  from pg_hba_file_rules;
select count(*) = 0 as ok from pg_stat_wal_receiver;
select count(*) > 0 as ok from pg_locks;
select count(*) >= 0 as ok, count(*) FILTER (WHERE error IS NOT NULL) = 0 AS no_err
  from pg_ident_file_mappings;
select count(*) > 0 as ok from pg_stat_slru;
select count(*) > 20 as ok from pg_config;
select count(*) >= 0 as ok from pg_available_extensions;
-- tablesample.sql
SELECT count(*) FROM test_tablesample TABLESAMPLE SYSTEM (100) REPEATABLE (0.4);
SELECT id FROM test_tablesample TABLESAMPLE BERNOULLI (5.5) REPEATABLE (0);
SELECT q.* FROM (SELECT * FROM test_tablesample) as q TABLESAMPLE BERNOULLI (5);
explain (costs off)
select pct, count(unique1) from
  (values (0),(100)) v(pct),
  lateral (select * from tenk1 tablesample bernoulli (pct)) ss
  group by pct;
SELECT id FROM test_tablesample TABLESAMPLE SYSTEM (50) REPEATABLE (NULL);
SELECT id FROM test_tablesample TABLESAMPLE BERNOULLI (50) REPEATABLE (0);
SELECT id FROM test_tablesample TABLESAMPLE BERNOULLI (200);
SELECT id FROM test_tablesample TABLESAMPLE BERNOULLI (-1);
SELECT id FROM test_tablesample TABLESAMPLE SYSTEM (NULL);
-- tablespace.sql
SELECT COUNT(*) FROM testschema.atable;
SELECT c.relname FROM pg_class c, pg_tablespace s
  WHERE c.reltablespace = s.oid AND s.spcname = 'regress_tblspace';
SELECT relname, spcname FROM pg_catalog.pg_tablespace t, pg_catalog.pg_class c
    where c.reltablespace = t.oid AND c.relname = 'foo_idx';
SELECT * FROM testschema.test_default_tab_p;
SELECT spcoptions FROM pg_tablespace WHERE spcname = 'regress_tblspacewith';
SELECT * FROM testschema.test_default_tab;
SELECT c.relname FROM pg_class c, pg_tablespace s
  WHERE c.reltablespace = s.oid AND s.spcname = 'regress_tblspace'
  ORDER BY c.relname;
SELECT relid, parentrelid, level FROM pg_partition_tree('tbspace_reindex_part_index')
  ORDER BY relid, level;
SELECT relname, spcname FROM pg_catalog.pg_tablespace t, pg_catalog.pg_class c
    where c.reltablespace = t.oid AND c.relname LIKE 'part%_idx';
-- temp.sql
select * from temp_parted_oncommit;
select whoami();
select relname from pg_class where relname ~ '^temp_parted_oncommit_test';
select a from twophase_tab;
select ''::nonempty;
select * from temp_inh_oncommit_test;
select nonempty('');
SELECT * FROM temptest1;
SELECT current_schema() ~ 'pg_temp' AS is_temp_schema;
-- text.sql
select 'four: '::text || 2+2;
select concat_ws(',', variadic NULL::int[]);
select format('INSERT INTO %I VALUES(%L,%L)', 'mytab', NULL, 'Hello');
select format('%s, %s', variadic array[true, false]);
select concat_ws(NULL,10,20,null,30) is null;
select format('Hello %s', 'World');
select quote_literal('abc''');
select i, left('ahoj', i), right('ahoj', i) from generate_series(-5, 5) t(i) order by i;
select format('%s, %s', variadic array[true, false]::text[]);
-- tid.sql
SELECT
  '(0,0)'::tid as tid00,
  '(0,1)'::tid as tid01,
  '(-1,0)'::tid as tidm10,
  '(4294967295,65535)'::tid as tidmax;
SELECT currtid2('tid_view_fake_ctid'::text, '(0,1)'::tid);
SELECT currtid2('tid_part'::text, '(0,1)'::tid);
SELECT max(ctid) FROM tid_tab;
SELECT currtid2('tid_ind'::text, '(0,1)'::tid);
SELECT '(1,65536)'::tid;
SELECT currtid2('tid_seq'::text, '(0,1)'::tid);
SELECT '(4294967296,1)'::tid;
SELECT min(ctid) FROM tid_tab;
-- tidrangescan.sql
EXPLAIN (COSTS OFF)
SELECT ctid FROM tidrangescan WHERE ctid >= '(100,0)';
SELECT ctid FROM tidrangescan WHERE ctid <= '(1,5)';
SELECT ctid FROM tidrangescan WHERE ctid >= '(100,0)';
SELECT t.ctid,t2.c FROM tidrangescan t,
LATERAL (SELECT count(*) c FROM tidrangescan t2 WHERE t2.ctid <= t.ctid) t2
WHERE t.ctid < '(1,0)';
EXPLAIN (COSTS OFF)
SELECT ctid FROM tidrangescan WHERE ctid < '(1, 0)';
SELECT ctid FROM tidrangescan WHERE '(2,8)' < ctid;
SELECT ctid FROM tidrangescan WHERE ctid > '(0,65535)' AND ctid < '(1,0)' LIMIT 1;
EXPLAIN (COSTS OFF)
SELECT ctid FROM tidrangescan WHERE '(1,7)' >= ctid AND ctid > '(1,4)';
SELECT ctid FROM tidrangescan WHERE ctid < '(0,0)';
-- tidscan.sql
EXPLAIN (COSTS OFF)
SELECT ctid, * FROM tidscan WHERE ctid = '(0,1)';
SELECT ctid, * FROM tidscan;
SELECT ctid, * FROM tidscan WHERE ctid = '(0,2)' OR '(0,1)' = ctid;
EXPLAIN (COSTS OFF)
SELECT t1.ctid, t1.*, t2.ctid, t2.*
FROM tidscan t1 LEFT JOIN tidscan t2 ON t1.ctid = t2.ctid WHERE t1.id = 1;
EXPLAIN (COSTS OFF)
SELECT t1.ctid, t1.*, t2.ctid, t2.*
FROM tidscan t1 JOIN tidscan t2 ON t1.ctid = t2.ctid WHERE t1.id = 1;
SELECT ctid, * FROM tidscan WHERE ctid = '(0,1)';
SELECT ctid, * FROM tidscan WHERE ctid = ANY(ARRAY['(0,1)', '(0,2)']::tid[]);
EXPLAIN (COSTS OFF)
SELECT ctid, * FROM tidscan WHERE ctid = ANY(ARRAY['(0,1)', '(0,2)']::tid[]);
SELECT ctid, * FROM tidscan WHERE ctid != ANY(ARRAY['(0,1)', '(0,2)']::tid[]);
-- time.sql
SELECT f1 + time '00:01' AS "Illegal" FROM TIME_TBL;
SELECT '24:01:00'::time;
SELECT '23:59:60'::time;
SELECT EXTRACT(MILLISECOND FROM TIME '2020-05-26 13:30:25.575401');
SELECT f1 AS "Three" FROM TIME_TBL WHERE f1 < '05:06:07';
SELECT '23:59:60.01'::time;
SELECT date_part('epoch',       TIME '2020-05-26 13:30:25.575401');
SELECT date_part('second',      TIME '2020-05-26 13:30:25.575401');
SELECT '25:00:00'::time;
-- timestamp.sql
SELECT d1 FROM TIMESTAMP_TBL
   WHERE d1 = timestamp without time zone '1997-01-02';
SELECT count(*) AS One FROM TIMESTAMP_TBL WHERE d1 = timestamp without time zone 'today';
SELECT i,
       to_char(i * interval '1mon', 'rm'),
       to_char(i * interval '1mon', 'RM')
    FROM generate_series(-13, 13) i;
SELECT
  str,
  interval,
  date_trunc(str, ts) = date_bin(interval::interval, ts, timestamp '2001-01-01') AS equal
FROM (
  VALUES
  ('week', '7 d'),
  ('day', '1 d'),
  ('hour', '1 h'),
  ('minute', '1 m'),
  ('second', '1 s'),
  ('millisecond', '1 ms'),
  ('microsecond', '1 us')
) intervals (str, interval),
(VALUES (timestamp '2020-02-29 15:44:17.71393')) ts (ts);
SELECT to_char(d1, 'YYYY A.D. YYYY a.d. YYYY bc HH:MI:SS P.M. HH:MI:SS p.m. HH:MI:SS pm')
   FROM TIMESTAMP_TBL;
SELECT d1 - timestamp without time zone '1997-01-02' AS diff
  FROM TIMESTAMP_TBL
  WHERE d1 BETWEEN timestamp without time zone '1902-01-01'
   AND timestamp without time zone '2038-01-01';
SELECT count(d1) AS three, count(DISTINCT d1) AS two FROM TIMESTAMP_TBL;
SELECT d1 FROM TIMESTAMP_TBL
   WHERE d1 != timestamp without time zone '1997-01-02';
select date_bin('365000 days'::interval, '4400-01-01 BC'::timestamp, '4000-01-01 BC'::timestamp);
-- timestamptz.sql
SELECT d1 as timestamptz,
   date_part( 'year', d1) AS year, date_part( 'month', d1) AS month,
   date_part( 'day', d1) AS day, date_part( 'hour', d1) AS hour,
   date_part( 'minute', d1) AS minute, date_part( 'second', d1) AS second
   FROM TIMESTAMPTZ_TBL;
SELECT make_timestamptz(2014, 12, 10, 0, 0, 0, 'Europe/Prague') = timestamptz '2014-12-10 00:00:00 Europe/Prague';
select date_bin('365000 days'::interval, '4400-01-01 BC'::timestamptz, '4000-01-01 BC'::timestamptz);
SELECT extract(epoch from '5000-01-01 00:00:00+00'::timestamptz);
SELECT '2014-10-26 02:00:00 MSK'::timestamptz;
SELECT d1 as "timestamp",
   extract(microseconds from d1) AS microseconds,
   extract(milliseconds from d1) AS milliseconds,
   extract(seconds from d1) AS seconds,
   round(extract(julian from d1)) AS julian,
   extract(epoch from d1) AS epoch
   FROM TIMESTAMPTZ_TBL;
SELECT to_char(d1, 'IYYY IYY IY I IW IDDD ID')
   FROM TIMESTAMPTZ_TBL;
select * from tmptz where f1 at time zone 'utc' = '2017-01-18 00:00';
SELECT make_timestamptz(1973, 07, 15, 08, 15, 55.33, '2');
-- timetz.sql
SELECT '23:59:59.9999999 PDT'::timetz;
TABLE timetz_local_view;
SELECT EXTRACT(DAY         FROM TIME WITH TIME ZONE '2020-05-26 13:30:25.575401-04');
SELECT EXTRACT(MILLISECOND FROM TIME WITH TIME ZONE '2020-05-26 13:30:25.575401-04');
SELECT pg_get_viewdef('timetz_local_view', true);
SELECT '23:59:59.999999 PDT'::timetz;
SELECT '23:59:60 PDT'::timetz;
SELECT date_part('epoch',       TIME WITH TIME ZONE '2020-05-26 13:30:25.575401-04');
SELECT f1 + time with time zone '00:01' AS "Illegal" FROM TIMETZ_TBL;
-- transactions.sql
SHOW transaction_deferrable;
SELECT * FROM xacttest;
select * from xacttest;
SHOW transaction_read_only;
SELECT a.xmin = b.xmin FROM savepoints a, savepoints b WHERE a.a=6 AND b.a=8;
select * from i_table;
SELECT * FROM trans_foo;
SELECT a FROM xacttest WHERE a > 100;
select 1/0;
-- triggers.sql
with upd as (
  update parted2_stmt_trig set a = a
) update parted_stmt_trig  set a = a;
select * from tttest where price_off = 999999;
table my_table;
SELECT pg_get_triggerdef(oid, true) FROM pg_trigger WHERE tgrelid = 'main_table'::regclass AND tgname = 'modified_any';
with ins (a) as (
  insert into parted2_stmt_trig values (1), (2) returning a
) insert into parted_stmt_trig select a from ins returning tableoid::regclass, a;
select * from parted;
SELECT * FROM city_view;
SELECT trigger_name, event_manipulation, event_object_schema, event_object_table,
       action_order, action_condition, action_orientation, action_timing,
       action_reference_old_table, action_reference_new_table
  FROM information_schema.triggers
  WHERE event_object_table IN ('main_table')
  ORDER BY trigger_name COLLATE "C", 2;
select set_ttdummy(1);
-- truncate.sql
SELECT * FROM trunc_faa;
select tp_ins_data();
SELECT * FROM trunc_f;
SELECT * FROM trunc_e;
SELECT a as "from table ref_c" FROM ref_c;
SELECT * FROM truncate_b;
SELECT * FROM trunc_trigger_log;
SELECT * FROM truncate_a;
SELECT * FROM trunc_fa;
-- tsdicts.sql
SELECT ts_lexize('hunspell_num', 'skies');
SELECT ts_lexize('hunspell_long', 'ex-machina');
SELECT ts_lexize('hunspell_long', 'footklubber');
SELECT ts_lexize('hunspell_num', 'rebook');
SELECT ts_lexize('hunspell', 'rebooking');
SELECT ts_lexize('ispell', 'ballyklubber');
SELECT ts_lexize('ispell', 'skies');
SELECT ts_lexize('ispell', 'unbook');
SELECT ts_lexize('hunspell_long', 'rebookings');
-- tsearch.sql
SELECT count(*) FROM test_tsvector WHERE a @@ '!pl <-> !yh';
SELECT to_tsquery('english', '(s <-> (1 <-> a)) <-> 2');
SELECT ts_headline('english',
'', to_tsquery('english', ''));
EXPLAIN (costs off) SELECT count(*) FROM test_tsvector WHERE a @@ 'wr|qh';
SELECT to_tsquery('SKIES & My | booKs');
select websearch_to_tsquery('english', '"pg_class pg');
SELECT plainto_tsquery('english', 'the and z 1))& fghj');
SELECT phraseto_tsquery('english', 'PostgreSQL can be extended by the user in many ways');
SELECT to_tsquery('english', '2 <-> (s <-> (a <-> 1))');
-- tsrf.sql
SELECT DISTINCT ON (g) a, b, generate_series(1,3) g
FROM (VALUES (3, 2), (3,1), (1,1), (1,4), (5,3), (5,1)) AS t(a, b);
SELECT (SELECT generate_series(1,3) LIMIT 1 OFFSET few.id) FROM few;
SELECT dataa, generate_series(1,1), count(*) FROM few GROUP BY 1 HAVING count(*) > 1;
explain (verbose, costs off)
select generate_series(1,3) as x, generate_series(3,6) + 1 as y;
SELECT 1 LIMIT generate_series(1,3);
SELECT sum((3 = ANY(SELECT lag(x) over(order by x)
                    FROM generate_series(1,4) x))::int);
SELECT generate_series(generate_series(1,3), generate_series(2, 4));
SELECT generate_series(1, generate_series(1, 3));
SELECT DISTINCT ON (a) a, b, generate_series(1,3) g
FROM (VALUES (3, 2), (3,1), (1,1), (1,4), (5,3), (5,1)) AS t(a, b);
-- tstypes.sql
select to_tsvector('simple', 'y z q') @@ '(x | y <-> z) <-> q' AS "true";
SELECT '!!a & b'::tsquery;
SELECT 'supeznova supernova'::tsvector @@ 'super:*'::tsquery AS "true";
select strip(to_tsvector('simple', 'x y q y')) @@ '!x <-> y' AS "false";
select to_tsvector('simple', 'q y x') @@ 'q <-> (x | y <-> z)' AS "false";
SELECT 'a & !!b'::tsquery;
SELECT 'wa:1A'::tsvector @@ 'w:*A'::tsquery as "true";
SELECT 'supernova'::tsvector @@ 'super:*'::tsquery AS "true";
SELECT ts_delete('base:7 hidden:6 rebel:1 spaceship:2,33A,34B,35C,36D strike:3'::tsvector, 'base');
-- tuplesort.sql
SELECT id, abort_increasing, abort_decreasing, noabort_increasing, noabort_decreasing
FROM abbrev_abort_uuids
ORDER BY ctid DESC LIMIT 5;
SELECT abort_increasing, abort_decreasing FROM abbrev_abort_uuids ORDER BY abort_increasing OFFSET 20000 - 4;
EXPLAIN (COSTS OFF)
SELECT id, abort_increasing, abort_decreasing FROM abbrev_abort_uuids ORDER BY abort_increasing LIMIT 5;
EXPLAIN (COSTS OFF)
SELECT id, noabort_increasing, noabort_decreasing FROM abbrev_abort_uuids ORDER BY noabort_increasing LIMIT 5;
SELECT noabort_increasing, noabort_decreasing FROM abbrev_abort_uuids ORDER BY noabort_decreasing NULLS FIRST OFFSET 20000 - 4;
SELECT id, abort_increasing, abort_decreasing, noabort_increasing, noabort_decreasing
FROM abbrev_abort_uuids
ORDER BY ctid LIMIT 5;
SELECT id, abort_increasing, abort_decreasing FROM abbrev_abort_uuids ORDER BY abort_decreasing LIMIT 5;
EXPLAIN (COSTS OFF) DECLARE c SCROLL CURSOR FOR SELECT noabort_decreasing FROM abbrev_abort_uuids ORDER BY noabort_decreasing;
SELECT id, abort_increasing, abort_decreasing FROM abbrev_abort_uuids ORDER BY abort_increasing LIMIT 5;
-- txid.sql
select '12:18:14,16'::txid_snapshot;
select txid_visible_in_snapshot('1000100010001012', '1000100010001000:1000100010001100:1000100010001012,1000100010001013');
select '12:16:14,14'::txid_snapshot;
SELECT txid_status(3);
select  txid_snapshot_xmin(snap),
	txid_snapshot_xmax(snap),
	txid_snapshot_xip(snap)
from snapshot_test order by nr;
select '12:16:14,13'::txid_snapshot;
SELECT txid_status(1);
SELECT txid_status(2);
select id, txid_visible_in_snapshot(id, snap)
from snapshot_test, generate_series(11, 21) id
where nr = 2;
-- type_sanity.sql
SELECT t1.oid, t1.typname, p1.oid, p1.proname
FROM pg_type AS t1, pg_proc AS p1
WHERE t1.typreceive = p1.oid AND p1.provolatile NOT IN ('i', 's');
SELECT t1.oid, t1.typname, p1.oid, p1.proname
FROM pg_type AS t1, pg_proc AS p1
WHERE t1.typsend = p1.oid AND t1.typtype in ('b', 'p') AND NOT
    (p1.pronargs = 1 AND
     (p1.proargtypes[0] = t1.oid OR
      (p1.oid = 'array_send'::regproc AND
       t1.typelem != 0 AND t1.typlen = -1)))
ORDER BY 1;
SELECT t1.oid, t1.typname, t2.oid, t2.typname
FROM pg_type AS t1 LEFT JOIN pg_type AS t2 ON t1.typbasetype = t2.oid
WHERE t1.typtype = 'd' AND t1.typoutput IS DISTINCT FROM t2.typoutput;
SELECT r.rngtypid, r.rngsubtype, r.rngmultitypid
FROM pg_range r
WHERE r.rngmultitypid IS NULL OR r.rngmultitypid = 0;
SELECT d.oid, d.typname, d.typanalyze, t.oid, t.typname, t.typanalyze
FROM pg_type d JOIN pg_type t ON d.typbasetype = t.oid
WHERE d.typanalyze != t.typanalyze;
SELECT t1.oid, t1.typname
FROM pg_type as t1
WHERE t1.typstorage != 'p' AND
    (t1.typbyval OR t1.typlen != -1);
SELECT DISTINCT typtype, typoutput
FROM pg_type AS t1
WHERE t1.typtype not in ('b', 'd', 'p')
ORDER BY 1;
SELECT a1.attrelid, a1.attname
FROM pg_attribute as a1
WHERE a1.attrelid = 0 OR a1.atttypid = 0 OR a1.attnum = 0 OR
    a1.attcacheoff != -1 OR a1.attinhcount < 0 OR
    (a1.attinhcount = 0 AND NOT a1.attislocal);
SELECT pc.oid, pc.relname, pa.amname, pa.amtype
FROM pg_class as pc JOIN pg_am AS pa ON (pc.relam = pa.oid)
WHERE pc.relkind IN ('i') and
    pa.amtype != 'i';
-- typed_table.sql
SELECT id, namelen(persons) FROM persons;
SELECT * FROM get_all_persons();
SELECT * FROM persons;
-- unicode.sql
SELECT "normalize"('abc', 'def');
SELECT normalize('');
SELECT is_normalized('abc', 'def');
-- union.sql
SELECT 1 AS two UNION ALL SELECT 1;
SELECT q2 FROM int8_tbl EXCEPT ALL SELECT q1 FROM int8_tbl ORDER BY 1;
SELECT 1.1 AS three UNION SELECT 2 UNION SELECT 3 ORDER BY 1;
SELECT f1 FROM float8_tbl INTERSECT SELECT f1 FROM int4_tbl ORDER BY 1;
SELECT * FROM
  (SELECT 1 AS t, generate_series(1,10) AS x
   UNION
   SELECT 2 AS t, 4 AS x) ss
WHERE x < 4
ORDER BY x;
select x from (values (row(100::money)::ct1), (row(200::money)::ct1)) _(x) union select x from (values (row(100::money)::ct1), (row(300::money)::ct1)) _(x);
select * from
  (select * from t3 a union all select * from t3 b) ss
  join int4_tbl on f1 = expensivefunc(x);
select x from (values (array[100::money]), (array[200::money])) _(x) union select x from (values (array[100::money]), (array[300::money])) _(x);
select * from
  (select *, 0 as x from int8_tbl a
   union all
   select *, 1 as x from int8_tbl b) ss
where (x = 0) or (q1 >= q2 and q1 <= q2);
-- updatable_views.sql
SELECT * FROM base_tbl_child ORDER BY a;
TABLE t1;
select table_name, is_updatable, is_insertable_into
  from information_schema.views where table_name = 'uv_ptv';
SELECT table_name, column_name, is_updatable
  FROM information_schema.columns
 WHERE table_name LIKE 'rw_view%'
 ORDER BY table_name, ordinal_position;
select * from base_tab_def order by a, c NULLS LAST;
SELECT * FROM rw_view2 FOR UPDATE;
SELECT * FROM rw_view15;
SELECT * FROM rw_view1 WHERE snoop(person);
SELECT table_name, is_updatable, is_insertable_into,
       is_trigger_updatable, is_trigger_deletable,
       is_trigger_insertable_into
  FROM information_schema.views
 WHERE table_name LIKE 'rw_view%'
 ORDER BY table_name;
-- update.sql
WITH aaa AS (SELECT 1 AS a, 'Foo' AS b) INSERT INTO upsert_test
  VALUES (1, 'Bar') ON CONFLICT(a)
  DO UPDATE SET (b, a) = (SELECT b, a FROM aaa) RETURNING *;
EXPLAIN (VERBOSE, COSTS OFF)
UPDATE update_test t
  SET (a, b) = (SELECT b, a FROM update_test s WHERE s.a = t.a)
  WHERE CURRENT_USER = SESSION_USER;
SELECT tableoid::regclass::text, * FROM list_parted WHERE a = 2 ORDER BY 1;
SELECT tableoid::regclass::text, * FROM list_parted ORDER BY 1, 2, 3, 4;
EXPLAIN (costs off) UPDATE range_parted set c = c - 50 WHERE c > 97;
WITH aaa AS (SELECT 1 AS ctea, ' Foo' AS cteb) INSERT INTO upsert_test
  VALUES (1, 'Bar'), (2, 'Baz') ON CONFLICT(a)
  DO UPDATE SET (b, a) = (SELECT upsert_test.b||cteb, upsert_test.a FROM aaa) RETURNING *;
SELECT * FROM update_test;
SELECT a, b, char_length(c) FROM update_test;
-- uuid.sql
SELECT COUNT(*) FROM guid1 WHERE guid_field <= '22222222-2222-2222-2222-222222222222';
SELECT guid_field FROM guid1 ORDER BY guid_field DESC;
SELECT COUNT(*) FROM guid1 WHERE guid_field = '3f3e3c3b-3a30-3938-3736-353433a2313e';
SELECT count(DISTINCT guid_field) FROM guid1;
SELECT guid_field FROM guid1 ORDER BY guid_field ASC;
SELECT guid_field FROM guid1;
SELECT COUNT(*) FROM guid1 g1 INNER JOIN guid2 g2 ON g1.guid_field = g2.guid_field;
SELECT COUNT(*) FROM guid1 WHERE guid_field <> '11111111111111111111111111111111';
SELECT COUNT(*) FROM guid1 WHERE guid_field < '22222222-2222-2222-2222-222222222222';
-- vacuum.sql
SELECT reltuples, relhassubclass
  FROM pg_class WHERE oid = 'past_inh_parent'::regclass;
SELECT * FROM vactst;
SELECT reltuples, relhassubclass
  FROM pg_class WHERE oid = 'past_parted'::regclass;
SELECT count(*) FROM vactst;
SELECT pg_relation_size('vac_truncate_test') > 0;
SELECT pg_relation_size('vac_truncate_test') = 0;
SELECT relname, relhasindex FROM pg_class
  WHERE relname LIKE 'vacparted_i%' AND relkind IN ('p','r')
  ORDER BY relname;
-- vacuum_parallel.sql
SELECT EXISTS (
SELECT 1
FROM pg_class
WHERE oid = 'vacuum_in_leader_small_index'::regclass AND
  pg_relation_size(oid) <
  pg_size_bytes(current_setting('min_parallel_index_scan_size'))
) as leader_will_handle_small_index;
SELECT count(*) as trigger_parallel_vacuum_nindexes
FROM pg_class
WHERE oid in ('regular_sized_index'::regclass, 'typically_sized_index'::regclass) AND
  pg_relation_size(oid) >=
  pg_size_bytes(current_setting('min_parallel_index_scan_size'));
-- varchar.sql
SELECT c.*
   FROM VARCHAR_TBL c
   WHERE c.f1 < 'a';
SELECT c.*
   FROM VARCHAR_TBL c
   WHERE c.f1 >= 'a';
SELECT c.*
   FROM VARCHAR_TBL c
   WHERE c.f1 > 'a';
SELECT c.*
   FROM VARCHAR_TBL c
   WHERE c.f1 <> 'a';
SELECT * FROM VARCHAR_TBL;
SELECT c.*
   FROM VARCHAR_TBL c
   WHERE c.f1 = 'a';
SELECT c.*
   FROM VARCHAR_TBL c
   WHERE c.f1 <= 'a';
-- window.sql
EXPLAIN (COSTS OFF)
SELECT
  lead(1) OVER (PARTITION BY depname ORDER BY salary, enroll_date),
  lag(1) OVER (PARTITION BY depname ORDER BY salary,enroll_date,empno)
FROM empsalary;
select id, f_float4, first_value(id) over w, last_value(id) over w
from numerics
window w as (order by f_float4 range between
             'inf' preceding and 'inf' following);
SELECT STDDEV_SAMP(n::numeric) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
  FROM (VALUES(1,NULL),(2,600),(3,470),(4,170),(5,430),(6,300)) r(i,n);
SELECT sum(unique1) over (rows between 1 following and 3 following),
	unique1, four
FROM tenk1 WHERE unique1 < 10;
select max(enroll_date) over (order by enroll_date range between 1 preceding and 2 following
	exclude ties), salary, enroll_date from empsalary;
select id, f_timestamptz, first_value(id) over w, last_value(id) over w
from datetimes
window w as (order by f_timestamptz range between
             '1 year'::interval preceding and '1 year'::interval following);
select id, f_time, first_value(id) over w, last_value(id) over w
from datetimes
window w as (order by f_time range between
             '70 min'::interval preceding and '2 hours'::interval following);
select f1, sum(f1) over (partition by f1, f1 order by f2
                         groups between 2 preceding and 1 preceding)
from t1 where f1 = f2;
select id, f_numeric, first_value(id) over w, last_value(id) over w
from numerics
window w as (order by f_numeric range between
             1 preceding and 1 following);
-- with.sql
with recursive search_graph(f, t, label) as (
	select * from graph g
	union all
	select g.*
	from graph g, search_graph sg
	where g.f = sg.t
) search depth first by f, t set foo
  cycle f, t set is_cycle to true default false using foo
select * from search_graph;
explain (verbose, costs off)
with recursive search_graph(f, t, label) as (
	select * from graph g
	union all
	select g.*
	from graph g, search_graph sg
	where g.f = sg.t
) cycle f, t set is_cycle using path
select * from search_graph;
select ( with cte(foo) as ( values(f1) )
         select (select foo from cte) )
from int4_tbl;
with recursive search_graph(f, t, label) as (
	select * from graph g
	union all
	select g.*
	from graph g, search_graph sg
	where g.f = sg.t
) cycle f, t set foo to true default false using foo
select * from search_graph;
with recursive search_graph(f, t, label, is_cycle, path) as (
	select *, false, array[row(g.f, g.t)] from graph g
	union all
	select g.*, row(g.f, g.t) = any(path), path || row(g.f, g.t)
	from graph g, search_graph sg
	where g.f = sg.t and not is_cycle
)
select * from search_graph;
with recursive search_graph(f, t, label) as (
	select * from graph g
	union all
	select g.*
	from graph g, search_graph sg
	where g.f = sg.t
) cycle f, t set is_cycle to true default false using label
select * from search_graph;
with recursive search_graph(f, t, label) as (
	select * from graph g
	union all
	select g.*
	from graph g, search_graph sg
	where g.f = sg.t
) cycle f, t set is_cycle to point '(1,1)' default point '(0,0)' using path
select * from search_graph;
with recursive search_graph(f, t, label) as (
	select * from graph0 g
	union all
	select g.*
	from graph0 g, search_graph sg
	where g.f = sg.t
) search depth first by foo, tar set seq
select * from search_graph;
WITH RECURSIVE
    x(id) AS (SELECT * FROM y UNION ALL SELECT id+1 FROM x WHERE id < 5),
    y(id) AS (values (1))
 SELECT * FROM x;
-- write_parallel.sql
explain (costs off) create table parallel_write as execute prep_stmt;
explain (costs off) select length(stringu1) into parallel_write
    from tenk1 group by length(stringu1);
explain (costs off) create materialized view parallel_mat_view as
    select length(stringu1) from tenk1 group by length(stringu1);
explain (costs off) create table parallel_write as
    select length(stringu1) from tenk1 group by length(stringu1);
select length(stringu1) into parallel_write
    from tenk1 group by length(stringu1);
-- xid.sql
select '1'::xid8 <= '2'::xid8, '2'::xid8 <= '2'::xid8, '2'::xid8 <= '1'::xid8;
select '1'::xid8 < '2'::xid8, '2'::xid8 < '2'::xid8, '2'::xid8 < '1'::xid8;
select pg_visible_in_snapshot(pg_current_xact_id(), pg_current_snapshot());
select pg_snapshot '1000100010001000:1000100010001100:1000100010001012,1000100010001013';
select '1'::xid >= '2'::xid;
select '1'::xid != '1'::xid;
select id, pg_visible_in_snapshot(id::text::xid8, snap)
from snapshot_test, generate_series(11, 21) id
where nr = 2;
select 'asdf'::xid;
SELECT pg_snapshot '1:9223372036854775807:3';
-- xml.sql
SELECT xmlcomment('test');
SELECT xml_is_well_formed('<relativens xmlns=''relative''/>');
SELECT xmlroot('<?xml version="1.1" standalone="yes"?><foo/>', version no value);
SELECT xml_is_well_formed('<foo>bar</foo>');
SELECT xpath_exists('count(/nosuchtag)', '<root/>'::xml);
SELECT xmlconcat('<?xml version="1.1"?><foo/>', NULL, '<?xml version="1.1" standalone="no"?><bar/>');
SELECT table_name, view_definition FROM information_schema.views
  WHERE table_name LIKE 'xmlview%' ORDER BY 1;
SELECT xmlparse(content '  ');
SELECT xmlconcat(NULL, NULL);
-- xmlmap.sql
SELECT table_to_xmlschema('testxmlschema.test1', true, false, '');
SELECT cursor_to_xml('xc'::refcursor, 5, true, false, '');
SELECT cursor_to_xmlschema('xc'::refcursor, false, true, '');
SELECT table_to_xml('testxmlschema.test3', true, true, '');
SELECT table_to_xml('testxmlschema.test1', false, true, '');
SELECT table_to_xml_and_xmlschema('testxmlschema.test1', true, false, '');
SELECT query_to_xml_and_xmlschema('SELECT * FROM testxmlschema.test1', true, true, '');
SELECT table_to_xmlschema('testxmlschema.test1', false, false, '');
SELECT query_to_xml('SELECT * FROM testxmlschema.test1', false, false, '');
