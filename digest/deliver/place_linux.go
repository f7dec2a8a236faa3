package deliver

import "syscall"

// changedAt is st_ctime: POSIX has no call to set it.
func changedAt(st *syscall.Stat_t) int64 { return st.Ctim.Nano() }
