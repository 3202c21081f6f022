package awssim

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestFailRefusesAsOftenAsToldAndThenServes(t *testing.T) {
	w := newWorld(t)
	w.Fail(DescribeCluster, 2, "ThrottlingException", 429)
	for i, want := range []string{"ThrottlingException", "ThrottlingException", ""} {
		_, err := w.eks(w.user).DescribeCluster(t.Context(), describe("shop"))
		if got := codeOf(t, err); got != want {
			t.Errorf("call %d: %q, want %q", i+1, got, want)
		}
		if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && r.HTTPStatusCode() != 429 {
			t.Errorf("call %d: status %d, want 429", i+1, r.HTTPStatusCode())
		}
	}
}

func TestFailTouchesNoOtherAction(t *testing.T) {
	w := newWorld(t)
	w.Fail(AssumeRole, 1, "Throttling", 400)
	if _, err := w.sts(w.user).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
	_, err := w.sts(w.user).AssumeRole(t.Context(), ask(readerRole, "ada"))
	if got := codeOf(t, err); got != "Throttling" {
		t.Errorf("code %q, want Throttling", got)
	}
}

func TestTheSDKRetriesWhatIsThrottled(t *testing.T) {
	w := newWorld(t)
	w.Fail(DescribeCluster, 1, "ThrottlingException", 400)
	cfg := w.config(w.user)
	cfg.Retryer = nil
	out, err := eks.NewFromConfig(cfg).DescribeCluster(deadline(t), describe("shop"))
	if err != nil || *out.Cluster.Name != "shop" {
		t.Errorf("the retry failed: %v", err)
	}
}

func TestDropLosesTheAnswerOfADeedThatWasDone(t *testing.T) {
	w := newWorld(t)
	w.Drop(AssumeRole, 1)
	_, err := w.sts(w.user).AssumeRole(t.Context(), ask(readerRole, "ada"))
	if err == nil {
		t.Fatal("the answer arrived")
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		t.Errorf("AWS answered %s; no answer was wanted", api.ErrorCode())
	}
	if seen := w.lastCall(t); seen.Verdict != "OK" || seen.Issued == "" {
		t.Errorf("the session was not made: %+v", seen)
	}
	w.assume(t, w.user, ask(readerRole, "ada"))
}

func TestHangWaitsForRelease(t *testing.T) {
	w := newWorld(t)
	hold := w.Hang(AssumeRole)
	done := make(chan error, 1)
	go func() {
		_, err := w.sts(w.user).AssumeRole(context.Background(), ask(readerRole, "ada"))
		done <- err
	}()
	<-hold.Arrived()
	select {
	case err := <-done:
		t.Fatalf("it did not hang: %v", err)
	default:
	}
	hold.Release()
	hold.Release()
	if err := <-done; err != nil {
		t.Errorf("after release: %v", err)
	}
	w.assume(t, w.user, ask(readerRole, "bob"))
}

func TestHangEndsWhenTheClientGivesUp(t *testing.T) {
	w := newWorld(t)
	hold := w.Hang(GetCallerIdentity)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := w.sts(w.user).GetCallerIdentity(ctx, nil)
		done <- err
	}()
	<-hold.Arrived()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestASecondHangReleasesTheFirst(t *testing.T) {
	w := newWorld(t)
	first := w.Hang(GetCallerIdentity)
	done := make(chan error, 1)
	go func() {
		_, err := w.sts(w.user).GetCallerIdentity(context.Background(), nil)
		done <- err
	}()
	<-first.Arrived()
	second := w.Hang(GetCallerIdentity)
	if err := <-done; err != nil {
		t.Error(err)
	}
	first.Release() // must leave the second alone
	go func() {
		_, err := w.sts(w.user).GetCallerIdentity(context.Background(), nil)
		done <- err
	}()
	<-second.Arrived()
	second.Release()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLatencyHoldsACallBackUntilItsClientGivesUp(t *testing.T) {
	w := newWorld(t)
	w.Latency(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := w.sts(w.user).GetCallerIdentity(ctx, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a deadline exceeded", err)
	}
	w.Latency(0)
	if _, err := w.sts(w.user).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestAServerThatIsClosedTwiceIsClosed(t *testing.T) {
	w := newWorld(t)
	if err := w.server.Close(); err != nil {
		t.Error(err)
	}
	_, err := w.sts(w.user).GetCallerIdentity(t.Context(), nil)
	if err == nil {
		t.Error("it still answers")
	}
}
