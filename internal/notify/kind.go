package notify

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/org"
)

// A kind is one row of the catalogue (domain.md §8.2): how soon it is told, and which fields it may show.
type kind struct {
	prio   int
	fields []string
}

// The fields that may ever be shown (N5). No kind has another, and a test holds it.
const (
	receiptCode = "receiptCode" // cut to its first five characters
	statusLabel = "statusLabel"
	kindLabel   = "kindLabel"
	unitLabel   = "unitLabel"
	placeLabel  = "placeLabel"
	count       = "count"
	dueAt       = "dueAt"
	at          = "at"
)

// kinds is the catalogue, as far as the product has come. Tell refuses what is not in it.
var kinds = map[string]kind{
	"task.assigned":  {Prompt, []string{kindLabel, unitLabel, count, dueAt}},
	"task.returned":  {Prompt, []string{kindLabel, unitLabel, count, dueAt}},
	"task.cancelled": {Ordinary, []string{kindLabel, unitLabel, count, dueAt}},
	"task.due":       {Ordinary, []string{kindLabel, unitLabel, count, dueAt}},
	"task.accepted":  {Quiet, []string{kindLabel, unitLabel, count, dueAt, at}},
	"task.reported":  {Ordinary, []string{kindLabel, unitLabel, count, dueAt, at}},
	"task.done":      {Ordinary, []string{kindLabel, unitLabel, count, dueAt, at}},
	"task.declined":  {Ordinary, []string{kindLabel, unitLabel, count, dueAt, at}},

	"checkin.claimed":   {Ordinary, []string{unitLabel, placeLabel, at, count}},
	"checkin.confirmed": {Quiet, []string{unitLabel, placeLabel, at, count}},
	"checkin.refused":   {Quiet, []string{unitLabel, placeLabel, at, count}},

	"request.assigned":       {Prompt, []string{kindLabel, unitLabel, placeLabel, dueAt}},
	"request.status":         {Quiet, []string{receiptCode, statusLabel, at}},
	"request.message":        {Prompt, []string{receiptCode, statusLabel, placeLabel, at}},
	"request.late":           {Prompt, []string{receiptCode, statusLabel, placeLabel, at}},
	"request.waiting":        {Prompt, []string{receiptCode, statusLabel, placeLabel, at}},
	"request.closed":         {Prompt, []string{receiptCode, statusLabel, at}},
	"request.reopened":       {Prompt, []string{kindLabel, unitLabel, at}},
	"request.explained":      {Ordinary, []string{count, unitLabel, at}},
	"request.answered":       {Quiet, []string{receiptCode, statusLabel, at}},
	"request.withdrawn":      {Quiet, []string{receiptCode, statusLabel, at}},
	"request.asker_left":     {Quiet, []string{receiptCode, statusLabel, at}},
	"request.asker_joined":   {Quiet, []string{receiptCode, statusLabel, at}},
	"request.accept_overdue": {Prompt, []string{count, unitLabel, dueAt}},
	"request.target_near":    {Prompt, []string{count, unitLabel, dueAt}},
	"request.target_missed":  {Prompt, []string{count, unitLabel, dueAt}},
	"request.stale":          {Ordinary, []string{count, unitLabel, dueAt}},
	"request.merged":         {Ordinary, []string{receiptCode, statusLabel, at}},
	"request.unmerged":       {Ordinary, []string{receiptCode, statusLabel, at}},

	"muster.asked":     {Prompt, []string{kindLabel, unitLabel, at}},
	"muster.started":   {Prompt, []string{kindLabel, unitLabel, at}},
	"muster.done":      {Prompt, []string{kindLabel, unitLabel, at}},
	"muster.cancelled": {Prompt, []string{kindLabel, unitLabel, at}},

	"call.assigned": {Prompt, []string{count, dueAt, placeLabel}},

	"emergency.started": {Prompt, []string{unitLabel, dueAt, at}},
	"emergency.ended":   {Prompt, []string{unitLabel, dueAt, at}},
	"emergency.purged":  {Quiet, []string{unitLabel, dueAt, at}},

	"promise.due":         {Ordinary, []string{receiptCode, dueAt}},
	"promise.moved":       {Prompt, []string{receiptCode, dueAt}},
	"promise.help_needed": {Ordinary, []string{count}},

	"flag.expiring": {Ordinary, []string{count}},
	"risk.opened":   {Safety, []string{kindLabel, unitLabel, at}},

	"card.proposed":   {Ordinary, []string{kindLabel, unitLabel, count, at}},
	"card.approved":   {Ordinary, []string{kindLabel, unitLabel, count, at}},
	"card.review_due": {Ordinary, []string{kindLabel, unitLabel, count, dueAt}},
	"card.retired":    {Quiet, []string{kindLabel, unitLabel, count, at}},

	"counter.waiting": {Ordinary, []string{count, dueAt, placeLabel}},
	"counter.done":    {Quiet, []string{receiptCode, placeLabel, at}},
	"split.proposed":  {Prompt, []string{unitLabel, at}},
	"split.declined":  {Prompt, []string{unitLabel, at}},
	"split.applied":   {Prompt, []string{unitLabel, at}},
	"handover.ready":  {Prompt, []string{unitLabel, count, at}},
	"contact.changed": {Prompt, []string{receiptCode, unitLabel, at}},

	"absence.announced": {Ordinary, []string{unitLabel, at, dueAt}},
	"absence.ended":     {Ordinary, []string{unitLabel, at}},
	"board.outdated":    {Ordinary, []string{count, placeLabel}},
	"board.reprint":     {Ordinary, []string{count, placeLabel}},
	"plaque.return":     {Ordinary, []string{count, placeLabel}},
	"media.shown":       {Ordinary, []string{kindLabel, at}},        // to whoever is shown, before it is published
	"items.returned":    {Ordinary, []string{kindLabel, count, at}}, // to whoever offers what an editor found unfit
	"takedown.received": {Prompt, []string{receiptCode, statusLabel, dueAt}},
	"takedown.decided":  {Prompt, []string{receiptCode, statusLabel}},

	"publication.takedown": {Prompt, []string{kindLabel, statusLabel, at}}, // to whoever made it: hidden, or shown again

	"role.granted": {Prompt, []string{kindLabel, unitLabel, at}},
	"role.ended":   {Prompt, []string{kindLabel, unitLabel, at}},

	"security.new_device":     {Prompt, []string{kindLabel, at}},
	"security.refresh_reuse":  {Prompt, []string{kindLabel, at}},
	"security.rebind":         {Prompt, []string{kindLabel, at}},
	"security.bind_requested": {Prompt, []string{kindLabel, unitLabel, at}}, // to the secretary who confirms
	"security.factor_changed": {Prompt, []string{kindLabel, at}},
	"security.session_ended":  {Prompt, []string{kindLabel, at}},

	"guard.attempt": {Prompt, []string{kindLabel, at}},

	"consent.given":     {Prompt, []string{kindLabel, at}}, // to the person for whom it was written down
	"consent.withdrawn": {Prompt, []string{kindLabel, at}},

	"break_glass.opened": {Safety, []string{kindLabel, at}},
	"break_glass.review": {Ordinary, []string{kindLabel, count, dueAt}}, // to the reviewer, the next working day

	"export.ready":      {Prompt, []string{kindLabel, at}},
	"own_data.received": {Prompt, []string{receiptCode, dueAt}}, // to the office that answers
	"own_data.ready":    {Prompt, []string{kindLabel, at}},

	"announcement": {Ordinary, []string{kindLabel, unitLabel, at}}, // to everybody in a scope

	"privacy.browsing": {Prompt, []string{kindLabel, count, at}}, // X50, to the audit administrators
}

// A coalescing says which items of a kind stand for each other: a new one within a time after an unread one of the same
// key takes its place (N6).
type coalescing struct {
	within time.Duration
	per    func(item Item) string // the key; empty: the item stands for itself
}

// coalesced are the kinds whose items stand for each other (domain.md §8.2).
var coalesced = map[string]coalescing{
	"request.status":         {10 * time.Minute, perThing},
	"request.accept_overdue": {10 * time.Minute, perUnit},
	"request.target_near":    {10 * time.Minute, perUnit},
	"request.target_missed":  {10 * time.Minute, perUnit},
	"call.assigned":          {10 * time.Minute, perCalls},
	"counter.waiting":        {10 * time.Minute, perPlace},
	"task.assigned":          {10 * time.Minute, perAssigner},
	"task.returned":          {10 * time.Minute, perAssigner},
}

func perThing(item Item) string { return keyed(item.Ref.Type+":", item.Ref.ID) }

func perUnit(item Item) string { return keyed("unit:", int64(item.Unit)) }

// perCalls is one key for all askers that somebody has to call, who stand in one list. The calls of an announcement have a
// list of their own, and are told together by themselves.
func perCalls(item Item) string {
	if item.Ref.Type == "notice" {
		return ""
	}
	return "all"
}

// perPlace is one key for all who wait at one counter: what it is called says which of a clerk's counters it is.
func perPlace(item Item) string {
	label, _ := item.Args[placeLabel].(string)
	if label == "" {
		return ""
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(label)) // never fails
	return "place:" + strconv.FormatUint(h.Sum64(), 36)
}

func perAssigner(item Item) string { return keyed("by:", int64(item.By.PersonID)) }

// keyed is a key with an id, none for the id that nothing has.
func keyed(what string, id int64) string {
	if id == 0 {
		return ""
	}
	return what + strconv.FormatInt(id, 10)
}

// together is the key under which item stands for others that one person is told in one role; empty: for none.
func (item Item) together(as org.AssignmentID) string {
	c, ok := coalesced[item.Kind]
	if !ok {
		return ""
	}
	key := c.per(item)
	if key != "" && as != 0 {
		key += ":as:" + strconv.FormatInt(int64(as), 10)
	}
	return key
}

var (
	refTypes = regexp.MustCompile(`^[a-z_]{1,32}$`)
	dedupes  = regexp.MustCompile(`^[a-z0-9:._-]{1,64}$`)
	// longDigits is what mobile phones, id cards and account numbers look like. Codes of grids do too, and stand in names of
	// units as phones do in names of sites: where they do, they are left out.
	longDigits = regexp.MustCompile(`[0-9０-９]{11,}`)
)

// labelLength is how many characters of a label are shown.
const labelLength = 60

// check says why item cannot be told, or returns its priority and its fields as they are stored.
func (item Item) check() (prio int, args string, err error) {
	k, ok := kinds[item.Kind]
	if !ok {
		return 0, "", fmt.Errorf("tell %q: no such kind; declare it in kind.go", item.Kind)
	}
	prio = k.prio
	switch {
	case item.Urgent:
		prio = Safety
	case item.Prio < 0 || item.Prio > Quiet:
		return 0, "", fmt.Errorf("tell %s: priority %d does not exist", item.Kind, item.Prio)
	case item.Prio > 0:
		prio = item.Prio
	}
	if item.MustReach {
		prio = min(prio, Prompt)
	}
	if !refTypes.MatchString(item.Ref.Type) {
		return 0, "", fmt.Errorf("tell %s: %q is no type of thing", item.Kind, item.Ref.Type)
	}
	if item.Dedupe != "" && !dedupes.MatchString(item.Dedupe) {
		return 0, "", fmt.Errorf("tell %s: %q is no dedupe key", item.Kind, item.Dedupe)
	}
	if len(item.Args) == 0 {
		return prio, "", nil
	}
	fields := make(map[string]any, len(item.Args))
	for name, value := range item.Args {
		if !slices.Contains(k.fields, name) {
			return 0, "", fmt.Errorf("tell %s: the kind does not show %s", item.Kind, name)
		}
		if t, ok := value.(*time.Time); ok && t == nil {
			continue // there is no such moment
		}
		if fields[name], err = field(name, value); err != nil {
			return 0, "", fmt.Errorf("tell %s: %w", item.Kind, err)
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return 0, "", fmt.Errorf("tell %s: %w", item.Kind, err)
	}
	if len(b) > 1024 {
		return 0, "", fmt.Errorf("tell %s: %d bytes of fields, 1024 fit", item.Kind, len(b))
	}
	return prio, string(b), nil
}

// field is value as it is stored under name, or why it cannot be.
func field(name string, value any) (any, error) {
	switch name {
	case count:
		switch n := value.(type) {
		case int, int64:
			return n, nil
		}
		return nil, fmt.Errorf("%s is a %T and no count", name, value)
	case dueAt, at:
		switch t := value.(type) {
		case time.Time:
			return t.UTC().Truncate(time.Millisecond), nil
		case *time.Time:
			return t.UTC().Truncate(time.Millisecond), nil
		}
		return nil, fmt.Errorf("%s is a %T and no moment", name, value)
	}
	label, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("%s is a %T and no label", name, value)
	}
	if name == receiptCode {
		r := []rune(label)
		return string(r[:min(5, len(r))]), nil
	}
	label = longDigits.ReplaceAllString(strings.ToValidUTF8(label, "…"), "…") // a name with digits undoes no act
	if r := []rune(label); len(r) > labelLength {
		label = string(r[:labelLength-1]) + "…"
	}
	return label, nil
}
