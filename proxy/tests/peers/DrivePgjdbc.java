// What PostgreSQL's JDBC driver can do, one method each: their results are printed, to be compared.
// Arguments are `key=value`, as for the other drivers. Lines that may differ begin with `@`.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

public class DrivePgjdbc {
    interface Feature {
        Object run(Connection connection) throws Exception;
    }

    static final Map<String, String> WORDS = new HashMap<>();

    static Connection open(String... more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", WORDS.get("user"));
        properties.setProperty("password", WORDS.get("password"));
        properties.setProperty("sslmode", WORDS.getOrDefault("sslmode", "disable"));
        if (WORDS.containsKey("sslrootcert")) {
            properties.setProperty("sslrootcert", WORDS.get("sslrootcert"));
        }
        for (int i = 0; i < more.length; i += 2) {
            properties.setProperty(more[i], more[i + 1]);
        }
        String url = "jdbc:postgresql://" + WORDS.get("host") + ":" + WORDS.get("port") + "/" + WORDS.get("dbname");
        return DriverManager.getConnection(url, properties);
    }

    // All columns, or these.
    static List<String> rows(ResultSet set, int... columns) throws SQLException {
        List<String> rows = new ArrayList<>();
        int[] all = IntStream.rangeClosed(1, set.getMetaData().getColumnCount()).toArray();
        while (set.next()) {
            List<String> row = new ArrayList<>();
            for (int column : columns.length > 0 ? columns : all) {
                row.add(set.getString(column));
            }
            rows.add(row.toString());
        }
        set.close();
        return rows;
    }

    static String told(SQLException error) {
        return error.getSQLState() + " " + error.getMessage().split("\n")[0];
    }

    static void execute(Connection connection, String... texts) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String text : texts) {
                statement.execute(text);
            }
        }
    }

    static Object prepared(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        try (PreparedStatement s = c.prepareStatement("SELECT id, name FROM drivers.people WHERE id = ? OR name = ?")) {
            // From the fifth on it has a name, and answers in binary.
            for (int i = 1; i <= 8; i++) {
                s.setInt(1, i);
                s.setString(2, "name " + (i - 1));
                told.add(rows(s.executeQuery()));
            }
            s.setNull(1, Types.INTEGER);
            s.setString(2, null);
            told.add(rows(s.executeQuery()));
        }
        return told;
    }

    static Object prepared_at_once(Connection unused) throws Exception {
        try (Connection c = open("prepareThreshold", "-1", "binaryTransfer", "true")) {
            return prepared(c);
        }
    }

    static Object query_modes(Connection unused) throws Exception {
        List<Object> told = new ArrayList<>();
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            try (Connection c = open("preferQueryMode", mode)) {
                told.add(prepared(c));
                execute(c, "CREATE TEMP TABLE modes (a int)", "INSERT INTO modes VALUES (1); INSERT INTO modes VALUES (2)");
                told.add(rows(c.createStatement().executeQuery("SELECT a FROM modes ORDER BY a")));
            }
        }
        return told;
    }

    static Object batches(Connection unused) throws Exception {
        List<Object> told = new ArrayList<>();
        for (String rewrite : new String[] {"false", "true"}) {
            try (Connection c = open("reWriteBatchedInserts", rewrite)) {
                execute(c, "DROP TABLE IF EXISTS drivers.batch", "CREATE TABLE drivers.batch (id serial PRIMARY KEY, a int, t text)");
                try (PreparedStatement s = c.prepareStatement("INSERT INTO drivers.batch (a, t) VALUES (?, ?)")) {
                    for (int round = 0; round < 3; round++) {
                        for (int i = 0; i < 300; i++) {
                            s.setInt(1, i);
                            s.setString(2, "t" + i);
                            s.addBatch();
                        }
                        told.add(s.executeBatch().length);
                    }
                }
                told.add(rows(c.createStatement().executeQuery("SELECT count(*), sum(a) FROM drivers.batch")));
                try (Statement s = c.createStatement()) {
                    s.addBatch("UPDATE drivers.batch SET t = 'x' WHERE a = 1");
                    s.addBatch("DELETE FROM drivers.batch WHERE a = 2");
                    told.add(Arrays.toString(s.executeBatch()));
                }
                try (PreparedStatement s = c.prepareStatement("INSERT INTO drivers.batch (id, a) VALUES (?, ?)")) {
                    for (int i : new int[] {5001, 1, 5002}) {
                        s.setInt(1, i);
                        s.setInt(2, i);
                        s.addBatch();
                    }
                    told.add(s.executeBatch().length);
                } catch (BatchUpdateException error) {
                    told.add(error.getSQLState());
                    told.add(Arrays.toString(error.getUpdateCounts()));
                }
                told.add(rows(c.createStatement().executeQuery("SELECT count(*) FROM drivers.batch")));
            }
        }
        return told;
    }

    static Object cursors(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        c.setAutoCommit(false);
        try (PreparedStatement s = c.prepareStatement("SELECT i FROM generate_series(1, 1000) i")) {
            s.setFetchSize(70);
            long sum = 0;
            try (ResultSet set = s.executeQuery()) {
                while (set.next()) {
                    sum += set.getLong(1);
                }
            }
            told.add(sum);
            try (ResultSet set = s.executeQuery()) {
                set.next();
                told.add(set.getLong(1));
            }
            s.setMaxRows(5);
            told.add(rows(s.executeQuery()));
        }
        try (PreparedStatement one = c.prepareStatement("SELECT id FROM drivers.people ORDER BY id");
             PreparedStatement two = c.prepareStatement("SELECT name FROM drivers.people WHERE id = ?")) {
            one.setFetchSize(2);
            ResultSet outer = one.executeQuery();
            while (outer.next()) {
                two.setInt(1, outer.getInt(1));
                told.add(rows(two.executeQuery()));
            }
        }
        c.commit();
        c.setAutoCommit(true);
        return told;
    }

    static Object scrolling(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            s.execute("DROP TABLE IF EXISTS drivers.edited");
            s.execute("CREATE TABLE drivers.edited (id int PRIMARY KEY, t text)");
            s.execute("INSERT INTO drivers.edited VALUES (1, 'a'), (2, 'b'), (3, 'c')");
            ResultSet set = s.executeQuery("SELECT id, t FROM drivers.edited ORDER BY id");
            set.last();
            told.add(set.getInt(1));
            set.first();
            set.updateString(2, "edited");
            set.updateRow();
            set.moveToInsertRow();
            set.updateInt(1, 4);
            set.updateString(2, "new");
            set.insertRow();
            set.absolute(2);
            set.deleteRow();
            set.close();
            told.add(rows(s.executeQuery("SELECT id, t FROM drivers.edited ORDER BY id")));
        }
        return told;
    }

    static Object generated_keys(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        execute(c, "DROP TABLE IF EXISTS drivers.keys", "CREATE TABLE drivers.keys (id serial PRIMARY KEY, t text, at int DEFAULT 7)");
        try (PreparedStatement s = c.prepareStatement("INSERT INTO drivers.keys (t) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 7; i++) {
                s.setString(1, "t" + i);
                told.add(s.executeUpdate());
                told.add(rows(s.getGeneratedKeys()));
            }
            s.setString(1, "b1");
            s.addBatch();
            s.setString(1, "b2");
            s.addBatch();
            s.executeBatch();
            told.add(rows(s.getGeneratedKeys()));
        }
        try (PreparedStatement s = c.prepareStatement("INSERT INTO drivers.keys (t) VALUES ('x')", new String[] {"id", "at"})) {
            s.executeUpdate();
            told.add(rows(s.getGeneratedKeys()));
        }
        try (Statement s = c.createStatement()) {
            s.executeUpdate("UPDATE drivers.keys SET t = 'y' WHERE id < 3", Statement.RETURN_GENERATED_KEYS);
            told.add(rows(s.getGeneratedKeys()).size());
        }
        return told;
    }

    static Object metadata(Connection c) throws Exception {
        DatabaseMetaData m = c.getMetaData();
        Map<String, Object> told = new LinkedHashMap<>();
        execute(c, "DROP SCHEMA IF EXISTS told CASCADE", "CREATE SCHEMA told", "CREATE TYPE told.mood AS ENUM ('low', 'high')",
            "CREATE TABLE told.parent (a int, b int, PRIMARY KEY (b, a), t text UNIQUE)", "COMMENT ON TABLE told.parent IS 'of others'",
            "CREATE TABLE told.child (id int GENERATED ALWAYS AS IDENTITY, a int, b int, m told.mood DEFAULT 'low',"
                + " n numeric(10, 2)[], FOREIGN KEY (b, a) REFERENCES told.parent ON DELETE CASCADE)",
            "CREATE VIEW told.seen AS SELECT id, m FROM told.child",
            "CREATE FUNCTION told.twice(i int, OUT o int, OUT p text) LANGUAGE sql AS 'SELECT i * 2, i::text'");
        told.put("product", m.getDatabaseProductName() + m.getDriverName());
        told.put("catalogs", rows(m.getCatalogs()).size() > 0);
        told.put("schemas", rows(m.getSchemas()).size() > 3);
        told.put("schemas of", rows(m.getSchemas(null, "tol%")));
        told.put("tableTypes", rows(m.getTableTypes()));
        told.put("tables", rows(m.getTables(null, "told", "%", new String[] {"TABLE", "VIEW"})));
        told.put("all tables", rows(m.getTables(null, null, "%", null)).size() > 100);
        told.put("columns", rows(m.getColumns(null, "told", "%", "%")));
        told.put("primary", rows(m.getPrimaryKeys(null, "told", "parent")));
        told.put("imported", rows(m.getImportedKeys(null, "told", "child")));
        told.put("exported", rows(m.getExportedKeys(null, "told", "parent")));
        told.put("cross", rows(m.getCrossReference(null, "told", "parent", null, "told", "child")));
        told.put("index", rows(m.getIndexInfo(null, "told", "parent", false, true)));
        told.put("best row", rows(m.getBestRowIdentifier(null, "told", "parent", 0, true)));
        told.put("version", rows(m.getVersionColumns(null, "told", "parent")));
        told.put("privileges", rows(m.getTablePrivileges(null, "told", "parent")));
        told.put("column privileges", rows(m.getColumnPrivileges(null, "told", "parent", "%")));
        told.put("functions", rows(m.getFunctions(null, "told", "%"), 2, 3, 4, 5));
        told.put("function columns", rows(m.getFunctionColumns(null, "told", "%", "%"), 3, 4, 5, 7));
        told.put("procedures", rows(m.getProcedures(null, "told", "%"), 2, 3, 7, 8));
        told.put("procedure columns", rows(m.getProcedureColumns(null, "told", "%", "%"), 3, 4, 5, 7));
        told.put("types", rows(m.getTypeInfo()).size() > 50);
        told.put("udts", rows(m.getUDTs(null, "told", "%", null)));
        told.put("client info", rows(m.getClientInfoProperties()));
        told.put("words", m.getSQLKeywords().length() > 100);
        told.put("longest name", m.getMaxColumnNameLength());
        told.put("isolation", m.supportsTransactionIsolationLevel(Connection.TRANSACTION_SERIALIZABLE));
        return told;
    }

    static Object descriptions(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        try (PreparedStatement s = c.prepareStatement("SELECT id, name AS n, 1 + id AS one FROM drivers.people WHERE id = ? AND name LIKE ?")) {
            ParameterMetaData in = s.getParameterMetaData();
            told.add(in.getParameterCount() + in.getParameterTypeName(1) + in.getParameterTypeName(2));
            ResultSetMetaData out = s.getMetaData();
            org.postgresql.PGResultSetMetaData more = out.unwrap(org.postgresql.PGResultSetMetaData.class);
            for (int i = 1; i <= out.getColumnCount(); i++) {
                told.add(out.getColumnName(i) + out.getColumnTypeName(i) + out.isNullable(i) + out.isAutoIncrement(i)
                    + out.getTableName(i) + out.getSchemaName(i) + more.getBaseColumnName(i));
            }
        }
        return told;
    }

    static Object copies(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        execute(c, "DROP TABLE IF EXISTS drivers.copied", "CREATE TABLE drivers.copied (a int, t text)");
        CopyManager copy = c.unwrap(PGConnection.class).getCopyAPI();
        told.add(copy.copyIn("COPY drivers.copied FROM STDIN WITH (FORMAT csv)", new StringReader("1,a\n2,\"b,c\"\n3,\n")));
        StringWriter out = new StringWriter();
        told.add(copy.copyOut("COPY drivers.copied TO STDOUT", out));
        told.add(out.toString());
        try {
            copy.copyIn("COPY drivers.copied FROM STDIN", new StringReader("x\ty\n"));
        } catch (SQLException error) {
            told.add(told(error));
        }
        told.add(rows(c.createStatement().executeQuery("SELECT count(*) FROM drivers.copied")));
        return told;
    }

    static Object large_objects(Connection c) throws Exception {
        // The driver calls functions by the protocol's own message, which no proxy can judge.
        c.setAutoCommit(false);
        try {
            LargeObjectManager objects = c.unwrap(PGConnection.class).getLargeObjectAPI();
            long oid = objects.createLO(LargeObjectManager.READWRITE);
            LargeObject object = objects.open(oid, LargeObjectManager.WRITE);
            object.write("text".getBytes());
            object.close();
            return "written";
        } catch (SQLException error) {
            return error.getSQLState();
        } finally {
            c.rollback();
            c.setAutoCommit(true);
        }
    }

    static Object savepoints(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        execute(c, "DROP TABLE IF EXISTS drivers.saved", "CREATE TABLE drivers.saved (a int PRIMARY KEY)");
        c.setAutoCommit(false);
        execute(c, "INSERT INTO drivers.saved VALUES (1)");
        Savepoint one = c.setSavepoint("one");
        try {
            execute(c, "INSERT INTO drivers.saved VALUES (1)");
        } catch (SQLException error) {
            told.add(told(error));
        }
        c.rollback(one);
        Savepoint two = c.setSavepoint();
        execute(c, "INSERT INTO drivers.saved VALUES (2)");
        c.releaseSavepoint(two);
        c.commit();
        c.setAutoCommit(true);
        told.add(rows(c.createStatement().executeQuery("SELECT a FROM drivers.saved ORDER BY a")));
        return told;
    }

    static Object autosave(Connection unused) throws Exception {
        List<Object> told = new ArrayList<>();
        for (String mode : new String[] {"always", "conservative"}) {
            try (Connection c = open("autosave", mode, "cleanupSavepoints", "true")) {
                execute(c, "DROP TABLE IF EXISTS drivers.auto", "CREATE TABLE drivers.auto (a int PRIMARY KEY)");
                c.setAutoCommit(false);
                try (PreparedStatement s = c.prepareStatement("INSERT INTO drivers.auto VALUES (?)")) {
                    for (int i : new int[] {1, 2, 3, 4, 5, 6, 1, 7}) {
                        s.setInt(1, i);
                        try {
                            told.add(s.executeUpdate());
                        } catch (SQLException error) {
                            told.add(told(error));
                        }
                    }
                }
                try (PreparedStatement s = c.prepareStatement("SELECT * FROM drivers.auto ORDER BY a")) {
                    for (int i = 0; i < 6; i++) {
                        told.add(rows(s.executeQuery()).size());
                    }
                    // The plan that the server kept gives another row now.
                    execute(c, "ALTER TABLE drivers.auto ADD COLUMN b int");
                    told.add(rows(s.executeQuery()).size());
                } catch (SQLException error) {
                    told.add(told(error));
                }
                c.commit();
            }
        }
        return told;
    }

    static Object changed_plans(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        execute(c, "DROP TABLE IF EXISTS drivers.plan", "CREATE TABLE drivers.plan (a int)", "INSERT INTO drivers.plan VALUES (1)");
        try (PreparedStatement s = c.prepareStatement("SELECT * FROM drivers.plan")) {
            for (int i = 0; i < 7; i++) {
                told.add(rows(s.executeQuery()));
            }
            execute(c, "ALTER TABLE drivers.plan ADD COLUMN b text DEFAULT 'b'");
            told.add(rows(s.executeQuery()));
        }
        execute(c, "SET search_path = drivers, public");
        told.add(rows(c.createStatement().executeQuery("SELECT * FROM plan")));
        c.setSchema("public");
        told.add(c.getSchema());
        execute(c, "DISCARD ALL");
        told.add(rows(c.createStatement().executeQuery("SELECT * FROM drivers.plan")));
        return told;
    }

    static Object types(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        execute(c, "DROP TABLE IF EXISTS drivers.typed", "CREATE TABLE drivers.typed (i int, l bigint, s smallint, d float8, f real, n numeric,"
            + " b boolean, t text, c char(3), by bytea, u uuid, j jsonb, ia int[], ta text[], dt date, ti time, ts timestamp, tz timestamptz,"
            + " m drivers.mood, iv interval, x xml)");
        try (PreparedStatement s = c.prepareStatement("INSERT INTO drivers.typed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?, ?, ?::drivers.mood, ?::interval, ?)")) {
            for (int i = 0; i < 7; i++) {
                s.setInt(1, i);
                s.setLong(2, 1L << 40);
                s.setShort(3, (short) 3);
                s.setDouble(4, 1.5);
                s.setFloat(5, 2.5f);
                s.setBigDecimal(6, new BigDecimal("12345678901234567890.123"));
                s.setBoolean(7, true);
                s.setString(8, "ä€");
                s.setString(9, "abc");
                s.setBytes(10, new byte[] {0, 1, (byte) 255});
                s.setObject(11, java.util.UUID.fromString("00000000-0000-0000-0000-00000000000a"));
                s.setString(12, "{\"a\": [1, 2]}");
                s.setArray(13, c.createArrayOf("int4", new Integer[] {1, null, 3}));
                s.setArray(14, c.createArrayOf("text", new String[] {"a,b", "\"q\"", null}));
                s.setObject(15, java.time.LocalDate.of(2024, 2, 29));
                s.setObject(16, java.time.LocalTime.of(23, 59, 59));
                s.setObject(17, java.time.LocalDateTime.of(2024, 2, 29, 12, 0));
                s.setObject(18, java.time.OffsetDateTime.of(2024, 2, 29, 12, 0, 0, 0, java.time.ZoneOffset.UTC));
                s.setString(19, "high");
                s.setString(20, "1 day");
                java.sql.SQLXML xml = c.createSQLXML();
                xml.setString("<a/>");
                s.setSQLXML(21, xml);
                s.executeUpdate();
            }
        }
        try (PreparedStatement s = c.prepareStatement("SELECT * FROM drivers.typed WHERE i >= ? ORDER BY i LIMIT 1")) {
            for (int i = 0; i < 6; i++) {
                s.setInt(1, i);
                ResultSet set = s.executeQuery();
                set.next();
                Array array = set.getArray(13);
                told.add(Arrays.toString((Object[]) array.getArray()) + Arrays.toString((Object[]) set.getArray(14).getArray())
                    + Arrays.toString(set.getBytes(10)) + set.getObject(11) + set.getBigDecimal(6) + set.getObject(18, java.time.OffsetDateTime.class)
                    + set.getString(12) + set.getObject(19) + set.getObject(20) + set.getString(8));
            }
        }
        try (PreparedStatement s = c.prepareStatement("SELECT count(*) FROM drivers.people WHERE id = ANY (?)")) {
            s.setArray(1, c.createArrayOf("int4", new Integer[] {1, 2}));
            told.add(rows(s.executeQuery()));
        }
        return told;
    }

    static Object calls(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        execute(c, "CREATE OR REPLACE FUNCTION drivers.add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b'",
            "CREATE OR REPLACE PROCEDURE drivers.put(i int) LANGUAGE sql AS 'INSERT INTO drivers.saved VALUES (i)'");
        try (CallableStatement s = c.prepareCall("{? = call drivers.add(?, ?)}")) {
            s.registerOutParameter(1, Types.INTEGER);
            s.setInt(2, 2);
            s.setInt(3, 3);
            s.execute();
            told.add(s.getInt(1));
        }
        try (CallableStatement s = c.prepareCall("call drivers.put(?)")) {
            s.setInt(1, 100);
            told.add(s.execute());
        }
        told.add(rows(c.createStatement().executeQuery("SELECT {fn ucase('a')}, {d '2024-01-01'}, {fn concat('a', 'b')}")));
        return told;
    }

    static Object transactions(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        told.add(c.getTransactionIsolation());
        c.setAutoCommit(false);
        told.add(rows(c.createStatement().executeQuery("SHOW transaction_isolation")));
        try {
            execute(c, "SELECT 1/0");
        } catch (SQLException error) {
            told.add(told(error));
        }
        try {
            execute(c, "SELECT 1");
        } catch (SQLException error) {
            told.add(told(error));
        }
        c.rollback();
        c.setAutoCommit(true);
        c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        c.setReadOnly(true);
        c.setAutoCommit(false);
        try {
            execute(c, "INSERT INTO drivers.saved VALUES (77)");
        } catch (SQLException error) {
            told.add(told(error));
        }
        c.rollback();
        c.setAutoCommit(true);
        c.setReadOnly(false);
        return told;
    }

    static Object several(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        try (Statement s = c.createStatement()) {
            boolean set = s.execute("SELECT 1; UPDATE drivers.saved SET a = a WHERE a = 1; SELECT 2");
            while (set || s.getUpdateCount() >= 0) {
                told.add(set ? rows(s.getResultSet()) : s.getUpdateCount());
                set = s.getMoreResults();
            }
        }
        return told;
    }

    static Object errors(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        for (String text : new String[] {"SELECT nosuch FROM drivers.people", "SELECT * FROM drivers.nosuch", "SELEC 1",
            "INSERT INTO drivers.saved VALUES (1)", "INSERT INTO drivers.saved VALUES (NULL)", "SELECT nosuch(1)", "SELECT 'x'::int"}) {
            try (PreparedStatement s = c.prepareStatement(text)) {
                s.execute();
            } catch (SQLException error) {
                told.add(told(error));
            }
        }
        try (Statement s = c.createStatement()) {
            s.execute("DROP TABLE IF EXISTS drivers.nosuch");
            told.add(s.getWarnings().getMessage());
        }
        return told;
    }

    static Object notifications(Connection c) throws Exception {
        execute(c, "LISTEN drivers_news");
        try (Connection other = open()) {
            execute(other, "NOTIFY drivers_news, 'hello'");
        }
        PGNotification[] heard = c.unwrap(PGConnection.class).getNotifications(5000);
        execute(c, "UNLISTEN *");
        System.out.println("@payload " + heard[0].getParameter());
        return heard.length + heard[0].getName();
    }

    static Object cancels(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        try (Statement s = c.createStatement()) {
            CompletableFuture.runAsync(() -> {
                try {
                    Thread.sleep(300);
                    s.cancel();
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
            });
            s.execute("SELECT pg_sleep(30)");
        } catch (SQLException error) {
            told.add(told(error));
        }
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            s.execute("SELECT pg_sleep(30)");
        } catch (SQLException error) {
            told.add(told(error));
        }
        told.add(c.isValid(5));
        told.add(rows(c.createStatement().executeQuery("SELECT 1")));
        return told;
    }

    static Object settings(Connection unused) throws Exception {
        List<Object> told = new ArrayList<>();
        try (Connection c = open("ApplicationName", "named", "currentSchema", "drivers,public", "readOnly", "true",
                "options", "-c statement_timeout=20000 -c work_mem=8MB", "assumeMinServerVersion", "9.6", "stringtype", "unspecified",
                "defaultRowFetchSize", "2", "tcpKeepAlive", "true", "targetServerType", "primary")) {
            told.add(rows(c.createStatement().executeQuery("SELECT current_setting('application_name'), current_setting('statement_timeout'), current_setting('work_mem'), current_schema()")));
            told.add(rows(c.createStatement().executeQuery("SELECT name FROM people ORDER BY id")));
            c.setClientInfo("ApplicationName", "renamed");
            told.add(c.getClientInfo("ApplicationName"));
        }
        return told;
    }

    static Object masked(Connection c) throws Exception {
        List<Object> told = new ArrayList<>();
        try (PreparedStatement s = c.prepareStatement("SELECT id, name, ssn FROM drivers.people WHERE id <= ? ORDER BY id")) {
            for (int i = 0; i < 6; i++) {
                s.setInt(1, 1);
                told.add(rows(s.executeQuery()));
            }
        }
        return told;
    }

    public static void main(String[] arguments) throws Exception {
        for (String word : arguments) {
            int at = word.indexOf('=');
            WORDS.put(word.substring(0, at), word.substring(at + 1));
        }
        java.util.TimeZone.setDefault(java.util.TimeZone.getTimeZone("UTC"));
        Map<String, Feature> features = new LinkedHashMap<>();
        features.put("prepared", DrivePgjdbc::prepared);
        features.put("prepared_at_once", DrivePgjdbc::prepared_at_once);
        features.put("query_modes", DrivePgjdbc::query_modes);
        features.put("batches", DrivePgjdbc::batches);
        features.put("cursors", DrivePgjdbc::cursors);
        features.put("scrolling", DrivePgjdbc::scrolling);
        features.put("generated_keys", DrivePgjdbc::generated_keys);
        features.put("metadata", DrivePgjdbc::metadata);
        features.put("descriptions", DrivePgjdbc::descriptions);
        features.put("copies", DrivePgjdbc::copies);
        features.put("savepoints", DrivePgjdbc::savepoints);
        features.put("autosave", DrivePgjdbc::autosave);
        features.put("changed_plans", DrivePgjdbc::changed_plans);
        features.put("types", DrivePgjdbc::types);
        features.put("calls", DrivePgjdbc::calls);
        features.put("transactions", DrivePgjdbc::transactions);
        features.put("several", DrivePgjdbc::several);
        features.put("errors", DrivePgjdbc::errors);
        features.put("notifications", DrivePgjdbc::notifications);
        features.put("cancels", DrivePgjdbc::cancels);
        features.put("settings", DrivePgjdbc::settings);
        features.put("@large_objects", DrivePgjdbc::large_objects);
        features.put("@masked", DrivePgjdbc::masked);
        for (Map.Entry<String, Feature> feature : features.entrySet()) {
            try (Connection connection = open()) {
                Object result = feature.getValue().run(connection);
                System.out.println(feature.getKey() + " " + result.toString().replace("\n", "\\n"));
            } catch (Exception error) {
                System.out.println(feature.getKey() + " raised " + error.toString().replace("\n", "\\n"));
            }
        }
    }
}
