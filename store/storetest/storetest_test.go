package storetest_test

import (
	"database/sql"
	"testing"

	_ "github.com/lib/pq"

	"courant/store/storetest"
)

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestEachTestHasASchemaOfItsOwn(t *testing.T) {
	t.Parallel()
	first, second := open(t, storetest.DSN(t)), open(t, storetest.DSN(t))
	for _, db := range []*sql.DB{first, second} {
		if _, err := db.Exec("CREATE TABLE editions (id int)"); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkSchema(b *testing.B) {
	for b.Loop() {
		b.Run("", func(b *testing.B) { storetest.DSN(b) })
	}
}
