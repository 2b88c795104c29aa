package demo

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// needs plays S1 and S2 of the specification: a certificate within the hour, and a roof that leaks in heavy rain. Where
// a clock would have to run out it plays what happens at once.
func (s *stage) needs() {
	s.chapter("一、各自登录")
	resident := s.enter("居民", "r.lin")
	holder := s.enter("党员中心户", "rh.m03")
	assistant := s.enter("网格助理员", "rh.ga")
	clerk := s.enter("窗口", "rh.cc")
	resident.listen()
	assistant.listen()

	s.chapter("二、一张证明：说一遍就够")
	n := s.tell(holder)
	s.follow(resident, n)
	s.passOn(holder, assistant, n)
	s.help(assistant, resident, n)

	s.chapter("三、到窗口一次办好")
	s.atCounter(clerk, resident, n)
	s.settle(resident, holder, n)

	s.heavyRain()

	s.chapter("七、收拾")
	s.step("各自", "退出登录", func() (string, error) {
		for _, p := range s.signedIn {
			if err := p.send(http.MethodPost, "/v1/auth/sign-out", nil, nil, http.StatusNoContent); err != nil {
				return "", err
			}
		}
		return "手机和推送都已断开", nil
	})
}

// A need is a request of the story and its receipt: the code, and the end of the number that was left.
type need struct {
	id      int64
	code    string
	tail    string
	promise int64
}

func (n *need) path(verb string) string {
	return "/v1/requests/" + strconv.FormatInt(n.id, 10) + verb
}

func (n *need) own(verb string) string {
	return "/v1/me/requests/" + strconv.FormatInt(n.id, 10) + verb
}

func (n *need) receipt() map[string]any {
	return map[string]any{"receiptCode": n.code, "secret": n.tail}
}

// does is a step that is one call: came says what came back, or what differs.
func (s *stage) does(p *person, what, method, path string, body, v any, want int, came func() (string, error)) {
	s.step(p.String(), what, func() (string, error) {
		if err := p.send(method, path, body, v, want); err != nil {
			return "", err
		}
		return came()
	})
}

// A moved request is how one stands after a move.
type moved struct {
	State  string `json:"state"`
	Level  int    `json:"level"`
	Holder struct {
		Unit string `json:"unitName"`
		Role string `json:"role"`
	} `json:"holder"`
	AcceptDue     time.Time `json:"acceptDueAt"`
	SolveDue      time.Time `json:"solveDueAt"`
	ResolvedLevel string    `json:"resolvedLevel"`
}

func at(t time.Time) string { return t.In(shanghai).Format("1月2日 15:04") }

// tell is the resident telling their holder, who writes it down in three fields.
func (s *stage) tell(holder *person) *need {
	n := &need{tail: "8866"}
	var opened struct {
		moved
		ID   int64  `json:"id"`
		Code string `json:"receiptCode"`
	}
	s.does(holder, "听林女士说要一张跨市通行证明，记下三样：谁、什么事、怎么回话", http.MethodPost, "/v1/requests", map[string]any{
		"who": "林女士", "what": "返岗需要跨市通行证明", "callBack": map[string]any{"by": "phone", "phone": "1990000" + n.tail},
		"category": "cert_travel", "channel": "told_member",
	}, &opened, http.StatusCreated, func() (string, error) {
		n.id, n.code = opened.ID, opened.Code
		if opened.Level != 1 || len(strings.ReplaceAll(n.code, "-", "")) != 10 {
			return "", fmt.Errorf("诉求在第 %d 级，回执码 %s，应为第 1 级，10 位", opened.Level, n.code)
		}
		return fmt.Sprintf("第 %d 号诉求，%s承办，%s 前应接，%s 前办结；回执码 %s",
			n.id, opened.Holder.Unit, at(opened.AcceptDue), at(opened.SolveDue), n.code), nil
	})
	return n
}

// A receipt is what an asker reads.
type receipt struct {
	State  string `json:"state"`
	Status string `json:"status"`
	Holder string `json:"holder"`
	Words  string `json:"words"`
	Views  []struct {
		Role string `json:"role"`
	} `json:"views"`
	Settled bool `json:"settled"`
}

// follow is the resident opening the receipt, without an account first.
func (s *stage) follow(resident *person, n *need) {
	stranger := &person{s: s, duty: "路人"} // who guesses no digits: five wrong ones in a quarter of an hour lock an address out
	s.does(stranger, "没有登录，想看这件诉求", http.MethodGet, n.path(""), nil, nil, http.StatusUnauthorized, func() (string, error) {
		return "401，回执码和手机尾号都对才打得开", nil
	})
	var r receipt
	s.does(resident, "用回执码和手机尾号打开回执", http.MethodPost, "/v1/receipts/open", n.receipt(), &r, http.StatusOK, func() (string, error) {
		return fmt.Sprintf("%s，%s", r.Status, r.Holder), nil
	})
	s.does(resident, "把它收进“我的诉求”", http.MethodPost, "/v1/me/requests/follow", n.receipt(), nil, http.StatusOK, func() (string, error) {
		return "以后有动静，手机会响", nil
	})
}

// passOn is the holder handing the need to whoever knows the procedure.
func (s *stage) passOn(holder, assistant *person, n *need) {
	var m moved
	var began time.Time
	s.step(holder.String(), "办不了，连说明一起交给网格助理员", func() (string, error) {
		began = time.Now()
		body := map[string]any{"to": "grid_assistant", "note": "返岗急用，林女士今天都在家"}
		if err := holder.send(http.MethodPost, n.path("/escalate"), body, &m, http.StatusOK); err != nil {
			return "", err
		}
		if m.State != "new" || m.Holder.Role != "grid_assistant" {
			return "", fmt.Errorf("诉求是 %s，由 %s 承办，应为 new，grid_assistant", m.State, m.Holder.Role)
		}
		return fmt.Sprintf("%s 前应接，办结时限不变：%s", at(m.AcceptDue), at(m.SolveDue)), nil
	})
	assistant.hears("request.assigned", "有一件诉求等着接", n.id, began)
	s.step(holder.String(), "还想自己接", func() (string, error) {
		return "403，现在不归他办；还看得见", holder.send(http.MethodPost, n.path("/accept"), map[string]any{}, nil, http.StatusForbidden)
	})
}

// help is the assistant accepting, and showing the way.
func (s *stage) help(assistant, resident *person, n *need) {
	var r receipt
	s.does(resident, "看回执", http.MethodPost, "/v1/receipts/open", n.receipt(), &r, http.StatusOK, func() (string, error) {
		if !strings.Contains(r.Words, "网格助理员") {
			return "", fmt.Errorf("回执写着“%s”，应当说网格助理员在办", r.Words)
		}
		return "“" + r.Words + "”", nil
	})
	var m moved
	s.does(assistant, "接下", http.MethodPost, n.path("/accept"), map[string]any{}, &m, http.StatusOK, func() (string, error) {
		return "已接（" + m.State + "）", nil
	})
	var cards struct {
		Suggested []struct {
			ID        int64  `json:"id"`
			Title     string `json:"title"`
			Materials string `json:"materials"`
		} `json:"suggested"`
	}
	s.does(assistant, "看有什么现成的办法", http.MethodGet, n.path("/cards"), nil, &cards, http.StatusOK, func() (string, error) {
		if len(cards.Suggested) == 0 {
			return "", errors.New("没有可用的政策服务卡")
		}
		return fmt.Sprintf("%d 张政策服务卡", len(cards.Suggested)), nil
	})
	s.step(assistant.String(), "附上政策服务卡", func() (string, error) {
		card := cards.Suggested[0]
		for _, c := range cards.Suggested {
			if strings.Contains(c.Title, "通行证明") {
				card = c
			}
		}
		return "《" + card.Title + "》：" + card.Materials, assistant.send(http.MethodPost, n.path("/cards"), map[string]any{"cardId": card.ID}, &m, http.StatusOK)
	})
	var began time.Time
	s.step(assistant.String(), "约到窗口，办完就算办结", func() (string, error) {
		counter, err := assistant.counter()
		if err != nil {
			return "", err
		}
		body := map[string]any{"placeId": counter, "closes": true}
		return "2号窗口在等，只记哪个窗口、办没办完", assistant.send(http.MethodPost, n.path("/counter-steps"), body, &m, http.StatusOK)
	})
	s.step(assistant.String(), "给林女士留言", func() (string, error) {
		began = time.Now()
		body := map[string]any{"text": "请带身份证到2号窗口"}
		return "“请带身份证到2号窗口”", assistant.send(http.MethodPost, n.path("/messages"), body, &m, http.StatusOK)
	})
	resident.hears("request.message", "有给您的留言，推送里没有内容", n.id, began)
}

// counter is the second counter of p's community.
func (p *person) counter() (int64, error) {
	var places struct {
		Items []struct {
			ID   int64  `json:"id"`
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"items"`
	}
	if err := p.send(http.MethodGet, "/v1/places", nil, &places, http.StatusOK); err != nil {
		return 0, err
	}
	for _, x := range places.Items {
		if x.Kind == "counter" && x.Name == "2号窗口" {
			return x.ID, nil
		}
	}
	return 0, errors.New("没有2号窗口")
}

// atCounter is the clerk who knows a code and no more.
func (s *stage) atCounter(clerk, resident *person, n *need) {
	var waiting struct {
		Items []struct {
			Place string `json:"placeLabel"`
		} `json:"items"`
	}
	s.does(clerk, "看有谁要来", http.MethodGet, "/v1/counter-steps", nil, &waiting, http.StatusOK, func() (string, error) {
		if len(waiting.Items) == 0 {
			return "", errors.New("没有等着办的")
		}
		return fmt.Sprintf("%d 件在等；看不到是谁，也看不到什么事", len(waiting.Items)), nil
	})
	var began time.Time
	var done struct {
		Place    string `json:"placeLabel"`
		Resolved bool   `json:"resolved"`
	}
	s.step(clerk.String(), "按回执码办完", func() (string, error) {
		began = time.Now()
		if err := clerk.send(http.MethodPost, "/v1/counter-steps/finish", map[string]any{"receiptCode": n.code}, &done, http.StatusOK); err != nil {
			return "", err
		}
		if !done.Resolved {
			return "", errors.New("窗口办完了，诉求没有办结")
		}
		return done.Place + "已办，诉求随之办结", nil
	})
	resident.hears("request.closed", "办结了，问一句办好没有", n.id, began)
}

// settle is the resident saying that it is done, and reading who has looked.
func (s *stage) settle(resident, holder *person, n *need) {
	s.does(resident, "一点：办好了", http.MethodPost, n.own("/answer"), map[string]any{"outcome": "done", "note": "已返岗"}, nil, http.StatusOK,
		func() (string, error) { return "这件事到此为止，不再打扰", nil })
	var seen struct {
		What          string `json:"what"`
		State         string `json:"state"`
		ResolvedLevel string `json:"resolvedLevel"`
	}
	s.does(holder, "看自己责任区报出去的这一件", http.MethodGet, n.path(""), nil, &seen, http.StatusOK, func() (string, error) {
		if seen.State != "resolved" {
			return "", fmt.Errorf("诉求是 %s，应为 resolved", seen.State)
		}
		return "已解决，办结的一级：" + seen.ResolvedLevel, nil
	})
	var r receipt
	s.does(resident, "看谁打开过", http.MethodPost, "/v1/receipts/open", n.receipt(), &r, http.StatusOK, func() (string, error) {
		if len(r.Views) == 0 || !r.Settled {
			return "", fmt.Errorf("有 %d 次打开，了结 %v，应当至少一次，已了结", len(r.Views), r.Settled)
		}
		return fmt.Sprintf("%d 次，最近一次的身份是 %s", len(r.Views), r.Views[0].Role), nil
	})
}

// heavyRain plays S2.
func (s *stage) heavyRain() {
	s.chapter("四、暴雨要来")
	office := s.enter("党建办", "po.1")
	member := s.enter("党员", "xl.m2")
	secretary := s.enter("书记", "xl.s")
	member.listen()
	secretary.listen()
	event := s.warn(office, member)

	s.chapter("五、屋顶漏水")
	roof := s.visitRoof(member)
	s.muster(member, secretary, roof)
	s.mend(member, secretary, roof)

	s.chapter("六、雨停了")
	s.does(office, "关闭暴雨走访", http.MethodPost, fmt.Sprintf("/v1/risk-events/%d/close", event), nil, nil, http.StatusOK, func() (string, error) {
		return "14 天后临时记录全部清除，诉求留下", nil
	})
}

// warn is the office opening a round, of which it sees two numbers.
func (s *stage) warn(office, member *person) (event int64) {
	var opened struct {
		ID   int64     `json:"id"`
		Ends time.Time `json:"endsAt"`
	}
	var began time.Time
	s.step(office.String(), "在杏坞村打开 48 小时的暴雨走访", func() (string, error) {
		village, err := office.village()
		if err != nil {
			return "", err
		}
		began = time.Now()
		body := map[string]any{"kind": "heavy_rain", "hours": 48, "unitId": village}
		if err := office.send(http.MethodPost, "/v1/risk-events", body, &opened, http.StatusCreated); err != nil {
			return "", err
		}
		event = opened.ID
		return "到 " + at(opened.Ends) + " 自己关闭", nil
	})
	member.hears("risk.opened", "有一份走访名单，没有人必须走完", opened.ID, began)
	var due struct {
		Items []struct {
			Door   string `json:"door"`
			Reason string `json:"reason"`
		} `json:"items"`
	}
	s.does(member, "看该去的人家和理由", http.MethodGet, "/v1/due-households?pageSize=100", nil, &due, http.StatusOK, func() (string, error) {
		reasons := map[string]int{}
		for _, d := range due.Items {
			reasons[d.Reason]++
		}
		if reasons["agreed_risk_visit"] == 0 {
			return "", errors.New("没有同意雨天走访的人家")
		}
		return fmt.Sprintf("同意雨天来看看的 %d 户，约好的 %d 户", reasons["agreed_risk_visit"], reasons["promise_due"]), nil
	})
	var counts struct {
		Offered string `json:"offered"`
		Done    string `json:"done"`
	}
	path := fmt.Sprintf("/v1/risk-events/%d", event)
	s.does(office, "看进度", http.MethodGet, fmt.Sprintf("/v1/risk-events/%d", event), nil, &counts, http.StatusOK, func() (string, error) {
		if !count.MatchString(counts.Offered) || !count.MatchString(counts.Done) {
			return "", fmt.Errorf("看到 %s 和 %s，应为数字或 <5", counts.Offered, counts.Done)
		}
		return fmt.Sprintf("名单 %s 户，去过 %s 户", counts.Offered, counts.Done), nil
	})
	s.step(office.String(), "想看是哪几户", func() (string, error) {
		return "404，如同没有", office.send(http.MethodGet, path+"/visit-round", nil, nil, http.StatusNotFound)
	})
	return event
}

// village is 杏坞村.
func (p *person) village() (int64, error) {
	var units struct {
		Items []struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		} `json:"items"`
	}
	if err := p.send(http.MethodGet, "/v1/units?tree=grid&kind=village&pageSize=100", nil, &units, http.StatusOK); err != nil {
		return 0, err
	}
	for _, u := range units.Items {
		if u.Name == "杏坞村" {
			return u.ID, nil
		}
	}
	return 0, errors.New("没有杏坞村")
}

// visitRoof is a visit that was written down without a network, and sent three times.
func (s *stage) visitRoof(member *person) *need {
	n := &need{tail: "8831"}
	homes := map[string]int64{}
	s.step(member.String(), "看自己的责任区", func() (string, error) {
		all, err := member.homes(homes)
		return fmt.Sprintf("%d 户", all), err
	})
	type recorded struct {
		ID       int64     `json:"id"`
		Happened time.Time `json:"happenedAt"`
		Promises []int64   `json:"promiseIds"`
		Requests []struct {
			moved
			ID   int64  `json:"id"`
			Code string `json:"receiptCode"`
		} `json:"requests"`
	}
	var first recorded
	told := time.Now().Add(-90 * time.Minute).UTC().Truncate(time.Second)
	body := map[string]any{
		"householdId": homes["2-31"], "result": "needs", "clientRef": uuid.NewString(), "happenedAt": told,
		"needs": []any{map[string]any{
			"what": "屋顶漏水", "category": "dwelling_safety",
			"callBack": map[string]any{"by": "phone", "phone": "1990000" + n.tail},
		}},
		"promises": []any{map[string]any{"dueOn": time.Now().In(shanghai).Format(time.DateOnly), "text": "今天带人来盖"}},
	}
	s.step(member.String(), "离线记下 2-31：屋顶漏水，约好今天来盖；有了网才发出", func() (string, error) {
		body["householdId"] = homes["2-31"]
		if err := member.send(http.MethodPost, "/v1/visits", body, &first, http.StatusCreated); err != nil {
			return "", err
		}
		if len(first.Requests) != 1 || len(first.Promises) != 1 || !first.Happened.Equal(told) {
			return "", fmt.Errorf("%d 件诉求，%d 个约定，发生在 %v，应为 1、1、%v", len(first.Requests), len(first.Promises), first.Happened, told)
		}
		r := first.Requests[0]
		n.id, n.code, n.promise = r.ID, r.Code, first.Promises[0]
		return fmt.Sprintf("一次走访、一件诉求、一个约定；从听到时 %s 算起，%s 前办结", at(told), at(r.SolveDue)), nil
	})
	s.step(member.String(), "的手机没收到回答，又发了两遍", func() (string, error) {
		for range 2 {
			var again recorded
			if err := member.send(http.MethodPost, "/v1/visits", body, &again, http.StatusCreated); err != nil {
				return "", err
			}
			if again.ID != first.ID || len(again.Requests) != 1 || again.Requests[0].ID != n.id {
				return "", fmt.Errorf("得到第 %d 号走访，应为原来的第 %d 号", again.ID, first.ID)
			}
		}
		return "还是那一次走访、那一件诉求", nil
	})
	return n
}

// muster is helpers being asked by what they can do; nothing follows from a no.
func (s *stage) muster(member, helper *person, n *need) {
	s.does(helper, "登记自己会泥瓦活、能爬高", http.MethodPut, "/v1/me/helper-skills", map[string]any{"skills": []string{"mason", "ladder"}},
		nil, http.StatusOK, func() (string, error) { return "有人召集时会问到，随时可以撤回", nil })
	call := map[string]any{"skills": []string{"mason", "ladder"}, "people": 5, "note": "带好安全绳，村口集合"}
	s.step(member.String(), "召集帮手，没说有没有危险", func() (string, error) {
		return "422，先读安全提示", member.send(http.MethodPost, n.path("/musters"), call, nil, http.StatusUnprocessableEntity)
	})
	type called struct {
		ID     int64    `json:"id"`
		State  string   `json:"state"`
		Coming []string `json:"coming"`
		Asked  int      `json:"waiting"`
	}
	var m called
	var began time.Time
	s.step(member.String(), "读过安全提示，再召集", func() (string, error) {
		began = time.Now()
		call["dangerAcknowledged"] = true
		if err := member.send(http.MethodPost, n.path("/musters"), call, &m, http.StatusCreated); err != nil {
			return "", err
		}
		return fmt.Sprintf("问了 %d 个人", m.Asked), nil
	})
	helper.hears("muster.asked", "问能不能来帮忙", m.ID, began)
	s.step(helper.String(), "答应去", func() (string, error) {
		path := fmt.Sprintf("/v1/me/musters/%d/answer", m.ID)
		return "来或不来都行", helper.send(http.MethodPut, path, map[string]any{"answer": "accepted"}, nil, http.StatusOK)
	})
	s.step(member.String(), "人齐了，动手", func() (string, error) {
		if err := member.send(http.MethodPost, fmt.Sprintf("/v1/musters/%d/begin", m.ID), nil, &m, http.StatusOK); err != nil {
			return "", err
		}
		if m.State != "started" || len(m.Coming) != 1 {
			return "", fmt.Errorf("召集是 %s，来了 %d 人，应为 started，1 人", m.State, len(m.Coming))
		}
		return "来的人：" + m.Coming[0], nil
	})
	s.step(member.String(), "收工", func() (string, error) {
		return "召集结束", member.send(http.MethodPost, fmt.Sprintf("/v1/musters/%d/finish", m.ID), nil, &m, http.StatusOK)
	})
	s.does(helper, "不想再被问，撤回", http.MethodPut, "/v1/me/helper-skills", map[string]any{"skills": []string{}}, nil, http.StatusOK,
		func() (string, error) { return "以后不再问到", nil })
}

// mend is the roof being covered, and what the secretary sees of it.
func (s *stage) mend(member, secretary *person, n *need) {
	var m moved
	s.does(member, "盖好了，当面说过", http.MethodPost, n.path("/close"), map[string]any{
		"closureKind": "resolved", "text": "瓦已换好，又盖了一层油布", "toldInPerson": true,
	}, &m, http.StatusOK, func() (string, error) {
		if m.ResolvedLevel != "center_household" {
			return "", fmt.Errorf("办结的一级是 %s，应为 center_household", m.ResolvedLevel)
		}
		return "在党员中心户这一级解决", nil
	})
	s.step(member.String(), "约定兑现了", func() (string, error) {
		return "没有人给约定打分", member.send(http.MethodPost, fmt.Sprintf("/v1/promises/%d/keep", n.promise), nil, nil, http.StatusOK)
	})
	var seen struct {
		What string `json:"what"`
	}
	s.does(secretary, "看这件诉求", http.MethodGet, n.path(""), nil, &seen, http.StatusOK, func() (string, error) {
		if seen.What != "屋顶漏水" {
			return "", fmt.Errorf("原话是“%s”，应为“屋顶漏水”", seen.What)
		}
		return "“屋顶漏水”；看不到这家的关爱标记", nil
	})
	household := &person{s: s, duty: "2-31 的住户"}
	answer := n.receipt()
	answer["outcome"] = "done"
	s.step(household.String(), "用回执码回一句：好了", func() (string, error) {
		answer["receiptCode"] = n.code
		return "了结", household.send(http.MethodPost, "/v1/receipts/answer", answer, nil, http.StatusOK)
	})
}
