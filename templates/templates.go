// Package templates holds what Courant's mails and pages are made of: the
// templates, the texts of each language, and the rules of speech that a
// language needs (dates, plurals, lists, how often). It imports nothing of
// ours and knows no edition; rooms render and web bring the data.
//
// The files are authoritative: lang/TAG.json is one language whole, and
// adding a language is adding one file. English is complete by definition; a
// text another language lacks is taken from it.
package templates

import "embed"

// FS holds every template and language file: mail/ for the editions, letter/ for
// mails to one person outside any edition, page/ for
// readers' pages, lang/ for the texts of both.
//
//go:embed */*
var FS embed.FS
