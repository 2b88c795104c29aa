package privacy_test

import (
	"errors"
	"testing"

	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

func TestATextWithAnIDCardNumberIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"110101199003077758", "身份证110101199003077758，已核对", "11010119900307775X", "11010119900307775x。",
		"110101 19900307 7758", "1101 0119 9003 0777 58", "110101-19900307-7758", "１１０１０１１９９００３０７７７５８", "000000000000000000",
		"电话19900001234 证号 110101199003077758",
		"110101\u200b19900307\u200b7758", "11\u200d01\u206001\ufeff19\u00ad9003077758",
		"110101  19900307  7758", "1101  0119  9003  0777  58", "110101–19900307—7758",
		"1 1 0 1 0 1 1 9 9 0 0 3 0 7 7 7 5 8", "1-1-0-1-0-1-1-9-9-0-0-3-0-7-7-7-5-X", "1  1  0  1  0  1  1  9  9  0  0  3  0  7  7  7  5  9",
		"11 01 01 1990 03 07 7758", "110 101 199 003 077 758", "5号楼 11010119900 3077758", "3 110101 1990 0307 7758", "1️⃣10101199003077758",
	} {
		err := privacy.CheckText("/note", text)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Code != "common.personal_data_in_text" || len(p.Fields) != 1 || p.Fields[0].Pointer != "/note" {
			t.Errorf("%q: %v, want common.personal_data_in_text at /note", text, err)
		}
	}
	for _, text := range []string{
		"", "3号楼2单元漏水", "19900001234", "订单 6222020200112233445 已付", "2026-05-11 09:00 至 2026-05-13 17:30", "2026-05-11 2026-05-12 12",
		"11010119900307775", "编号1101011990030777581", "面积 80 平方公里，住户 8000",
		"19900001234 2026-05-11", "2026-05-11 19900001234", "6222 0202 0011 2233 445",
		"101 102 201 202 301 302", "1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9", "2026-05-11 2026-05-12 2026-05-13", "12 05 2026 12 06 2026 12",
		"110 101 199 003 077 759", "110 101 199 013 077 758", "电话 0571-8888 0000、0571-8888 0001",
	} {
		if err := privacy.CheckText("/note", text); err != nil {
			t.Errorf("%q is refused: %v", text, err)
		}
	}
}

func TestPhonesInATextAreShownMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"打19900001234找老张":           "打199****1234找老张",
		"199 0000 1234、19900005678": "199****1234、199****5678",
		"１９９００００１２３４":               "199****1234",
		"+86 199-0000-1234":         "199****1234",
		"8号楼1单元，共12户":               "8号楼1单元，共12户",
		"订单 2199000012345":          "订单 2199000012345",
		"８号楼，打１９９００００１２３４（晚上）；谢谢！":     "８号楼，打199****1234（晚上）；谢谢！",
		"①㎡ 19900001234 e\u0301\u200b": "①㎡ 199****1234 e\u0301\u200b",
		"199\u200b0000\u00ad1234，好":    "199****1234，好",
		"1️⃣9900001234，好":              "199****1234，好",
		"\xff19900001234\xff":          "\xff199****1234\xff",
		"":                             "",
	} {
		if got := privacy.MaskPhones(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestAPhoneInATextIsShownAsItsReaderSeesIt(t *testing.T) {
	t.Parallel()
	const text = "打１９９ ００００ １２３４，或19900005678！"
	shown := privacy.PhonesAs(text, func(p sealed.Phone) string {
		if p.Reveal() == "19900001234" {
			return ""
		}
		return "＊"
	})
	if want := "打１９９ ００００ １２３４，或＊！"; shown != want {
		t.Errorf("it is shown as %q, want %q", shown, want)
	}
	if got, want := privacy.BeginPhones(text), "打199********，或199********！"; got != want {
		t.Errorf("its numbers are begun as %q, want %q", got, want)
	}
}
