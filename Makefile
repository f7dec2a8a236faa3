# Courant. `make help` lists the targets.
.DEFAULT_GOAL := help
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s
MAILS ?= $(sort $(wildcard digest/render/testdata/*.html))

.PHONY: help demo test build screenshots rehearse judge-mail score-mail lint bench fuzz need clean go

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## show a digest in the browser; Ctrl-C ends it and leaves nothing behind
	@sh .ci/need postgres
	@exec ./courant demo

test: go need lint ## run everything: real Postgres, real SMTP, real browser
	cd .ci/deploy && go test ./...
	go test -race -shuffle=on -timeout 40m ./...

build: go ## build ./courant
	go build -o courant ./cmd/courant

screenshots: build ## take the pictures of README and docs anew, from the demo and a preview
	@sh .ci/need postgres chromium
	go test -count=1 -run '^(TestDemoShowsADigestAndWhoLeftIsSkipped|TestEditorsDeskShowsTheMailInEveryWay)$$' ./cmd/courant -screenshots "$(CURDIR)/docs"

rehearse: build ## play an edition for 100,000 readers under fire, and check every promise
	@sh .ci/need postgres
	./courant rehearse --readers 100000 --kills 20 --workers 2 --postgres-kills 3 --leave 1% \
		--faults 4xx=3%,5xx=1%,drop-before=0.5%,drop-after=0.5%,stall=0.1% --svg rehearsal.svg

judge-mail: ## hold the golden mails, or MAILS="a.html b.html", against html-validate and axe-core
	@sh .ci/need node chromium
	@cd .ci/judge && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --ignore-scripts --no-audit --no-fund; }
	node .ci/judge/judge.mjs $(MAILS)

score-mail: go ## sign the golden mails and have rspamd, SpamAssassin and verifiers of DKIM judge them, without a network
	@sh .ci/need rspamd spamassassin dkim-judges
	go test -count=1 -v -run '^TestGoldenMailsScoreAsGoodMail$$' ./cmd/courant -score

lint: ## gofmt, go vet, staticcheck
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt wants: $$files"; exit 1; fi
	go vet ./...
	go vet -tags testclock ./cmd/courant
	cd .ci/deploy && go vet ./...
	go run $(STATICCHECK) ./...

need: ## install what the tests need, if it is missing: Postgres, Chromium, zsh, fish, judges of signatures
	@sh .ci/need postgres chromium zsh fish dkim-judges

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## run each fuzz test for FUZZTIME
	@for pkg in $$(go list ./...); do \
		for name in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

go:
	@command -v go >/dev/null || { echo "make: Courant is built with Go 1.25 or newer: https://go.dev/dl/" >&2; exit 1; }

clean: ## remove what was built
	rm -f courant
