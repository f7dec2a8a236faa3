package ingest

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// place is where a block stands in a table. The zero value is nowhere. Of
// tables within tables it is the inner one.
type place struct{ cell, row, table *html.Node }

// placed climbs from an element to its cell. What stands deeper in one is no
// line of it.
func placed(n *html.Node) place {
	const levels = 8
	for range levels {
		if n == nil {
			return place{}
		}
		switch n.DataAtom {
		case atom.Table:
			return place{table: n}
		case atom.Caption:
			return place{cell: n, table: n.Parent}
		case atom.Td, atom.Th:
			at := place{cell: n, row: n.Parent}
			for outer := n.Parent; outer != nil; outer = outer.Parent {
				switch outer.DataAtom {
				case atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot:
					continue
				case atom.Table:
					at.table = outer
				}
				break
			}
			return at
		}
		n = n.Parent
	}
	return place{}
}

// isDot tells the cell before a point: a bullet, a number, an arrow.
func isDot(text string) bool {
	const longest = 3
	return len([]rune(text)) <= longest && !strings.ContainsFunc(text, unicode.IsLetter)
}

// columned counts a table's rows with text in more cells than one, once for all
// tables of the page. Where there are two of them, it compares.
func (p *page) columned(table *html.Node) bool {
	if p.columns == nil {
		p.columns = map[*html.Node]int{}
		counted, text := (*html.Node)(nil), place{}
		for _, b := range p.o.blocks {
			at := placed(b.node)
			switch {
			case at.row == nil || at.row == counted:
			case at.row != text.row:
				if !isDot(b.text) {
					text = at
				}
			case at.cell != text.cell:
				p.columns[at.table]++
				counted = at.row
			}
		}
	}
	return table != nil && p.columns[table] > 1
}

// compares tells what stands in a table that has columns. A table around the
// headline lays out the page.
func (p *page) compares(n *html.Node) bool {
	table := placed(n).table
	return p.columned(table) && (p.headlineAt < 0 || !holds(table, p.o.blocks[p.headlineAt].node))
}

// tabledRuns finds points that are rows of a table, with nothing beside them
// but a bullet each. A heading must name them, in the table or above it, or
// each must have its bullet: whatever else a table holds is data.
func (p *page) tabledRuns() []candidate {
	var found []candidate
	for i := p.headlineAt + 1; i < len(p.o.blocks); {
		table, from := placed(p.o.blocks[i].node).table, i
		for i++; i < len(p.o.blocks) && table != nil && placed(p.o.blocks[i].node).table == table; i++ {
		}
		if table == nil || p.headlineAt >= 0 && holds(table, p.o.blocks[p.headlineAt].node) {
			continue
		}
		if c, ok := p.tabled(stretch{from, i}); ok {
			c.element = table
			found = append(found, c)
		}
	}
	return found
}

// tabled reads the rows of one table.
func (p *page) tabled(rows stretch) (c candidate, ok bool) {
	c = candidate{from: rows.from, to: rows.to, grade: gradeBare}
	dots, last, title := 0, place{}, ""
	for i := rows.from; i < rows.to; i++ {
		b := p.o.blocks[i]
		at := placed(b.node)
		switch {
		case b.list >= 0, at.cell == nil:
			return c, false // a list is tried by itself, and what is in no cell is no row
		case at.row != nil && at.row != last.row && isDot(b.text):
			_, counted := numbered(b.text + " x")
			c.ordered = c.ordered || counted
			dots++
		case at.cell == last.cell && len(c.items) > 0:
			c.items[len(c.items)-1].join(b)
		case at.row == last.row && at.row != nil:
			return c, false // a column
		case len(c.items) == 0 && title == "" && (at.cell.DataAtom != atom.Td || namedGrade(b.text) != gradeNone):
			title, last = b.text, at
			c.from = i + 1
		default:
			c.items = append(c.items, item{})
			c.items[len(c.items)-1].join(b)
			last = at
		}
	}
	if len(c.items) < 2 || len(c.items) > 3*maxPoints {
		return c, false
	}
	c.region = p.o.blocks[c.from].region
	p.regionGrade(&c)
	p.readHeading(&c)
	if title != "" && !c.headed {
		c.headed, c.heading = true, title
	}
	c.must(!c.figures(), reasonFigures)
	return c, c.headed || c.grade != gradeBare || dots == len(c.items)
}

// priced tells sums with cents, and hours.
var priced = regexp.MustCompile(`(?:^|\D)\d{1,4}[.,:]\d\d(?:\D|$)`)

// figures tells rows that are told in numbers: prices, hours, tables of a
// league, what a thing measures.
func (c *candidate) figures() bool {
	numbers, words, lines, labels := 0, 0, 0, 0
	for _, it := range c.items {
		for word := range strings.FieldsSeq(it.text) {
			words++
			if r, _ := firstRune(strings.TrimLeft(word, "$€£(+-–")); unicode.IsDigit(r) {
				numbers++
			}
		}
		if priced.MatchString(it.text) {
			lines++
		}
		if labelled.MatchString(it.text) {
			labels++
		}
	}
	return numbers*3 >= words || lines*2 >= len(c.items) || labels*2 > len(c.items)
}
