package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A Template is one of WeChat's, as it is registered under a code of ours.
type Template struct {
	Code        string
	ID          string // of WeChat
	Long        bool   // needs no leave for each message
	Fields      []Field
	BadInRow    int
	PausedUntil time.Time
	Version     int64
}

// A Field is one of a template's: its name at WeChat says of which type it is.
type Field struct {
	Name string `json:"name"`           // thing1
	From string `json:"from"`           // of an item: statusLabel
	Else string `json:"else,omitempty"` // what stands there when the item has none
}

// paused says whether the template is of no use at now.
func (t Template) paused(now time.Time) bool { return now.Before(t.PausedUntil) }

// A fieldType is what WeChat says of the fields of one type.
type fieldType struct {
	shape *regexp.Regexp
	from  []string // what of ours may stand in it
	other string   // when there is nothing
}

var labels = []string{receiptCode, statusLabel, kindLabel, unitLabel, placeLabel}

// fieldTypes are the types that something of ours fits. There is none for names, phones and number plates, nor will be.
var fieldTypes = map[string]fieldType{
	"thing":            {regexp.MustCompile(`^[^\pC]{1,20}$`), append(slices.Clone(labels), count, dueAt, at), "请打开查看"},
	"character_string": {regexp.MustCompile(`^[!-~]{1,32}$`), []string{receiptCode, count}, "-"},
	"number":           {regexp.MustCompile(`^[0-9]{1,32}$`), []string{count}, "1"},
	"phrase":           {regexp.MustCompile(`^\p{Han}{1,5}$`), []string{statusLabel, kindLabel}, "有更新"},
	"time":             {regexp.MustCompile(`^[0-9]{4}年[0-9]{2}月[0-9]{2}日 [0-9]{2}:[0-9]{2}$`), []string{dueAt, at}, ""},
	"date":             {regexp.MustCompile(`^[0-9]{4}年[0-9]{2}月[0-9]{2}日$`), []string{dueAt, at}, ""},
}

var (
	templateIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	fieldNames  = regexp.MustCompile(`^([a-z_]+?)([1-9][0-9]?)$`)
)

// most is how many fields WeChat lets a template have.
const mostFields = 5

// typeOf is the type in a field's name, "" if it is no name.
func (f Field) typeOf() string {
	m := fieldNames.FindStringSubmatch(f.Name)
	if m == nil {
		return ""
	}
	return m[1]
}

// check says what is wrong with t before anybody is sent it: an unknown code, a type that nothing of ours may fill, or a
// text that would not fit (N5).
func (t Template) check() error {
	if !slices.Contains(codes, t.Code) {
		return ErrTemplate
	}
	if !templateIDs.MatchString(t.ID) {
		return ErrTemplateID
	}
	if len(t.Fields) == 0 || len(t.Fields) > mostFields {
		return ErrTemplateField.Field("/fields", ErrTemplateField.Code)
	}
	names := map[string]bool{}
	for i, f := range t.Fields {
		kind, known := fieldTypes[f.typeOf()]
		fits := known && !names[f.Name] && slices.Contains(kind.from, f.From) && (f.Else == "" || kind.shape.MatchString(f.Else))
		if !fits || longDigits.MatchString(f.Else) {
			return ErrTemplateField.Field("/fields/"+strconv.Itoa(i), ErrTemplateField.Code)
		}
		names[f.Name] = true
	}
	return nil
}

// values are what stands in the fields of t for an item with args that was told at told. Each has the shape that WeChat
// wants, whatever the item holds: what is too long is cut, and what does not fit gives way to the field's own words.
func (t Template) values(args string, told time.Time) (map[string]string, error) {
	var item map[string]any
	if args != "" {
		if err := json.Unmarshal([]byte(args), &item); err != nil {
			return nil, fmt.Errorf("read the fields of a message: %w", err)
		}
	}
	all := make(map[string]string, len(t.Fields))
	for _, f := range t.Fields {
		kind, known := fieldTypes[f.typeOf()]
		if !known {
			return nil, fmt.Errorf("template %s has a field %s of no type we fill", t.Code, f.Name)
		}
		all[f.Name] = f.value(kind, item[f.From], told)
	}
	return all, nil
}

func (f Field) value(kind fieldType, v any, told time.Time) string {
	s := ""
	switch v := v.(type) {
	case string:
		s = v
		if f.From == dueAt || f.From == at {
			if moment, err := time.Parse(time.RFC3339Nano, v); err == nil {
				s = f.moment(moment)
			}
		}
	case float64:
		s = strconv.FormatInt(int64(v), 10)
	}
	if f.typeOf() == "thing" {
		s = cut(s)
	}
	for _, s := range []string{s, f.Else, kind.other} {
		if kind.shape.MatchString(s) {
			return s
		}
	}
	return f.moment(told) // only moments have no words of their own
}

// moment is m as the field shows it.
func (f Field) moment(m time.Time) string {
	layout := "2006年01月02日 15:04"
	if f.typeOf() == "date" {
		layout = "2006年01月02日"
	}
	return m.In(calendar.Shanghai).Format(layout)
}

// longest is how many characters of a label WeChat shows.
const longest = 20

// cut is label on one line and no longer than WeChat shows it.
func cut(label string) string {
	label = strings.Join(strings.Fields(label), " ")
	if r := []rune(label); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return label
}

// cutArgs are the fields of an item as its message keeps them: no longer than WeChat shows them.
func cutArgs(args string) (string, error) {
	if args == "" {
		return "", nil
	}
	var item map[string]any
	if err := json.Unmarshal([]byte(args), &item); err != nil {
		return "", fmt.Errorf("read the fields of an item: %w", err)
	}
	for _, name := range labels {
		if s, ok := item[name].(string); ok {
			item[name] = cut(s)
		}
	}
	b, err := json.Marshal(item)
	if err != nil {
		return "", fmt.Errorf("write the fields of a message: %w", err)
	}
	return string(b), nil
}

// Types are the types of the fields of t by their names, as WeChat knows them.
func (t Template) Types() map[string]string {
	types := make(map[string]string, len(t.Fields))
	for _, f := range t.Fields {
		types[f.Name] = f.typeOf()
	}
	return types
}

// RegisterMissing registers those of templates whose code nobody has registered.
func RegisterMissing(ctx context.Context, d *db.DB, templates []Template) error {
	return d.InTx(ctx, func(tx *db.Tx) error {
		there, err := allTemplates(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range templates {
			if _, ok := there[t.Code]; ok {
				continue
			}
			if err := t.check(); err != nil {
				return err
			}
			if err := saveTemplate(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// DemoTemplates are those of the demo and the tests, which the shipped fake WeChat knows.
var DemoTemplates = []Template{
	{Code: onRequest, ID: "demo-request", Fields: []Field{
		{Name: "character_string1", From: receiptCode},
		{Name: "thing2", From: statusLabel, Else: "有新消息"},
		{Name: "thing3", From: placeLabel, Else: "请打开查看"},
		{Name: "time4", From: at},
	}},
	{Code: onWork, ID: "demo-work", Fields: []Field{
		{Name: "thing1", From: kindLabel, Else: "待办事项"},
		{Name: "thing2", From: unitLabel, Else: "请打开查看"},
		{Name: "number3", From: count},
		{Name: "time4", From: dueAt},
	}},
	{Code: onNotice, ID: "demo-notice", Fields: []Field{
		{Name: "thing1", From: kindLabel, Else: "有新通知"}, {Name: "thing2", From: unitLabel, Else: "请打开查看"}, {Name: "time3", From: at},
	}},
	{Code: onDigest, ID: "demo-digest", Fields: []Field{
		{Name: "number1", From: count}, {Name: "thing2", From: dueAt, Else: "没有期限"},
	}},
}
