package enrol

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Part is one table of what an operator hands over: the file itself, or one of
// the files in the archive that an export comes as.
type Part struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Parts takes a file apart. One that is no archive is its only part.
func Parts(f io.ReaderAt, size int64, name string) ([]Part, error) {
	start := make([]byte, 4)
	if n, _ := f.ReadAt(start, 0); n < 4 || !bytes.Equal(start, []byte("PK\x03\x04")) {
		return []Part{{name, func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(f, 0, size)), nil }}}, nil
	}
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return nil, fmt.Errorf("the archive can't be read (%w); take its files out and import each CSV file", err)
	}
	var parts []Part
	for _, entry := range archive.File {
		base := path.Base(entry.Name)
		if strings.EqualFold(path.Ext(base), ".csv") && !strings.HasPrefix(base, ".") && !strings.HasPrefix(entry.Name, "__MACOSX/") {
			parts = append(parts, Part{entry.Name, entry.Open})
		}
	}
	if len(parts) == 0 {
		return nil, errors.New("this is a workbook, or an archive without a CSV file; save the table as CSV in UTF-8 and import that")
	}
	slices.SortFunc(parts, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })
	return parts, nil
}
