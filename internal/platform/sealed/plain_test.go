package sealed_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"wanjia/internal/platform/sealed"
)

func TestG1_PlainValuesMaskThemselvesWhereverTheyArePrinted(t *testing.T) {
	t.Parallel()
	phone, err := sealed.ParsePhone("19900001234")
	if err != nil {
		t.Fatal(err)
	}
	type Values struct {
		Name   sealed.Name
		Phone  sealed.Phone
		Secret sealed.Secret
	}
	values := Values{sealed.NameOf("张三丰"), phone, sealed.SecretOf("tok-7f3a9c")}
	canaries := []string{"三丰", "19900001234", "00001234", "7f3a9c"}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%T"} {
		fmt.Fprintf(&out, verb+"\n", values)
		fmt.Fprintf(&out, verb+"\n", &values)
		fmt.Fprintf(&out, strings.Repeat(verb+" ", 3)+"\n", values.Name, values.Phone, values.Secret)
	}
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("said", "all", values, "name", values.Name, "phone", values.Phone, "secret", values.Secret)
	}
	if err := json.NewEncoder(&out).Encode(values); err != nil {
		t.Fatal(err)
	}
	if err := xml.NewEncoder(&out).Encode(values); err != nil {
		t.Fatal(err)
	}
	if err := yaml.NewEncoder(&out).Encode(values); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, fmt.Errorf("tell %v at %v: %w", values.Name, values.Phone, fmt.Errorf("with %v", values.Secret)))

	for _, canary := range canaries {
		if strings.Contains(out.String(), canary) {
			t.Errorf("%q came out:\n%s", canary, out.String())
		}
	}
	for _, want := range []string{"张**", "199****1234", "******"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	if values.Name.Reveal() != "张三丰" || values.Phone.Reveal() != "19900001234" {
		t.Error("Reveal does not give the value itself")
	}
}

func TestMasksTellNothingByTheirLength(t *testing.T) {
	t.Parallel()
	for plain, want := range map[string]string{"张三": "张**", "欧阳海棠": "欧**", "Li": "L**", "": "", "  王五 ": "王**"} {
		if got := sealed.NameOf(plain).Masked(); got != want {
			t.Errorf("the mask of %q is %q, want %q", plain, got, want)
		}
	}
	for digits, want := range map[string]string{
		"19900001234": "199****1234", "01088880000": "010****0000", "010888800001": "010*****0001", "6666888": "*****88", "": "",
	} {
		if got := sealed.PhoneOf(digits).Masked(); got != want {
			t.Errorf("the mask of %q is %q, want %q", digits, got, want)
		}
	}
}

func TestC25TheBeginningOfAPhoneHoldsNothingOfTheProof(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]string{"19900001234": "199********", "01088880000": "010********", "6666888": "*******", "": ""} {
		if got := sealed.PhoneOf(digits).Begun(); got != want {
			t.Errorf("the beginning of %q is %q, want %q", digits, got, want)
		}
	}
}

func TestC3_APhoneHasOneSpelling(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"19900001234", " 199 0000 1234 ", "199-0000-1234", "+86 19900001234", "0086-199-0000-1234", "8619900001234",
		"１９９００００１２３４", "（199）0000 1234", "+８６１９９００００１２３４", "\ufeff19900001234",
	} {
		p, err := sealed.ParsePhone(s)
		if err != nil || p.Reveal() != "19900001234" {
			t.Errorf("%q becomes %q, %v", s, p.Reveal(), err)
		}
	}
	for _, s := range []string{"", "123456", "1990000123a", "1990000123412345", "一三八", "+1 650 253 0000 00", "=1+1", "110101199003077758"} {
		if p, err := sealed.ParsePhone(s); err == nil {
			t.Errorf("%q is taken for the phone %q", s, p.Reveal())
		}
	}
}
