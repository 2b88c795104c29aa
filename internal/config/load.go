package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"wanjia/internal/platform/wechat"
)

// Refused says which rule forbids a key, if one does (privacy.RefusedKey). Such a key stops the start
// wherever it stands (domain.md PG3).
type Refused func(key string) (rule string, refused bool)

// Load reads the settings: defaults < the file at path (none if "") < environ (os.Environ form) < secret
// files. The error holds every complaint.
func Load(path string, environ []string, refused Refused) (Config, error) {
	c := Default()
	k := koanf.New(".")
	var complaints []error
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return c, fmt.Errorf("read settings from %s: %w", path, err)
		}
	}
	known := keysOf(reflect.TypeFor[Config](), "")
	for _, key := range k.Keys() {
		if rule, no := refused(key); no {
			complaints = append(complaints, fmt.Errorf("%s: %s is refused: %s", path, key, rule))
			k.Delete(key)
		}
	}
	env, err := fromEnvironment(known, environ, refused)
	complaints = append(complaints, err)
	if err := k.Load(confmap.Provider(env, "."), nil); err != nil {
		return c, fmt.Errorf("read settings from the environment: %w", err)
	}
	decode := &mapstructure.DecoderConfig{
		TagName:          "koanf",
		ErrorUnused:      true,
		WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}
	if err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{Tag: "koanf", DecoderConfig: decode}); err != nil {
		complaints = append(complaints, fmt.Errorf("%s: %w", path, err))
	}
	complaints = append(complaints, c.readSecrets(), c.check())
	return c, errors.Join(complaints...)
}

// keysOf lists the dotted keys of a struct of settings.
func keysOf(t reflect.Type, prefix string) []string {
	var keys []string
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("koanf")
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type, key+".")...)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

// variable is the name of key in the environment: listen.public is WANJIA_LISTEN_PUBLIC.
func variable(key string) string {
	return "WANJIA_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func fromEnvironment(known, environ []string, refused Refused) (map[string]any, error) {
	names := map[string]string{}
	for _, key := range known {
		names[variable(key)] = key
	}
	found := map[string]any{}
	var complaints []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "WANJIA_") || strings.HasPrefix(name, "WANJIA_TEST_") {
			continue
		}
		if key, ok := names[name]; ok {
			found[key] = value
			continue
		}
		if rule, no := refusedVariable(name, refused); no {
			complaints = append(complaints, fmt.Errorf("%s is refused: %s", name, rule))
			continue
		}
		complaints = append(complaints, fmt.Errorf("%s is not a setting", name))
	}
	return found, errors.Join(complaints...)
}

// refusedVariable asks the guard for each way in which a variable's underscores can be the dots of a key:
// WANJIA_EVIDENCE_PHOTO_REQUIRED is evidence.photo_required.
func refusedVariable(name string, refused Refused) (string, bool) {
	words := strings.ToLower(strings.TrimPrefix(name, "WANJIA_"))
	for i, r := range words {
		if r != '_' {
			continue
		}
		if rule, no := refused(words[:i] + "." + words[i+1:]); no {
			return rule, true
		}
	}
	return "", false
}

// readSecrets takes secrets out of their files, which nobody else may read (A8.1).
func (c *Config) readSecrets() error {
	var complaints []error
	for _, s := range []struct {
		key, path string
		into      *string
	}{
		{"mysql.dsn_file", c.MySQL.DSNFile, &c.MySQL.DSN},
		{"redis.password_file", c.Redis.PasswordFile, &c.Redis.Password},
		{"wechat.secret_file", c.WeChat.SecretFile, &c.WeChat.Secret},
		{"wechat.push_token_file", c.WeChat.PushTokenFile, &c.WeChat.PushToken},
		{"wechat.push_key_file", c.WeChat.PushKeyFile, &c.WeChat.PushKey},
	} {
		if s.path == "" {
			continue
		}
		b, err := ReadSecret(s.path)
		if err != nil {
			complaints = append(complaints, fmt.Errorf("%s: %w", s.key, err))
			continue
		}
		*s.into = strings.TrimSpace(string(b))
	}
	return errors.Join(complaints...)
}

// ReadSecret reads a file that its owner alone may read.
func ReadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&fs.FileMode(0o077) != 0 {
		return nil, fmt.Errorf("%s may be read by others (%v): chmod 0400 %s", path, info.Mode().Perm(), path)
	}
	return os.ReadFile(path)
}

// check says everything that makes these settings unsafe or senseless.
func (c Config) check() error {
	var complaints []error
	say := func(format string, args ...any) { complaints = append(complaints, fmt.Errorf(format, args...)) }

	public, err := loopback(c.Listen.Public)
	if err != nil {
		say("listen.public: %w", err)
	}
	if admin, err := loopback(c.Listen.Admin); err != nil {
		say("listen.admin: %w", err)
	} else if !admin {
		say("listen.admin: %s is not a loopback address; metrics and pprof stay on this machine", c.Listen.Admin)
	}
	if c.Listen.Admin == c.Listen.Public && !strings.HasSuffix(c.Listen.Admin, ":0") {
		say("listen.admin: %s is the public listener; metrics and pprof have one of their own", c.Listen.Admin)
	}
	if c.Demo && !public {
		say("demo: demo mode refuses to listen on %s; anybody could sign in by handle", c.Listen.Public)
	}
	if c.Demo && !c.Embedded() {
		say("demo: demo mode refuses a MySQL database; it would fill it with invented people")
	}
	for _, network := range c.Listen.Proxies {
		if _, err := netip.ParsePrefix(network); err != nil {
			say("listen.proxies: %q is not a network such as 10.0.0.0/24", network)
		}
	}
	if site := c.Listen.Site; site != "" && (!strings.HasPrefix(site, "https://") && !strings.HasPrefix(site, "http://") || strings.ContainsAny(site, "*, ?#")) {
		say("listen.site: %q is not an address such as https://wanjia.example", site)
	}
	for _, origin := range c.Listen.Origins {
		if u, err := url.Parse(origin); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || strings.Contains(origin, "*") {
			say("listen.origins: %q is not an origin such as https://wanjia.example", origin)
		}
	}
	if !c.Embedded() && len(c.Redis.Addresses) == 0 {
		say("redis.addresses: a MySQL database wants a Redis beside it; the built-in one serves one process only")
	}
	switch n := len(c.Redis.Addresses); {
	case c.Redis.Cluster && n == 0:
		say("redis.cluster: a Redis Cluster needs the address of one of its nodes or more")
	case !c.Redis.Cluster && n > 1:
		say("redis.addresses: %d servers that are no cluster; name one, or set redis.cluster", n)
	}
	if !c.Embedded() && c.Keys.Master == "" && c.Keys.MasterFile == "" {
		say("keys.master_file: production needs a master key outside the data folder")
	}
	if c.Keys.Master != "" {
		if b, err := base64.StdEncoding.DecodeString(c.Keys.Master); err != nil || len(b) != 32 {
			say("keys.master: want base64 of 32 bytes")
		} else if len(slices.Compact(slices.Sorted(slices.Values(b)))) < 8 {
			say("keys.master: this is no random key: make one with head -c 32 /dev/urandom | base64")
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		say("log.level: %q is none of debug, info, warn, error", c.Log.Level)
	}
	if c.Request.Reopen < 7*24*time.Hour || c.Request.Reopen > 180*24*time.Hour {
		say("request.reopen: %v is not between 168h and 4320h", c.Request.Reopen)
	}
	if c.Household.LoadHint < 1 {
		say("household.load_hint: %d is no number of households", c.Household.LoadHint)
	}
	if c.Checkin.LateEntry < 0 || c.Checkin.LateEntry > 7*24*time.Hour {
		say("checkin.late_entry: %v is not between 0 and 168h", c.Checkin.LateEntry)
	}
	if c.Push.KeepDone < time.Minute {
		say("push.keep_done: %v is shorter than 1m, and Redis may have lost its last second", c.Push.KeepDone)
	}
	if !c.WeChat.Fake && c.WeChat.AppID != "" && c.WeChat.Secret == "" {
		say("wechat.secret_file: an app id needs its secret")
	}
	if c.WeChat.PushToken != "" || c.WeChat.PushKey != "" {
		if err := wechat.CheckPush(c.WeChat.PushToken, c.WeChat.PushKey); err != nil {
			say("wechat.push_token_file: %w", err)
		}
		if !c.WeChat.Fake && c.WeChat.AppID == "" {
			say("wechat.push_token_file: nothing is pushed without an app id")
		}
	}
	if c.WeChat.Rate < 1 || c.WeChat.Rate > 10_000 {
		say("wechat.rate: %d messages a second are not between 1 and 10000", c.WeChat.Rate)
	}
	if c.WeChat.Fake && !c.Demo && !c.Embedded() {
		say("wechat.fake: the fake WeChat server is for demo and tests")
	}
	return errors.Join(complaints...)
}

func loopback(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, fmt.Errorf("%q is not host:port", address)
	}
	if host == "localhost" {
		return true, nil
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback(), nil
}
