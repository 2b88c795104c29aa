package demo

import (
	_ "embed"
	"fmt"
	"net/http"
	"strconv"
)

// The roster of three new members of 杏坞村, as a secretary would hand it in.
//
//go:embed roster.csv
var roster []byte

type importState struct {
	ID      int64  `json:"id"`
	State   string `json:"state"`
	Rows    int    `json:"rows"`
	Failed  int    `json:"failedRows"`
	Changes struct {
		Total   int `json:"total"`
		People  int `json:"people"`
		Members int `json:"members"`
	} `json:"changes"`
}

// bringIn brings the roster in, and returns what takes it back. Everybody may upload five files an hour: when the
// secretary no longer may, somebody of the office does it, and when nobody may, the story goes on without.
func (s *stage) bringIn(secretary *person) (takeBack func()) {
	by := secretary
	var i importState
	s.step(secretary.String(), "上传党员名册（CSV，3 行）", func() (string, error) {
		f, err := formOf("members", "党员名册.csv", roster)
		if err != nil {
			return "", err
		}
		err = by.send(http.MethodPost, "/v1/imports", f, &i, http.StatusCreated)
		for _, handle := range []string{"po.1", "po.2"} {
			if !isRefused(err, http.StatusTooManyRequests) {
				break
			}
			by = &person{s: s, duty: "党建办"}
			if err := by.signIn(handle); err != nil {
				return "", err
			}
			err = by.send(http.MethodPost, "/v1/imports", f, &i, http.StatusCreated)
		}
		switch {
		case isRefused(err, http.StatusTooManyRequests):
			return "每人每小时只能上传 5 次，都用完了；名册这次不导入，后面照演", nil
		case err != nil:
			return "", err
		case i.Failed > 0:
			return "", fmt.Errorf("试运行有 %d 行出错，应当没有", i.Failed)
		case i.Changes.Total == 0:
			return "试运行：名册里的人都已在册，没有要改的", nil
		case i.Rows != 3 || i.Changes.Members != 3:
			return "", fmt.Errorf("试运行要新增 %d 名党员，应为 3", i.Changes.Members)
		}
		text := fmt.Sprintf("试运行：%d 行无误，要新增 %d 人、%d 名党员；还什么都没有改", i.Rows, i.Changes.People, i.Changes.Members)
		if by != secretary {
			text = "书记这一小时的 5 次用完了，由" + by.String() + "代传；" + text
		}
		return text, nil
	})
	if i.Changes.Total == 0 {
		return func() {}
	}
	path := "/v1/imports/" + strconv.FormatInt(i.ID, 10)
	s.step(by.String(), "确认导入", func() (string, error) {
		if err := by.send(http.MethodPost, path+"/apply", nil, &i, http.StatusOK); err != nil {
			return "", err
		}
		return fmt.Sprintf("已导入 %d 名党员，24 小时内可以撤销", i.Changes.Members), nil
	})
	return func() {
		s.step(by.String(), "撤销导入，好让演示可以再来一遍", func() (string, error) {
			if err := by.send(http.MethodPost, path+"/undo", nil, &i, http.StatusOK); err != nil {
				return "", err
			}
			if i.State != "undone" {
				return "", fmt.Errorf("导入的状态是 %s，应为 undone", i.State)
			}
			return "名册恢复原样", nil
		})
	}
}
