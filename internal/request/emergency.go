package request

// An EmergencyID names an emergency.
type EmergencyID int64
