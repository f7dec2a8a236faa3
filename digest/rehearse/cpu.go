package rehearse

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is USER_HZ, the unit of /proc/PID/stat; 100 on every Linux
// (proc(5), sysconf(_SC_CLK_TCK)).
const ticksPerSecond = 100

// treeCPU is the CPU time of a process, its children that ended and were
// waited for, and its children that live; false where there is no /proc.
func treeCPU(pid int) (time.Duration, bool) {
	own, ok := readStat(pid)
	if !ok {
		return 0, false
	}
	total := own.ticks + own.childTicks
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || child == pid {
			continue
		}
		if s, ok := readStat(child); ok && s.parent == pid {
			total += s.ticks + s.childTicks
		}
	}
	return time.Duration(total) * time.Second / ticksPerSecond, true
}

// stat is what is needed of /proc/PID/stat.
type stat struct {
	parent            int
	ticks, childTicks int64
}

func readStat(pid int) (stat, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, false
	}
	return parseStat(string(text))
}

// parseStat reads fields 4 and 14 to 17. The name in field 2 may hold spaces
// and brackets; it ends with the last one.
func parseStat(text string) (s stat, ok bool) {
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 15 {
		return s, false
	}
	var n [5]int64
	for i, at := range []int{1, 11, 12, 13, 14} {
		v, err := strconv.ParseInt(f[at], 10, 64)
		if err != nil {
			return s, false
		}
		n[i] = v
	}
	return stat{parent: int(n[0]), ticks: n[1] + n[2], childTicks: n[3] + n[4]}, true
}

// peakMemory is the largest resident set a running process had; 0 where there
// is no /proc. What getrusage(2) says of a child counts the memory of its
// parent at the time of the fork in.
func peakMemory(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes * 1024
		}
	}
	return 0
}
