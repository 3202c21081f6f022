package eks

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Between tries. AWS_MAX_ATTEMPTS changes their number, as the SDK has it.
const (
	maxAttempts = 4
	firstPause  = 200 * time.Millisecond
	longPause   = 2 * time.Second
)

// retryer tries again when AWS is busy or broken, and never when AWS has
// decided or nothing answered: the person is waiting, and can try again.
func retryer(pause func(attempt int) time.Duration) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return pause(attempt), nil })
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(passing)}
	})
}

// passing tells the failures that pass by themselves.
func passing(err error) aws.Ternary {
	return aws.BoolTernary(throttled(err) || statusOf(err) >= http.StatusInternalServerError)
}

// growing doubles from try to try, the first of which is number one. Half of
// it is chance, so that many servers do not come back as one.
func growing(attempt int) time.Duration {
	d := min(longPause, firstPause<<min(max(attempt-1, 0), 10))
	return d/2 + rand.N(d/2)
}

func throttled(err error) bool {
	var v interface{ ErrorCode() string }
	if errors.As(err, &v) {
		if _, yes := retry.DefaultThrottleErrorCodes[v.ErrorCode()]; yes {
			return true
		}
	}
	return statusOf(err) == http.StatusTooManyRequests
}

// statusOf is the HTTP status of AWS's answer, zero when there was none.
func statusOf(err error) int {
	var v interface{ HTTPStatusCode() int }
	if errors.As(err, &v) {
		return v.HTTPStatusCode()
	}
	return 0
}
