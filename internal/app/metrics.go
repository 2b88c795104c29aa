package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wanjia/internal/notify"
	"wanjia/internal/platform/push"
	"wanjia/internal/platform/wechat"
)

// measure registers what operators see of the parts that know nothing of metrics themselves (push.md §16). Labels
// come from closed lists and never hold ids.
func (a *App) measure(wx *wechat.Client) {
	count := func(name, help string, value func() int64) {
		a.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "wanjia_" + name, Help: help},
			func() float64 { return float64(value()) }))
	}
	gauge := func(name, help string, value func() float64) {
		a.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wanjia_" + name, Help: help}, value))
	}
	relay := a.courier.Relay()
	count("sql_statements_total", "Statements sent to the database since the start.", a.Stores.DB.Statements)
	count("password_hashes_total", "Passwords, PINs and recovery codes hashed.", a.Auth.Hashes)
	gauge("push_connections", "Open sockets and event streams.", func() float64 { return float64(a.hub.Stats().Connections) })
	gauge("push_lagging_connections", "Connections that read slower than items come.", func() float64 { return float64(a.hub.Stats().LaggingNow) })
	count("push_lagging_connections_total", "How often a connection fell behind its queue.", func() int64 { return a.hub.Stats().Lagging })
	count("push_position_behind_total", "Inboxes that the position check found further than anybody had told.",
		func() int64 { return a.hub.Stats().Behind })
	count("push_sql_fill_total", "Reads of items that Redis did not have.", func() int64 { return a.hub.Stats().Fills })
	count("push_items_total", "Items written to devices.", func() int64 { return a.hub.Stats().Items })
	count("push_resets_total", "Devices told to start their list anew.", func() int64 { return a.hub.Stats().Resets })
	count("push_gap_total", "Items that reached Redis before those of smaller numbers.", a.courier.Gaps)
	count("push_swept_total", "Rows of the outbox that the sweeper pushed.", relay.Swept)
	count("push_replayed_total", "Shards pushed again because Redis had forgotten them.", relay.Replayed)
	gauge("push_outbox_oldest_seconds", "How long the oldest row of this node's shards waits; -1 unknown; alarm above 10.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		oldest, err := relay.Oldest(ctx)
		if err != nil {
			return -1
		}
		return oldest.Seconds()
	})
	gauge("fanout_remaining", "Persons whose inbox or devices this node's fan-outs have still to reach; -1 unknown; alarm when unchanged for 60 s and above 0.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		left, err := a.fanouts.Remaining(ctx)
		if err != nil {
			return -1
		}
		return float64(left)
	})
	gauge("fanout_no_progress", "1 while an announcement of a shard of this node has stood in the same place for a minute; alarm.", func() float64 {
		if a.fanouts.Stalled() {
			return 1
		}
		return 0
	})
	gauge("request_clocks_failing", "Clocks of needs that are due and went wrong when this node last tried; alarm when above 0 for ten minutes.",
		func() float64 { return float64(a.needs.FailingClocks()) })
	gauge("push_no_progress", "1 while the oldest row of a shard of this node's outbox has been the same for a minute; alarm.", func() float64 {
		if relay.Stalled() {
			return 1
		}
		return 0
	})
	gauge("push_lease_held", "Shards whose outbox this node sweeps.", func() float64 { return float64(len(a.leases.Held())) })
	if wx != nil {
		count("wechat_token_fetch_total", "Access tokens fetched from WeChat; alarm above 12 an hour.", wx.TokenFetches)
	}
	for _, outcome := range notify.Outcomes {
		a.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "wanjia_wechat_sends_total", Help: "Messages of WeChat by what came of them.", ConstLabels: prometheus.Labels{"outcome": string(outcome)},
		}, func() float64 { return float64(a.sends.Ended(outcome)) }))
	}
	count("wechat_unknown_total", "Messages of which nobody knows whether WeChat took them.", func() int64 { return a.sends.Ended(notify.Unknown) })
	count("wechat_alarms_total", "Answers of WeChat that only a person can mend; alarm above 0.", a.sends.Alarms)
	a.metrics.MustRegister(closes{a.hub, prometheus.NewDesc("wanjia_push_closed_total", "Connections closed by us, by code.", []string{"code"}, nil)})
}

// closes counts closed connections by their code, which is one of a closed list.
type closes struct {
	hub  *push.Hub
	desc *prometheus.Desc
}

// Describe says what Collect will.
func (c closes) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect counts the closes by code.
func (c closes) Collect(out chan<- prometheus.Metric) {
	closed := c.hub.Stats().Closed
	for _, code := range push.Codes {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(closed[code]), strconv.Itoa(int(code)))
	}
}

// written measures from an item's transaction to its frame.
func (a *App) written() func(time.Duration) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "wanjia_push_commit_to_socket_seconds", Help: "From an item's transaction to its frame.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
	a.metrics.MustRegister(h)
	return func(after time.Duration) { h.Observe(max(0, after).Seconds()) }
}
