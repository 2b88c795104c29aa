package seed

import (
	"wanjia/internal/org"
	"wanjia/internal/request"
)

// officialCards are the ten policy cards of the demo (domain.md §12): services of the subdistrict, with where they hold,
// what to bring and where to go.
var officialCards = []request.CardText{
	{
		Category: "cert_travel", Title: "全省通行证明", ForWhom: "要去外市返岗、务工的居民", Region: "全省",
		Materials: "身份证原件，用工单位名称和去往的市", Counter: "2号窗口", HowTo: "当场填表，当场盖章取走；老人可由家人代办", Source: "演示文件 2026-01号",
	},
	{
		Category: "cert_travel", Title: "临时居住证明", ForWhom: "租住在本街道、要办入学或就业的居民", Region: "云湾区",
		Materials: "身份证原件和租房合同", Counter: "1号窗口", HowTo: "材料齐全当天办好", Source: "演示文件 2026-02号",
	},
	{
		Category: "general", Title: "老年食堂助餐", ForWhom: "六十岁以上的居民", Region: "海棠街道",
		Materials: "身份证原件", Counter: "1号窗口", HowTo: "登记后第二天起可以就餐；行动不便的可以送餐", Source: "演示文件 2026-03号",
	},
	{
		Category: "general", Title: "楼道照明报修", ForWhom: "所有居民", Region: "海棠街道",
		Materials: "不用材料，说清楼栋和楼层", Counter: "2号窗口", HowTo: "两个工作日内上门，先装临时灯", Source: "演示文件 2026-04号",
	},
	{
		Category: "general", Title: "社区活动室预约", ForWhom: "居民和居民小组", Region: "海棠街道",
		Materials: "不用材料，说清人数和时间", Counter: "1号窗口", HowTo: "提前一天预约，周末也开放", Source: "演示文件 2026-05号",
	},
	{
		Category: "water_supply", Title: "二次供水水压检测", ForWhom: "三层以上水压不足的住户", Region: "云湾区",
		Materials: "不用材料，说清门牌和时段", Counter: "2号窗口", HowTo: "三个工作日内检测，结果贴在单元门口", Source: "演示文件 2026-06号",
	},
	{
		Category: "water_supply", Title: "老旧水管更换登记", ForWhom: "水有铁锈色的楼栋", Region: "云湾区",
		Materials: "楼栋居民的意见表", Counter: "2号窗口", HowTo: "登记后列入季度计划，开工前一周贴通知", Source: "演示文件 2026-07号",
	},
	{
		Category: "dwelling_safety", Title: "汛期房屋安全查看", ForWhom: "屋顶漏水、墙体开裂的住户", Region: "海棠街道",
		Materials: "不用材料", Counter: "1号窗口", HowTo: "当天上门看；有危险先安排住处，再修", Source: "演示文件 2026-08号",
	},
	{
		Category: "pipe_burst", Title: "水管爆裂抢修", ForWhom: "所有居民", Region: "云湾区",
		Materials: "不用材料，先关总阀", Counter: "值班电话接听处", HowTo: "一小时内到场；关阀后告诉同单元邻居", Source: "演示文件 2026-09号",
	},
	{
		Category: "advice", Title: "居民提案", ForWhom: "想给社区提建议的居民", Region: "海棠街道",
		Materials: "写明建议和理由，不用署名", Counter: "1号窗口", HowTo: "每季度议一次，结果公开答复", Source: "演示文件 2026-10号",
	},
}

// cards are offered in the whole subdistrict: a section proposed them, and the office approved them.
func (p *teller) cards(t *town) {
	clock(p.tx, p.asOf.Add(-30), 10, 0)
	section, office := p.sitting(seat{unit: t.sections[3]}), p.holder(t.committee, org.RolePartyOffice)
	for i, c := range officialCards {
		c.Kind, c.ValidFrom, c.ValidTo, c.ReviewOn = request.PolicyCard, p.asOf.Add(-30), p.asOf.Add(120+20*i), p.asOf.Add(60+10*i)
		p.try(func() error {
			_, err := request.RecountCard(p.ctx, p.tx, section, office, request.NewCard{CardText: c, Wide: true})
			return err
		})
	}
}
