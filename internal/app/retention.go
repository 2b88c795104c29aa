package app

import (
	"slices"

	"wanjia/internal/auth"
	"wanjia/internal/board"
	"wanjia/internal/campaign"
	"wanjia/internal/checkin"
	"wanjia/internal/config"
	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/notify"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// retained are the classes of all features, in the order in which they go: what hangs on something before it.
func retained() []privacy.Class {
	return slices.Concat(
		board.Retained, request.RetainedEmergency, request.Retained, household.Retained, checkin.Retained, campaign.Retained, notify.Retained,
		auth.Retained, member.Retained, privacy.Retained,
	)
}

// swept are tables whose rows go within days, by a loop of their own.
var swept = map[string]string{
	"session": "ended sign-ins", "refresh_token": "ended sign-ins", "revocation": "ended sign-ins", "login_code_use": "ended sign-ins",
	"sign_in_challenge": "ended sign-ins", "auth_try": "ended sign-ins", "pin": "ended sign-ins",
	"push_ticket": "push tickets", "idempotency": "idempotency keys", "outbox": "courier",
	"transfer_import": "imports whose time is over", "transfer_row": "imports whose time is over", "transfer_made": "imports whose time is over",
	"care_flag":    "care flags whose time is over",
	"risk_offer":   "dangerous weather that is over",
	"receipt_try":  "old tries of receipt codes",
	"upload":       "pictures whose time is over",
	"wechat_token": "replaced by whoever asks for the next one", "notice_digest": "summaries of the day",
}

// NewRetention is what erases what is kept no longer, in the stores of a deployment.
func NewRetention(s *Stores, c config.Config) *privacy.Retention {
	return privacy.NewRetention(s.DB, s.Pages, c.Retention.JournalFile, retained()...)
}
