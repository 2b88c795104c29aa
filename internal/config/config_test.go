package config

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wanjia/internal/privacy"
)

// noRanking is the policy guard as far as these tests need it.
func noRanking(key string) (string, bool) {
	return "people are not ranked", key == "ranking.people" || key == "evidence.photo_required"
}

func load(t *testing.T, yaml string, env ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wanjia.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, env, noRanking)
}

func TestTheEnvironmentWinsOverTheFileAndTheFileOverTheDefaults(t *testing.T) {
	t.Parallel()
	c, err := load(t, "listen: {public: 127.0.0.1:9000}\npush: {keep_done: 5m}\n",
		"WANJIA_LISTEN_PUBLIC=127.0.0.1:9001", "WANJIA_LISTEN_ORIGINS=https://a.example,https://b.example", "HOME=/x")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen.Public != "127.0.0.1:9001" || c.Listen.Admin != "127.0.0.1:8081" || c.Push.KeepDone != 5*time.Minute || len(c.Listen.Origins) != 2 {
		t.Errorf("settings are %+v, want 9001 from the environment, 5m from the file, 8081 by default, two origins", c)
	}
}

func TestAMisspeltKeyStopsTheStart(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]func() error{
		"listen.pubic": func() error { _, err := load(t, "listen: {pubic: 127.0.0.1:1}\n"); return err },
		"lisen":        func() error { _, err := load(t, "lisen: {public: 127.0.0.1:1}\n"); return err },
		"WANJIA_LISTEN_PUBIC": func() error {
			_, err := load(t, "", "WANJIA_LISTEN_PUBIC=127.0.0.1:1")
			return err
		},
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), name[strings.LastIndex(name, ".")+1:]) {
			t.Errorf("%s: error %v, want one that names it", name, err)
		}
	}
}

func TestA8_1_AllComplaintsComeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, "demo: true\nlisten: {public: 0.0.0.0:80, admin: 0.0.0.0:81, proxies: [everything], origins: ['*']}\nlog: {level: loud}\n")
	for _, want := range []string{"demo mode refuses", "listen.admin", "listen.proxies", "listen.origins", "log.level"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to speak of %s", err, want)
		}
	}
}

func TestA8_1_UnsafeSettingsStopTheStart(t *testing.T) {
	t.Parallel()
	server := "mysql: {dsn: 'u:p@tcp(127.0.0.1:3306)/w'}\n"
	key := func(b []byte) string { return "keys: {master: '" + base64.StdEncoding.EncodeToString(b) + "'}\n" }
	random := make([]byte, 32)
	_, _ = rand.Read(random)
	for _, redis := range []string{"addresses: ['127.0.0.1:6379']", "addresses: ['127.0.0.1:1', '127.0.0.1:2'], cluster: true"} {
		if _, err := load(t, server+"redis: {"+redis+"}\n"+key(random)); err != nil {
			t.Errorf("safe settings: %v, want no complaint", err)
		}
	}
	for name, c := range map[string]struct{ yaml, want string }{
		"a short key":                  {key(make([]byte, 16)), "keys.master"},
		"a key of zeros":               {key(make([]byte, 32)), "keys.master"},
		"a key of one letter":          {key(bytes.Repeat([]byte("k"), 32)), "keys.master"},
		"a key of a word":              {key([]byte("secretsecretsecretsecretsecretse")), "keys.master"},
		"no key in production":         {server + "redis: {addresses: ['127.0.0.1:6379']}\n", "keys.master_file"},
		"the public listener as admin": {"listen: {public: 127.0.0.1:8081, admin: 127.0.0.1:8081}\n", "listen.admin"},
		"pprof for other machines":     {"listen: {admin: '0.0.0.0:8081'}\n", "listen.admin"},
		"CORS for everybody":           {"listen: {origins: ['*']}\n", "listen.origins"},
		"codes that lead nowhere":      {"listen: {site: wanjia.example}\n", "listen.site"},
		"CORS for any host":            {"listen: {origins: ['https://*.example']}\n", "listen.origins"},
		"proxies without a network":    {"listen: {proxies: ['0.0.0.0']}\n", "listen.proxies"},
		"the fake WeChat":              {server + "redis: {addresses: ['127.0.0.1:6379']}\n" + key(random) + "wechat: {fake: true}\n", "wechat.fake"},
		"a key without its token":      {"wechat: {push_key: abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG}\n", "wechat.push_token_file"},
		"a token without an app":       {"wechat: {push_token: '0123456789abcdef', fake: false}\n", "wechat.push_token_file"},
		"a cluster without a node":     {"redis: {cluster: true}\n", "redis.cluster"},
		"two servers, no cluster":      {"redis: {addresses: ['127.0.0.1:1', '127.0.0.1:2']}\n", "set redis.cluster"},
		"an app without its secret":    {"wechat: {app_id: wx1, fake: false}\n", "wechat.secret_file"},
	} {
		if _, err := load(t, c.yaml); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want it to speak of %s", name, err, c.want)
		}
	}
}

// PG3: a key of the policy guard stops the start, in a file and in the environment.
func TestAKeyOfThePolicyGuardStopsTheStart(t *testing.T) {
	t.Parallel()
	_, fromFile := load(t, "ranking: {people: false}\n")
	_, fromEnv := load(t, "", "WANJIA_EVIDENCE_PHOTO_REQUIRED=true")
	for _, err := range []error{fromFile, fromEnv} {
		if err == nil || !strings.Contains(err.Error(), "people are not ranked") {
			t.Errorf("error %v, want the rule that refuses the key", err)
		}
	}
}

// The same with the guard that the program has, for each of its keys.
func TestEveryKeyOfThePolicyGuardStopsTheStart(t *testing.T) {
	t.Parallel()
	keys := 0
	for _, rule := range privacy.Rules() {
		for _, key := range rule.Keys {
			keys++
			group, name, _ := strings.Cut(key, ".")
			path := filepath.Join(t.TempDir(), "wanjia.yaml")
			if err := os.WriteFile(path, []byte(group+": {"+name+": false}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, fromFile := Load(path, nil, privacy.RefusedKey)
			_, fromEnv := Load("", []string{"WANJIA_" + strings.ToUpper(group+"_"+name) + "=0"}, privacy.RefusedKey)
			for _, err := range []error{fromFile, fromEnv} {
				if err == nil || !strings.Contains(err.Error(), rule.Text) {
					t.Errorf("%s: %v, want the rule: %s", key, err, rule.Text)
				}
			}
		}
	}
	if keys != 10 {
		t.Errorf("the guard has %d keys, want the ten of PG2", keys)
	}
}

// X11: demo mode refuses other machines and a real database.
func TestDemoModeRefusesOtherMachinesAndMySQL(t *testing.T) {
	t.Parallel()
	if _, err := load(t, "demo: true\nlisten: {public: '[::1]:8080'}\n"); err != nil {
		t.Errorf("on loopback: %v, want no complaint", err)
	}
	for _, yaml := range []string{
		"demo: true\nlisten: {public: ':8080'}\n",
		"demo: true\nlisten: {public: 192.0.2.1:8080}\n",
		"demo: true\nmysql: {dsn: 'u:p@tcp(127.0.0.1:3306)/w'}\nredis: {addresses: [127.0.0.1:6379]}\nkeys: {master_file: /x}\n",
	} {
		if _, err := load(t, yaml); err == nil || !strings.Contains(err.Error(), "demo mode refuses") {
			t.Errorf("%q: error %v, want a refusal of demo mode", yaml, err)
		}
	}
}

// A8.1: a secret that others can read is no secret.
func TestA8_1_ASecretFileThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(path, []byte("secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, "wechat: {app_id: wx1, secret_file: "+path+"}\n"); err == nil || !strings.Contains(err.Error(), "chmod 0400") {
		t.Errorf("error %v, want a refusal that says chmod 0400", err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, "wechat: {app_id: wx1, secret_file: "+path+"}\n")
	if err != nil || c.WeChat.Secret != "secret" {
		t.Errorf("secret is %q, error %v, want the content of the file", c.WeChat.Secret, err)
	}
}

func TestSecretsAreMaskedWhenSettingsArePrinted(t *testing.T) {
	t.Parallel()
	c := Default()
	c.MySQL.DSN, c.WeChat.Secret = "user:hush@tcp(db)/w", "hush"
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("settings", "config", c)
	if s := out.String(); strings.Contains(s, "hush") || !strings.Contains(s, "***") || !strings.Contains(s, "127.0.0.1:8080") {
		t.Errorf("printed %s, want the secrets masked and the rest shown", s)
	}
}

func TestTheShippedFilesAreValid(t *testing.T) {
	t.Parallel()
	if _, err := Load("../../configs/local.yaml", nil, noRanking); err != nil {
		t.Errorf("configs/local.yaml: %v", err)
	}
	// The example names files that exist on the operator's machine only; every other line of it must hold.
	_, err := Load("../../configs/production.example.yaml", nil, noRanking)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.Contains(line, "no such file") && !strings.Contains(line, "a MySQL") && !strings.Contains(line, "needs its secret") {
				t.Errorf("configs/production.example.yaml: %s", line)
			}
		}
	}
}
