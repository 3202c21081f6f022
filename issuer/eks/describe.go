package eks

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/issuer"
)

const (
	// describeTimeout leaves an issuance time to mint with what is remembered.
	describeTimeout = 8 * time.Second
	// memoryTimeout bounds one use of Memory.
	memoryTimeout = 2 * time.Second
	// rememberAgain is how long Memory may lag behind when nothing changed.
	rememberAgain = time.Hour
)

// Cached is what is known of a cluster without asking anybody.
func (c *Cloud) Cached(arn access.ARN) (issuer.Endpoint, bool) {
	k, ok := c.atlas.get(arn.String())
	return k.at, ok
}

// Describe answers at once when AWS was asked about the cluster since the
// start; Run keeps that fresh. Else it asks AWS, and failing that gives what
// is remembered. A Fault comes back only when nothing is remembered either,
// or when AWS says that the cluster has no endpoint.
func (c *Cloud) Describe(ctx context.Context, cl access.Cluster) (issuer.Endpoint, error) {
	if k, ok := c.atlas.get(cl.ARN.String()); ok && k.asked {
		return k.at, nil
	}
	// Others may wait for this same answer when this asker has left.
	return c.learnOnce(ctx, context.WithoutCancel(ctx), cl)
}

// learnOnce asks about a cluster once for all who ask at the same time. wait
// bounds this asker's patience, work the asking itself.
func (c *Cloud) learnOnce(wait, work context.Context, cl access.Cluster) (issuer.Endpoint, error) {
	answer := c.flights.DoChan(cl.ARN.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(work, describeTimeout)
		defer cancel()
		return c.learn(ctx, cl)
	})
	select {
	case <-wait.Done():
		return issuer.Endpoint{}, describingOf(cl).fault(wait, wait.Err())
	case a := <-answer:
		return a.Val.(issuer.Endpoint), a.Err
	}
}

// learn asks AWS and keeps the answer, or falls back to an older one.
func (c *Cloud) learn(ctx context.Context, cl access.Cluster) (issuer.Endpoint, error) {
	at, why := c.ask(ctx, cl)
	if why == nil {
		c.keep(ctx, cl, at)
		return at, nil
	}
	if why.Code == notActive {
		// AWS has spoken: an older endpoint belongs to a cluster that is gone.
		c.atlas.change(cl.ARN.String(), func(k *known) { k.at, k.gone = issuer.Endpoint{}, true })
		return issuer.Endpoint{}, why
	}
	return c.fallBack(ctx, cl, why)
}

// ask describes the cluster, as the account's describe role if there is one.
func (c *Cloud) ask(ctx context.Context, cl access.Cluster) (issuer.Endpoint, *issuer.Fault) {
	as, why := c.describeAs(ctx, cl)
	if why != nil {
		return issuer.Endpoint{}, why
	}
	doing := describingOf(cl)
	out, err := c.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String(cl.ARN.Name())},
		func(o *eks.Options) { o.Region, o.Credentials = cl.ARN.Region, as })
	if err != nil {
		return issuer.Endpoint{}, doing.fault(ctx, err)
	}
	if out.Cluster == nil {
		return issuer.Endpoint{}, doing.badAnswer("EKS sent no cluster")
	}
	if got := aws.ToString(out.Cluster.Arn); got != cl.ARN.String() {
		return issuer.Endpoint{}, doing.otherCluster(got)
	}
	at, err := read(out.Cluster, c.now())
	switch {
	case errors.Is(err, errNoEndpointYet):
		return issuer.Endpoint{}, doing.notActive(at.Status)
	case err != nil:
		return issuer.Endpoint{}, doing.badAnswer(err.Error())
	}
	return at, nil
}

// keep puts an answer on the map, and into Memory when there is news.
func (c *Cloud) keep(ctx context.Context, cl access.Cluster, at issuer.Endpoint) {
	arn := cl.ARN.String()
	before := c.atlas.change(arn, func(k *known) { k.at, k.asked, k.gone, k.trouble = at, true, false, "" })
	if before.trouble != "" {
		c.log.Info("the cluster is described again", "cluster", cl.Name, "arn", arn)
	}
	if same(before.kept, at) && at.AsOf.Sub(before.kept.AsOf) < rememberAgain {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memoryTimeout)
	defer cancel()
	if err := c.memory.Remember(ctx, arn, at); err != nil {
		c.log.Error("the cluster's endpoint could not be remembered; it is tried again", "cluster", cl.Name, "arn", arn, "error", err)
		return
	}
	c.atlas.change(arn, func(k *known) { k.kept = at })
}

// fallBack gives what was known before the failure, else the failure.
func (c *Cloud) fallBack(ctx context.Context, cl access.Cluster, why *issuer.Fault) (issuer.Endpoint, error) {
	arn := cl.ARN.String()
	if _, ok := c.atlas.get(arn); !ok {
		c.recall(ctx, cl)
	}
	if why.Code != cancelled {
		before := c.atlas.change(arn, func(k *known) { k.asked, k.trouble = true, why.Code })
		c.complain(cl, before, why)
	}
	if k, ok := c.atlas.get(arn); ok {
		return k.at, nil
	}
	return issuer.Endpoint{}, why
}

// complain logs a failure once, not each time it is met again.
func (c *Cloud) complain(cl access.Cluster, before known, why *issuer.Fault) {
	if before.trouble == why.Code {
		return
	}
	log := c.log.With("cluster", cl.Name, "arn", cl.ARN.String(), "code", why.Code, "why", why.Error(), "error", why.Err)
	if before.at.URL == "" {
		log.Warn("the cluster cannot be described, and nothing is known of it yet")
		return
	}
	log.Warn("the cluster cannot be described; what is known of it stays in use", "asOf", before.at.AsOf)
}

// recall puts on the map what Memory holds, unless something newer is there.
func (c *Cloud) recall(ctx context.Context, cl access.Cluster) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memoryTimeout)
	defer cancel()
	arn := cl.ARN.String()
	at, err := c.memory.Recall(ctx, arn)
	if errors.Is(err, issuer.ErrNoEndpoint) {
		return
	}
	if err == nil {
		err = sound(at)
	}
	if err != nil {
		c.log.Error("the cluster's last known endpoint cannot be recalled", "cluster", cl.Name, "arn", arn, "error", err)
		return
	}
	c.atlas.change(arn, func(k *known) {
		if k.at.URL == "" && !k.gone {
			k.at, k.kept = at, at
		}
	})
}

// describer is a role to assume in a region before describing clusters there.
type describer struct{ role, region string }

// describeAs gives the credentials that may describe the cluster. Here keeping
// them is right: nothing is handed out that would die with them.
func (c *Cloud) describeAs(ctx context.Context, cl access.Cluster) (aws.CredentialsProvider, *issuer.Fault) {
	if _, err := c.own.Retrieve(ctx); err != nil {
		return nil, noCredentials(ctx, err)
	}
	if cl.DescribeRole == "" {
		return c.own, nil
	}
	as := c.describer(describer{cl.DescribeRole, cl.ARN.Region})
	if _, err := as.Retrieve(ctx); err != nil {
		return nil, attempt{kind: assuming, name: cl.DescribeRole, region: cl.ARN.Region}.fault(ctx, err)
	}
	return as, nil
}

func (c *Cloud) describer(d describer) *aws.CredentialsCache {
	c.mu.Lock()
	defer c.mu.Unlock()
	made, ok := c.describers[d]
	if !ok {
		p := stscreds.NewAssumeRoleProvider(stsOf{c.sts, d.region}, d.role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "daypass-describe"
			o.Duration = time.Hour // as much as role chaining allows
		})
		made = aws.NewCredentialsCache(p, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = issuer.Cushion })
		c.describers[d] = made
	}
	return made
}

// stsOf is the STS of a region. It sets a deadline, for aws.CredentialsCache
// takes the caller's away.
type stsOf struct {
	client *sts.Client
	region string
}

func (s stsOf) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, o ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	return s.client.AssumeRole(ctx, in, append(o, at(s.region))...)
}
