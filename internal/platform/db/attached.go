package db

import "time"

// Attached is the value that the database behind q was given for key (DB.Attach), nil without one.
func Attached(q Queryer, key any) any {
	switch q := q.(type) {
	case *Tx:
		return q.Attached(key)
	case *DB:
		v, _ := q.values.Load(key)
		return v
	}
	return nil
}

// NowOf is the moment of q: of the whole transaction, or the present one.
func NowOf(q Queryer) time.Time {
	switch q := q.(type) {
	case *Tx:
		return q.Now
	case *DB:
		return q.Now()
	}
	return time.Time{}
}
