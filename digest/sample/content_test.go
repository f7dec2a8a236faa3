package sample

import "testing"

func TestContentIsWhole(t *testing.T) {
	t.Parallel()
	if _, err := readCollection(content); err != nil {
		t.Fatal(err)
	}
}
