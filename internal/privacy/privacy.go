// Package privacy decides what personal data may be opened and for what: the purposes and their legal bases,
// free texts that hold too much, and the policy guard – what the product refuses to do to people, whatever
// anybody sets.
package privacy
