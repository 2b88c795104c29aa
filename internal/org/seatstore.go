package org

import (
	"context"
	"slices"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// Seats are the roles of persons that hold on day, and those in which they stand in for somebody: of one person what
// AssignmentsOf and ForWhom say, of many in a few questions.
func Seats(ctx context.Context, q db.Queryer, persons []int64, day calendar.Day) (map[int64][]int64, error) {
	seats := make(map[int64][]int64, len(persons))
	for some := range slices.Chunk(persons, 500) {
		for _, find := range []func(context.Context, db.Queryer, []int64, calendar.Day) ([]seat, error){ownSeats, seatsOfOthers} {
			found, err := find(ctx, q, some, day)
			if err != nil {
				return nil, db.Wrap(err, nil, "find the roles of %d persons", len(some))
			}
			for _, s := range found {
				seats[s.Person] = append(seats[s.Person], s.Assignment)
			}
		}
	}
	return seats, nil
}

type seat struct {
	Person     int64 `db:"person_id"`
	Assignment int64 `db:"id"`
}

func ownSeats(ctx context.Context, q db.Queryer, persons []int64, day calendar.Day) (found []seat, err error) {
	query, args, err := db.In(`
		SELECT person_id, id
		FROM role_assignment
		WHERE person_id IN (?) AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)`, persons, day, day)
	if err == nil {
		err = q.Select(ctx, &found, query, args...)
	}
	return found, err
}

func seatsOfOthers(ctx context.Context, q db.Queryer, persons []int64, day calendar.Day) (found []seat, err error) {
	query, args, err := db.In(`
		SELECT x.stand_in_id AS person_id, x.assignment_id AS id
		FROM absence x
		JOIN role_assignment a ON a.id = x.assignment_id
		JOIN role_assignment s ON s.id = x.stand_in_as
		WHERE x.stand_in_id IN (?) AND x.ended_at IS NULL AND x.valid_from <= ? AND x.valid_to > ?
		  AND s.valid_from <= ? AND (s.valid_to IS NULL OR s.valid_to > ?)
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, persons, day, day, day, day, day, day)
	if err == nil {
		err = q.Select(ctx, &found, query, args...)
	}
	return found, err
}
