package app

import (
	"slices"
	"testing"

	"wanjia/internal/config"
)

func TestInDemoModeTheStartPageOpensSocketsWhereverItIsServed(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Listen.Public, c.Listen.Origins = "127.0.0.1:9090", []string{"https://wanjia.example"}
	if got := (&App{config: c}).pages(); !slices.Equal(got, c.Listen.Origins) {
		t.Errorf("in production %v may, want those of the settings alone", got)
	}
	c.Demo = true
	if got := (&App{config: c}).pages(); !slices.Contains(got, "http://127.0.0.1:9090") || !slices.Contains(got, "http://localhost:9090") || len(got) != 3 {
		t.Errorf("in demo mode %v may, want our own page too", got)
	}
}
