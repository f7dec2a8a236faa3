package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// question is one of the five, or a further line of one.
type question struct {
	flag     string // answers it on the command line
	given    string // that answer; empty: none
	number   int    // 1 to 5; 0: it goes on with the one before
	title    string
	says     string // what is wanted, with an example
	standard string // what Enter takes; empty: an answer is needed
	take     func(answer string) error
}

// asker puts questions to a person at a terminal, or to lines of a pipe.
type asker struct {
	in     *bufio.Reader
	out    io.Writer
	style  style
	silent bool // nothing may be asked
	fd     int  // of the terminal that answers; -1: a pipe, or a file
	at     string
}

// mostAnswers bounds what is read of a pipe that never ends.
const mostAnswers = 1 << 20

func newAsker(p *program, silent bool) *asker {
	a := &asker{in: bufio.NewReader(io.LimitReader(p.stdin, mostAnswers)), out: p.stdout, style: p.style(), silent: silent, fd: -1}
	if f, ok := p.stdin.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
		a.fd = int(f.Fd())
	}
	return a
}

// ask asks until the answer is taken. What the command line gave is not asked
// again: that is a misuse, and the command is there to be mended.
func (a *asker) ask(ctx context.Context, q question) error {
	switch {
	case q.given != "":
		if err := q.take(q.given); err != nil {
			return misuse{fmt.Errorf("--%s: %w", q.flag, err)}
		}
		return nil
	case a.silent:
		if err := q.take(q.standard); err != nil {
			return misuse{fmt.Errorf("--%s is needed: %w", q.flag, err)}
		}
		return nil
	}
	a.introduce(q)
	for {
		answer, err := a.line(ctx, q.standard)
		if err != nil {
			return err
		}
		if answer == "" {
			answer = q.standard
		}
		if answer == "" {
			err = errors.New("there is no default here; an answer is needed")
		} else if err = q.take(answer); err == nil {
			return nil
		}
		if a.fd < 0 {
			return a.lost(err)
		}
		a.refuse(err)
	}
}

// lost ends the command where a pipe's answer was not taken: the next line
// answers another question, and a password would be taken for an address.
func (a *asker) lost(err error) error {
	return fmt.Errorf("the answer to the question %q was not taken: %w; nothing was written, mend that line and try again", a.at, err)
}

func (a *asker) introduce(q question) {
	a.at = q.title
	if q.number > 0 {
		fmt.Fprintf(a.out, "\n%s  %s\n", a.style.bold(fmt.Sprintf("%d/5", q.number)), a.style.bold(q.title))
	}
	a.say(q.says)
}

// below is where everything of a question stands, under its title.
const below = "     "

// say writes lines below a question.
func (a *asker) say(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(a.out, below+a.style.wrap(line, below))
	}
}

// refuse says why an answer was not taken.
func (a *asker) refuse(err error) { a.say(a.style.red("No:") + " " + err.Error() + ".") }

// prompt is where the answer is written.
func (a *asker) prompt(standard string) {
	if standard != "" {
		standard = "[" + standard + "] "
	}
	fmt.Fprint(a.out, below+standard+"> ")
}

// line reads one answer.
func (a *asker) line(ctx context.Context, standard string) (string, error) {
	a.prompt(standard)
	answer, err := a.read(ctx, func() (string, error) { return a.in.ReadString('\n') })
	if a.fd < 0 || err != nil {
		fmt.Fprintln(a.out) // nobody has typed the line break
	}
	return strings.TrimSpace(answer), err
}

// secret reads one answer that is not shown. Blanks belong to it.
func (a *asker) secret(ctx context.Context, standard string) (string, error) {
	back := func() error { return nil }
	if a.fd >= 0 {
		// Before the prompt, since whoever sees it may type at once. Whatever sets
		// the terminal in the goroutine that reads may do so after back.
		var err error
		if back, err = hideInput(a.fd); err != nil {
			return "", err
		}
	}
	a.prompt(standard)
	answer, err := a.read(ctx, func() (string, error) { return a.in.ReadString('\n') })
	fmt.Fprintln(a.out)
	return strings.TrimRight(answer, "\r\n"), errors.Join(err, back())
}

// hideInput keeps a terminal from showing what is typed, until back is called.
func hideInput(fd int) (back func() error, err error) {
	before, err := unix.IoctlGetTermios(fd, readModes)
	if err != nil {
		return nil, fmt.Errorf("ask the terminal: %w", err)
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, setModes, &hidden); err != nil {
		return nil, fmt.Errorf("keep the terminal from showing the password: %w", err)
	}
	return func() error { return unix.IoctlSetTermios(fd, setModes, before) }, nil
}

// read waits for an answer or the end of ctx. A read of a terminal can't be
// interrupted: on that way the goroutine stays behind, and ends with the
// program.
func (a *asker) read(ctx context.Context, get func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	c := make(chan answer, 1)
	go func() {
		text, err := get()
		c <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-c:
		if errors.Is(got.err, io.EOF) && got.text != "" {
			got.err = nil // a last line without its end
		}
		if got.err == nil {
			return got.text, nil
		}
		if errors.Is(got.err, io.EOF) {
			return "", fmt.Errorf("the answers ended at the question %q", a.at)
		}
		return "", fmt.Errorf("read the answer: %w", got.err)
	}
}

// way is one way on.
type way struct{ key, says string }

// choose asks which way to go on; the first is what Enter takes.
func (a *asker) choose(ctx context.Context, ways ...way) (string, error) {
	var offered, keys []string
	for _, w := range ways {
		offered, keys = append(offered, a.style.bold(w.key)+" = "+w.says), append(keys, w.key)
	}
	a.say(strings.Join(offered, ", "))
	for {
		answer, err := a.line(ctx, ways[0].key)
		if err != nil {
			return "", err
		}
		answer = strings.ToLower(answer)
		for _, w := range ways {
			if answer == w.key || answer == "" || answer == w.says {
				return w.key, nil
			}
		}
		a.refuse(fmt.Errorf("%q is not one of %s", answer, strings.Join(keys, ", ")))
	}
}
