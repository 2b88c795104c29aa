package db

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// A family is a kind of engine, as far as this package must tell them apart.
type family int

const (
	sqliteFamily family = iota + 1
	mysqlFamily
	mariadbFamily
	tidbFamily
)

// An engine is what runs, as it says itself.
type engine struct {
	family       family
	major, minor int
	version      string
}

func (e engine) embedded() bool { return e.family == sqliteFamily }

func (e engine) String() string {
	name := map[family]string{sqliteFamily: "SQLite", mysqlFamily: "MySQL", mariadbFamily: "MariaDB", tidbFamily: "TiDB"}[e.family]
	return name + " " + e.version
}

// engineOf reads what SELECT VERSION() says, such as "10.11.6-MariaDB-0+deb12u1", "8.0.11-TiDB-v8.5.0" or "8.4.2".
func engineOf(version string) engine {
	e := engine{family: mysqlFamily, version: strings.TrimPrefix(version, "5.5.5-")} // some servers hide behind an old number
	number := e.version
	switch {
	case strings.Contains(version, "MariaDB"):
		e.family = mariadbFamily
	case strings.Contains(version, "TiDB-v"):
		e.family = tidbFamily
		_, number, _ = strings.Cut(version, "TiDB-v")
	}
	parts := strings.SplitN(number, ".", 3)
	e.major, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		e.minor, _ = strconv.Atoi(parts[1])
	}
	return e
}

// before says whether the engine is older than major.minor.
func (e engine) before(major, minor int) bool {
	return e.major < major || e.major == major && e.minor < minor
}

// isolationVariable is the name under which the session's isolation is set and read.
func (e engine) isolationVariable() string {
	if e.family == mariadbFamily && e.before(11, 1) {
		return "tx_isolation"
	}
	return "transaction_isolation"
}

// Error numbers of the MySQL family and of TiDB, by what they mean to us.
const (
	numDuplicate        = 1062
	numDuplicateNamed   = 1586
	numParentInUse      = 1451
	numNoParent         = 1452
	numDeadlock         = 1213
	numLockWait         = 1205
	numRecordChanged    = 1020
	numTiDBUnknown      = 1105
	numTiDBTxnRetry     = 8002
	numTiDBCommitFailed = 8022
	numTiDBSchemaMoved  = 8028
	numTiDBConflict     = 9007
	numTooMany          = 1040
	numStopping         = 1053
	numTiDBPDTimeout    = 9001
	numTiDBStoreTimeout = 9002
	numTiDBStoreBusy    = 9003
	numTiDBRegionAway   = 9005
)

// transient says whether err is the kind that running the whole transaction again may cure.
func (e engine) transient(err error) bool {
	if e.embedded() {
		var lite *sqlite.Error
		return errors.As(err, &lite) && lite.Code()&0xff == codes.SQLITE_BUSY
	}
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		return false
	}
	switch my.Number {
	case numDeadlock, numLockWait, numRecordChanged, numTiDBTxnRetry, numTiDBCommitFailed, numTiDBSchemaMoved, numTiDBConflict:
		return true
	case numTiDBUnknown:
		return strings.Contains(my.Message, "pessimistic lock retry limit reached")
	}
	return false
}

// rolledBack says whether err, met at COMMIT, is the server's own word that nothing was committed. A connection that
// broke says nothing, and then the outcome is unknown.
func (e engine) rolledBack(err error) bool {
	var my *mysql.MySQLError
	if e.embedded() || !errors.As(err, &my) {
		return false
	}
	switch my.Number {
	case numDeadlock, numTiDBTxnRetry, numTiDBCommitFailed, numTiDBSchemaMoved, numTiDBConflict:
		return true
	}
	return false
}

// IsCrowded says whether err means that others were at the same rows each time that a transaction ran: nothing of it was
// stored, and whoever asked may ask again.
func IsCrowded(err error) bool {
	if errors.Is(err, ErrAgain) {
		return true
	}
	for _, e := range []engine{{family: sqliteFamily}, {family: mysqlFamily}} {
		if e.transient(err) {
			return true
		}
	}
	return false
}

// IsAway says whether err means that the database could not be asked, or that its answer was lost: it is down, it ends,
// the line broke, or others have all connections. Whoever asked may ask again.
func IsAway(err error) bool {
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch my.Number {
		case numTooMany, numStopping, numTiDBPDTimeout, numTiDBStoreTimeout, numTiDBStoreBusy, numTiDBRegionAway:
			return true
		}
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, away := range []error{mysql.ErrInvalidConn, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, errBusy} {
		if errors.Is(err, away) {
			return true
		}
	}
	return false
}

// IsLockWait says whether err is the end of waiting for a row that another transaction holds. SQLite has one writer,
// who waits for nobody.
func IsLockWait(err error) bool {
	var my *mysql.MySQLError
	return errors.As(err, &my) && my.Number == numLockWait
}

// IsDuplicate says whether err is the refusal of a UNIQUE or PRIMARY KEY. The transaction goes on.
func IsDuplicate(err error) bool {
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return my.Number == numDuplicate || my.Number == numDuplicateNamed
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	switch lite.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_ROWID:
		return true
	}
	return false
}

// IsReferenced says whether err is the refusal of a foreign key: something still refers to the row, or the row refers
// to something that is gone.
func IsReferenced(err error) bool {
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return my.Number == numParentInUse || my.Number == numNoParent
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code() == codes.SQLITE_CONSTRAINT_FOREIGNKEY
}
