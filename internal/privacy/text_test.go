package privacy_test

import (
	"errors"
	"testing"

	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

func TestATextWithAnIDCardNumberIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"110101199003077758", "身份证110101199003077758，已核对", "11010119900307775X", "11010119900307775x。",
		"110101 19900307 7758", "1101 0119 9003 0777 58", "110101-19900307-7758", "１１０１０１１９９００３０７７７５８", "000000000000000000",
		"电话19900001234 证号 110101199003077758",
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
		"":                          "",
	} {
		if got := privacy.MaskPhones(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
