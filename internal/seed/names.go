package seed

import (
	"fmt"
	"math/rand/v2"

	"wanjia/internal/platform/calendar"
)

// The people of the demo are invented: a family name and a given name drawn from lists of our own, and a phone
// in a range that is nobody's.
var (
	familyNames = []rune("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜谢邹柏窦章云苏潘葛范彭鲁韦马苗方袁柳唐罗薛雷贺倪汤")
	givenFirst  = []rune("春夏秋晓小文明新立永国建志海玉秀桂兰云雨雪霜晨静安宁思远嘉欣子一若")
	givenSecond = []rune("生华英芳平荣红梅林峰川河涛洁敏娟霞涵怡然禾苗舟帆松柏竹菊青岚晴朗")
)

// townNames are the subdistricts of the bench, the first of which is the demo's.
var townNames = []string{"海棠街道", "木兰街道", "丁香街道", "茉莉街道", "紫薇街道", "玉兰街道", "芙蓉街道", "蔷薇街道", "桂花街道", "迎春街道"}

// villageNames are the villages 03 to 32; 01 is 张家屯 and 02 杏坞村.
var villageNames = []string{
	"柿林村", "上河湾村", "下河湾村", "石桥村", "白果村", "梨坪村", "青塘村", "杨柳铺村", "竹沟村", "桃源里村",
	"双井村", "大槐村", "南坡村", "北坡村", "云雾村", "芦花村", "金竹村", "麦仓村", "红枫村", "荷塘村",
	"松坡村", "枣园村", "清水村", "瓦窑村", "磨坊村", "向阳村", "渡口村", "古渡村", "新桥村", "望山村",
}

var sectionNames = []string{
	"党政综合办公室", "党建工作办公室", "宣传文化科", "公共服务科", "平安建设科", "综合执法科",
	"经济发展科", "规划建设科", "农业农村科", "生态环保科", "应急管理科", "社区建设科",
}

// A crowd makes people, the same ones for the same seed. Names and days are drawn apart, so that who is drawn a day
// changes nobody's name.
type crowd struct {
	names, days *rand.Rand
	made        int
	lin         string // the number of r.lin
}

// newCrowd are the people of the n-th subdistrict, with numbers of their own.
func newCrowd(seed uint64, n int) *crowd {
	stream := func(salt uint64) *rand.Rand {
		return rand.New(rand.NewPCG(seed, salt+uint64(n))) //nolint:gosec // because the same seed makes the same invented people, on purpose
	}
	return &crowd{names: stream(0x57616e6a6961), days: stream(0x64617973), made: n * 10_000}
}

// name draws a name of two or three characters.
func (c *crowd) name() string {
	n := string(familyNames[c.names.IntN(len(familyNames))]) + string(givenFirst[c.names.IntN(len(givenFirst))])
	if c.names.IntN(4) > 0 {
		n += string(givenSecond[c.names.IntN(len(givenSecond))])
	}
	return n
}

// phone is the next number of the reserved range.
func (c *crowd) phone() string {
	c.made++
	return fmt.Sprintf("199%08d", c.made)
}

// address draws how somebody is spoken to.
func (c *crowd) address() string {
	return string(familyNames[c.names.IntN(len(familyNames))]) + []string{"女士", "先生", "大爷", "阿姨"}[c.names.IntN(4)]
}

// within draws a day of the n days before day.
func (c *crowd) within(n int, before calendar.Day) calendar.Day {
	return before.Add(-1 - c.days.IntN(n))
}
