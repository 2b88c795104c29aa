package sealed

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// A plain value is what was opened. Whatever prints, marshals or logs it gets the mask; the value itself
// comes out through Reveal alone, so that `grep Reveal` lists every place that shows personal data.
type plain struct{ value string }

// Reveal is the value itself. The caller has noted why (privacy.Open), or is the person concerned.
func (p plain) Reveal() string { return p.value }

// Empty says whether there is a value at all.
func (p plain) Empty() bool { return p.value == "" }

// A Name is the name of a person, shown as 张**.
type Name struct{ plain }

// NameOf makes a Name of s, without the spaces around it.
func NameOf(s string) Name { return Name{plain{strings.TrimSpace(s)}} }

// Masked is the first character and always two stars: the length of a name says something, too.
func (n Name) Masked() string {
	if n.Empty() {
		return ""
	}
	_, size := utf8.DecodeRuneInString(n.value)
	return n.value[:size] + "**"
}

// A Phone is the number of a person, shown as 138****5678. Its digits are normalised; see ParsePhone.
type Phone struct{ plain }

// Masked keeps of a mobile number what people recognise their own by, and of a short one the last two digits.
func (p Phone) Masked() string {
	n := len(p.value)
	switch {
	case n >= 11:
		return p.value[:3] + strings.Repeat("*", n-7) + p.value[n-4:]
	case n > 2:
		return strings.Repeat("*", n-2) + p.value[n-2:]
	default:
		return strings.Repeat("*", n)
	}
}

// Begun keeps nothing of the end, which proves to whom a receipt belongs (C25); of a mobile number it keeps the first three digits.
func (p Phone) Begun() string {
	n := len(p.value)
	if n < 11 {
		return strings.Repeat("*", n)
	}
	return p.value[:3] + strings.Repeat("*", n-3)
}

// A Secret is a token, a key or a code: nothing of it is ever shown.
type Secret struct{ plain }

// SecretOf makes a Secret of s.
func SecretOf(s string) Secret { return Secret{plain{s}} }

// Masked is the same for every secret.
func (s Secret) Masked() string {
	if s.Empty() {
		return ""
	}
	return "******"
}

// What follows is the same for the three types: every way to turn a value into text gives the mask.
// Format serves all verbs of fmt, since %d or %#v would otherwise print the inner struct; MarshalText serves
// JSON, XML and YAML. database/sql refuses the types by itself, so nothing is stored unsealed by mistake.

// String is the mask.
func (n Name) String() string { return n.Masked() }

// GoString is the mask.
func (n Name) GoString() string { return n.Masked() }

// Format writes the mask, whatever the verb.
func (n Name) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, n.Masked()) }

// MarshalText is the mask.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.Masked()), nil }

// LogValue is the mask.
func (n Name) LogValue() slog.Value { return slog.StringValue(n.Masked()) }

// String is the mask.
func (p Phone) String() string { return p.Masked() }

// GoString is the mask.
func (p Phone) GoString() string { return p.Masked() }

// Format writes the mask, whatever the verb.
func (p Phone) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.Masked()) }

// MarshalText is the mask.
func (p Phone) MarshalText() ([]byte, error) { return []byte(p.Masked()), nil }

// LogValue is the mask.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.Masked()) }

// String is the mask.
func (s Secret) String() string { return s.Masked() }

// GoString is the mask.
func (s Secret) GoString() string { return s.Masked() }

// Format writes the mask, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.Masked()) }

// MarshalText is the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Masked()), nil }

// LogValue is the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.Masked()) }
