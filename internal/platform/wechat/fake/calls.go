package fake

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Names of the calls, for faults and counts.
const (
	Code2Session = "code2Session"
	Token        = "stable_token"
	Send         = "subscribe/send"
	Check        = "msg_sec_check"
	Phone        = "getuserphonenumber"
)

var paths = map[string]string{
	"/sns/jscode2session":              Code2Session,
	"/cgi-bin/stable_token":            Token,
	"/cgi-bin/message/subscribe/send":  Send,
	"/wxa/msg_sec_check":               Check,
	"/wxa/business/getuserphonenumber": Phone,
}

// A Template is one kind of subscription message.
type Template struct {
	Long   bool              // long-term: needs no credit
	Fields map[string]string // name → rule: thing, number, phrase, character_string, date, time …
}

// AddTemplate makes the platform know a template.
func (s *Server) AddTemplate(id string, t Template) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.templates[id] = t
}

// Grant adds credits as a tap on “allow” does.
func (s *Server) Grant(openID, template string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credits[pair{openID, template}] += n
}

type object map[string]any

func failed(code int) object { return object{"errcode": code, "errmsg": "fake"} }

type request struct {
	// code2Session, stable_token
	AppID, Secret, GrantType string
	Code                     string
	Force                    bool
	// the rest
	AccessToken string
	OpenID      string
	Template    string
	Page        string
	Data        map[string]struct {
		Value string `json:"value"`
	}
	Content string
	Version int
	Scene   int
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call, known := paths[r.URL.Path]
	wantMethod := http.MethodPost
	if call == Code2Session {
		wantMethod = http.MethodGet
	}
	if !known || r.Method != wantMethod {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	req, ok := read(r)
	if !ok {
		answer(w, failed(47001))
		return
	}
	fault := s.fault(call, s.names(req))
	if fault != nil && s.spoil(w, r, fault) {
		return
	}
	s.mu.Lock()
	s.calls[call]++
	body := s.answer(call, req, fault)
	s.mu.Unlock()
	if fault != nil && fault.Kind == AnswerLost {
		panic(http.ErrAbortHandler)
	}
	answer(w, body)
}

func answer(w http.ResponseWriter, body object) {
	_ = json.NewEncoder(w).Encode(body)
}

func read(r *http.Request) (request, bool) {
	q := r.URL.Query()
	req := request{
		AppID: q.Get("appid"), Secret: q.Get("secret"), Code: q.Get("js_code"), GrantType: q.Get("grant_type"),
		AccessToken: q.Get("access_token"),
	}
	if r.Method == http.MethodGet {
		return req, true
	}
	var body struct {
		AppID     string `json:"appid"`
		Secret    string `json:"secret"`
		GrantType string `json:"grant_type"`
		Force     bool   `json:"force_refresh"`
		Code      string `json:"code"`
		ToUser    string `json:"touser"`
		OpenID    string `json:"openid"`
		Template  string `json:"template_id"`
		Page      string `json:"page"`
		Content   string `json:"content"`
		Version   int    `json:"version"`
		Scene     int    `json:"scene"`
		Data      map[string]struct {
			Value string `json:"value"`
		} `json:"data"`
	}
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10))
	d.DisallowUnknownFields() // what nobody asked for does not go out
	if err := d.Decode(&body); err != nil {
		return req, false
	}
	if body.AppID != "" {
		req.AppID, req.Secret, req.GrantType = body.AppID, body.Secret, body.GrantType
	}
	req.Force, req.Code, req.Template, req.Page, req.Data = body.Force, body.Code, body.Template, body.Page, body.Data
	req.Content, req.Version, req.Scene = body.Content, body.Version, body.Scene
	if req.OpenID = body.OpenID; body.ToUser != "" {
		req.OpenID = body.ToUser
	}
	return req, true
}

// names is the openid that a call is about, also when only its code says so.
func (s *Server) names(r request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.codes[r.Code]; c != nil {
		return c.openID
	}
	return r.OpenID
}

func (s *Server) answer(call string, r request, f *Fault) object {
	if code := s.overQuota(call); code != 0 {
		return failed(code)
	}
	switch call {
	case Code2Session:
		return s.session(r)
	case Token:
		return s.token(r)
	}
	app, ok := s.appOf(r.AccessToken)
	if !ok {
		return failed(40001)
	}
	switch call {
	case Phone:
		return s.phone(r, app, f)
	case Check:
		return s.check(r)
	default:
		return s.send(r)
	}
}

// shanghai is where the platform's day ends.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// overQuota counts a call and says whether it was one too many.
func (s *Server) overQuota(call string) int {
	q, now := s.quotas[call], s.now().UTC()
	minute, day := quotaKey{call, now.Format("2006-01-02T15:04")}, quotaKey{call, now.In(shanghai).Format("2006-01-02")}
	s.used[minute]++
	s.used[day]++
	switch {
	case q.Day > 0 && s.used[day] > q.Day:
		return 45009
	case q.Minute > 0 && s.used[minute] > q.Minute:
		return 45011
	}
	return 0
}

func (s *Server) session(r request) object {
	secret, known := s.apps[r.AppID]
	switch {
	case !known:
		return failed(40013)
	case r.Secret != secret:
		return failed(40125)
	case r.GrantType != "authorization_code" || r.Code == "":
		return failed(40029)
	}
	c, code := s.take(r.Code, r.AppID, false)
	if code != 0 {
		return failed(code)
	}
	s.lastUse[c.openID] = s.now()
	said := object{"openid": c.openID, "session_key": Canary + random()}
	if union := s.unions[c.openID]; union != "" {
		said["unionid"] = union
	}
	return said
}

// token gives everybody the same token until five minutes before its end. Then the new one is given, and the
// old one works on until its end.
func (s *Server) token(r request) object {
	secret, known := s.apps[r.AppID]
	switch {
	case !known:
		return failed(40013)
	case r.Secret != secret:
		return failed(40125)
	case r.GrantType != "client_credential":
		return failed(40002)
	}
	now := s.now()
	t := s.tokens[r.AppID]
	fresh := t.value == "" || now.After(t.until.Add(-5*time.Minute))
	if r.Force {
		var today []time.Time
		for _, at := range s.forced[r.AppID] {
			if now.Sub(at) < 24*time.Hour {
				today = append(today, at)
			}
		}
		if n := len(today); n >= 20 || n > 0 && now.Sub(today[n-1]) < 30*time.Second {
			return failed(45009)
		}
		s.forced[r.AppID] = append(today, now)
		fresh, t = true, token{}
	}
	if fresh {
		if t.value != "" {
			s.old[r.AppID] = t
		} else {
			delete(s.old, r.AppID)
		}
		// The platform asks to leave room for 512 characters and more.
		t = token{value: "at-" + random() + random() + pad, until: now.Add(2 * time.Hour)}
		s.tokens[r.AppID] = t
	}
	return object{"access_token": t.value, "expires_in": int(t.until.Sub(now) / time.Second)}
}

const pad = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func (s *Server) appOf(value string) (string, bool) {
	now := s.now()
	for _, book := range []map[string]token{s.tokens, s.old} {
		for app, t := range book {
			if value != "" && t.value == value && now.Before(t.until) {
				return app, true
			}
		}
	}
	return "", false
}

func (s *Server) phone(r request, app string, f *Fault) object {
	c, code := s.take(r.Code, app, true)
	if code != 0 {
		return failed(code)
	}
	mark, at := app, s.now()
	if f != nil && f.Kind == ForeignMark {
		mark = "wxforeign00000001"
	}
	if f != nil && f.Kind == OldMark {
		at = at.Add(-6 * time.Minute)
	}
	return object{"errcode": 0, "errmsg": "ok", "phone_info": object{
		"phoneNumber": c.phone, "purePhoneNumber": c.phone, "countryCode": "86",
		"watermark": object{"timestamp": at.Unix(), "appid": mark},
	}}
}

// check finds the word 违规 risky and 存疑 worth a look.
func (s *Server) check(r request) object {
	at, used := s.lastUse[r.OpenID]
	switch {
	case r.Version != 2 || r.Scene < 1 || r.Scene > 4:
		return failed(40097)
	case utf8.RuneCountInString(r.Content) > 2500:
		return failed(47003)
	case !used:
		return failed(40003)
	case s.now().Sub(at) > 2*time.Hour:
		return failed(61010)
	}
	s.checked = append(s.checked, Checked{OpenID: r.OpenID, Scene: r.Scene, Text: r.Content})
	suggest, label := "pass", 100
	if strings.Contains(r.Content, "违规") {
		suggest, label = "risky", 20001
	} else if strings.Contains(r.Content, "存疑") {
		suggest, label = "review", 21000
	}
	return object{"errcode": 0, "errmsg": "ok", "trace_id": random(), "result": object{"suggest": suggest, "label": label}}
}

// rules are the shapes of template fields.
var rules = map[string]*regexp.Regexp{
	"thing":            regexp.MustCompile(`^[^\x00-\x1f]{1,20}$`),
	"number":           regexp.MustCompile(`^-?[0-9]{1,32}(\.[0-9]+)?$`),
	"letter":           regexp.MustCompile(`^[A-Za-z]{1,32}$`),
	"symbol":           regexp.MustCompile(`^[^\pL\pN\s]{1,5}$`),
	"character_string": regexp.MustCompile(`^[!-~]{1,32}$`),
	"phrase":           regexp.MustCompile(`^\p{Han}{1,5}$`),
	"name":             regexp.MustCompile(`^(\p{Han}{1,10}|[A-Za-z ]{1,20})$`),
	"phone_number":     regexp.MustCompile(`^[0-9+-]{1,17}$`),
	"car_number":       regexp.MustCompile(`^[\p{Han}A-Za-z0-9]{1,8}$`),
	"amount":           regexp.MustCompile(`^[¥￥$]?[0-9]{1,10}(\.[0-9]{1,2})?元?$`),
	"date":             regexp.MustCompile(`^[0-9]{4}[年/-][0-9]{1,2}[月/-][0-9]{1,2}日?( [0-9]{1,2}:[0-9]{2})?$`),
	"time":             regexp.MustCompile(`^([0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日 )?[0-9]{1,2}:[0-9]{2}$`),
}

func (s *Server) send(r request) object {
	t, known := s.templates[r.Template]
	switch {
	case !known:
		return failed(40037)
	case len(r.OpenID) < 3 || r.OpenID[:2] != "o-":
		return failed(40003)
	case len(r.Data) != len(t.Fields):
		return failed(47003)
	}
	fields := map[string]string{}
	for name, rule := range t.Fields {
		v := r.Data[name].Value
		if re := rules[rule]; re == nil || !re.MatchString(v) {
			return failed(47003)
		}
		fields[name] = v
	}
	if !t.Long {
		if s.credits[pair{r.OpenID, r.Template}] == 0 {
			return failed(43101)
		}
		s.credits[pair{r.OpenID, r.Template}]--
	}
	id := int64(len(s.sent)) + 1_000_000_000_000_001
	s.sent = append(s.sent, Sent{OpenID: r.OpenID, Template: r.Template, Page: r.Page, Fields: fields, MsgID: id, At: s.now()})
	return object{"errcode": 0, "errmsg": "ok", "msgid": json.Number(strconv.FormatInt(id, 10))}
}
