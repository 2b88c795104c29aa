// Package configs carries the data files of this folder inside the program.
package configs

import "embed"

// Holidays is the working calendar that ships, demo data (see the file's head).
//
//go:embed holidays.yaml
var Holidays []byte

// PolicyRules are the reasons of the policy guard, by rule.
//
//go:embed policy-rules.yaml
var PolicyRules []byte

// Consents are the purposes that a person may consent to, with the words of the present version of each.
//
//go:embed consents.yaml
var Consents []byte

// HouseholdConsents are the wordings that are read out to a household before it agrees, by purpose.
//
//go:embed household-consents.yaml
var HouseholdConsents []byte

// Purposes is the register of every stored column: why it is there, how it is classed, when it goes.
//
//go:embed purposes/*.yaml
var Purposes embed.FS
