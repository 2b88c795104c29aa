// Package seed makes the invented people and places of the demo, through the features and by their rules.
package seed

import (
	"fmt"
	"math/rand/v2"
)

// The people of the demo are invented: a family name and a given name drawn from lists of our own, and a phone
// in a range that is nobody's.
var (
	familyNames = []rune("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜谢邹柏窦章云苏潘葛范彭鲁韦马苗方袁柳唐罗薛雷贺倪汤")
	givenFirst  = []rune("春夏秋晓小文明新立永国建志海玉秀桂兰云雨雪霜晨静安宁思远嘉欣子一若")
	givenSecond = []rune("生华英芳平荣红梅林峰川河涛洁敏娟霞涵怡然禾苗舟帆松柏竹菊青岚晴朗")
)

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

// A crowd makes people, the same ones for the same seed.
type crowd struct {
	rand *rand.Rand
	made int
}

func newCrowd(seed uint64) *crowd {
	return &crowd{rand: rand.New(rand.NewPCG(seed, 0x57616e6a6961))} //nolint:gosec // because the same seed makes the same invented people, on purpose
}

// name draws a name of two or three characters.
func (c *crowd) name() string {
	n := string(familyNames[c.rand.IntN(len(familyNames))]) + string(givenFirst[c.rand.IntN(len(givenFirst))])
	if c.rand.IntN(4) > 0 {
		n += string(givenSecond[c.rand.IntN(len(givenSecond))])
	}
	return n
}

// phone is the next number of the reserved range.
func (c *crowd) phone() string {
	c.made++
	return fmt.Sprintf("199%08d", c.made)
}
