package app

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"wanjia/internal/config"
)

func TestEachMetricIsNamedAndRegistered(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data, c.WeChat.Fake = t.TempDir(), true
	a, err := New(context.Background(), c, Options{Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := a.leases.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	families, err := a.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			for _, l := range m.GetLabel() {
				if strings.HasPrefix(f.GetName(), "wanjia_") && (strings.Contains(l.GetName(), "id") || strings.Contains(l.GetName(), "person")) {
					t.Errorf("%s has a label %s", f.GetName(), l.GetName())
				}
			}
		}
	}
	for _, name := range []string{
		"wanjia_push_connections", "wanjia_push_lagging_connections_total", "wanjia_push_position_behind_total", "wanjia_push_sql_fill_total",
		"wanjia_push_items_total", "wanjia_push_resets_total", "wanjia_push_gap_total", "wanjia_push_swept_total", "wanjia_push_replayed_total",
		"wanjia_push_outbox_oldest_seconds", "wanjia_push_lease_held", "wanjia_fanout_remaining", "wanjia_fanout_no_progress", "wanjia_request_clocks_failing", "wanjia_push_commit_to_socket_seconds", "wanjia_wechat_token_fetch_total",
		"wanjia_sql_statements_total", "wanjia_password_hashes_total", "wanjia_http_requests_in_flight",
	} {
		if _, there := got[name]; !there {
			t.Errorf("%s is not registered", name)
		}
	}
	if got["wanjia_push_lease_held"] != 64 || got["wanjia_push_outbox_oldest_seconds"] != 0 {
		t.Errorf("leases held %v, oldest %v; want 64 and 0", got["wanjia_push_lease_held"], got["wanjia_push_outbox_oldest_seconds"])
	}
}
