package eks

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/issuer/awssim"
)

func TestDescribeTellsWhatAKubeconfigNeeds(t *testing.T) {
	w := newWorld(t)
	before := time.Now()
	got, err := w.Describe(t.Context(), shop(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.AsOf.Before(before.Add(-time.Second)) || !strings.Contains(string(got.CA), "BEGIN CERTIFICATE") {
		t.Errorf("as of %s, CA %q", got.AsOf, got.CA)
	}
	want := issuer.Endpoint{URL: "https://shop.example", Version: "1.33", Status: "ACTIVE", Public: true,
		PublicCIDRs: []string{"203.0.113.0/24"}, AuthenticationMode: "API"}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(got, "CA", "AsOf")); diff != "" {
		t.Error(diff)
	}
	if cached, ok := w.Cached(shop(t).ARN); !ok || cached.URL != got.URL {
		t.Error("what was described is not known afterwards")
	}
}

func TestDescribeAssumesTheAccountsRoleOnceForAWhile(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		if got, err := w.learn(t.Context(), far(t)); err != nil || !got.Private || got.AuthenticationMode != "CONFIG_MAP" {
			t.Fatalf("%+v: %v", got, err)
		}
	}
	if n := len(w.seen(awssim.AssumeRole)); n != 1 {
		t.Errorf("the role was assumed %d times", n)
	}
	if n := len(w.seen(awssim.DescribeCluster)); n != 3 {
		t.Errorf("described %d times", n)
	}
}

func TestDescribeAsksOnceAndThenAnswersFromMemory(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		if _, err := w.Describe(t.Context(), shop(t)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.seen(awssim.DescribeCluster)); n != 1 {
		t.Errorf("EKS was asked %d times", n)
	}
}

func TestRestartedServerAsksAgainBeforeItTrustsWhatItRemembers(t *testing.T) {
	w := newWorld(t)
	w.memory.held[shopARN] = issuer.Endpoint{URL: "https://old.example", CA: mustCA(t), AsOf: time.Now().Add(-time.Hour)}
	w.recall(t.Context(), shop(t)) // as Run does first
	if got, _ := w.Cached(shop(t).ARN); got.URL != "https://old.example" {
		t.Fatalf("recalled %q", got.URL)
	}
	got, err := w.Describe(t.Context(), shop(t))
	if err != nil || got.URL != "https://shop.example" {
		t.Errorf("%q: %v", got.URL, err)
	}
	if held := w.memory.held[shopARN].URL; held != "https://shop.example" {
		t.Errorf("remembered %q", held)
	}
}

func TestManyWhoAskTogetherAskOnce(t *testing.T) {
	w := newWorld(t)
	hold := w.Hang(awssim.DescribeCluster)
	var all sync.WaitGroup
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := w.Describe(ctx, shop(t)); first <- err }()
	<-hold.Arrived()
	for range 8 {
		all.Go(func() {
			if _, err := w.Describe(t.Context(), shop(t)); err != nil {
				t.Error(err)
			}
		})
	}
	leave()
	wantFault(t, <-first, "cancelled") // and the others do not suffer from it
	hold.Release()
	all.Wait()
	if n := len(w.seen(awssim.DescribeCluster)); n != 1 {
		t.Errorf("EKS was asked %d times", n)
	}
}

func TestRestartedServerIssuesWithoutEKS(t *testing.T) {
	breaks := map[string]func(*testing.T, *world){
		"throttles": func(_ *testing.T, w *world) { w.Fail(awssim.DescribeCluster, maxAttempts, "ThrottlingException", 429) },
		"is broken": func(_ *testing.T, w *world) { w.Fail(awssim.DescribeCluster, maxAttempts, "ServerException", 500) },
		"refuses":   func(_ *testing.T, w *world) { w.Fail(awssim.DescribeCluster, 1, "AccessDeniedException", 403) },
		"denies":    func(_ *testing.T, w *world) { w.Fail(awssim.DescribeCluster, 1, "ResourceNotFoundException", 404) },
		"is away": func(t *testing.T, w *world) {
			t.Setenv("AWS_ENDPOINT_URL_EKS", "https://127.0.0.1:1")
			w.restart(t)
		},
	}
	for claim, broken := range breaks {
		t.Run("when EKS "+claim, func(t *testing.T) {
			w := newWorld(t)
			before, err := w.Describe(t.Context(), shop(t))
			if err != nil {
				t.Fatal(err)
			}
			w.restart(t)
			broken(t, w)
			w.hurry()
			got, err := w.Describe(t.Context(), shop(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("another endpoint, or another date of it: %s", diff)
			}
			if !strings.Contains(w.logged.String(), "the cluster cannot be described") {
				t.Error("nothing in the log")
			}
			if _, err := w.Mint(t.Context(), wish(t, roleARN)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHangingEKSLeavesTimeForTheRemembered(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Describe(t.Context(), shop(t)); err != nil {
		t.Fatal(err)
	}
	w.restart(t)
	hold := w.Hang(awssim.DescribeCluster)
	defer hold.Release()
	work, cancel := context.WithCancel(t.Context())
	go func() { <-hold.Arrived(); cancel() }() // as describeTimeout would
	got, err := w.learn(work, shop(t))
	if err != nil || got.URL != "https://shop.example" {
		t.Errorf("%+v: %v", got, err)
	}
	if describeTimeout+memoryTimeout >= issuer.CloudTimeout {
		t.Error("describing may use up the time of an issuance")
	}
}

func TestWithoutMemoryAFailureIsToldWithTheClustersName(t *testing.T) {
	w := newWorld(t)
	gone := access.Cluster{Name: "gone", ARN: arn(t, "arn:aws:eks:eu-west-1:111122223333:cluster/gone")}
	alien := far(t)
	alien.DescribeRole = ""
	shut := far(t)
	shut.DescribeRole = closedARN
	for claim, tt := range map[string]struct {
		c     access.Cluster
		code  string
		words []string
	}{
		"a cluster that is not there":        {gone, "not-found", []string{"gone", gone.ARN.String(), "describeRole"}},
		"one of an account we cannot see":    {alien, "not-found", []string{"far-dev", "describeRole"}},
		"a describe role that shuts us out":  {shut, "access-denied", []string{closedARN, serverARN}},
		"a cluster that is still being made": {access.Cluster{Name: "new", ARN: arn(t, newARN)}, "cluster-not-active", []string{"new", "CREATING"}},
	} {
		t.Run(claim, func(t *testing.T) {
			_, err := w.Describe(t.Context(), tt.c)
			wantFault(t, err, tt.code, tt.words...)
			if _, known := w.Cached(tt.c.ARN); known {
				t.Error("something is known of it")
			}
		})
	}
	t.Run("a right that is missing", func(t *testing.T) {
		w := newWorld(t, func(o *awssim.Options) { o.Readers = nil })
		_, err := w.Describe(t.Context(), shop(t))
		wantFault(t, err, "access-denied", "shop-prod", "eks:DescribeCluster", serverARN)
	})
	t.Run("a hanging EKS", func(t *testing.T) {
		w := newWorld(t)
		hold := w.Hang(awssim.DescribeCluster)
		defer hold.Release()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := w.Describe(ctx, shop(t))
		wantFault(t, err, "timeout", "shop-prod", "EKS in eu-west-1")
	})
	t.Run("a certificate that is none", func(t *testing.T) {
		w := newWorld(t, func(o *awssim.Options) { o.Clusters[0].CA = []byte("shop CA") })
		_, err := w.Describe(t.Context(), shop(t))
		wantFault(t, err, "bad-answer", "shop-prod", "certificate")
	})
	t.Run("an endpoint in plain HTTP", func(t *testing.T) {
		w := newWorld(t, func(o *awssim.Options) { o.Clusters[0].Endpoint = "http://shop.example" })
		_, err := w.Describe(t.Context(), shop(t))
		wantFault(t, err, "bad-answer", "http://shop.example")
	})
}

func TestSameNamedClusterOfAnotherAccountIsNotTakenForOurs(t *testing.T) {
	w := newWorld(t)
	theirs := access.Cluster{Name: "theirs", ARN: arn(t, strings.Replace(shopARN, "111122223333", "444455556666", 1))}
	_, err := w.Describe(t.Context(), theirs) // our own credentials see our own shop
	wantFault(t, err, "other-account", shopARN, "describeRole")
}

func TestClusterMadeAnewIsNotSentToTheOldOne(t *testing.T) {
	w := newWorld(t)
	c := access.Cluster{Name: "new", ARN: arn(t, newARN)}
	w.memory.held[newARN] = issuer.Endpoint{URL: "https://old.example", CA: mustCA(t), AsOf: time.Now()}
	_, err := w.Describe(t.Context(), c)
	wantFault(t, err, "cluster-not-active")
	w.Fail(awssim.DescribeCluster, 1, "AccessDeniedException", 403)
	_, err = w.Describe(t.Context(), c)
	wantFault(t, err, "access-denied")
}

func mustCA(t *testing.T) []byte {
	t.Helper()
	ca, err := awssim.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return ca.PEM()
}

func TestRememberedEndpointIsCheckedLikeAWSs(t *testing.T) {
	w := newWorld(t)
	w.memory.held[shopARN] = issuer.Endpoint{URL: "http://evil.example", CA: mustCA(t), AsOf: time.Now()}
	w.Fail(awssim.DescribeCluster, 1, "AccessDeniedException", 403)
	_, err := w.Describe(t.Context(), shop(t))
	wantFault(t, err, "access-denied")
	if !strings.Contains(w.logged.String(), "cannot be recalled") {
		t.Error("nothing in the log")
	}
}

func TestBrokenMemoryStopsNothingThatAWSAllows(t *testing.T) {
	w := newWorld(t)
	w.memory.fail(errors.New("the disk is full"))
	if _, err := w.Describe(t.Context(), shop(t)); err != nil {
		t.Fatal(err)
	}
	w.memory.fail(nil)
	w.refresh(t.Context())
	if _, ok := w.memory.held[shopARN]; !ok {
		t.Error("it was not remembered when the disk was well again")
	}
}

func TestRunKeepsAllClustersFresh(t *testing.T) {
	w := newWorld(t)
	w.every = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	hold := w.Hang(awssim.DescribeCluster)
	all.Go(func() { w.Run(ctx) })
	<-hold.Arrived()
	<-hold.Arrived()
	next := w.Hang(awssim.DescribeCluster) // lets the first round end
	<-next.Arrived()                       // and this is the second
	stop()
	all.Wait()
	next.Release()
	for _, c := range []access.Cluster{shop(t), far(t)} {
		if _, known := w.Cached(c.ARN); !known {
			t.Errorf("%s was never described", c.Name)
		}
	}
}

func TestRunShowsWhatWasKnownWhileEKSHangs(t *testing.T) {
	w := newWorld(t)
	w.refresh(t.Context())
	w.restart(t)
	hold := w.Hang(awssim.DescribeCluster)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { w.Run(ctx) })
	<-hold.Arrived()
	if _, ok := w.Cached(shop(t).ARN); !ok {
		t.Error("what was remembered is not shown")
	}
	stop()
	all.Wait() // a hanging EKS does not hold up the end
	hold.Release()
}

func TestRefreshWritesOnlyNews(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.refresh(t.Context())
	}
	if w.memory.writes != 2 {
		t.Errorf("%d writes for two clusters that never changed", w.memory.writes)
	}
	w.now = func() time.Time { return time.Now().Add(rememberAgain) }
	w.refresh(t.Context())
	if w.memory.writes != 4 {
		t.Errorf("%d writes after an hour", w.memory.writes)
	}
}

func TestRefreshComplainsOnceAndSaysWhenItIsOver(t *testing.T) {
	w := newWorld(t)
	w.refresh(t.Context())
	w.clusters = func() []access.Cluster { return []access.Cluster{shop(t)} }
	for range 3 {
		w.Fail(awssim.DescribeCluster, 1, "AccessDeniedException", 403)
		w.refresh(t.Context())
	}
	w.refresh(t.Context())
	if n := strings.Count(w.logged.String(), "the cluster cannot be described"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if !strings.Contains(w.logged.String(), "the cluster is described again") {
		t.Error("the end of it is not in the log")
	}
	if _, known := w.Cached(far(t).ARN); known {
		t.Error("a cluster that is no longer configured is still known")
	}
}

func TestIdentityIsWhoTheServerIs(t *testing.T) {
	w := newWorld(t)
	if got, err := w.Identity(t.Context()); err != nil || got != serverARN {
		t.Errorf("%q: %v", got, err)
	}
	w.clusters = func() []access.Cluster { return nil }
	_, err := w.Identity(t.Context())
	wantFault(t, err, "no-region", "AWS_REGION")
}
