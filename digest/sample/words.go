package sample

import (
	"fmt"
	"time"
)

// words are the few words that pages need beside their articles.
type words struct {
	Points    string // over the key points
	By        string
	Published string
	Latest    string
	Feeds     string
	Invented  string // at the foot of each page
	All       string
}

func wordsIn(language string) words {
	if language == "de" {
		return words{
			Points: "Das Wichtigste in Kürze", By: "Von", Published: "Veröffentlicht", Latest: "Neueste Beiträge", Feeds: "Feeds",
			Invented: "Eine erfundene Zeitung: Orte, Menschen, Studien und Zahlen auf dieser Seite gibt es nicht.", All: "Alle Blätter dieser Presse",
		}
	}
	return words{
		Points: "Key points", By: "By", Published: "Published", Latest: "Latest stories", Feeds: "Feeds",
		Invented: "An invented publication: the places, people, studies and figures on this page do not exist.", All: "All publications of this press",
	}
}

// sectionName is what a publication calls a category.
func sectionName(category, language string) string {
	german := map[string]string{"Politics": "Politik", "Science": "Wissen", "Culture": "Kultur"}
	if name, ok := german[category]; ok && language == "de" {
		return name
	}
	return category
}

// sourceLine says whose report an article is.
func sourceLine(a *article) string {
	if a.Language == "de" {
		return "Quelle: " + a.Source
	}
	return "Source: " + a.Source
}

// dateIn writes a date and time in words.
func dateIn(language string, t time.Time) string {
	if language == "de" {
		months := [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
		return fmt.Sprintf("%d. %s %d, %s", t.Day(), months[t.Month()-1], t.Year(), clockIn(language, t))
	}
	return t.Format("2 January 2006, ") + clockIn(language, t)
}

// clockIn writes a time of day.
func clockIn(language string, t time.Time) string {
	if language == "de" {
		return t.Format("15.04") + " Uhr"
	}
	return t.Format("15:04")
}
