package demo

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// mainJob plays S0 of the specification: a task, a check-in, three visits, a need, and what the secretary sees of it.
func (s *stage) mainJob() {
	s.chapter("一、各自登录")
	secretary := s.enter("书记", "xl.s")
	member := s.enter("党员", "xl.m2")
	outsider := s.enter("邻村书记", "zj.s")
	secretary.listen()
	member.listen()

	s.chapter("二、名册")
	takeBack := s.bringIn(secretary)

	s.chapter("三、派任务")
	t := s.assign(secretary, member, outsider)

	s.chapter("四、到岗和走访")
	day := s.goThere(secretary, member)
	request, visit := s.visitThree(member, day)

	s.chapter("五、汇报和验收")
	s.report(secretary, member, outsider, t, request, visit)

	s.chapter("六、收拾")
	takeBack()
	s.step("各自", "退出登录", func() (string, error) {
		for _, p := range s.signedIn {
			if err := p.send(http.MethodPost, "/v1/auth/sign-out", nil, nil, http.StatusNoContent); err != nil {
				return "", err
			}
		}
		return "手机和推送都已断开", nil
	})
}

// A task of the story, and its one copy.
type task struct{ id, copy int64 }

func (t task) path() string { return "/v1/tasks/" + strconv.FormatInt(t.id, 10) }
func (t task) act(verb string) string {
	return "/v1/task-copies/" + strconv.FormatInt(t.copy, 10) + "/" + verb
}

type taskCopy struct {
	State string `json:"state"`
}

// shanghai is where the story is told.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// inTwoDays is the day after tomorrow, when the office closes.
func inTwoDays() time.Time {
	t := time.Now().In(shanghai)
	return time.Date(t.Year(), t.Month(), t.Day()+2, 17, 30, 0, 0, shanghai)
}

// assign is the secretary asking for three visits and the member taking them on.
func (s *stage) assign(secretary, member, outsider *person) (t task) {
	var began time.Time
	s.step(secretary.String(), "派任务“走访二片区3户”", func() (string, error) {
		area := member.role("area_holder")
		if area == 0 {
			return "", errors.New("党员没有责任区")
		}
		var given struct {
			ID     int64   `json:"id"`
			State  string  `json:"state"`
			Copies []int64 `json:"copyIds"`
		}
		due := inTwoDays()
		began = time.Now()
		err := secretary.send(http.MethodPost, "/v1/tasks", map[string]any{
			"title": "走访二片区3户", "target": map[string]any{"assignmentId": area},
			"dueAt": due.UTC(), "checklist": doors[:], "minutes": 60,
		}, &given, http.StatusCreated)
		if err != nil {
			return "", err
		}
		if given.State != "open" || len(given.Copies) != 1 {
			return "", fmt.Errorf("任务是 %s，%d 份，应为 open，1 份", given.State, len(given.Copies))
		}
		t = task{given.ID, given.Copies[0]}
		return fmt.Sprintf("第 %d 号任务，%s 前完成", t.id, due.Format("1月2日 15:04")), nil
	})
	member.hears("task.assigned", "有新任务", t.id, began)
	s.step(member.String(), "接受任务", func() (string, error) {
		var c taskCopy
		if err := member.send(http.MethodPost, t.act("accept"), nil, &c, http.StatusOK); err != nil {
			return "", err
		}
		return "已接受（" + c.State + "）", nil
	})
	s.refused(outsider, "看这个任务", http.MethodGet, t.path(), nil, http.StatusNotFound)
	return t
}

// refused is a call that must come back with the status.
func (s *stage) refused(p *person, what, method, path string, body any, status int) {
	meaning := map[int]string{
		http.StatusNotFound: "404，如同没有", http.StatusForbidden: "403，不许", http.StatusConflict: "409，已经汇报过了",
	}
	s.step(p.String(), what, func() (string, error) {
		return meaning[status], p.send(method, path, body, nil, status)
	})
}

// goThere is the member being on site: the code of a place, shown and scanned, and sent twice by a phone that has not
// heard the first answer. It returns the day.
func (s *stage) goThere(secretary, member *person) (day string) {
	var place int64
	var code string
	s.step(secretary.String(), "打开村委会议室的场所码", func() (_ string, err error) {
		if place, err = secretary.meetingRoom(); err != nil {
			return "", err
		}
		var codes struct {
			Items []struct {
				Code  string `json:"code"`
				Short string `json:"shortCode"`
			} `json:"items"`
		}
		if err := secretary.send(http.MethodGet, fmt.Sprintf("/v1/places/%d/codes?seconds=0", place), nil, &codes, http.StatusOK); err != nil {
			return "", err
		}
		if len(codes.Items) == 0 {
			return "", errors.New("屏幕上没有码")
		}
		code = codes.Items[0].Code
		return "屏幕每 15 秒换一个码，现在的短码是 " + codes.Items[0].Short, nil
	})
	type presence struct {
		ID       int64  `json:"id"`
		Unit     string `json:"unitName"`
		Day      string `json:"day"`
		State    string `json:"state"`
		Replayed bool   `json:"replayed"`
	}
	var first presence
	body := map[string]any{"kind": "place_code", "clientRef": uuid.NewString(), "happenedAt": time.Now().UTC().Truncate(time.Second)}
	s.step(member.String(), "扫码到岗", func() (string, error) {
		body["code"] = code
		if err := member.send(http.MethodPost, "/v1/check-ins", body, &first, http.StatusCreated); err != nil {
			return "", err
		}
		if first.State != "confirmed" {
			return "", fmt.Errorf("到岗是 %s，应为 confirmed", first.State)
		}
		return fmt.Sprintf("%s %s 到岗已确认；只记到过哪里、哪一天，没有坐标", first.Day, first.Unit), nil
	})
	s.step(member.String(), "的手机没收到回答，又发一遍", func() (string, error) {
		var again presence
		if err := member.send(http.MethodPost, "/v1/check-ins", body, &again, http.StatusCreated); err != nil {
			return "", err
		}
		if again.ID != first.ID || !again.Replayed {
			return "", fmt.Errorf("得到第 %d 号记录，应为原来的第 %d 号", again.ID, first.ID)
		}
		return "还是那一条记录", nil
	})
	return first.Day
}

// meetingRoom is a place of p's village, made if there is none yet.
func (p *person) meetingRoom() (int64, error) {
	var units struct {
		Items []struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		} `json:"items"`
	}
	if err := p.send(http.MethodGet, "/v1/units?tree=grid&kind=village&pageSize=100", nil, &units, http.StatusOK); err != nil {
		return 0, err
	}
	var village int64
	for _, u := range units.Items {
		if u.Name == "杏坞村" {
			village = u.ID
		}
	}
	type place struct {
		ID   int64 `json:"id"`
		Unit int64 `json:"unitId"`
	}
	var places struct {
		Items []place `json:"items"`
	}
	if err := p.send(http.MethodGet, "/v1/places", nil, &places, http.StatusOK); err != nil {
		return 0, err
	}
	for _, x := range places.Items {
		if x.Unit == village {
			return x.ID, nil
		}
	}
	var made place
	body := map[string]any{"unitId": village, "kind": "meeting_room", "name": "村委会议室"}
	err := p.send(http.MethodPost, "/v1/places", body, &made, http.StatusCreated)
	return made.ID, err
}

// doors are the homes that are visited, in this order.
var doors = [...]string{"2-30", "2-31", "2-32"}

// visitThree is one home that is well, one with a need, and one where nobody is at home. It returns the request that
// came of it and the visit it came from; day is that of the check-in.
func (s *stage) visitThree(member *person, day string) (request, visit int64) {
	homes := map[string]int64{}
	s.step(member.String(), "看自己的责任区", func() (string, error) {
		n, err := member.homes(homes)
		if err != nil {
			return "", err
		}
		for _, d := range doors {
			if homes[d] == 0 {
				return "", fmt.Errorf("责任区里没有 %s", d)
			}
		}
		return fmt.Sprintf("%d 户", n), nil
	})
	call := func(door, meaning, result string, more map[string]any) {
		s.step(member.String(), "走访 "+door, func() (string, error) {
			body := map[string]any{"householdId": homes[door], "result": result, "clientRef": uuid.NewString(), "happenedAt": time.Now().UTC().Truncate(time.Second)}
			maps.Copy(body, more)
			var made struct {
				ID       int64 `json:"id"`
				Requests []struct {
					ID     int64  `json:"id"`
					Code   string `json:"receiptCode"`
					Level  int    `json:"level"`
					Source int64  `json:"sourceVisitId"`
					Holder struct {
						Unit string `json:"unitName"`
					} `json:"holder"`
				} `json:"requests"`
			}
			if err := member.send(http.MethodPost, "/v1/visits", body, &made, http.StatusCreated); err != nil {
				return "", err
			}
			if more == nil {
				if len(made.Requests) > 0 {
					return "", fmt.Errorf("生成了 %d 件诉求，应当没有", len(made.Requests))
				}
				return meaning, nil
			}
			if len(made.Requests) != 1 || made.Requests[0].Level != 1 || made.Requests[0].Source != made.ID {
				return "", fmt.Errorf("诉求是 %+v，应为由这次走访而来的一件一级诉求", made.Requests)
			}
			request, visit = made.Requests[0].ID, made.ID
			return fmt.Sprintf("%s；生成一级诉求，由%s承办，回执码 %s", meaning, made.Requests[0].Holder.Unit, made.Requests[0].Code), nil
		})
	}
	call(doors[0], "一切安好", "all_well", nil)
	call(doors[1], "说路灯不亮", "needs", map[string]any{"needs": []any{map[string]any{"what": "路灯不亮", "category": "general"}}})
	call(doors[2], "家里没人", "not_home", nil)
	s.step(member.String(), "看自己今天的到岗", func() (string, error) {
		var mine struct {
			Items []struct {
				Day  string `json:"day"`
				Unit string `json:"unitName"`
			} `json:"items"`
		}
		if err := member.send(http.MethodGet, "/v1/presence", nil, &mine, http.StatusOK); err != nil {
			return "", err
		}
		n := 0
		for _, x := range mine.Items {
			if x.Day == day && x.Unit == "杏坞村" {
				n++
			}
		}
		if n != 1 {
			return "", fmt.Errorf("那天有 %d 条，应为 1 条", n)
		}
		return "仍然只有一条：走访也只是它的依据", nil
	})
	return request, visit
}

// homes puts the doors of p's area and their ids into all, and says how many there are.
func (p *person) homes(all map[string]int64) (n int, err error) {
	for cursor := ""; ; {
		var page struct {
			Items []struct {
				ID   int64  `json:"id"`
				Door string `json:"door"`
			} `json:"items"`
			Next string `json:"nextCursor"`
		}
		if err := p.send(http.MethodGet, "/v1/households?pageSize=100"+cursor, nil, &page, http.StatusOK); err != nil {
			return 0, err
		}
		for _, h := range page.Items {
			all[h.Door] = h.ID
		}
		if n += len(page.Items); page.Next == "" {
			return n, nil
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
}

// count is how a small number is shown: it hides 1 to 4.
var count = regexp.MustCompile(`^(<5|0|[5-9]|[1-9][0-9]+)$`)

// report is the member telling what was done and the secretary taking it, and all that others do not get to see.
func (s *stage) report(secretary, member, outsider *person, t task, request, visit int64) {
	said := map[string]any{"text": "3户，1件诉求", "ticks": []int{0, 1, 2}}
	s.refused(secretary, "想替党员汇报", http.MethodPost, t.act("report"), said, http.StatusForbidden)
	var began time.Time
	s.step(member.String(), "汇报“3户，1件诉求”", func() (string, error) {
		var c taskCopy
		began = time.Now()
		if err := member.send(http.MethodPost, t.act("report"), said, &c, http.StatusOK); err != nil {
			return "", err
		}
		return "已汇报（" + c.State + "）", nil
	})
	secretary.hears("task.reported", "任务有汇报了", t.id, began)
	s.refused(member, "再汇报一次", http.MethodPost, t.act("report"), said, http.StatusConflict)
	s.step(secretary.String(), "看进度", func() (string, error) {
		var d struct {
			Progress struct {
				Total    int `json:"total"`
				Reported int `json:"reported"`
			} `json:"progress"`
		}
		if err := secretary.send(http.MethodGet, t.path(), nil, &d, http.StatusOK); err != nil {
			return "", err
		}
		if d.Progress.Total != 1 || d.Progress.Reported != 1 {
			return "", fmt.Errorf("进度 %d/%d，应为 1/1", d.Progress.Reported, d.Progress.Total)
		}
		return "1/1", nil
	})
	need := "/v1/requests/" + strconv.FormatInt(request, 10)
	s.step(secretary.String(), "看诉求原话", func() (string, error) {
		var d struct {
			What string `json:"what"`
		}
		if err := secretary.send(http.MethodGet, need, nil, &d, http.StatusOK); err != nil {
			return "", err
		}
		if d.What != "路灯不亮" {
			return "", fmt.Errorf("原话是“%s”，应为“路灯不亮”", d.What)
		}
		return "“路灯不亮”", nil
	})
	s.counts(secretary)
	s.refused(secretary, "想看走访记录", http.MethodGet, "/v1/visits/"+strconv.FormatInt(visit, 10), nil, http.StatusNotFound)
	s.refused(outsider, "看这件诉求", http.MethodGet, need, nil, http.StatusNotFound)
	s.step(secretary.String(), "验收", func() (string, error) {
		var c taskCopy
		began = time.Now()
		if err := secretary.send(http.MethodPost, t.act("accept-result"), nil, &c, http.StatusOK); err != nil {
			return "", err
		}
		if c.State != "done" {
			return "", fmt.Errorf("任务是 %s，应为 done", c.State)
		}
		return "已完成（done）", nil
	})
	member.hears("task.done", "任务验收了", t.id, began)
}

// counts is all that a secretary sees of visits: how many, and small numbers not at all.
func (s *stage) counts(secretary *person) {
	s.step(secretary.String(), "看本月走访", func() (string, error) {
		var c struct {
			Results []struct {
				Result string `json:"result"`
				Count  string `json:"count"`
			} `json:"results"`
		}
		if err := secretary.send(http.MethodGet, "/v1/visit-counts", nil, &c, http.StatusOK); err != nil {
			return "", err
		}
		words := map[string]string{"all_well": "安好", "needs": "有诉求", "not_home": "没人", "declined": "婉拒", "unable": "未能走访"}
		var text strings.Builder
		text.WriteString("只有次数，1 到 4 不显示：")
		for _, r := range c.Results {
			if !count.MatchString(r.Count) || r.Count == "0" && (r.Result == "all_well" || r.Result == "needs" || r.Result == "not_home") {
				return "", fmt.Errorf("%s 是 %s", r.Result, r.Count)
			}
			text.WriteString(words[r.Result] + " " + r.Count + "；")
		}
		return text.String(), nil
	})
}
