package kv

// Advice is advice, for tests.
var Advice = advice
