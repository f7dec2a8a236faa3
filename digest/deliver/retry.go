package deliver

import (
	"math/rand/v2"
	"time"
)

// retrySteps are the waits after the first, second ... attempt; the last one
// repeats until the delivery expires.
var retrySteps = [...]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}

// retryIn is how long to wait after so many attempts, with a tenth of jitter
// either way so that a crowd deferred together does not come back together.
func retryIn(attempts int) time.Duration {
	return jitter(retrySteps[min(max(attempts, 1), len(retrySteps))-1])
}

// jitter is a tenth more or less.
func jitter(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5) }
