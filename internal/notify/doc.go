// Package notify tells people what concerns them: each person has an inbox of numbered items, written in the
// transaction of the act itself, and pushed to their devices after it.
//
// An item says what happened and to which thing, with public labels, counts and times; never a name, a phone,
// an address or a text that somebody wrote. Whoever opens it fetches the thing under their own rights.
//
// Where what stands; beside x.go its SQL is in xstore.go, what can be done in xservice.go, and the contract in xhttp.go:
//
//	notify.go       the words: an item, an audience, what was told
//	kind.go         the catalogue: what may be told, how soon, with which fields, and what is told together
//	tell.go         into the inboxes, in the transaction of the act (its SQL: store.go)
//	supersede.go    a new item stands for an unread one
//	inbox.go        what a person reads (http.go), with titles (title.go, noticetitle.go)
//	courier.go      to the devices and to Redis after COMMIT, as frames (frame.go); what sockets ask of SQL (device.go)
//
//	notice.go       an announcement to everybody in a scope
//	fanout.go       into many inboxes, hundreds in a transaction; convoy.go: which ones go together
//	noticeends.go   when older ones are over
//	forecast.go     whom it would reach, before
//	noticecall.go   who is told by phone since nothing else reached them; noticecaller.go: by whom
//
//	wechat.go       which kinds WeChat repeats, and when
//	send.go         one message: claimed, sent, recorded; answer.go: what each answer of WeChat makes of it
//	away.go         when WeChat says nothing at all, or takes no token
//	poison.go       a message that fails on our side
//	template.go     what stands in a message
//	credit.go       what people have allowed, as a ledger; wallet.go: when they are asked for more
//	wechatevent.go  what WeChat says by itself, later
//	digest.go       the summary of the day
//	preference.go   when people are left alone, and what they do not want
//	deadletter.go   what an administrator does when messages fail
//
//	retained.go     how long it is all kept
package notify
