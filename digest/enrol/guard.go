package enrol

import "strings"

// Guard is a cell as an export writes it. A spreadsheet runs what begins with
// one of these as a formula, so an apostrophe goes before it, which an import
// takes off again.
func Guard(cell string) string {
	if runs(cell) {
		return "'" + cell
	}
	return cell
}

// unguarded is the cell that Guard was given.
func unguarded(cell string) string {
	if bare, guarded := strings.CutPrefix(cell, "'"); guarded && runs(bare) {
		return bare
	}
	return cell
}

func runs(cell string) bool {
	return cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0]))
}
