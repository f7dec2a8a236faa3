package sample

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// article is one piece, as its file tells it.
type article struct {
	Publication string // its publication's slug
	Slug        string // its file's name without the ending, and its address
	Headline    string
	Category    string // Politics, Science or Culture
	Language    string // BCP 47
	Author      string
	Batch       int           // 1: out when the press is made
	Age         time.Duration // of the first batch: how long before that it came out
	Description string        // the publisher's; empty: it gives none
	Markup      markup
	Feed        feedText
	Paywalled   bool   // the page shows the first two paragraphs
	Picture     string // a file of content/pictures; empty: none
	Alt         string
	Caption     string
	Source      string // whose report it is; empty: the publication's own
	Points      []string
	Body        []block
}

// markup is how an article's page shows its key points.
type markup string

// The shapes that publishers use, and none.
const (
	markupHeaded  markup = "headed"  // a heading and a list: "Key points", "Das Wichtigste"
	markupSummary markup = "summary" // a list whose class says that it is the summary
	markupBare    markup = "bare"    // a list between headline and first paragraph
	markupNone    markup = "none"    // the page shows no points
)

// feedText is what an article's feed item says of it.
type feedText string

// What feeds bring.
const (
	feedSummary feedText = "summary" // the description
	feedTeaser  feedText = "teaser"  // the first words, cut off
	feedFull    feedText = "full"    // the whole text, its points above it
)

// block is a paragraph or, within the text, a heading.
type block struct {
	Heading bool
	Text    string
}

// path is where the article's page is served.
func (a *article) path() string { return "/" + a.Publication + "/" + a.Slug }

// readArticle reads one file: lines of "key: value" between two lines of
// three dashes, the key points as a list among them, then paragraphs with
// empty lines between. It is strict, so that a misspelt key is not lost.
func readArticle(publication, slug, text string) (*article, error) {
	head, body, err := splitFile(text)
	if err != nil {
		return nil, err
	}
	a := &article{Publication: publication, Slug: slug}
	if err := a.readHead(head); err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(body, "\n\n") {
		part = strings.Join(strings.Fields(part), " ")
		if part == "" {
			continue
		}
		heading, isHeading := strings.CutPrefix(part, "## ")
		a.Body = append(a.Body, block{isHeading, heading})
	}
	return a, a.check()
}

func splitFile(text string) (head, body string, err error) {
	rest, ok := strings.CutPrefix(text, "---\n")
	if !ok {
		return "", "", errors.New("the first line is not ---")
	}
	head, body, ok = strings.Cut(rest, "\n---\n")
	if !ok {
		return "", "", errors.New("the head has no end: a line of ---")
	}
	return head, body, nil
}

// readHead reads the keys, each at most once.
func (a *article) readHead(head string) error {
	seen := map[string]bool{}
	last := ""
	for line := range strings.SplitSeq(head, "\n") {
		if point, ok := strings.CutPrefix(line, "- "); ok && last == "points" {
			a.Points = append(a.Points, strings.TrimSpace(point))
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok:
			return fmt.Errorf("%q is neither key: value nor a point", line)
		case seen[key]:
			return fmt.Errorf("%s is given twice", key)
		case value == "" && key != "points":
			return fmt.Errorf("%s is empty; leave it out", key)
		}
		seen[key], last = true, key
		if err := a.set(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (a *article) set(key, value string) error {
	if field, ok := a.texts()[key]; ok {
		*field = value
		return nil
	}
	var err error
	switch key {
	case "points":
		if value != "" {
			err = errors.New("points are a list: each on a line of its own that begins with a dash")
		}
	case "batch":
		a.Batch, err = strconv.Atoi(value)
	case "age":
		a.Age, err = time.ParseDuration(value)
	case "markup":
		a.Markup = markup(value)
	case "feed":
		a.Feed = feedText(value)
	case "paywalled":
		a.Paywalled, err = strconv.ParseBool(value)
	default:
		err = fmt.Errorf("there is no key %q", key)
	}
	return err
}

// texts are the keys whose value is taken as it stands.
func (a *article) texts() map[string]*string {
	return map[string]*string{
		"headline": &a.Headline, "category": &a.Category, "language": &a.Language, "author": &a.Author, "description": &a.Description,
		"picture": &a.Picture, "alt": &a.Alt, "caption": &a.Caption, "source": &a.Source,
	}
}

// check finds what would come out wrong on a page or in a feed.
func (a *article) check() error {
	switch {
	case a.Headline == "" || a.Category == "" || a.Language == "" || a.Author == "":
		return errors.New("headline, category, language and author are needed")
	case a.Batch < 1 || a.Batch > lastBatch:
		return fmt.Errorf("batch %d is not 1 to %d", a.Batch, lastBatch)
	case (a.Batch == 1) != (a.Age > 0):
		return errors.New("an age is for the first batch, which needs one; later ones are dated when they come out")
	case !slices.Contains([]markup{markupHeaded, markupSummary, markupBare, markupNone}, a.Markup):
		return fmt.Errorf("markup %q is not known", a.Markup)
	case !slices.Contains([]feedText{feedSummary, feedTeaser, feedFull}, a.Feed):
		return fmt.Errorf("feed %q is not known", a.Feed)
	case a.Feed == feedSummary && a.Description == "":
		return errors.New("a feed that brings the summary needs a description")
	case len(a.Points) == 0 && a.Markup != markupNone:
		return errors.New("there are no points to show")
	case len(a.Points) > 0 && a.Markup == markupNone && a.Feed != feedFull:
		return errors.New("the points are shown nowhere")
	case (a.Picture == "") != (a.Alt == ""):
		return errors.New("a picture and its alt text come together")
	case a.Paywalled && a.Feed == feedFull:
		return errors.New("a paywalled piece is not given away in the feed")
	}
	return nil
}
