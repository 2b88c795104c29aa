package main

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"wanjia/internal/app"
	"wanjia/internal/auth"
	"wanjia/internal/config"
	"wanjia/internal/privacy"
)

// codeLine is what setup prints of an administrator.
var codeLine = regexp.MustCompile(`(?m)^code (\S+)  (\S+)$`)

func TestSetupLetsTheFirstTwoAdministratorsInAndNobodyAfterwards(t *testing.T) {
	t.Setenv("WANJIA_DATA", t.TempDir())
	args := []string{"setup", "--district", "云湾区", "--subdistrict", "海棠街道", "--person", "罗清明"}
	two := append(args, "--admin", "程立冬=security-1", "--admin", "苏小满=Security-2")
	for what, refused := range map[string][]string{
		"one administrator":  append(args, "--admin", "程立冬=security-1"),
		"the same one twice": append(args, "--admin", "程立冬=security-1", "--admin", "苏小满=security-1"),
		"no account":         append(args, "--admin", "程立冬=security-1", "--admin", "苏小满"),
		"an account of dots": append(args, "--admin", "程立冬=security-1", "--admin", "苏小满=..."),
	} {
		if out, err := wanjia(t, refused...); err == nil {
			t.Errorf("%s: %q, want it refused", what, out)
		}
	}
	lost, err := wanjia(t, two...)
	if err != nil || !strings.Contains(lost, "罗清明") {
		t.Fatalf("setup prints %q, error %v; want codes and the number of who was named", lost, err)
	}
	again, err := wanjia(t, two...) // the codes were lost
	if err != nil {
		t.Fatal(err)
	}
	old, codes := codeLine.FindAllStringSubmatch(lost, -1), codeLine.FindAllStringSubmatch(again, -1)
	if len(old) != 2 || len(codes) != 2 || old[0][1] == codes[0][1] {
		t.Fatalf("printed %q and then %q, want two codes each time, fresh ones", lost, again)
	}
	settings := func() (config.Config, error) { return config.Load("", os.Environ(), privacy.RefusedKey) }
	const password, device = "eleven blue kettles", "device-0000000001"
	if err := withApp(t.Context(), settings, func(a *app.App, _ config.Config) error {
		if err := a.Auth.Start(t.Context()); err != nil {
			return err
		}
		if _, err := a.Auth.Enrol(t.Context(), "security-1", old[0][1], password, device); !errors.Is(err, auth.ErrEnrolment) {
			t.Errorf("a code that was replaced: got %v, want %v", err, auth.ErrEnrolment)
		}
		for i, account := range []string{"security-1", "security-2"} {
			f, err := a.Auth.Enrol(t.Context(), account, codes[i][1], password, device)
			if err != nil {
				return err
			}
			code, err := totp.GenerateCode(f.Secret, time.Now())
			if err != nil {
				return err
			}
			if _, err := a.Auth.ConfirmEnrolment(t.Context(), f.Challenge, code, device); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if out, err := wanjia(t, two...); err == nil || !strings.Contains(err.Error(), "has begun") {
		t.Errorf("setup of what is in use: %q, error %v; want it refused", out, err)
	}
	t.Setenv("WANJIA_DATA", t.TempDir())
	t.Setenv("WANJIA_DEMO", "true")
	if out, err := wanjia(t, two...); err == nil || !strings.Contains(err.Error(), "demo") {
		t.Errorf("setup of the demo: %q, error %v; want it refused", out, err)
	}
}
