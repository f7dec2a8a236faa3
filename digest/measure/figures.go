package measure

import (
	"log/slog"
	"net/http"
	"time"

	"courant/digest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Figures is what one process counts, and its view of the ledger.
type Figures struct {
	registry  *prometheus.Registry
	log       *slog.Logger
	inFlight  *prometheus.GaugeVec
	attempts  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	replies   *prometheus.CounterVec
	withdrawn prometheus.Counter
	expired   prometheus.Counter
	salvaged  *prometheus.CounterVec
	resent    prometheus.Counter
	polls     *prometheus.CounterVec
	articles  prometheus.Counter
	asked     *prometheus.CounterVec
	faults    *prometheus.CounterVec
	config    *prometheus.GaugeVec
	configOK  prometheus.Gauge
	configAt  prometheus.Gauge
	ledger    *ledger // nil: it is left out
}

// Options say what is measured.
type Options struct {
	Store  Store               // nil: the ledger is left out
	Limits []digest.Submission // of the relays; nil: none is told
	Relays []string            // as attempts name them; their counters are there from the start
	Now    func() time.Time    // nil: time.Now
	Log    *slog.Logger        // nil: none
}

// New makes the figures of a process, all zero.
func New(o Options) *Figures {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &Figures{
		registry: prometheus.NewRegistry(), log: o.Log,
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "in_flight", Help: "Attempts that are being made now.",
		}, []string{"relay", "provider"}),
		attempts: counters("attempts_total", "Attempts to hand a mail over, by how they ended.", "relay", "provider", "verdict"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "attempt_seconds", Help: "How long attempts took, from MAIL to the last reply.",
			// RFC 5321 section 4.5.3.2 lets the reply to the dot take ten minutes.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600},
		}, []string{"relay"}),
		replies:   counters("setbacks_total", "Attempts that were deferred, refused or left in doubt, by what the reply means.", "relay", "verdict", "class"),
		withdrawn: counter("withdrawn_total", "Mails that were taken back before they left: their readers left, or their intent grew old."),
		expired:   counter("expired_total", "Deliveries that this process found too late to be news."),
		salvaged:  counters("salvaged_total", "Rows that were settled for processes that died.", "state"),
		resent:    counter("resent_total", "Deliveries that were queued once more out of doubt."),
		polls:     counters("polls_total", "Polls of sources, by how they ended.", "status"),
		articles:  counter("articles_total", "Articles that polls brought and that were new."),
		asked:     counters("points_asked_total", "Articles whose points a language model was to write, by what became of it.", "outcome"),
		faults:    counters("points_dropped_total", "Points of a language model that were not used, by what was wrong with them.", "fault"),
	}
	f.config = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "config_info", Help: "1 for the config in force, by its hash.",
	}, []string{"hash"})
	f.configOK = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "config_ok", Help: "Whether the config is in force as it stands in its file: 1, or 0 and it was refused.",
	})
	f.configAt = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "config_in_force_timestamp_seconds", Help: "Since when the config in force is.",
	})
	f.registry.MustRegister(f.config, f.configOK, f.configAt, f.inFlight, f.attempts, f.seconds, f.replies, f.withdrawn, f.expired, f.salvaged, f.resent, f.polls, f.articles, f.asked, f.faults,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if o.Store != nil {
		f.ledger = newLedger(o)
		f.registry.MustRegister(f.ledger)
	}
	f.begin(o.Relays)
	return f
}

// namespace begins every name of ours.
const namespace = "courant"

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// begin makes counters that are zero, so that the first mail of a process is a
// rise and not a beginning.
func (f *Figures) begin(relays []string) {
	for _, relay := range relays {
		f.seconds.WithLabelValues(relay)
		for _, provider := range digest.Providers() {
			f.inFlight.WithLabelValues(relay, string(provider))
			for _, verdict := range digest.Verdicts() {
				f.attempts.WithLabelValues(relay, string(provider), string(verdict))
			}
		}
	}
	for _, outcome := range []string{"used", "refused", "failed", "left"} {
		f.asked.WithLabelValues(outcome)
	}
	for _, fault := range []string{"number", "name", "quotation"} { // inventions
		f.faults.WithLabelValues(fault)
	}
	for _, state := range []digest.DeliveryState{digest.InDoubt, settled} {
		f.salvaged.WithLabelValues(string(state))
	}
}

// settled stands for every end of a salvaged row that is not in doubt.
const settled = "settled"

// Began notes that an attempt is being made; many lanes may call it at once.
func (f *Figures) Began(relay string, w digest.Work) {
	f.inFlight.WithLabelValues(relay, string(digest.ProviderOf(w.Address))).Inc()
}

// Attempted counts one attempt that is over; many lanes may call it at once.
func (f *Figures) Attempted(a digest.Attempt) {
	provider := string(digest.ProviderOf(a.Work.Address))
	f.inFlight.WithLabelValues(a.Relay, provider).Dec()
	if a.Withdrawn {
		f.withdrawn.Inc()
		return
	}
	verdict := string(a.Outcome.Verdict)
	f.attempts.WithLabelValues(a.Relay, provider, verdict).Inc()
	f.seconds.WithLabelValues(a.Relay).Observe(a.Took.Seconds())
	if a.Outcome.Verdict != digest.VerdictAccepted {
		f.replies.WithLabelValues(a.Relay, verdict, string(a.Outcome.Class)).Inc()
	}
}

// InForce notes that a config took force, and which relays it has.
func (f *Figures) InForce(hash string, at time.Time, relays []string, limits []digest.Submission) {
	f.config.Reset()
	f.config.WithLabelValues(hash).Set(1)
	f.configAt.Set(float64(at.UnixMilli()) / 1000)
	f.configOK.Set(1)
	f.begin(relays)
	if f.ledger != nil {
		f.ledger.limit(limits)
	}
}

// Refused notes that the config as it stands in its file was refused.
func (f *Figures) Refused() { f.configOK.Set(0) }

// Restored notes that it is again the one in force.
func (f *Figures) Restored() { f.configOK.Set(1) }

// Expired counts deliveries that were too late to be news.
func (f *Figures) Expired(deliveries int) { f.expired.Add(float64(deliveries)) }

// Salvaged counts rows of processes that died, and how many of them are in
// doubt.
func (f *Figures) Salvaged(deliveries, inDoubt int) {
	f.salvaged.WithLabelValues(string(digest.InDoubt)).Add(float64(inDoubt))
	f.salvaged.WithLabelValues(settled).Add(float64(deliveries - inDoubt))
}

// Resent counts deliveries that were queued once more out of doubt.
func (f *Figures) Resent(deliveries int) { f.resent.Add(float64(deliveries)) }

// Polled counts a poll by its status, and the articles it brought.
func (f *Figures) Polled(status string, added int) {
	f.polls.WithLabelValues(status).Inc()
	f.articles.Add(float64(added))
}

// Asked counts an article whose points a language model was to write: what
// became of it, and what was wrong with the points that were dropped.
func (f *Figures) Asked(outcome string, faults []string) {
	f.asked.WithLabelValues(outcome).Inc()
	for _, fault := range faults {
		f.faults.WithLabelValues(fault).Inc()
	}
}

// Handler answers a scrape, in the text format unless another is asked for.
func (f *Figures) Handler() http.Handler {
	return promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(f.log.Handler(), slog.LevelWarn),
		// What can be told is told: without its ledger a process still counts.
		ErrorHandling: promhttp.ContinueOnError,
		// One waits for the other's look at the ledger anyway.
		MaxRequestsInFlight: 4,
	})
}
