package measure

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"

	"courant/digest"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// maxScrape bounds what is read of another process's figures.
const maxScrape = 4 << 20

// Relays asks the process that serves figures at a URL what each of the named
// relays did for it, in their order. What others have there is left out.
func Relays(ctx context.Context, url string, names []string) ([]digest.RelayCount, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for figures: %w", err)
	}
	// It is a process of ours: no proxy of the environment is asked for it.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask for figures: %w", err)
	}
	list, err := readRelays(io.LimitReader(resp.Body, maxScrape), names)
	if cerr := resp.Body.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("read figures: %w", cerr)
	}
	return list, err
}

func readRelays(text io.Reader, names []string) ([]digest.RelayCount, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("read figures: %w", err)
	}
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
		return nil, nil
	}
	return list, nil
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}
