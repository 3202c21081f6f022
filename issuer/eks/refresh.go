package eks

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	refreshEvery = 5 * time.Minute
	// refreshAtOnce is how many clusters are asked about at the same time:
	// EKS throttles per account and region, and people come first.
	refreshAtOnce = 4
)

// Run keeps what is known of all clusters fresh until the context ends. Before
// it asks AWS it recalls what was known before the start.
func (c *Cloud) Run(ctx context.Context) {
	for _, cl := range c.clusters() {
		if _, ok := c.atlas.get(cl.ARN.String()); !ok && ctx.Err() == nil {
			c.recall(ctx, cl)
		}
	}
	for ctx.Err() == nil {
		c.refresh(ctx)
		c.rest(ctx)
	}
}

// refresh asks about every cluster once and forgets those that are no longer
// configured. Failures are logged where they happen.
func (c *Cloud) refresh(ctx context.Context) {
	clusters := c.clusters()
	c.atlas.only(clusters)
	var g errgroup.Group
	g.SetLimit(refreshAtOnce)
	for _, cl := range clusters {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			_, err := c.learnOnce(ctx, ctx, cl)
			return err
		})
	}
	_ = g.Wait()
}

// rest waits until the next refresh, give or take a tenth, so that replicas
// do not ask in step.
func (c *Cloud) rest(ctx context.Context) {
	t := time.NewTimer(c.every*9/10 + rand.N(c.every/5))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
