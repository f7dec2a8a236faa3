package store

import (
	"encoding/json"
	"fmt"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// articleQuery reads articles as articleRow has them.
const articleQuery = `
	SELECT a.id, a.source, COALESCE(a.guid, '') AS guid, a.url, a.canonical, a.title, a.category, a.categories, a.terms, a.points, a.points_from,
	       a.site, a.attribution, a.author, a.published, a.first_seen, a.language, a.image_url, a.image_alt,
	       a.image_width, a.image_height, a.lead, a.page, COALESCE(s.story_id, 0) AS story_id
	FROM articles a
	LEFT JOIN article_story s ON s.article_id = a.id`

// articleRow is digest.Candidate as the database has it.
type articleRow struct {
	ID                                  int64
	Source, GUID, URL, Canonical, Title string
	Category                            string
	Categories                          pq.StringArray
	Terms                               termsColumn
	Points                              pq.StringArray
	PointsFrom                          digest.PointsFrom
	Site, Attribution, Author           string
	Published                           *time.Time
	FirstSeen                           time.Time
	Language, ImageURL, ImageAlt        string
	ImageWidth, ImageHeight             int
	Lead, Page                          string
	StoryID                             int64
}

func (r articleRow) candidate() digest.Candidate {
	c := digest.Candidate{Story: digest.StoryID(r.StoryID), Article: digest.Article{
		ID: digest.ArticleID(r.ID), Source: r.Source, GUID: r.GUID, URL: r.URL, Canonical: r.Canonical, Title: r.Title,
		Category: r.Category, Categories: several(r.Categories), Terms: r.Terms, Points: r.Points, PointsFrom: r.PointsFrom, Site: r.Site, Attribution: r.Attribution,
		Author: r.Author, FirstSeen: r.FirstSeen, Language: r.Language, Lead: r.Lead, Page: r.Page,
		Image: digest.Image{URL: r.ImageURL, Alt: r.ImageAlt, Width: r.ImageWidth, Height: r.ImageHeight},
	}}
	if r.Published != nil {
		c.Published = *r.Published
	}
	return c
}

// editionQuery reads editions as editionRow has them.
const editionQuery = `
	SELECT e.id, e.digest, e.title, e.kind, COALESCE(e.number, 0) AS number, e.slot, e.instant, e.zone, e.language,
	       e.window_from, e.window_to, e.subject, e.cadence, e.state, e.held_reason, e.config_hash, e.key_id, e.published, e.layout, e.categories
	FROM editions e`

type editionRow struct {
	ID                            int64
	Digest, Title, Kind           string
	Number                        int
	Slot                          string
	Instant                       time.Time
	Zone, Language                string
	WindowFrom, WindowTo          time.Time
	Subject                       string
	Cadence                       []byte
	State, HeldReason, ConfigHash string
	KeyID                         int
	Published                     time.Time
	Layout                        string
	Categories                    pq.StringArray
}

func (r editionRow) edition() (digest.Edition, error) {
	var c cadenceJSON
	if err := json.Unmarshal(r.Cadence, &c); err != nil {
		return digest.Edition{}, fmt.Errorf("read cadence of edition %d: %w", r.ID, err)
	}
	return digest.Edition{
		ID: digest.EditionID(r.ID), Digest: r.Digest, Title: r.Title, Kind: digest.EditionKind(r.Kind), Number: r.Number,
		Slot: r.Slot, Instant: r.Instant, Zone: r.Zone, Language: r.Language, WindowFrom: r.WindowFrom, WindowTo: r.WindowTo,
		Subject: r.Subject, Cadence: digest.Cadence(c), State: digest.EditionState(r.State), HeldReason: r.HeldReason,
		ConfigHash: r.ConfigHash, KeyID: byte(r.KeyID), Published: r.Published, Layout: r.Layout, Categories: r.Categories,
	}, nil
}

// cadenceJSON and toldJSON are what is frozen in jsonb. They have their own
// names for the fields, which must stay readable for as long as editions are
// kept.
type cadenceJSON struct {
	Weekdays []time.Weekday `json:"weekdays"`
	Hour     int            `json:"hour"`
	Minute   int            `json:"minute"`
	Zone     string         `json:"zone"`
}

type toldJSON struct {
	Story       digest.StoryID    `json:"story"`
	Article     digest.ArticleID  `json:"article"`
	URL         string            `json:"url"`
	Title       string            `json:"title"`
	Points      []string          `json:"points,omitempty"`
	PointsFrom  digest.PointsFrom `json:"points_from"`
	Category    string            `json:"category,omitempty"`
	Categories  []string          `json:"categories,omitempty"`
	Source      string            `json:"source"`
	Site        string            `json:"site,omitempty"`
	Attribution string            `json:"attribution,omitempty"`
	Author      string            `json:"author,omitempty"`
	Published   time.Time         `json:"published,omitzero"`
	Language    string            `json:"language,omitempty"`
	Image       digest.Image      `json:"image,omitzero"`
	Also        []digest.Also     `json:"also,omitempty"`
}

// parseTold reads a frozen story back.
func parseTold(b []byte) (digest.Told, error) {
	var t toldJSON
	if err := json.Unmarshal(b, &t); err != nil {
		return digest.Told{}, fmt.Errorf("read frozen story: %w", err)
	}
	return digest.Told(t), nil
}
