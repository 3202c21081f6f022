package config

import (
	"time"

	"github.com/daypass/daypass/download"
)

const (
	// shortestClient is the life of one token: less would sign programs out
	// before kubectl asks again.
	shortestClient   = 15 * time.Minute
	longestClient    = 90 * 24 * time.Hour
	longestStaleness = 30 * 24 * time.Hour
	defaultClient    = 12 * time.Hour

	defaultDownloads = "/clients" // where the Dockerfile puts them
)

func (d *draft) readClients() {
	c := &d.cfg.Clients
	*c = Clients{Enabled: true, Longest: defaultClient, Staleness: defaultClient, Downloads: inImage()}
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
	d.readDownloads(t)
}

// noDownloads says that no client is offered.
const noDownloads = "none"

// inImage is the folder that the image has, where there is one.
func inImage() string {
	if download.Check(defaultDownloads) != nil {
		return ""
	}
	return defaultDownloads
}

// readDownloads takes a folder only if it holds something to offer.
func (d *draft) readDownloads(t table) {
	c := &d.cfg.Clients
	named := t.text("downloads")
	switch {
	case !c.Enabled && named != "" && named != noDownloads:
		t.fail(t.at["downloads"], "clients: downloads is given and enabled is false; remove one of them")
	case !c.Enabled, named == noDownloads:
		c.Downloads = ""
	case named != "":
		c.Downloads = d.path(named)
		if err := download.Check(c.Downloads); err != nil {
			t.fail(t.at["downloads"], "clients: downloads: %v", err)
		}
	}
}
