package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/pushclient"
)

// A person is somebody in the story, signed in on one device.
type person struct {
	s     *stage
	duty  string // as others call them: 书记, 党员
	name  string
	token string
	roles []role
	heard chan told
}

type role struct {
	ID       int64  `json:"id"`
	Role     string `json:"role"`
	UnitName string `json:"unitName"`
	Primary  bool   `json:"primary"`
}

func (p *person) String() string { return p.duty + " " + p.name + " " }

// enter brings somebody onto the stage.
func (s *stage) enter(duty, handle string) *person {
	p := &person{s: s, duty: duty, heard: make(chan told, 256)}
	s.step(duty+" ", "登录", func() (string, error) {
		if err := p.signIn(handle); err != nil {
			return "", err
		}
		for _, r := range p.roles {
			if r.Primary {
				return p.name + "，" + r.UnitName, nil
			}
		}
		return p.name, nil
	})
	return p
}

// signIn signs the account of a handle in, each time on the same device.
func (p *person) signIn(handle string) error {
	var in struct {
		Token string `json:"accessToken"`
	}
	body := map[string]any{"handle": handle, "client": "mini", "device": "wanjia-demo-of-" + strings.ReplaceAll(handle, ".", "-")}
	switch err := p.send(http.MethodPost, "/v1/auth/demo", body, &in, http.StatusOK); {
	case isRefused(err, http.StatusNotFound):
		return errors.New("这个服务不在演示模式（demo: true），没有演示账号")
	case err != nil:
		return err
	}
	p.token = in.Token
	p.s.signedIn = append(p.s.signedIn, p)
	var me struct {
		Name  string `json:"name"`
		Roles []role `json:"assignments"`
	}
	err := p.send(http.MethodGet, "/v1/me", nil, &me, http.StatusOK)
	p.name, p.roles = me.Name, me.Roles
	return err
}

// role is p's assignment with a role; 0 if there is none.
func (p *person) role(name string) int64 {
	for _, r := range p.roles {
		if r.Role == name {
			return r.ID
		}
	}
	return 0
}

// longest is how long a server that is asked too often may make the story wait.
const longest = 60 // seconds

// send calls the server under an Idempotency-Key of its own and reads the answer into v, unless that is nil. An answer
// of another status than wanted is an error in words.
func (p *person) send(method, path string, body, v any, want int) error {
	var content []byte
	var kind string
	switch b := body.(type) {
	case nil:
	case form:
		content, kind = b.content, b.kind
	default:
		kind = "application/json"
		var err error
		if content, err = json.Marshal(b); err != nil {
			return err
		}
	}
	for key := uuid.NewString(); ; {
		status, header, text, err := p.try(method, path, content, kind, key)
		if err != nil {
			return err
		}
		if wait, err := strconv.Atoi(header.Get("Retry-After")); err == nil && status == http.StatusTooManyRequests && wait <= longest {
			p.s.say("        （来得太密，服务器请我们等 %d 秒）\n", wait)
			select {
			case <-time.After(time.Duration(wait) * time.Second):
				continue
			case <-p.s.ctx.Done():
				return p.s.ctx.Err()
			}
		}
		if status != want {
			return differs(method, path, status, text, want)
		}
		if v == nil {
			return nil
		}
		if err := json.Unmarshal(text, v); err != nil {
			return fmt.Errorf("%s %s 的回答读不懂：%w", method, path, err)
		}
		return nil
	}
}

// A refusal is an answer that was not wanted.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func differs(method, path string, status int, text []byte, want int) error {
	var problem struct {
		Code  string `json:"code"`
		Title string `json:"title"`
	}
	_ = json.Unmarshal(text, &problem) // an answer that is none says its status
	return refusal{status, fmt.Sprintf("%s %s 返回 %d（%s：%s），应为 %d", method, path, status, problem.Code, problem.Title, want)}
}

// isRefused says whether err is an answer of the status.
func isRefused(err error, status int) bool {
	r, ok := errors.AsType[refusal](err)
	return ok && r.status == status
}

// try calls the server once.
func (p *person) try(method, path string, content []byte, kind, key string) (status int, header http.Header, text []byte, err error) {
	req, err := http.NewRequestWithContext(p.s.ctx, method, p.s.url+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if method != http.MethodGet {
		req.Header.Set("Idempotency-Key", key)
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	res, err := p.s.http.Do(req)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("%s %s 没有回答：%w", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err = io.ReadAll(io.LimitReader(res.Body, 8<<20))
	return res.StatusCode, res.Header, text, err
}

// A form is a body with files.
type form struct {
	content []byte
	kind    string
}

func formOf(field, name string, file []byte) (form, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, name)
	if err != nil {
		return form{}, err
	}
	if _, err := part.Write(file); err != nil {
		return form{}, err
	}
	err = w.Close()
	return form{b.Bytes(), w.FormDataContentType()}, err
}

// told is an item of a socket, and when it came.
type told struct {
	pushclient.Item
	at time.Time
}

// listen opens p's socket, and keeps it to the end of the story.
func (p *person) listen() {
	p.s.step(p.String(), "的手机接通推送（WebSocket）", func() (string, error) {
		up, asked := make(chan int64, 1), make(chan struct{}, 1)
		c, err := pushclient.New(pushclient.Options{
			URL: p.s.url,
			Ticket: func(context.Context) (string, error) {
				var t struct {
					Ticket string `json:"ticket"`
				}
				err := p.send(http.MethodPost, "/v1/push/ticket", nil, &t, http.StatusCreated)
				select {
				case asked <- struct{}{}:
				default:
				}
				return t.Ticket, err
			},
			Apply: func(i pushclient.Item) {
				select {
				case p.heard <- told{i, time.Now()}:
				default: // more than anybody waits for
				}
			},
			Up: func(top int64) {
				select {
				case up <- top:
				default:
				}
			},
		})
		if err != nil {
			return "", err
		}
		ctx, stop := context.WithCancel(p.s.ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = c.Run(ctx) // it ends with the story
		}()
		p.s.ends = append(p.s.ends, func() { stop(); <-ended })
		select {
		case <-asked: // a server that is asked too often may have made us wait
		case <-time.After((longest + 5) * time.Second):
		}
		select {
		case top := <-up:
			return fmt.Sprintf("已接通，最新一条是第 %d 条", top), nil
		case <-time.After(5 * time.Second):
			return "", errors.New("5 秒内没有接通")
		}
	})
}

// hears waits for an item about the thing with this id: within 2 s of since.
func (p *person) hears(kind, meaning string, id int64, since time.Time) {
	p.s.step(p.String(), "的手机响了", func() (string, error) {
		late := time.NewTimer(time.Until(since.Add(2 * time.Second)))
		defer late.Stop()
		for {
			select {
			case i := <-p.heard:
				if i.Kind == kind && i.Ref.ID == id {
					return fmt.Sprintf("%s（%s，第 %d 条），离事情发生 %d ms", meaning, kind, i.Seq, i.at.Sub(since).Milliseconds()), nil
				}
			case <-late.C:
				return "", fmt.Errorf("2 秒内没有听到 %s", kind)
			}
		}
	})
}
