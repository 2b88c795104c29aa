package config

import (
	"log/slog"
	"reflect"
)

// LogValue shows every setting, secrets masked, so that the start can print them.
func (c Config) LogValue() slog.Value { return slog.GroupValue(attrs(reflect.ValueOf(c))...) }

func attrs(v reflect.Value) []slog.Attr {
	var all []slog.Attr
	for i := range v.NumField() {
		f, name := v.Type().Field(i), v.Type().Field(i).Tag.Get("koanf")
		switch value := v.Field(i); {
		case f.Tag.Get("secret") == "true" && !value.IsZero():
			all = append(all, slog.String(name, "***"))
		case f.Type.Kind() == reflect.Struct:
			all = append(all, slog.Attr{Key: name, Value: slog.GroupValue(attrs(value)...)})
		default:
			all = append(all, slog.Any(name, value.Interface()))
		}
	}
	return all
}
