package sealed_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/sealed"
)

func masterKey(t *testing.T) []byte {
	t.Helper()
	key := make([]byte, sealed.MasterSize)
	_, _ = rand.Read(key)
	return key
}

func open(t *testing.T, d *db.DB, master []byte) *sealed.Keys {
	t.Helper()
	k, err := sealed.Open(t.Context(), d, master)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, k *sealed.Keys, id int64, plain string) []byte {
	t.Helper()
	b, err := k.Seal(sealed.Personal, "person", "name", id, plain)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestC1_ASealedValueOpensOnlyWhereItStands(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d, masterKey(t))
		cipher := seal(t, k, 7, "张三丰")
		if got, err := k.Open(sealed.Personal, "person", "name", 7, cipher); err != nil || got != "张三丰" {
			t.Fatalf("opened %q, %v", got, err)
		}
		for name, try := range map[string]func() (string, error){
			"another row":    func() (string, error) { return k.Open(sealed.Personal, "person", "name", 8, cipher) },
			"another column": func() (string, error) { return k.Open(sealed.Personal, "person", "phone", 7, cipher) },
			"another table":  func() (string, error) { return k.Open(sealed.Personal, "contact", "name", 7, cipher) },
			"another class":  func() (string, error) { return k.Open(sealed.Sensitive, "person", "name", 7, cipher) },
			"a changed bit": func() (string, error) {
				bad := bytes.Clone(cipher)
				bad[len(bad)-1] ^= 1
				return k.Open(sealed.Personal, "person", "name", 7, bad)
			},
		} {
			if got, err := try(); err == nil {
				t.Errorf("%s opens it: %q", name, got)
			} else if strings.Contains(err.Error(), "张三丰") {
				t.Errorf("%s: the error tells the value: %v", name, err)
			}
		}
		if bytes.Equal(cipher, seal(t, k, 7, "张三丰")) {
			t.Error("the same value sealed twice looks the same")
		}
		if _, err := k.Seal(sealed.Personal, "person", "name", 0, "张三丰"); err == nil {
			t.Error("a value was sealed for a row without id")
		}
	})
}

func TestKeysOutliveTheProcessAndNeedTheirMaster(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		master := masterKey(t)
		first := open(t, d, master)
		cipher := seal(t, first, 1, "李四")
		second := open(t, d, master)
		if got, err := second.Open(sealed.Personal, "person", "name", 1, cipher); err != nil || got != "李四" {
			t.Errorf("after a restart: %q, %v", got, err)
		}
		if !bytes.Equal(first.Derive(sealed.Place, []byte("4")), second.Derive(sealed.Place, []byte("4"))) {
			t.Error("a derived value changed with a restart")
		}
		if _, err := sealed.Open(t.Context(), d, masterKey(t)); err == nil {
			t.Error("another master key opens the key sets")
		}
		if _, err := sealed.Open(t.Context(), d, []byte("short")); err == nil {
			t.Error("a short master key is taken")
		}
		var wrapped [][]byte
		if err := d.Select(t.Context(), &wrapped, `SELECT wrapped FROM keyset`); err != nil {
			t.Fatal(err)
		}
		for _, w := range wrapped {
			if bytes.Contains(w, master) || bytes.Contains(w, []byte("AesGcmKey\x12\x22")) {
				t.Error("a key set stands in the database unwrapped")
			}
		}
	})
}

func TestRotationKeepsOldValuesReadableUntilTheirKeyIsRetired(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, master := t.Context(), masterKey(t)
		k, other := open(t, d, master), open(t, d, master) // two nodes
		old := seal(t, k, 1, "王五")

		if err := k.Add(ctx, "personal"); err != nil {
			t.Fatal(err)
		}
		if k.Outdated(sealed.Personal, seal(t, other, 1, "王五")) {
			t.Error("the new key seals before it is promoted")
		}
		if err := other.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		if err := k.Promote(ctx, "personal"); err != nil {
			t.Fatal(err)
		}
		fresh := seal(t, k, 1, "王五")
		if !k.Outdated(sealed.Personal, old) || k.Outdated(sealed.Personal, fresh) {
			t.Error("Outdated does not tell the old key from the new one")
		}
		for name, node := range map[string]*sealed.Keys{"this node": k, "a node that has not reloaded since": other} {
			for _, cipher := range [][]byte{old, fresh} {
				if got, err := node.Open(sealed.Personal, "person", "name", 1, cipher); err != nil || got != "王五" {
					t.Errorf("%s opens %q, %v", name, got, err)
				}
			}
		}
		if err := k.Retire(ctx, "personal"); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Open(sealed.Personal, "person", "name", 1, old); err == nil {
			t.Error("a retired key still opens")
		}
		if got, err := k.Open(sealed.Personal, "person", "name", 1, fresh); err != nil || got != "王五" {
			t.Errorf("after retiring: %q, %v", got, err)
		}
		if err := k.Add(ctx, "nonsense"); err == nil {
			t.Error("a key set that does not exist was given a key")
		}
	})
}

func TestDerivedValuesAndMACsSurviveRotation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		k := open(t, d, masterKey(t))
		before, mac, index := k.Derive(sealed.Refresh, []byte("parent")), k.MAC("receipt", []byte("R1")), k.PhoneIndex("19900001234")
		if len(before) != 32 || bytes.Equal(before, k.Derive(sealed.Place, []byte("parent"))) || bytes.Equal(before, k.MAC(sealed.Refresh, []byte("parent"))) {
			t.Error("two purposes derive the same value")
		}
		if bytes.Equal(k.Derive("receipt", []byte("x")), k.Derive("cursor", []byte("x"))) {
			t.Error("purposes that share a key set derive the same value")
		}
		for _, set := range []string{"refresh", "phone_index", "other"} {
			if err := k.Add(ctx, set); err != nil {
				t.Fatal(err)
			}
			if err := k.Promote(ctx, set); err != nil {
				t.Fatal(err)
			}
		}
		all := k.Derivations(sealed.Refresh, []byte("parent"))
		if len(all) != 2 || !bytes.Equal(all[0], k.Derive(sealed.Refresh, []byte("parent"))) || !bytes.Equal(all[1], before) {
			t.Error("Derivations are not the present value and the old one")
		}
		if !k.Authentic("receipt", []byte("R1"), mac) || !k.Authentic("receipt", []byte("R1"), mac[:16]) {
			t.Error("a MAC of the old key is not authentic any more")
		}
		if k.Authentic("receipt", []byte("R2"), mac) || k.Authentic("cursor", []byte("R1"), mac) || k.Authentic("receipt", []byte("R1"), mac[:8]) || k.Authentic("receipt", []byte("R1"), nil) {
			t.Error("a foreign or short MAC is authentic")
		}
		if got := k.PhoneIndexes("19900001234"); !slices.Contains(got, index) || got[0] != k.PhoneIndex("19900001234") {
			t.Errorf("the indexes %v do not hold the old one, %d, after the present one", got, index)
		}
	})
}

func TestC3_APhoneIndexIsCoarse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d, masterKey(t))
		counts := map[int64]int{}
		const phones = 50_000
		for i := range phones {
			counts[k.PhoneIndex(fmt.Sprintf("1990%07d", i))]++
		}
		if len(counts) < 4000 || len(counts) > 4096 {
			t.Errorf("%d phones fall into %d places, want nearly all of 4,096", phones, len(counts))
		}
		for index, n := range counts {
			if index < 0 || index > 4095 || n > 40 {
				t.Errorf("place %d holds %d phones, want about 12", index, n)
			}
		}
		if k.PhoneIndex("+86 199-0000-0001") != k.PhoneIndex("19900000001") {
			t.Error("two spellings of a number have two places")
		}
	})
}

func TestA8_1_TheMasterKeyIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := sealed.ReadMaster(path, false); err == nil {
		t.Error("a missing master key was not missed")
	}
	made, err := sealed.ReadMaster(path, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sealed.ReadMaster(path, true)
	if err != nil || !bytes.Equal(made, again) {
		t.Errorf("read again: another key, %v", err)
	}
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.ReadMaster(path, false); err == nil {
		t.Error("a master key that everybody can read is taken")
	}
	for _, text := range []string{"", "secret", base64.StdEncoding.EncodeToString(make([]byte, 16))} {
		if _, err := sealed.ParseMaster(text); err == nil {
			t.Errorf("%q is taken for a master key", text)
		}
	}
}
