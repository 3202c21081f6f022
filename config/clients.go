package config

import "time"

const (
	// shortestClient is the life of one token: less would sign programs out
	// before kubectl asks again.
	shortestClient   = 15 * time.Minute
	longestClient    = 90 * 24 * time.Hour
	longestStaleness = 30 * 24 * time.Hour
	defaultClient    = 12 * time.Hour
)

func (d *draft) readClients() {
	c := &d.cfg.Clients
	*c = Clients{Enabled: true, Longest: defaultClient, Staleness: defaultClient}
	t, ok := d.root.section("clients")
	if !ok {
		return
	}
	c.Enabled = t.flag("enabled", true)
	c.DeviceLogin = t.flag("deviceLogin", false)
	c.Longest = orElse(read(t, "longest", parseSpan(shortestClient, longestClient)), defaultClient)
	c.Staleness = orElse(read(t, "staleness", parseSpan(shortestClient, longestStaleness)), defaultClient)
	if c.DeviceLogin && !c.Enabled {
		t.fail(t.at["deviceLogin"], "clients: deviceLogin is true and enabled is false; remove one of them")
	}
}
