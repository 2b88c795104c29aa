package household_test

import (
	"errors"
	"testing"

	"wanjia/internal/household"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// X47: a household says yes to words that there are; to any others nothing is written down, and what it had said stands.
func TestX47_AHouseholdAgreesToAKnownWording(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		home := x.doors[0]
		x.agree(t, x.YaoMangzhong, home, household.CareVisit)
		consents := func() int {
			t.Helper()
			return count(t, d, `SELECT COUNT(*) FROM household_consent WHERE premises_id = ? AND valid_to IS NULL`, home)
		}
		before := consents()
		for _, purpose := range []household.ConsentPurpose{household.CareVisit, household.RiskVisit} {
			_, err := x.service.GiveConsent(t.Context(), x.YaoMangzhong, household.NewConsent{
				Household: home, Purpose: purpose, Wording: "乱写", Channel: "in_person",
			})
			var p *problem.Problem
			if !errors.As(err, &p) || p.Code != "household.wording_unknown" || len(p.Fields) != 1 || p.Fields[0].Pointer != "/wording" {
				t.Errorf("%s: %v, want it refused at /wording", purpose, err)
			}
		}
		if got := consents(); got != before || got != 1 {
			t.Errorf("%d consents hold, want the one of before", got)
		}
	})
}
