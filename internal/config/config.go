// Package config holds every setting of the program: one struct, read once at the start.
//
// Defaults give way to the file, the file to the environment (WANJIA_*), and both to secret files. A key that
// nobody knows stops the start, and so does one of the policy guard; all complaints come at once.
package config

import (
	"time"
)

// Config is what an operator can set. The zero value is not valid; Load fills in the defaults.
type Config struct {
	Demo      bool      `koanf:"demo"`  // demo data and sign-in by handle; loopback and SQLite only (X11)
	Data      string    `koanf:"data"`  // folder of the embedded tier: database, keys, lock
	Files     string    `koanf:"files"` // folder of pictures, which all nodes share; empty: files below data
	Listen    Listen    `koanf:"listen"`
	MySQL     MySQL     `koanf:"mysql"`
	Redis     Redis     `koanf:"redis"`
	Keys      Keys      `koanf:"keys"`
	WeChat    WeChat    `koanf:"wechat"`
	Log       Log       `koanf:"log"`
	Audit     Audit     `koanf:"audit"`
	Retention Retention `koanf:"retention"`
	Checkin   Checkin   `koanf:"checkin"`
	Push      Push      `koanf:"push"`
	Request   Request   `koanf:"request"`

	Household Household `koanf:"household"`
	Board     Board     `koanf:"board"`
}

// Listen says where the two listeners are and who stands before them.
type Listen struct {
	Public  string   `koanf:"public"`
	Admin   string   `koanf:"admin"`   // /metrics, /livez, /readyz, pprof: loopback only
	Proxies []string `koanf:"proxies"` // networks (CIDR) whose X-Forwarded-For is believed; none: the peer is the client
	Origins []string `koanf:"origins"` // web origins that may open a socket; never *
	Site    string   `koanf:"site"`    // where people reach the public listener, https://…; QR codes hold it. None: as whoever prints has it
}

// MySQL names the production database; without a DSN the embedded SQLite is used.
type MySQL struct {
	DSN     string `koanf:"dsn" secret:"true"`
	DSNFile string `koanf:"dsn_file"`
}

// Redis names the server or cluster; without an address one runs inside the process.
type Redis struct {
	Addresses    []string `koanf:"addresses"`
	Cluster      bool     `koanf:"cluster"`
	Password     string   `koanf:"password" secret:"true"`
	PasswordFile string   `koanf:"password_file"`
}

// Keys names the master key, which wraps all other keys (security.md §12).
type Keys struct {
	Master     string `koanf:"master" secret:"true"` // base64 of 32 bytes; the environment only
	MasterFile string `koanf:"master_file"`          // made at the first start of the embedded tier
}

// WeChat is the mini-program's identity and where WeChat answers.
type WeChat struct {
	AppID      string `koanf:"app_id"`
	Secret     string `koanf:"secret" secret:"true"`
	SecretFile string `koanf:"secret_file"`
	BaseURL    string `koanf:"base_url"`
	Rate       int    `koanf:"rate"` // messages a second, of all nodes together
	Fake       bool   `koanf:"fake"` // start the shipped fake WeChat server on loopback

	// Of the console's message push (消息推送): without a token nobody listens; without a key pushes come open.
	PushToken     string `koanf:"push_token" secret:"true"`
	PushTokenFile string `koanf:"push_token_file"`
	PushKey       string `koanf:"push_key" secret:"true"`
	PushKeyFile   string `koanf:"push_key_file"`
}

// Log says how much is written to standard error.
type Log struct {
	Level string `koanf:"level"` // debug, info, warn, error
}

// Audit is about the proof that nobody rewrote what was done.
type Audit struct {
	HeadsFile string `koanf:"heads_file"` // where the signed ends of the chain go each hour, the second place; none: the database alone
}

// Retention is about what is kept no longer.
type Retention struct {
	JournalFile string `koanf:"journal_file"` // what was erased, outside of the database and its backups: a restore forgets it again; none: the database alone
}

// Checkin is about being on duty.
type Checkin struct {
	LateEntry time.Duration `koanf:"late_entry"` // how long after the day a late entry is taken (X12)
}

// Board is about what hangs in the street.
type Board struct {
	Font string `koanf:"font"` // a TrueType file with Chinese letters, in which boards are offered as PDF files (F3); none: browsers print them
}

// Household is about homes and the areas that look after them.
type Household struct {
	LoadHint int `koanf:"load_hint"` // above how many households of an area a split is suggested (F5)
}

// Request is about residents' needs.
type Request struct {
	Reopen time.Duration `koanf:"reopen"` // how long after its end a need can be opened again (O13)
}

// Push is about the way of a notification.
type Push struct {
	KeepDone time.Duration `koanf:"keep_done"` // how long outbox rows stay when done: the replay window (push.md §5)
}

// Default is the embedded tier in demo mode's absence: everything on this machine, nobody else's.
func Default() Config {
	return Config{
		Data:    "data",
		Listen:  Listen{Public: "127.0.0.1:8080", Admin: "127.0.0.1:8081"},
		WeChat:  WeChat{BaseURL: "https://api.weixin.qq.com", Rate: 200},
		Log:     Log{Level: "info"},
		Checkin: Checkin{LateEntry: 7 * 24 * time.Hour},
		Push:    Push{KeepDone: 2 * time.Minute},
		Request: Request{Reopen: 30 * 24 * time.Hour},

		Household: Household{LoadHint: 40},
	}
}

// Embedded says whether SQLite keeps the records.
func (c Config) Embedded() bool { return c.MySQL.DSN == "" }
