package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"courant/templates"
)

// fromMachine settles what is not asked: time zone and language, by flag or
// as this machine has them, and a category by flag.
func (i *interview) fromMachine() (err error) {
	if i.opt.category != "" {
		if i.opt.category, err = writableLine(i.opt.category); err != nil {
			return misuse{fmt.Errorf("--category: %w", err)}
		}
	}
	if i.opt.zone == "" {
		i.draft.Zone = machineZone("/", i.env)
	} else if i.draft.Zone, err = parseZone(i.opt.zone); err != nil {
		return misuse{fmt.Errorf("--zone: %w", err)}
	}
	if i.opt.language == "" {
		i.draft.Language, err = machineLanguage(i.env)
		return err
	}
	if i.draft.Language, err = parseLanguage(i.opt.language); err != nil {
		return misuse{fmt.Errorf("--language: %w", err)}
	}
	return nil
}

// ownDataDir is empty while the account's data_dir is free, or this
// publication's. Else it is one beside it.
func (d draft) ownDataDir(usual string) string {
	c := Config{Name: d.Name, From: d.From, DataDir: usual}
	if usual == "" || c.foreignData() == nil {
		return ""
	}
	for n := 2; c.foreignData() != nil; n++ {
		c.DataDir = fmt.Sprintf("%s-%d", usual, n)
	}
	return c.DataDir
}

// machineZone is the zone of the machine below root: TZ (POSIX 8.3, a leading
// colon allowed), where /etc/localtime leads, /etc/timezone; UTC where none of
// them names a region and city.
func machineZone(root string, env func(string) (string, bool)) string {
	wish, _ := env("TZ")
	link, _ := os.Readlink(filepath.Join(root, "etc/localtime")) // a plain file names no zone
	_, linked, _ := strings.Cut(link, "zoneinfo/")
	file, _ := os.ReadFile(filepath.Join(root, "etc/timezone")) // only Debian has it
	for _, name := range []string{strings.TrimPrefix(wish, ":"), linked, strings.TrimSpace(string(file))} {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "posix/"), "right/")
		switch strings.TrimPrefix(name, "Etc/") {
		case "UTC", "UCT", "Universal", "Zulu", "GMT":
			return "UTC"
		}
		if zone, err := parseZone(name); err == nil && zone != "reader" {
			return zone
		}
	}
	return "UTC"
}

// machineLanguage is that of the locale, where the mails speak it (POSIX 8.2).
func machineLanguage(env func(string) (string, bool)) (string, error) {
	texts, err := templates.Load(templates.FS)
	if err != nil {
		return "", fmt.Errorf("read the mails' texts: %w", err)
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		locale, _ := env(name)
		locale, _, _ = strings.Cut(locale, ".")
		locale, _, _ = strings.Cut(locale, "@")
		if tag, err := parseLanguage(strings.ReplaceAll(locale, "_", "-")); err == nil {
			return texts.Match(tag).Tag, nil
		}
		if locale != "" {
			break // C and POSIX overrule what comes after
		}
	}
	return templates.Fallback, nil
}
