package privacy

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Agree is by's own yes to the present words of p, in the transaction of an act that needs it: whoever agrees to their
// plaque agrees to its being shown. A yes that holds stays as it is.
func Agree(ctx context.Context, tx *db.Tx, by org.Actor, p ConsentPurpose) error {
	last, err := newestConsent(ctx, tx, by.PersonID, p)
	if err != nil || last.Holds() {
		return err
	}
	c := Consent{PersonID: by.PersonID, Purpose: p, Version: consentWords[p].Version, State: Given, RecordedBy: by.PersonID}
	if err := replaceConsent(ctx, tx, by, last, &c); err != nil {
		return err
	}
	audit.Note(tx, by.Did("consent."+string(Given), "consent", int64(c.ID)).Showing(string(p)))
	return nil
}
