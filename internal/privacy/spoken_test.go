package privacy_test

import (
	"testing"

	"wanjia/internal/privacy"
)

// V4: a number is masked also where it is written as it is spoken, with pauses, with a 0 before it, or in characters; amounts,
// lists and land lines are none.
func TestV4_ANumberAsItIsSpokenIsMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"打199—0000—1234找老张":         "打199****1234找老张",
		"199——0000——1234":           "199****1234",
		"199，0000，1234":             "199****1234",
		"199、0000、1234":             "199****1234",
		"0199 0000 1234":            "199****1234",
		"019900001234":              "199****1234",
		"电话一九九零零零零一二三四":             "电话***",
		"幺九九 〇〇〇〇 幺二三四。":            "***。",
		"1，3，5，7，9，2，4，6，8，10，12号楼": "1，3，5，7，9，2，4，6，8，10，12号楼",
		"一、三、五、七、九、二、四、六、八、十、十二栋": "一、三、五、七、九、二、四、六、八、十、十二栋",
		"010-88001234":     "010-88001234",
		"0571-8800 1234":   "0571-8800 1234",
		"199，0000，12345":   "199，0000，12345",
		"编号20199000012341": "编号20199000012341",
	} {
		if got := privacy.MaskPhones(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
