package measure

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"time"

	"courant/digest"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// maxScrape bounds what is read of another process's figures.
const maxScrape = 4 << 20

// Told is what a process tells of itself.
type Told struct {
	Relays []digest.RelayCount // nil: it tells of none that were asked for
	Config Config
}

// Config is what a process tells of the config that it works by.
type Config struct {
	Hash  string    // empty: it tells none
	OK    bool      // it is the one in the file, as far as the process knows
	Since time.Time // to the millisecond
}

// Ask asks the process that serves figures at a URL for its config, and for what
// each of the named relays did for it, in their order. What others have there is
// left out.
func Ask(ctx context.Context, url string, relays []string) (Told, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Told{}, fmt.Errorf("ask for figures: %w", err)
	}
	// It is a process of ours: no proxy of the environment is asked for it.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return Told{}, fmt.Errorf("ask for figures: %w", err)
	}
	told, err := read(io.LimitReader(resp.Body, maxScrape), relays)
	if cerr := resp.Body.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("read figures: %w", cerr)
	}
	return told, err
}

func read(text io.Reader, relays []string) (Told, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return Told{}, fmt.Errorf("read figures: %w", err)
	}
	return Told{Relays: relaysIn(families, relays), Config: configIn(families)}, nil
}

func configIn(families map[string]*dto.MetricFamily) (c Config) {
	for _, m := range families[namespace+"_config_info"].GetMetric() {
		c.Hash = labelsOf(m)["hash"]
	}
	for _, m := range families[namespace+"_config_ok"].GetMetric() {
		c.OK = m.GetGauge().GetValue() == 1
	}
	for _, m := range families[namespace+"_config_in_force_timestamp_seconds"].GetMetric() {
		c.Since = time.UnixMilli(int64(math.Round(m.GetGauge().GetValue() * 1000))).UTC()
	}
	return c
}

func relaysIn(families map[string]*dto.MetricFamily, names []string) []digest.RelayCount {
	var list []digest.RelayCount
	for _, name := range names {
		list = append(list, digest.RelayCount{Relay: name, Attempts: map[digest.Verdict]int{}, Rate: -1})
	}
	found := false
	for _, m := range families[namespace+"_attempts_total"].GetMetric() {
		labels := labelsOf(m)
		i := slices.Index(names, labels["relay"])
		verdict := digest.Verdict(labels["verdict"])
		if i < 0 || !slices.Contains(digest.Verdicts(), verdict) {
			continue
		}
		found = true
		list[i].Attempts[verdict] += int(m.GetCounter().GetValue())
	}
	if !found {
		return nil
	}
	return list
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}
