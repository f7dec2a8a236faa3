// Package schedule knows when: it turns a digest's cron expression and zone
// into slots, decides which missed slots are still answered, and keeps the
// clock that records slots as rows and has them published.
//
// It owns the reading of the schedule; the slots table is authoritative for
// what was due. A tick computes what came due since the instant the store
// remembers, writes those rows, and only then works from the rows: a process
// that dies in between, sleeps, or runs fifteen times over finds the same rows
// again. Cron expressions are parsed by robfig/cron, whose evaluation in zones
// is not used: it skips a daily slot in the spring gap, fires twice in autumn,
// and never returns in a zone that skips a day. The expression is evaluated on
// a wall clock without a zone, and each wall clock is mapped to an instant:
//
//	shown once   -> then
//	shown twice  -> the first time
//	never shown  -> the first instant after the gap
//
// All three are one rule: the first instant at which the local clock shows
// that time or a later one. Slots that fall on one instant are one slot. An
// expression with * or / in its hour field means a rhythm rather than a time of
// day and runs on real time: an hour repeated in autumn fires twice, an hour
// left out in spring does not fire.
//
// The states of a slot:
//
//	owed -> published | skipped (with its reason)
package schedule
