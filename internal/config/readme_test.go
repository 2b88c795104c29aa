package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// keys are the names of all settings of t, as files and people write them.
func keys(t reflect.Type, before string) (all []string) {
	for f := range t.Fields() {
		name := before + f.Tag.Get("koanf")
		if f.Type.Kind() == reflect.Struct {
			all = append(all, keys(f.Type, name+".")...)
			continue
		}
		all = append(all, name)
	}
	return all
}

func TestEachSettingStandsInBothReadmes(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys(reflect.TypeFor[Config](), "") {
			if !strings.Contains(string(text), "`"+key+"`") {
				t.Errorf("%s does not name the setting %s", file, key)
			}
		}
	}
}
