// pgx, the driver of Go: drive_pgx host=… port=…
//
// Each feature runs on a connection of its own and tells what came of it in one line.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

type feature struct {
	name string
	run  func(context.Context, *pgx.Conn) (any, error)
}

var features = []feature{
	{"types", types},
	{"every way to run a query", modes},
	{"prepared statements", prepared},
	{"a batch", batch},
	{"a batch that fails", failingBatch},
	{"a pipeline", pipeline},
	{"several statements", several},
	{"copy", copies},
	{"transactions", transactions},
	{"errors", failures},
	{"cancel", cancel},
	{"a deadline", deadline},
	{"notifications", notifications},
	{"notices", notices},
	{"a long value", long},
	{"a cursor", cursor},
	{"names of what was made here", made},
}

func main() {
	dsn := strings.Join(os.Args[1:], " ")
	for _, feature := range features {
		tell(dsn, feature)
	}
	masked(dsn)
}

func tell(dsn string, feature feature) {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		fmt.Printf("%s: raised %s\n", feature.name, err)
		return
	}
	defer conn.Close(ctx)
	told, err := feature.run(ctx, conn)
	if err != nil {
		told = "raised " + err.Error()
	}
	line, err := json.Marshal(told)
	if err != nil {
		line = []byte("raised " + err.Error())
	}
	fmt.Printf("%s: %s\n", feature.name, line)
}

// Differs with and without masks, so it is told apart.
func masked(dsn string) {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		fmt.Printf("@masked raised %s\n", err)
		return
	}
	defer conn.Close(ctx)
	got, err := rows(ctx, conn, "SELECT id, name, ssn FROM drivers.people WHERE id < $1", 2)
	if err != nil {
		got = []string{"raised " + err.Error()}
	}
	fmt.Println("@masked", strings.Join(got, " "))
}

func rows(ctx context.Context, conn *pgx.Conn, text string, args ...any) ([]string, error) {
	found, err := conn.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return fmt.Sprintf("%v", values), err
	})
}

// What the server says of an error, as pgx tells it.
func code(err error) any {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return []any{said.Code, said.Message, said.Detail, said.ConstraintName, said.Position}
	}
	return fmt.Sprint(err)
}

func types(ctx context.Context, conn *pgx.Conn) (any, error) {
	kind, err := conn.LoadType(ctx, "drivers.mood")
	if err != nil {
		return nil, err
	}
	conn.TypeMap().RegisterType(kind)
	day := time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC)
	number := pgtype.Numeric{}
	if err := number.Scan("12345678901234567890.0123"); err != nil {
		return nil, err
	}
	return rows(ctx, conn, `SELECT $1::int4, $2::int8, $3::float8, $4::numeric::text, $5::text, $6::bytea,
		$7::bool, $8::int[], $9::jsonb, $10::uuid::text, $11::timestamptz AT TIME ZONE 'UTC', $12::date,
		$13::interval, NULL::text, $14::drivers.mood, $15::text[], int4range(1, 5), $16::inet`,
		1, int64(1)<<40, -1.5, number, "ünï", []byte{0, 255}, true, []int32{1, 2}, map[string]any{"a": 1},
		"00000000-0000-0000-0000-000000000007", day, day, 3*time.Second, "high", []string{"a", "c,}"},
		"10.0.0.1/8")
}

func modes(ctx context.Context, conn *pgx.Conn) (any, error) {
	var told []any
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		for n := 1; n <= 3; n++ {
			got, err := rows(ctx, conn, "SELECT id, name FROM drivers.people WHERE id <= $1 ORDER BY id", mode, n)
			if err != nil {
				return nil, err
			}
			told = append(told, got)
		}
	}
	return told, nil
}

func prepared(ctx context.Context, conn *pgx.Conn) (any, error) {
	statement, err := conn.Prepare(ctx, "by id", "SELECT name FROM drivers.people WHERE id = $1")
	if err != nil {
		return nil, err
	}
	told := []any{statement.ParamOIDs, len(statement.Fields), statement.Fields[0].Name}
	for n := 1; n <= 3; n++ {
		got, err := rows(ctx, conn, "by id", n)
		if err != nil {
			return nil, err
		}
		told = append(told, got)
	}
	return told, conn.Deallocate(ctx, "by id")
}

func batch(ctx context.Context, conn *pgx.Conn) (any, error) {
	batch := &pgx.Batch{}
	batch.Queue("CREATE TEMP TABLE t (a int, b text)")
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	batch = &pgx.Batch{}
	for n := range 200 {
		batch.Queue("INSERT INTO t VALUES ($1, $2)", n, fmt.Sprint(n))
	}
	batch.Queue("SELECT count(*), sum(a) FROM t")
	results := conn.SendBatch(ctx, batch)
	for range 200 {
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
	}
	var count, sum int
	if err := results.QueryRow().Scan(&count, &sum); err != nil {
		return nil, err
	}
	return []int{count, sum}, results.Close()
}

func failingBatch(ctx context.Context, conn *pgx.Conn) (any, error) {
	if _, err := conn.Exec(ctx, "CREATE TEMP TABLE t (a int UNIQUE)"); err != nil {
		return nil, err
	}
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO t VALUES (1)")
	batch.Queue("INSERT INTO t VALUES (1)")
	batch.Queue("INSERT INTO t VALUES (2)")
	results := conn.SendBatch(ctx, batch)
	var told []any
	for range 3 {
		tag, err := results.Exec()
		told = append(told, []any{tag.String(), code(err)})
	}
	told = append(told, code(results.Close()))
	left, err := rows(ctx, conn, "SELECT count(*) FROM t")
	return append(told, left), err
}

func pipeline(ctx context.Context, conn *pgx.Conn) (any, error) {
	pipeline := conn.PgConn().StartPipeline(ctx)
	texts := []string{"SELECT 1", "SELECT nope", "SELECT 2"}
	for _, text := range texts {
		pipeline.SendQueryParams(text, nil, nil, nil, nil)
		if err := pipeline.Sync(); err != nil {
			return nil, err
		}
	}
	var told []any
	for {
		result, err := pipeline.GetResults()
		switch result := result.(type) {
		case *pgconn.ResultReader:
			read := result.Read()
			told = append(told, fmt.Sprintf("%s %s", read.Rows, read.CommandTag))
		case *pgconn.PipelineSync:
			told = append(told, "sync")
		case nil:
			if err == nil {
				return told, pipeline.Close()
			}
			told = append(told, code(err))
		}
	}
}

func several(ctx context.Context, conn *pgx.Conn) (any, error) {
	results, err := conn.PgConn().Exec(ctx, "SELECT 1; SELECT 'x', 2; CREATE TEMP TABLE s (a int)").ReadAll()
	var told []any
	for _, result := range results {
		told = append(told, fmt.Sprintf("%s %s", result.Rows, result.CommandTag))
	}
	return told, err
}

func copies(ctx context.Context, conn *pgx.Conn) (any, error) {
	if _, err := conn.Exec(ctx, "CREATE TEMP TABLE c (a int, b text, d timestamptz)"); err != nil {
		return nil, err
	}
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	next := 0
	source := pgx.CopyFromFunc(func() ([]any, error) {
		if next++; next > 5000 {
			return nil, nil
		}
		return []any{next, fmt.Sprint("line ", next), day}, nil
	})
	copied, err := conn.CopyFrom(ctx, pgx.Identifier{"c"}, []string{"a", "b", "d"}, source)
	if err != nil {
		return nil, err
	}
	told := []any{copied}
	tag, err := conn.PgConn().CopyFrom(ctx, strings.NewReader("1\tx\t\\N\n2\ty\t\\N\n"), "COPY c FROM STDIN")
	told = append(told, tag.String(), code(err))
	// A row that is none, and a reader that fails.
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("x\n"), "COPY c (a) FROM STDIN")
	told = append(told, code(err))
	_, err = conn.PgConn().CopyFrom(ctx, broken{}, "COPY c (a) FROM STDIN")
	told = append(told, code(err))
	for _, format := range []string{"text", "csv", "binary"} {
		var out bytes.Buffer
		text := "COPY (SELECT a, b FROM c WHERE a % 1000 = 0 ORDER BY a) TO STDOUT (FORMAT " + format + ")"
		tag, err := conn.PgConn().CopyTo(ctx, &out, text)
		told = append(told, tag.String(), code(err), out.Bytes())
	}
	left, err := rows(ctx, conn, "SELECT count(*) FROM c")
	return append(told, left), err
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no more") }

func transactions(ctx context.Context, conn *pgx.Conn) (any, error) {
	if _, err := conn.Exec(ctx, "CREATE TEMP TABLE t (a int UNIQUE)"); err != nil {
		return nil, err
	}
	var told []any
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO t VALUES (1)"); err != nil {
			return err
		}
		err := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
			_, err := inner.Exec(ctx, "INSERT INTO t VALUES ($1)", 1)
			return err
		})
		told = append(told, code(err), string(conn.PgConn().TxStatus()))
		return nil
	})
	told = append(told, code(err), string(conn.PgConn().TxStatus()))
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE TABLE drivers.never (a int)")
		return err
	})
	told = append(told, code(err))
	left, err := rows(ctx, conn, "SELECT a FROM t")
	return append(told, left), err
}

func failures(ctx context.Context, conn *pgx.Conn) (any, error) {
	var told []any
	for _, text := range []string{
		"SELECT 1/0", "SELECT nope FROM drivers.people", "SELECT * FROM drivers.nothing",
		"SELECT nothing(1)", "SELECT 'x'::int",
	} {
		_, err := conn.Exec(ctx, text)
		told = append(told, code(err))
		// And by the simple protocol.
		_, err = conn.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol)
		told = append(told, code(err))
	}
	left, err := rows(ctx, conn, "SELECT 1")
	return append(told, left), err
}

func cancel(ctx context.Context, conn *pgx.Conn) (any, error) {
	asked := make(chan error, 1)
	go func() {
		time.Sleep(200 * time.Millisecond)
		asked <- conn.PgConn().CancelRequest(ctx)
	}()
	_, err := conn.Exec(ctx, "SELECT pg_sleep(25)")
	told := []any{code(err), code(<-asked)}
	left, err := rows(ctx, conn, "SELECT 1")
	return append(told, left), err
}

func deadline(ctx context.Context, conn *pgx.Conn) (any, error) {
	short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	_, err := conn.Exec(short, "SELECT pg_sleep(25)")
	return []any{errors.Is(err, context.DeadlineExceeded), conn.IsClosed()}, nil
}

func notifications(ctx context.Context, conn *pgx.Conn) (any, error) {
	if _, err := conn.Exec(ctx, "LISTEN drivers_pgx"); err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_notify('drivers_pgx', $1)", ""); err != nil {
		return nil, err
	}
	heard, err := conn.WaitForNotification(ctx)
	if err != nil {
		return nil, err
	}
	return []string{heard.Channel, heard.Payload}, nil
}

func notices(ctx context.Context, conn *pgx.Conn) (any, error) {
	config := conn.Config()
	var told []any
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		told = append(told, []string{notice.Code, notice.Message})
	}
	other, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	defer other.Close(ctx)
	_, err = other.Exec(ctx, "DROP TABLE IF EXISTS nowhere")
	return told, err
}

func long(ctx context.Context, conn *pgx.Conn) (any, error) {
	var length int
	var back string
	value := strings.Repeat("ü", 1_000_000)
	err := conn.QueryRow(ctx, "SELECT length($1::text), $1::text", value).Scan(&length, &back)
	return []any{length, back == value}, err
}

func cursor(ctx context.Context, conn *pgx.Conn) (any, error) {
	var told []any
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "DECLARE c CURSOR FOR SELECT generate_series(1, 10)"); err != nil {
			return err
		}
		for range 3 {
			got, err := rows(ctx, conn, "FETCH 4 FROM c")
			if err != nil {
				return err
			}
			told = append(told, got)
		}
		return nil
	})
	return told, err
}

// A statement that was prepared and cached means something else now.
func made(ctx context.Context, conn *pgx.Conn) (any, error) {
	var told []any
	for _, text := range []string{
		"CREATE TEMP TABLE t AS SELECT 1 AS a", "SELECT * FROM t", "ALTER TABLE t ADD COLUMN b text DEFAULT 'x'",
		"SELECT * FROM t", "SELECT * FROM t", "DROP TABLE t", "CREATE TEMP TABLE t AS SELECT 'y' AS c", "SELECT * FROM t",
		"SELECT * FROM t",
	} {
		got, err := rows(ctx, conn, text)
		told = append(told, got, code(err))
	}
	return told, nil
}
