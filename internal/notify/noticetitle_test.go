package notify

import (
	"errors"
	"testing"
)

// N5: a title holds no phone, in whatever way it is written; days, times and rooms are none.
func TestN5_ATitleHoldsNoPhone(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]bool{
		"请回电19900001234": true, "请回电199 0000 1234": true, "请回电199-0000-1234": true, "请回电１９９ 0000 1234": true,
		"请回电1\u200b9900001234": true, "请回电1990 000 1234": true, "电话0571-88001234": true, "电话(0571)88001234": true,
		"电话0571 8800 1234": true, "电话010-88001234": true, "电话88001234": true, "电话8800123": true,
		"20260408防汛值守会": false, "2026-04-08 14:00会议": false, "4月8日14:30三楼301会议室": false, "12345热线停机": false,
		"3号楼2单元停水8:00-18:00": false, "防汛值守会": false,
	} {
		if got := namesPhone(title); got != want {
			t.Errorf("%q holds a phone: %v, want %v", title, got, want)
		}
	}
}

func TestAnAnnouncementWithAPhoneInItsTitleIsRefused(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		b.enrol(b.followers(1, 0))
		for _, title := range []string{"请回电199 0000 1234", "电话0571-88001234"} {
			if _, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: title}); !errors.Is(err, ErrTitlePhone) {
				t.Errorf("%q is announced: %v", title, err)
			}
		}
	})
}
