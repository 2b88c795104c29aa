package fake

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // because the platform signs with it
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// A Push is how the platform tells the app's server what happened: signed with Token, and sealed if there is a Key.
type Push struct {
	AppID, Token, Key string
	Now               func() time.Time
}

// DeliveredEvent says what became of an accepted message; code 0: its person can see it.
func (p Push) DeliveredEvent(m Sent, code int) []byte {
	return p.event("subscribe_msg_sent_event", m.OpenID, object{
		"TemplateId": m.Template, "MsgID": strconv.FormatInt(m.MsgID, 10), "ErrorCode": strconv.Itoa(code), "ErrorStatus": "fake",
	})
}

// ChosenEvent says what openID answered when asked, per template: accept or reject.
func (p Push) ChosenEvent(openID string, answers map[string]string) []byte {
	var list []object
	for template, answer := range answers {
		list = append(list, object{"TemplateId": template, "SubscribeStatusString": answer, "PopupScene": "0"})
	}
	return p.event("subscribe_msg_popup_event", openID, list)
}

// ChangedEvent says what openID changed in their settings.
func (p Push) ChangedEvent(openID, template, answer string) []byte {
	return p.event("subscribe_msg_change_event", openID, object{"TemplateId": template, "SubscribeStatusString": answer})
}

func (p Push) event(name, openID string, list any) []byte {
	return must(json.Marshal(object{
		"ToUserName": "gh_fake", "FromUserName": openID, "CreateTime": p.Now().Unix(), "MsgType": "event", "Event": name, "List": list,
	}))
}

// Wrap is the query and the body with which the platform pushes body now.
func (p Push) Wrap(body []byte) (url.Values, []byte) {
	q := url.Values{"timestamp": {strconv.FormatInt(p.Now().Unix(), 10)}, "nonce": {random()}, "openid": {"o-fake"}}
	q.Set("signature", p.sign(q))
	if p.Key == "" {
		return q, body
	}
	text := base64.StdEncoding.EncodeToString(p.seal(body))
	q.Set("encrypt_type", "aes")
	q.Set("msg_signature", p.sign(q, text))
	return q, must(json.Marshal(object{"ToUserName": "gh_fake", "Encrypt": text}))
}

// To pushes body to an address, and says what is answered.
func (p Push) To(ctx context.Context, address string, body []byte) (status int, answer string, err error) {
	q, wrapped := p.Wrap(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"?"+q.Encode(), bytes.NewReader(wrapped))
	if err != nil {
		return 0, "", fmt.Errorf("fake wechat: push: %w", err)
	}
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("fake wechat: push: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	return res.StatusCode, string(b), err
}

func (p Push) sign(q url.Values, more ...string) string {
	parts := append([]string{p.Token, q.Get("timestamp"), q.Get("nonce")}, more...)
	sort.Strings(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// seal is body as the platform's safe mode has it.
func (p Push) seal(body []byte) []byte {
	const padTo = 32
	key := must(base64.StdEncoding.DecodeString(p.Key + "="))
	plain := append([]byte(random()[:16]), binary.BigEndian.AppendUint32(nil, uint32(len(body)))...)
	plain = append(append(plain, body...), p.AppID...)
	pad := padTo - len(plain)%padTo
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	block := must(aes.NewCipher(key))
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return plain
}

// must is v: the fake is given nothing that cannot be written.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
