package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestNoSpellingOfAPasswordIsTold writes a password as people write it by
// mistake. Each text has a fault beside it, so that its lines are shown.
func TestNoSpellingOfAPasswordIsTold(t *testing.T) {
	t.Parallel()
	inRelay := []string{
		"password: !CANARY x", "password: !!CANARY", "password: 'it's CANARY'", `password: "a"CANARY`, "password:CANARY", "password CANARY",
		"password = CANARY", "password=CANARY", "password; CANARY", "Password: CANARY: x", "passwd: CANARY: x", "pwd CANARY", "pass: CANARY",
		"secret CANARY", "token: CANARY", "login: u:CANARY", "key: CANARY", "kennwort: CANARY", "kennwort CANARY", "username: u:CANARY",
		"username: u CANARY: x", "host: u:CANARY@smtp.harbour.org", "host: u:a CANARY@smtp.harbour.org", "host: \"u:a@CANARY@smtp.harbour.org\"",
		"host: smtp://u:CANARY@smtp.harbour.org", "password: &CANARY", "password: *CANARY", "password: @CANARY", "password: `CANARY", "password: %CANARY",
		"password: [CANARY", "password: {CANARY", "password: |CANARY", "password: >\n    CANARY: x", "password:\n    CANARY: x", "password:\n  CANARY x",
		"? password\n  : CANARY", "- password: CANARY", "password\tCANARY", "passwordCANARY: x", "password-CANARY: x", "password: \"\\CANARY\"", "password: x, CANARY: y",
	}
	atTop := []string{
		"database: postgres:/u:CANARY@host/x", "database: POSTGRES://u:CANARY@host/x", "database: mysql://u:CANARY@h", "database postgres://u:CANARY@h/x",
		"database: u:CANARY@h", "database:postgres://u:CANARY@h", "database = host=h password=CANARY", "datebase: x CANARY: y", "database: {CANARY: x}",
		"x-url: https://u:CANARY@h: x", "smtp_password CANARY", "SMTP_PASSWORD=CANARY", "smtp-password: CANARY", "url: https://u:a CANARY@h", "url: u:CANARY@h",
		"listen: u:CANARY@h", "password CANARY: x",
	}
	var texts []string
	for _, line := range inRelay {
		texts = append(texts, "smtp:\n  host: localhost\n  tls: 7\n  "+line+"\n  port: x\n")
		if !strings.ContainsAny(line, "\n") {
			texts = append(texts, "smtp: {host: localhost, "+line+", port: x}\n", "smtp:\n- {port: x, "+line+"}\n")
		}
	}
	for _, line := range atTop {
		texts = append(texts, line+"\nlisten: 7\n")
	}
	for _, anchor := range []string{"x-p: &p CANARY\n", "x-p: &p\n  CANARY: x\n", "x-p: [&p CANARY]\n"} {
		texts = append(texts, anchor+"smtp: {host: localhost, password: *p}\n")
	}
	dir := configDir(t)
	for i, text := range texts {
		got := told(loadText(t, dir, fmt.Sprintf("%d.yaml", i), smallConfig+text))
		if strings.Contains(got, "CANARY") {
			t.Errorf("%q tells:\n%s", text, got)
		}
	}
}
